// dsp/kernels/grid.as.ts - delays into the histogram in use, which the next and sync channels of several axes choose.
//
// Tags act one by one in stream order (time, then channel index). One tag in several roles acts as click on the starts before
// it, then as sync of its axes, then as next of them, and last as start. A pair counts when its later tag comes.
import { countAt } from './plan.as';

// The plan, as grid-layout.ts writes it. A channel of 256 or more is never met.
const bins: usize = 0; // u32
const axes: usize = 4; // u32
const tiedClicks: usize = 8; // u32, clicks at the time `clickTime`
const cell: usize = 12; // i32, the histogram in use; -1 while an axis waits
const widthPs: usize = 16; // f64
const clickTime: usize = 24; // i64
const isAuto: usize = 32; // u32, click and start are one channel
const axis: usize = 64; // per axis of 32 bytes: u32 next, sync, size, stride, i32 position
const roles: usize = 320; // u8[256]: 1 click, 2 start, 4 next or sync

/** Takes n tags. `startsAt` lists the open starts, `oldStarts` of them, followed by those among the n tags. */
export function gridPairs(timesAt: usize, channelsAt: usize, n: u32, startsAt: usize, oldStarts: u32, planAt: usize, countsAt: usize): void {
  const width = load<f64>(planAt, widthPs), binCount = load<u32>(planAt, bins), reach = <i64>width * binCount;
  const auto = load<u32>(planAt, isAuto) != 0;
  let openAt = startsAt, openEnd = startsAt + (<usize>oldStarts << 3);
  for (let i: u32 = 0; i < n; i++) {
    const channel = <u32>load<u8>(channelsAt + i), role = <u32>load<u8>(planAt + channel, roles);
    if (role == 0) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    if (role & 1) {
      const current = load<i32>(planAt, cell);
      while (openAt < openEnd && time - load<i64>(openAt) >= reach) openAt += 8;
      if (current >= 0) {
        const rowAt = countsAt + (<usize>current * binCount << 3);
        for (let at = openAt; at < openEnd; at += 8) countAt(rowAt + (<usize>(<f64>(time - load<i64>(at)) / width) << 3));
      }
      store<u32>(planAt, time == load<i64>(planAt, clickTime) ? load<u32>(planAt, tiedClicks) + 1 : 1, tiedClicks);
      store<i64>(planAt, time, clickTime);
    }
    if (role & 4) step(channel, planAt);
    if (role & 2) {
      openEnd += 8;
      const current = load<i32>(planAt, cell);
      // Clicks of the same time that sorted before their start; of one channel each pair was met above.
      if (!auto && current >= 0 && time == load<i64>(planAt, clickTime)) {
        const rowAt = countsAt + (<usize>current * binCount << 3);
        store<u64>(rowAt, load<u64>(rowAt) + load<u32>(planAt, tiedClicks));
      }
    }
  }
}

function step(channel: u32, planAt: usize): void {
  const endAt = planAt + axis + (<usize>load<u32>(planAt, axes) << 5);
  let current: i32 = 0;
  for (let at = planAt + axis; at < endAt; at += 32) {
    const nexts = load<u32>(at), syncs = load<u32>(at, 4);
    let position = load<i32>(at, 16);
    if (channel == syncs) position = nexts < 256 ? -1 : 0;
    if (channel == nexts && position > -2 && ++position == load<i32>(at, 8)) position = syncs < 256 ? -2 : 0;
    store<i32>(at, position, 16);
    current = position < 0 || current < 0 ? -1 : current + position * load<i32>(at, 12);
  }
  store<i32>(planAt, current, cell);
}
