// dsp/kernels/bits.as.ts - facts about tags as one bit each, sixty-four to a word: cheap to make, to keep and to combine.
//
// Measurements of one worker ask for the same ones again and again, so they are made once (shared-work.ts). Bit i of word w is
// tag 64 w + i; bits behind the last tag are zero.

/** Which of n tags are of `channel`: u64[ceil(n / 64)] at `intoAt`. */
export function channelBits(channelsAt: usize, n: u32, channel: u32, intoAt: usize): void {
  let i: u32 = 0;
  for (; i + 64 <= n; i += 64, intoAt += 8) {
    const at = channelsAt + i;
    const low = sameSixteen(at, channel) | sameSixteen(at + 16, channel) << 16;
    store<u64>(intoAt, <u64>low | <u64>(sameSixteen(at + 32, channel) | sameSixteen(at + 48, channel) << 16) << 32);
  }
  if (i < n) store<u64>(intoAt, fewOfChannel(channelsAt + i, n - i, channel));
}

/**
 * Which of n tags follow the one before by less than `reachPs`. Below 2^31 only low words are compared: that gives some bits too
 * many where gaps are long, never one too few. The first bit means nothing where no tag is in front.
 */
export function closeBits(timesAt: usize, n: u32, reachPs: f64, intoAt: usize): void {
  if (reachPs < 2147483648.0) {
    const reach = <i32>reachPs;
    let i: u32 = 0;
    for (; i + 64 <= n; i += 64, intoAt += 8) {
      const at = timesAt + (<usize>i << 3);
      const low = closeSixteen(at, reach) | closeSixteen(at + 128, reach) << 16;
      store<u64>(intoAt, <u64>low | <u64>(closeSixteen(at + 256, reach) | closeSixteen(at + 384, reach) << 16) << 32);
    }
    let bits: u64 = 0;
    for (let k = i; k < n; k++) {
      const at = timesAt + (<usize>k << 3);
      const step: i32 = load<i32>(at) - load<i32>(at - 8);
      bits |= <u64>(step < reach) << (k - i);
    }
    if (i < n) store<u64>(intoAt, bits);
  } else {
    const reach = <i64>reachPs;
    for (let i: u32 = 0; i < n; i += 64, intoAt += 8) store<u64>(intoAt, fewClose(timesAt + (<usize>i << 3), min(n - i, 64), reach));
  }
}

/** Bits of up to 64 tags that follow their predecessor by less than `reach`. */
export function fewClose(at: usize, n: u32, reach: i64): u64 {
  let bits: u64 = 0;
  for (let i: u32 = 0; i < n; i++, at += 8) {
    const step: i64 = load<i64>(at) - load<i64>(at - 8);
    bits |= <u64>(step < reach) << i;
  }
  return bits;
}

/** Bits of up to 64 tags of one channel. */
export function fewOfChannel(at: usize, n: u32, channel: u32): u64 {
  let bits: u64 = 0;
  for (let i: u32 = 0; i < n; i++, at++) bits |= <u64>(<u32>load<u8>(at) == channel) << i;
  return bits;
}

/** Bits set in [from, to) of the words at `bitsAt`; from < to. */
// @ts-ignore: decorator
@inline
export function countBits(bitsAt: usize, from: u32, to: u32): u32 {
  let at = bitsAt + (<usize>(from >> 6) << 3);
  const lastAt = bitsAt + (<usize>((to - 1) >> 6) << 3);
  const head = load<u64>(at) >> (from & 63) << (from & 63), tail = <u64>-1 >> ((64 - (to & 63)) & 63);
  if (at == lastAt) return <u32>popcnt(head & tail);
  let count = <u32>popcnt(head);
  for (at += 8; at < lastAt; at += 8) count += <u32>popcnt(load<u64>(at));
  return count + <u32>popcnt(load<u64>(lastAt) & tail);
}

// @ts-ignore: decorator
@inline
function sameSixteen(at: usize, channel: u32): u32 { return i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(<i8>channel))); }

// @ts-ignore: decorator
@inline
function closeSixteen(at: usize, reach: i32): u32 {
  const a = lowWords(at), b = lowWords(at + 32), c = lowWords(at + 64), d = lowWords(at + 96);
  const first = i16x8.narrow_i32x4_s(closeWords(i32x4.splat(load<i32>(at - 8)), a, reach), closeWords(a, b, reach));
  return i8x16.bitmask(i8x16.narrow_i16x8_s(first, i16x8.narrow_i32x4_s(closeWords(b, c, reach), closeWords(c, d, reach))));
}

// @ts-ignore: decorator
@inline
function lowWords(at: usize): v128 { return v128.shuffle<i32>(v128.load(at), v128.load(at, 16), 0, 2, 4, 6); }

/** Four lanes, all ones where a word of `words` exceeds the one before, at first the last of `before`, by less than `reach`. */
// @ts-ignore: decorator
@inline
function closeWords(before: v128, words: v128, reach: i32): v128 {
  return i32x4.lt_s(i32x4.sub(words, v128.shuffle<i32>(before, words, 3, 4, 5, 6)), i32x4.splat(reach));
}
