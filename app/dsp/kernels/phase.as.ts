// dsp/kernels/phase.as.ts - phases of a periodic channel: means of its times against an even grid, and their differences.
//
// A sample is the residual average * (t_first - expected) + (sum of t - t_first) - (the same of the first sample): a whole number
// of ps / average, small however long it runs, since the grid goes on from sample to sample by whole ps. All differences of
// residuals are therefore exact below 2^53, and the second and third ones do not know which period the grid has.

// The plan, as phase-layout.ts writes it.
const channel: usize = 0; // u32
const average: usize = 4; // u32, tags of a sample
const inGroup: usize = 8; // u32, tags of the open sample
const slot: usize = 12; // u32, of the next record
const capacity: usize = 16; // u32, records
const stepCount: usize = 20; // u32
const historySize: usize = 24; // u32
const place: usize = 28; // u32, of the next residual in the history
const known: usize = 32; // u32: 0 nothing, 1 the first sum, 2 the period too
const first: usize = 40; // i64, first tag of the open sample
const expected: usize = 48; // i64, where the grid has the first tag of the newest sample
const sum: usize = 56; // f64
const firstSum: usize = 64; // f64
const period: usize = 72; // f64, of the grid, whole ps
const index: usize = 80; // f64, samples of this stretch
const records: usize = 88; // f64, written since this was zeroed
const previous: usize = 96; // f64, residual
const drift: usize = 104; // f64, sum of differences of neighbours
const periods: usize = 112; // f64, how many those are

/** Takes n tags: records at `listAt` (a ring), sums of the steps at `stepsAt`, residuals at `historyAt`. */
export function takePhases(timesAt: usize, channelsAt: usize, n: u32, planAt: usize, listAt: usize, stepsAt: usize, historyAt: usize): void {
  const own = <u8>load<u32>(planAt, channel), size = load<u32>(planAt, average);
  let count = load<u32>(planAt, inGroup), start = load<i64>(planAt, first), total = load<f64>(planAt, sum);
  for (let i: u32 = 0; i < n; i++) {
    if (load<u8>(channelsAt + i) != own) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    if (count == 0) {
      start = time;
      total = 0;
    } else total += <f64>(time - start);
    if (++count < size) continue;
    count = 0;
    addSample(start, total, planAt, listAt, stepsAt, historyAt);
  }
  store<u32>(planAt, count, inGroup);
  store<i64>(planAt, start, first);
  store<f64>(planAt, total, sum);
}

function addSample(start: i64, total: f64, planAt: usize, listAt: usize, stepsAt: usize, historyAt: usize): void {
  const k = load<f64>(planAt, index);
  let knows = load<u32>(planAt, known), grid = load<i64>(planAt, expected);
  if (knows == 0) {
    store<f64>(planAt, total, firstSum);
    knows = 1;
  }
  if (k == 0) grid = start;
  else {
    if (knows == 1) {
      store<f64>(planAt, <f64>(start - grid), period);
      knows = 2;
    }
    grid += <i64>load<f64>(planAt, period);
  }
  const residual = <f64>load<u32>(planAt, average) * <f64>(start - grid) + (total - load<f64>(planAt, firstSum));
  if (k > 0) {
    store<f64>(planAt, load<f64>(planAt, drift) + (residual - load<f64>(planAt, previous)), drift);
    store<f64>(planAt, load<f64>(planAt, periods) + 1, periods);
  }
  store<u32>(planAt, knows, known);
  store<i64>(planAt, grid, expected);
  store<f64>(planAt, residual, previous);
  store<f64>(planAt, k + 1, index);
  const record = load<u32>(planAt, slot), at = listAt + (<usize>record << 4);
  store<f64>(at, residual);
  store<f64>(at, k, 8);
  store<u32>(planAt, record + 1 == load<u32>(planAt, capacity) ? 0 : record + 1, slot);
  store<f64>(planAt, load<f64>(planAt, records) + 1, records);
  const here = load<u32>(planAt, place), size = load<u32>(planAt, historySize), steps = load<u32>(planAt, stepCount);
  store<f64>(historyAt + (<usize>here << 3), residual);
  for (let i: u32 = 0; i < steps; i++) addDifferences(stepsAt + <usize>i * 96, k, residual, here, size, historyAt);
  store<u32>(planAt, here + 1 == size ? 0 : here + 1, place);
}

/** Residual that lies `back` behind the newest one. */
// @ts-ignore: decorator
@inline
function behind(historyAt: usize, here: u32, size: u32, back: u32): f64 {
  return load<f64>(historyAt + (<usize>(here >= back ? here - back : here + size - back) << 3));
}

/** Adds whatever ends with sample `k`, of one step: see phaseStep in phase-layout.ts. */
function addDifferences(at: usize, k: f64, x: f64, here: u32, size: u32, historyAt: usize): void {
  const length = load<u32>(at), m = <f64>length;
  if (k < m) return;
  const one = behind(historyAt, here, size, length), periods = load<f64>(at, 24);
  if (periods == 0) store<f64>(at, x - one, 16);
  const change = x - one - load<f64>(at, 16);
  store<f64>(at, periods + 1, 24);
  store<f64>(at, load<f64>(at, 32) + change, 32);
  store<f64>(at, load<f64>(at, 40) + change * change, 40);
  if (k < 2 * m) return;
  const two = behind(historyAt, here, size, 2 * length), second = x - 2 * one + two;
  store<f64>(at, load<f64>(at, 48) + 1, 48);
  store<f64>(at, load<f64>(at, 56) + second * second, 56);
  let open = load<f64>(at, 8);
  if (k < 3 * m) open += second;
  else {
    const third = x - 3 * one + 3 * two - behind(historyAt, here, size, 3 * length);
    store<f64>(at, load<f64>(at, 64) + 1, 64);
    store<f64>(at, load<f64>(at, 72) + third * third, 72);
    // The window of MDEV moves on by one: what comes in less what goes out is the third difference.
    open += third;
  }
  store<f64>(at, open, 8);
  if (k < 3 * m - 1) return;
  store<f64>(at, load<f64>(at, 80) + 1, 80);
  store<f64>(at, load<f64>(at, 88) + open * open, 88);
}
