// dsp/kernels/coincide.as.ts - coincidences of k channels, each tag used once: the last tag of each channel counts.
//
// A coincidence of k channels needs k tags within the window, so tag i can complete one only if tag i - (k - 1) is near. Those
// pairs are compared four at a time, and only the tags of near ones go through the slow part: whatever a coincidence could use
// lies between two tags that are near.

const outAt: usize = 256, membersAt: usize = 260, stampAt: usize = 264, seenAt: usize = 268, windowAt: usize = 272, haveAt: usize = 280, lastAt: usize = 344;

export function coincide(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, intoTimesAt: usize, intoChannelsAt: usize, room: u32): i32 {
  if (n > room) return -1;
  const reach = load<u32>(planAt, membersAt) - 1, window = <i64>load<f64>(planAt, windowAt);
  // What came before is not looked at again: the first and the last tags go through in any case.
  let fed = min(n, reach), made = feed(timesAt, channelsAt, 0, fed, planAt, intoTimesAt, 0);
  const windows = i64x2.splat(window), back = <usize>reach << 3;
  let i = fed;
  for (; i + 4 <= n; i += 4) {
    const at = timesAt + (<usize>i << 3);
    const far = i64x2.gt_s(i64x2.sub(v128.load(at), v128.load(at - back)), windows);
    const further = i64x2.gt_s(i64x2.sub(v128.load(at, 16), v128.load(at - back, 16)), windows);
    let near = (i64x2.bitmask(far) | (i64x2.bitmask(further) << 2)) ^ 15;
    while (near) {
      const j = i + <u32>ctz(near) + 1;
      near &= near - 1;
      made = feed(timesAt, channelsAt, max(fed, j - reach - 1), j, planAt, intoTimesAt, made);
      fed = j;
    }
  }
  for (; i < n; i++) {
    const at = timesAt + (<usize>i << 3);
    if (load<i64>(at) - load<i64>(at - back) > window) continue;
    made = feed(timesAt, channelsAt, max(fed, i - reach), i + 1, planAt, intoTimesAt, made);
    fed = i + 1;
  }
  made = feed(timesAt, channelsAt, max(fed, n - min(n, reach)), n, planAt, intoTimesAt, made);
  memory.fill(intoChannelsAt, <u8>load<u32>(planAt, outAt), made);
  return <i32>made;
}

/** Tags [from, to) one by one; returns how many coincidences there are by now. */
function feed(timesAt: usize, channelsAt: usize, from: u32, to: u32, planAt: usize, intoTimesAt: usize, made: u32): u32 {
  const members = load<u32>(planAt, membersAt), window = <i64>load<f64>(planAt, windowAt);
  let seen = load<u32>(planAt, seenAt);
  for (let i = from; i < to; i++) {
    const role = <usize>load<u8>(planAt + load<u8>(channelsAt + i));
    if (role == 0) continue;
    const member = role - 1, time = load<i64>(timesAt + (<usize>i << 3));
    seen += <u32>(load<u8>(planAt + member, haveAt) == 0);
    store<u8>(planAt + member, 1, haveAt);
    store<i64>(planAt + (member << 3), time, lastAt);
    if (seen < members) continue;
    let first = time;
    for (let m: usize = 0; m < <usize>members; m++) first = min(first, load<i64>(planAt + (m << 3), lastAt));
    if (time - first > window) continue;
    store<i64>(intoTimesAt + (<usize>made << 3), stampOf(planAt, members, first, time));
    made++;
    for (let m: usize = 0; m < <usize>members; m++) store<u8>(planAt + m, 0, haveAt);
    seen = 0;
  }
  store<u32>(planAt, seen, seenAt);
  return made;
}

function stampOf(planAt: usize, members: u32, first: i64, last: i64): i64 {
  const stamp = load<u32>(planAt, stampAt);
  if (stamp == 0) return last;
  if (stamp == 2) return first;
  if (stamp == 3) return load<i64>(planAt, lastAt);
  let sum: i64 = 0;
  for (let m: usize = 0; m < <usize>members; m++) sum += load<i64>(planAt + (m << 3), lastAt) - first;
  return first + sum / <i64>members;
}
