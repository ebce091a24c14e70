// dsp/kernels/pick.as.ts - the times of one channel out of a mixed block.

/** Writes the times of `channel` to `intoAt`, which has room for n + 1, and returns how many. */
export function pickTimes(timesAt: usize, channelsAt: usize, n: u32, channel: u32, intoAt: usize): u32 {
  const wanted = i8x16.splat(<i8>channel);
  let endAt = intoAt;
  let i: u32 = 0;
  for (; i + 16 <= n; i += 16) {
    if (!v128.any_true(i8x16.eq(v128.load(channelsAt + i), wanted))) continue;
    // Every time is written and the end moves only for the wanted ones: no branch to mispredict.
    for (let k: u32 = i; k < i + 16; k++) {
      store<i64>(endAt, load<i64>(timesAt + (<usize>k << 3)));
      endAt += <usize>(<u32>load<u8>(channelsAt + k) == channel) << 3;
    }
  }
  for (; i < n; i++) {
    store<i64>(endAt, load<i64>(timesAt + (<usize>i << 3)));
    endAt += <usize>(<u32>load<u8>(channelsAt + i) == channel) << 3;
  }
  return <u32>((endAt - intoAt) >> 3);
}
