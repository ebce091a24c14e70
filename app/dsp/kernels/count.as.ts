// dsp/kernels/count.as.ts - tags per channel index.
//
// Few channels are usual and cheap with SIMD: one pass per channel over a stretch that stays in the first cache. A stretch is
// 255 vectors long, so that a byte lane that gains at most 1 per vector cannot wrap.

const stretch: u32 = 255 * 16;
const simdChannels: u32 = 32;

/** Adds the number of tags of each channel index to u32[256] at `countsAt`. */
export function countChannels(channelsAt: usize, n: u32, countsAt: usize): void {
  let i: u32 = 0;
  while (n - i >= 256) {
    const length = min(n - i, stretch) & ~15;
    const highest = highestChannel(channelsAt + i, length);
    if (highest < simdChannels) {
      for (let channel: u32 = 0; channel <= highest; channel++) {
        add(countsAt, channel, countChannel(channelsAt + i, length, channel));
      }
    } else countEach(channelsAt + i, length, countsAt);
    i += length;
  }
  countEach(channelsAt + i, n - i, countsAt);
}

/** Tags of one channel index; `n` is a multiple of 16, at most 255 * 16. */
// @ts-ignore: decorator
@inline
function countChannel(channelsAt: usize, n: u32, channel: u32): u32 {
  const wanted = i8x16.splat(<i8>channel);
  let even = i8x16.splat(0), odd = i8x16.splat(0);
  let at = channelsAt;
  const end = channelsAt + n;
  for (; at + 32 <= end; at += 32) {
    even = i8x16.sub(even, i8x16.eq(v128.load(at), wanted));
    odd = i8x16.sub(odd, i8x16.eq(v128.load(at, 16), wanted));
  }
  if (at < end) even = i8x16.sub(even, i8x16.eq(v128.load(at), wanted));
  const pairs = i16x8.add(i16x8.extadd_pairwise_i8x16_u(even), i16x8.extadd_pairwise_i8x16_u(odd));
  const sums = i32x4.extadd_pairwise_i16x8_u(pairs);
  return i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
}

function highestChannel(channelsAt: usize, n: u32): u32 {
  let lanes = i8x16.splat(0);
  for (let i: u32 = 0; i < n; i += 16) lanes = i8x16.max_u(lanes, v128.load(channelsAt + i));
  lanes = i8x16.max_u(lanes, v128.shuffle<i8>(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0, 0, 0, 0, 0, 0));
  let bytes = <u64>i64x2.extract_lane(lanes, 0);
  let highest: u32 = 0;
  for (; bytes; bytes >>= 8) highest = max(highest, <u32>(bytes & 255));
  return highest;
}

function countEach(channelsAt: usize, n: u32, countsAt: usize): void {
  for (let i: u32 = 0; i < n; i++) add(countsAt, <u32>load<u8>(channelsAt + i), 1);
}

// @ts-ignore: decorator
@inline
function add(countsAt: usize, channel: u32, count: u32): void {
  const at = countsAt + (<usize>channel << 2);
  store<u32>(at, load<u32>(at) + count);
}
