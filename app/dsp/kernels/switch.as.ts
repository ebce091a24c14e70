// dsp/kernels/switch.as.ts - tags where the rate of a channel rises above a band or falls below it.

const outAt: usize = 256, stateAt: usize = 260, aboveAt: usize = 264, belowAt: usize = 272, windowAt: usize = 280, countAt: usize = 288, endAt: usize = 296;

/** State: 0 not known, 1 above, 2 below. Windows are half-open; the tag comes at their end. */
export function switchOnRate(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, intoTimesAt: usize, intoChannelsAt: usize, room: u32): i32 {
  if (n + n + 2 > room) return -1;
  let made: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    if (load<u8>(planAt + load<u8>(channelsAt + i)) == 0) continue;
    made = close(planAt, load<i64>(timesAt + (<usize>i << 3)), intoTimesAt, intoChannelsAt, made);
    store<f64>(planAt, load<f64>(planAt, countAt) + 1, countAt);
  }
  return <i32>close(planAt, load<i64>(untilAt), intoTimesAt, intoChannelsAt, made);
}

/** Closes all windows that end at `time` or before; those without a tag behind the first are all the same. */
function close(planAt: usize, time: i64, intoTimesAt: usize, intoChannelsAt: usize, made: u32): u32 {
  let end = load<i64>(planAt, endAt);
  if (time < end) return made;
  const window = <i64>load<f64>(planAt, windowAt);
  made = decide(planAt, end, intoTimesAt, intoChannelsAt, made);
  store<f64>(planAt, 0, countAt);
  end += window;
  if (time >= end) {
    made = decide(planAt, end, intoTimesAt, intoChannelsAt, made);
    end += ((time - end) / window + 1) * window;
  }
  store<i64>(planAt, end, endAt);
  return made;
}

function decide(planAt: usize, end: i64, intoTimesAt: usize, intoChannelsAt: usize, made: u32): u32 {
  const count = load<f64>(planAt, countAt);
  const state: u32 = count >= load<f64>(planAt, aboveAt) ? 1 : count <= load<f64>(planAt, belowAt) ? 2 : 0;
  if (state == 0 || state == load<u32>(planAt, stateAt)) return made;
  store<u32>(planAt, state, stateAt);
  store<i64>(intoTimesAt + (<usize>made << 3), end);
  store<u8>(intoChannelsAt + made, <u8>(load<u32>(planAt, outAt) + state - 1));
  return made + 1;
}
