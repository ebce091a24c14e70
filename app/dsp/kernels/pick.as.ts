// dsp/kernels/pick.as.ts - the times of one channel out of a mixed block.

/** Writes the times of `channel` to `intoAt`, which has room for n + 4, and returns how many. */
export function pickTimes(timesAt: usize, channelsAt: usize, n: u32, channel: u32, intoAt: usize): u32 {
  const wanted = i8x16.splat(<i8>channel);
  let endAt = intoAt;
  let i: u32 = 0;
  for (; i + 16 <= n; i += 16) {
    let mask = <u32>i8x16.bitmask(i8x16.eq(v128.load(channelsAt + i), wanted));
    if (!mask) continue;
    const at = timesAt + (<usize>i << 3);
    let placeAt = endAt;
    endAt += <usize>popcnt(mask) << 3;
    // Four are written whether there are as many or not, since a loop of random length is mispredicted. The index of no bit is
    // 32; `& 15` keeps the read inside the block.
    do {
      store<i64>(placeAt, load<i64>(at + (<usize>ctz(mask) << 3)));
      mask &= mask - 1;
      store<i64>(placeAt, load<i64>(at + (<usize>(ctz(mask) & 15) << 3)), 8);
      mask &= mask - 1;
      store<i64>(placeAt, load<i64>(at + (<usize>(ctz(mask) & 15) << 3)), 16);
      mask &= mask - 1;
      store<i64>(placeAt, load<i64>(at + (<usize>(ctz(mask) & 15) << 3)), 24);
      mask &= mask - 1;
      placeAt += 32;
    } while (mask);
  }
  for (; i < n; i++) {
    store<i64>(endAt, load<i64>(timesAt + (<usize>i << 3)));
    endAt += <usize>(<u32>load<u8>(channelsAt + i) == channel) << 3;
  }
  return <u32>((endAt - intoAt) >> 3);
}

/** The same of tags whose bits at `bitsAt` are set. */
export function pickMarked(timesAt: usize, bitsAt: usize, n: u32, intoAt: usize): u32 {
  let endAt = intoAt;
  for (let i: u32 = 0; i < n; i += 64, bitsAt += 8) {
    let bits = load<u64>(bitsAt);
    if (n - i < 64) bits &= (<u64>1 << (n - i)) - 1;
    if (!bits) continue;
    const at = timesAt + (<usize>i << 3);
    let placeAt = endAt;
    endAt += <usize>popcnt(bits) << 3;
    do {
      store<i64>(placeAt, load<i64>(at + (<usize>ctz(bits) << 3)));
      bits &= bits - 1;
      store<i64>(placeAt, load<i64>(at + (<usize>(ctz(bits) & 63) << 3)), 8);
      bits &= bits - 1;
      store<i64>(placeAt, load<i64>(at + (<usize>(ctz(bits) & 63) << 3)), 16);
      bits &= bits - 1;
      store<i64>(placeAt, load<i64>(at + (<usize>(ctz(bits) & 63) << 3)), 24);
      bits &= bits - 1;
      placeAt += 32;
    } while (bits);
  }
  return <u32>((endAt - intoAt) >> 3);
}
