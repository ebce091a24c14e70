// dsp/kernels/sort.as.ts - tags into the order of the stream: time first, then channel index.
//
// An insertion sort, because the disorder is small: linear for sorted tags. A tag that has far to go looks for its place by
// galloping and the tags in between move as one block. Tags that are equal in both keys are the same bytes, so it is stable.

const nearTags: u32 = 8;

/** Sorts tags by (time, channel index), in place; for short stretches and small disorder. */
export function sortTags(timesAt: usize, channelsAt: usize, n: u32): void {
  for (let i: u32 = 1; i < n; i++) {
    const time = load<i64>(timesAt + (<usize>i << 3));
    const channel = load<u8>(channelsAt + i);
    if (!precedes(timesAt, channelsAt, i - 1, time, channel)) continue;
    const place = placeOf(timesAt, channelsAt, i, time, channel);
    const from = timesAt + (<usize>place << 3);
    memory.copy(from + 8, from, <usize>(i - place) << 3);
    memory.copy(channelsAt + place + 1, channelsAt + place, i - place);
    store<i64>(from, time);
    store<u8>(channelsAt + place, channel);
  }
}

/** First of the sorted tags [0, end) that must come after the tag; at least one must. */
function placeOf(timesAt: usize, channelsAt: usize, end: u32, time: i64, channel: u8): u32 {
  let high = end - 1; // known to come after the tag
  const near = high > nearTags ? high - nearTags : 0;
  while (high > near && precedes(timesAt, channelsAt, high - 1, time, channel)) high--;
  if (high > near || high == 0) return high;
  let step: u32 = nearTags, low: u32 = 0;
  while (high > step) {
    if (!precedes(timesAt, channelsAt, high - step, time, channel)) {
      low = high - step + 1;
      break;
    }
    high -= step;
    step <<= 1;
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (precedes(timesAt, channelsAt, middle, time, channel)) high = middle;
    else low = middle + 1;
  }
  return high;
}

/** Does the tag (time, channel) come strictly before tag `i`? */
// @ts-ignore: decorator
@inline
function precedes(timesAt: usize, channelsAt: usize, i: u32, time: i64, channel: u8): bool {
  const other = load<i64>(timesAt + (<usize>i << 3));
  return time < other || (time == other && channel < load<u8>(channelsAt + i));
}
