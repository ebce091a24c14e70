// dsp/kernels/pulses.as.ts - a pattern of tags behind each n-th trigger; with one tag in it, a channel that is delayed.
import { cutQueue, drain, outAt, push } from './queue.as';

const dividerAt: usize = 260, waitAt: usize = 264, lengthAt: usize = 268, patternAt: usize = 284;

/** Role bits: 1 trigger, 2 stop. */
export function makePulses(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, intoTimesAt: usize, intoChannelsAt: usize, room: u32): i32 {
  const length = load<u32>(planAt, lengthAt), pattern = <usize>load<u32>(planAt, patternAt);
  let wait = load<u32>(planAt, waitAt), made: i32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const role = load<u8>(planAt + load<u8>(channelsAt + i));
    if (role == 0) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    made = drain(planAt, time, intoTimesAt, made, room);
    if (made < 0) return -1;
    if (role & 2) cutQueue(planAt, time);
    if (!(role & 1)) continue;
    if (wait > 0) {
      wait--;
      continue;
    }
    wait = load<u32>(planAt, dividerAt) - 1;
    for (let k: usize = 0; k < <usize>length; k++) if (!push(planAt, time + <i64>load<f64>(pattern + (k << 3)))) return -1;
  }
  store<u32>(planAt, wait, waitAt);
  made = drain(planAt, load<i64>(untilAt), intoTimesAt, made, room);
  if (made > 0) memory.fill(intoChannelsAt, <u8>load<u32>(planAt, outAt), made);
  return made;
}
