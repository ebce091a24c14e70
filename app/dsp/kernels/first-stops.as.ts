// dsp/kernels/first-stops.as.ts - from the last start to the first stop on each of several axes: one count once all are there.
//
// Tags of one time act together, so that the order of channels does not matter: stops on the start's own channel belong to the
// start before, then the start begins anew, then the other stops belong to it. A time is settled when a later tag or the end of
// the covered time shows that it is over.

// The plan, as first-stops-layout.ts writes it.
const axes: usize = 0; // u32
const own: usize = 4; // u32, mask of axes whose stop is the start channel
const waiting: usize = 12; // u32, mask of axes without a stop since the start
const seen: usize = 16; // u32, roles of the tags at `moment`
const cell: usize = 20; // u32, sum of bin * stride so far
const opened: usize = 24; // i64, time of the start
const moment: usize = 32; // i64, time not yet settled
const axis: usize = 64; // f64 range, f64 width, u32 stride, 32 bytes each
const roles: usize = 384; // u32[256], masks by channel index

// @ts-ignore: decorator
@inline
const isStart: u32 = 1 << 31;

/** u64 cells at `countsAt`. Times before the i64 at `untilAt` are settled. */
export function countFirstStops(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, countsAt: usize): void {
  let time = load<i64>(planAt, moment), mask = load<u32>(planAt, seen);
  for (let i: u32 = 0; i < n; i++) {
    const role = load<u32>(planAt + (<usize>load<u8>(channelsAt + i) << 2), roles);
    if (!role) continue;
    const now = load<i64>(timesAt + (<usize>i << 3));
    if (now != time) {
      if (mask) settle(time, mask, planAt, countsAt);
      time = now;
      mask = 0;
    }
    mask |= role;
  }
  if (mask && load<i64>(untilAt) > time) {
    settle(time, mask, planAt, countsAt);
    mask = 0;
  }
  store<i64>(planAt, time, moment);
  store<u32>(planAt, mask, seen);
}

// @ts-ignore: decorator
@inline
function settle(time: i64, mask: u32, planAt: usize, countsAt: usize): void {
  if (mask & isStart) {
    const ownAxes = load<u32>(planAt, own);
    if (ownAxes) stop(time, ownAxes, planAt, countsAt);
    store<i64>(planAt, time, opened);
    store<u32>(planAt, (1 << load<u32>(planAt, axes)) - 1, waiting);
    store<u32>(planAt, 0, cell);
    mask &= ~(ownAxes | isStart);
  }
  stop(time, mask, planAt, countsAt);
}

/** First stops on the axes of a mask; a start with one out of range is given up. */
// @ts-ignore: decorator
@inline
function stop(time: i64, mask: u32, planAt: usize, countsAt: usize): void {
  let left = load<u32>(planAt, waiting);
  let first = left & mask;
  if (!first) return;
  left &= ~first;
  const delay = <f64>(time - load<i64>(planAt, opened));
  let place = load<u32>(planAt, cell);
  for (; first; first &= first - 1) {
    const axisAt = planAt + axis + (<usize>ctz(first) << 5);
    if (delay >= load<f64>(axisAt)) return store<u32>(planAt, 0, waiting);
    place += <u32>(delay / load<f64>(axisAt, 8)) * load<u32>(axisAt, 16);
  }
  store<u32>(planAt, left, waiting);
  store<u32>(planAt, place, cell);
  if (!left) store<u64>(countsAt + (<usize>place << 3), load<u64>(countsAt + (<usize>place << 3)) + 1);
}
