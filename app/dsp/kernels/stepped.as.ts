// dsp/kernels/stepped.as.ts - delays into the histogram in use, which a next channel moves on and a sync channel takes back.
//
// Tags act one by one in stream order (time, then channel index); one tag in several roles acts as sync, next, click, start.
// A pair counts when its later tag comes, into the histogram in use then; starts stay open when the histogram changes.
import { countAt } from './plan.as';

// The plan, as layouts.ts writes it. A channel of 256 or more is never met.
const click: usize = 0; // u32
const start: usize = 4; // u32
const next: usize = 8; // u32
const sync: usize = 12; // u32
const bins: usize = 16; // u32
const histograms: usize = 20; // u32
const maxRounds: usize = 24; // u32, 0 = no end
const histogram: usize = 28; // i32, -1 waits for next, -2 waits for sync
const rounds: usize = 32; // u32
const tiedClicks: usize = 36; // u32, clicks at the time `clickTime`
const widthPs: usize = 40; // f64
const clickTime: usize = 48; // i64

/**
 * Steps through n tags. `startsAt` lists the open starts, `oldStarts` of them, followed by those among the n tags.
 * Returns how many tags were used: fewer than n once the last round is complete.
 */
export function stepPairs(timesAt: usize, channelsAt: usize, n: u32, startsAt: usize, oldStarts: u32, planAt: usize, countsAt: usize): u32 {
  const clicks = load<u32>(planAt, click), starts = load<u32>(planAt, start);
  const nexts = load<u32>(planAt, next), syncs = load<u32>(planAt, sync);
  const width = load<f64>(planAt, widthPs), binCount = load<u32>(planAt, bins), reach = <i64>width * binCount;
  let openAt = startsAt, openEnd = startsAt + (<usize>oldStarts << 3);
  for (let i: u32 = 0; i < n; i++) {
    const channel = <u32>load<u8>(channelsAt + i);
    const time = load<i64>(timesAt + (<usize>i << 3));
    if (channel == syncs) store<i32>(planAt, nexts < 256 ? -1 : 0, histogram);
    if (channel == nexts && stepOn(planAt)) return i + 1;
    const current = load<i32>(planAt, histogram);
    const rowAt = countsAt + (<usize>current * binCount << 3);
    if (channel == clicks) {
      while (openAt < openEnd && time - load<i64>(openAt) >= reach) openAt += 8;
      if (current >= 0) {
        for (let at = openAt; at < openEnd; at += 8) countAt(rowAt + (<usize>(<f64>(time - load<i64>(at)) / width) << 3));
      }
      store<u32>(planAt, time == load<i64>(planAt, clickTime) ? load<u32>(planAt, tiedClicks) + 1 : 1, tiedClicks);
      store<i64>(planAt, time, clickTime);
    }
    if (channel == starts) {
      openEnd += 8;
      // Clicks of the same time that sorted before their start; of one channel each pair was met above.
      if (clicks != starts && current >= 0 && time == load<i64>(planAt, clickTime)) {
        store<u64>(rowAt, load<u64>(rowAt) + load<u32>(planAt, tiedClicks));
      }
    }
  }
  return n;
}

/** The next histogram; true once the last round is complete. */
function stepOn(planAt: usize): bool {
  const current = load<i32>(planAt, histogram);
  if (current == -2) return false;
  if (current + 1 < <i32>load<u32>(planAt, histograms)) {
    store<i32>(planAt, current + 1, histogram);
    return false;
  }
  store<i32>(planAt, load<u32>(planAt, sync) < 256 ? -2 : 0, histogram);
  const complete = load<u32>(planAt, rounds) + 1;
  store<u32>(planAt, complete, rounds);
  return complete == load<u32>(planAt, maxRounds);
}
