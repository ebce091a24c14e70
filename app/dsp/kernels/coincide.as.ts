// dsp/kernels/coincide.as.ts - coincidences of k channels, each tag used once: the last tag of each channel counts.
//
// A coincidence of k channels needs k tags within the window, so tag i can complete one only if tag i - (k - 1) is near. Those
// pairs are compared four at a time; a list keeps what lies between near ones, and only these tags go through the slow part.
// What is used, or was never seen, has a time that is too old for any tag to come.

const outAt: usize = 256, membersAt: usize = 260, stampAt: usize = 264, windowAt: usize = 272, lastAt: usize = 280;

export function coincide(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, intoTimesAt: usize, intoChannelsAt: usize, room: u32): i32 {
  if (n > room) return -1;
  // At the end of the room for times: where the list was read up to, not half as many times were written.
  const listAt = intoTimesAt + (<usize>room << 3) - (<usize>n << 2);
  const made = complete(timesAt, channelsAt, listAt, listNear(timesAt, n, planAt, listAt), planAt, intoTimesAt);
  memory.fill(intoChannelsAt, <u8>load<u32>(planAt, outAt), made);
  return <i32>made;
}

/** The places of tags that matter, ascending; returns the end of the list. */
function listNear(timesAt: usize, n: u32, planAt: usize, listAt: usize): usize {
  const reach = load<u32>(planAt, membersAt) - 1, window = <i64>load<f64>(planAt, windowAt);
  // What came before is not looked at again, and nobody knows what comes: the first and the last tags matter in any case.
  let fed = min(n, reach), endAt = put(listAt, 0, fed);
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
      endAt = put(endAt, max(fed, j - reach - 1), j);
      fed = j;
    }
  }
  for (; i < n; i++) {
    const at = timesAt + (<usize>i << 3);
    if (load<i64>(at) - load<i64>(at - back) > window) continue;
    endAt = put(endAt, max(fed, i - reach), i + 1);
    fed = i + 1;
  }
  return put(endAt, max(fed, n - min(n, reach)), n);
}

// @ts-ignore: decorator
@inline
function put(endAt: usize, from: u32, to: u32): usize {
  for (let i = from; i < to; i++) {
    store<u32>(endAt, i);
    endAt += 4;
  }
  return endAt;
}

/** Goes through the listed tags one by one; returns how many coincidences they complete. */
function complete(timesAt: usize, channelsAt: usize, listAt: usize, endAt: usize, planAt: usize, intoTimesAt: usize): u32 {
  const members = load<u32>(planAt, membersAt), window = <i64>load<f64>(planAt, windowAt), lastEnd = planAt + lastAt + (<usize>members << 3);
  let made: u32 = 0;
  for (; listAt < endAt; listAt += 4) {
    const i = load<u32>(listAt), role = <usize>load<u8>(planAt + load<u8>(channelsAt + i));
    if (role == 0) continue;
    const time = load<i64>(timesAt + (<usize>i << 3)), oldest = time - window;
    store<i64>(planAt + (role << 3), time, lastAt - 8);
    if (members == 2) {
      // One test of both: which of them is the older one cannot be foreseen.
      if (min(load<i64>(planAt, lastAt), load<i64>(planAt, lastAt + 8)) < oldest) continue;
    } else {
      let at = planAt + lastAt;
      while (at < lastEnd && load<i64>(at) >= oldest) at += 8;
      if (at < lastEnd) continue;
    }
    store<i64>(intoTimesAt + (<usize>made << 3), stampOf(planAt, members, time));
    made++;
    for (let at = planAt + lastAt; at < lastEnd; at += 8) store<i64>(at, oldest - 1);
  }
  return made;
}

// @ts-ignore: decorator
@inline
function stampOf(planAt: usize, members: u32, last: i64): i64 {
  const stamp = load<u32>(planAt, stampAt);
  return stamp == 0 ? last : stamp == 3 ? load<i64>(planAt, lastAt) : earlier(planAt, members, last, stamp == 1);
}

function earlier(planAt: usize, members: u32, last: i64, isAverage: bool): i64 {
  let first = last, sum: i64 = 0;
  for (let m: usize = 0; m < <usize>members; m++) {
    first = min(first, load<i64>(planAt + (m << 3), lastAt));
    sum += last - load<i64>(planAt + (m << 3), lastAt);
  }
  return isAverage ? last - (sum + <i64>members - 1) / <i64>members : first;
}
