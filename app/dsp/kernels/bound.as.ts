// dsp/kernels/bound.as.ts - where a time lies in a block.

/** First index whose time is >= the i64 at `limitAt`; binary search. */
export function lowerBound(timesAt: usize, n: u32, limitAt: usize): u32 {
  return firstNotBefore(timesAt, 0, n, load<i64>(limitAt));
}

/** First index in [low, high) whose time is >= `limit`, or `high`. */
export function firstNotBefore(timesAt: usize, low: u32, high: u32, limit: i64): u32 {
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    if (load<i64>(timesAt + (<usize>middle << 3)) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
