// dsp/kernels/coincide-all.as.ts - coincidences of k channels with nothing consumed: one for each combination of tags.

const outAt: usize = 256, membersAt: usize = 260, stampAt: usize = 264, countAt: usize = 268, windowAt: usize = 272, timesListAt: usize = 280, memberListAt: usize = 4376;
const capacity: u32 = 512;

/** Not in order of time unless they have the time of the last tag. -1 also if a window holds more than 512 tags. */
export function coincideAll(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, intoTimesAt: usize, intoChannelsAt: usize, room: u32): i32 {
  const window = <i64>load<f64>(planAt, windowAt);
  let count = load<u32>(planAt, countAt), made: i32 = 0;
  for (let i: u32 = 0; i < n && made >= 0; i++) {
    const role = <u32>load<u8>(planAt + load<u8>(channelsAt + i));
    if (role == 0) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    let old: u32 = 0;
    while (old < count && time - load<i64>(planAt + (<usize>old << 3), timesListAt) > window) old++;
    if (old > 0) {
      count -= old;
      memory.copy(planAt + timesListAt, planAt + timesListAt + (<usize>old << 3), <usize>count << 3);
      memory.copy(planAt + memberListAt, planAt + memberListAt + old, count);
    }
    store<u32>(planAt, count, countAt);
    // Without one tag of each there is nothing to choose, and the choice would take as long as all choices of the others.
    if (isComplete(planAt, count, role - 1)) made = choose(planAt, 0, role - 1, time, time, 0, time, intoTimesAt, made, room);
    if (count == capacity) return -1;
    store<i64>(planAt + (<usize>count << 3), time, timesListAt);
    store<u8>(planAt + count, <u8>(role - 1), memberListAt);
    count++;
  }
  store<u32>(planAt, count, countAt);
  if (made > 0) memory.fill(intoChannelsAt, <u8>load<u32>(planAt, outAt), made);
  return made;
}

function isComplete(planAt: usize, count: u32, own: u32): bool {
  let seen: u32 = 1 << own;
  for (let i: u32 = 0; i < count; i++) seen |= 1 << <u32>load<u8>(planAt + i, memberListAt);
  return seen + 1 == <u32>1 << load<u32>(planAt, membersAt);
}

/** A tag for each member from `member` on; `own` is the newest tag. `sum` of the times before it. */
function choose(
  planAt: usize, member: u32, own: u32, time: i64, first: i64, sum: i64, listed: i64, intoTimesAt: usize, made: i32, room: u32,
): i32 {
  const members = load<u32>(planAt, membersAt);
  if (member == members) {
    if (<u32>made == room) return -1;
    const stamp = load<u32>(planAt, stampAt);
    const stamped = stamp == 0 ? time : stamp == 2 ? first : stamp == 3 ? listed : time - (sum + <i64>members - 1) / <i64>members;
    store<i64>(intoTimesAt + (<usize>made << 3), stamped);
    return made + 1;
  }
  if (member == own) return choose(planAt, member + 1, own, time, first, sum, listed, intoTimesAt, made, room);
  const count = load<u32>(planAt, countAt);
  for (let i: u32 = 0; i < count && made >= 0; i++) {
    if (load<u8>(planAt + i, memberListAt) != <u8>member) continue;
    const other = load<i64>(planAt + (<usize>i << 3), timesListAt);
    made = choose(planAt, member + 1, own, time, min(first, other), sum + time - other, member == 0 ? other : listed, intoTimesAt, made, room);
  }
  return made;
}
