// dsp/kernels/merge.as.ts - sorted tags into sorted tags, by time and then by channel index.
//
// From the back, and only as far as the new tags reach: what is older than all of them is not touched. Old tags between two
// new ones move as one block, for virtual tags are rare among the others.

const stride: i32 = 8, fewTags: i32 = 128;

/** Merges m sorted tags into n sorted ones in place; there is room for n + m. */
export function mergeTags(timesAt: usize, channelsAt: usize, n: u32, fromTimesAt: usize, fromChannelsAt: usize, m: u32): void {
  let old: i32 = <i32>n - 1;
  for (let from: i32 = <i32>m - 1; from >= 0; from--) {
    const time = load<i64>(fromTimesAt + (<usize>from << 3)), channel = load<u8>(fromChannelsAt + from);
    if (old < 0 || !follows(timesAt, channelsAt, old, time, channel)) {
      // Here the rest can be behind all that is left.
      if (old < 0 || !follows(timesAt, channelsAt, old, load<i64>(fromTimesAt), load<u8>(fromChannelsAt))) {
        const at = old + 1;
        memory.copy(timesAt + (<usize>at << 3), fromTimesAt, (<usize>from + 1) << 3);
        memory.copy(channelsAt + at, fromChannelsAt, <usize>from + 1);
        return;
      }
    } else {
      const past = old + 1;
      while (old >= stride && load<i64>(timesAt + (<usize>(old - stride) << 3)) > time) old -= stride;
      while (old >= 0 && follows(timesAt, channelsAt, old, time, channel)) old--;
      const first = old + 1, place = first + from + 1;
      moveUp(timesAt, channelsAt, first, place, past - first);
    }
    store<i64>(timesAt + (<usize>(old + from + 1) << 3), time);
    store<u8>(channelsAt + old + from + 1, channel);
  }
}

/** Moves `count` tags from `first` to the higher `place`. A call of `memory.copy` costs more than a few tags. */
// @ts-ignore: decorator
@inline
function moveUp(timesAt: usize, channelsAt: usize, first: i32, place: i32, count: i32): void {
  const timesFrom = timesAt + (<usize>first << 3), timesTo = timesAt + (<usize>place << 3), channelsFrom = channelsAt + first, channelsTo = channelsAt + place;
  if (count > fewTags) {
    memory.copy(timesTo, timesFrom, <usize>count << 3);
    memory.copy(channelsTo, channelsFrom, count);
    return;
  }
  let i: usize = count;
  for (; i >= 8; i -= 8) {
    const at = timesFrom + (i << 3), to = timesTo + (i << 3);
    const a = v128.load(at - 16), b = v128.load(at - 32), c = v128.load(at - 48), d = v128.load(at - 64);
    v128.store(to - 16, a);
    v128.store(to - 32, b);
    v128.store(to - 48, c);
    v128.store(to - 64, d);
    store<u64>(channelsTo + i - 8, load<u64>(channelsFrom + i - 8));
  }
  for (; i > 0; i--) {
    store<i64>(timesTo + (i << 3) - 8, load<i64>(timesFrom + (i << 3) - 8));
    store<u8>(channelsTo + i - 1, load<u8>(channelsFrom + i - 1));
  }
}

/** Does tag `i` come strictly after the tag (time, channel)? */
// @ts-ignore: decorator
@inline
function follows(timesAt: usize, channelsAt: usize, i: i32, time: i64, channel: u8): bool {
  const other = load<i64>(timesAt + (<usize>i << 3));
  return other > time || (other == time && load<u8>(channelsAt + i) > channel);
}
