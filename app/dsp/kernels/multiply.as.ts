// dsp/kernels/multiply.as.ts - tags between those of a periodic signal: the last period, continued.
import { cutQueue, drain, endAt, outAt, reserve } from './queue.as';

const multiplierAt: usize = 260, startedAt: usize = 264, previousAt: usize = 296, longestAt: usize = 304;

export function multiplyTags(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, intoTimesAt: usize, intoChannelsAt: usize, room: u32): i32 {
  const multiplier = <i64>load<u32>(planAt, multiplierAt), longest = <i64>load<f64>(planAt, longestAt);
  let started = load<u32>(planAt, startedAt), previous = load<i64>(planAt, previousAt), made: i32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    if (load<u8>(planAt + load<u8>(channelsAt + i)) == 0) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    made = drain(planAt, time, intoTimesAt, made, room);
    if (made < 0) return -1;
    cutQueue(planAt, time);
    const period = time - previous;
    if (<u32>made == room) return -1;
    store<i64>(intoTimesAt + (<usize>made << 3), time);
    made++;
    if (started && period > 0 && period <= longest) {
      let at = reserve(planAt, <u32>multiplier - 1);
      if (!at) return -1;
      // The k-th is k * period / multiplier behind, rounded down: whole steps, and one more whenever the remainders add up to one.
      const whole = period / multiplier, rest = period - whole * multiplier;
      let next = time, sum: i64 = 0;
      for (let k: i64 = 1; k < multiplier; k++, at += 8) {
        sum += rest;
        const carry = <i64>(sum >= multiplier);
        sum -= carry * multiplier;
        next += whole + carry;
        store<i64>(at, next);
      }
      store<u32>(planAt, load<u32>(planAt, endAt) + <u32>multiplier - 1, endAt);
    }
    started = 1;
    previous = time;
  }
  store<u32>(planAt, started, startedAt);
  store<i64>(planAt, previous, previousAt);
  made = drain(planAt, load<i64>(untilAt), intoTimesAt, made, room);
  if (made > 0) memory.fill(intoChannelsAt, <u8>load<u32>(planAt, outAt), made);
  return made;
}
