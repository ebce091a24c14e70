// dsp/kernels/start-stop.as.ts - delays from the last start to the first click after it, in a table of the bins that occur.
//
// Tags of one time act together, starts before clicks, so that the order of channels does not matter; a time is settled when a
// later tag or the end of the covered time shows that it is over. With one channel, each tag is click and then start.

// The plan, as layouts.ts writes it.
const click: usize = 0; // u32
const start: usize = 4; // u32
const isOpen: usize = 8; // u32, a start waits
const clicked: usize = 12; // u32, a click at `moment`
const started: usize = 16; // u32, a start at `moment`
const entries: usize = 20; // u32, bins in the table
const capacity: usize = 24; // u32, bins the table may hold
const indexMask: usize = 28; // u32, slots of the index - 1
const opened: usize = 32; // i64, time of the start that waits
const moment: usize = 40; // i64, time not yet settled
const widthPs: usize = 48; // f64
const dropped: usize = 56; // f64, delays that found no room or exceed 2^53 ps

/**
 * Counts n tags. The table: u64 bin and u64 count per entry at `entriesAt`, found through u32[indexMask + 1] at `indexAt`,
 * which holds entry + 1 or 0. Times before the i64 at `untilAt` are settled.
 */
export function countStartStop(
  timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, entriesAt: usize, indexAt: usize,
): void {
  const clicks = load<u32>(planAt, click), starts = load<u32>(planAt, start);
  for (let i: u32 = 0; i < n; i++) {
    const channel = <u32>load<u8>(channelsAt + i);
    if (channel != clicks && channel != starts) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    if (clicks == starts) {
      if (load<u32>(planAt, isOpen)) countDelay(time - load<i64>(planAt, opened), planAt, entriesAt, indexAt);
      store<i64>(planAt, time, opened);
      store<u32>(planAt, 1, isOpen);
    } else {
      if (time != load<i64>(planAt, moment)) {
        settle(planAt, entriesAt, indexAt);
        store<i64>(planAt, time, moment);
      }
      store<u32>(planAt + (channel == clicks ? clicked : started), 1);
    }
  }
  if (load<i64>(untilAt) > load<i64>(planAt, moment)) settle(planAt, entriesAt, indexAt);
}

function settle(planAt: usize, entriesAt: usize, indexAt: usize): void {
  const time = load<i64>(planAt, moment);
  if (load<u32>(planAt, started)) {
    store<i64>(planAt, time, opened);
    store<u32>(planAt, 1, isOpen);
  }
  if (load<u32>(planAt, clicked) && load<u32>(planAt, isOpen)) {
    countDelay(time - load<i64>(planAt, opened), planAt, entriesAt, indexAt);
    store<u32>(planAt, 0, isOpen);
  }
  store<u32>(planAt, 0, started);
  store<u32>(planAt, 0, clicked);
}

function countDelay(delay: i64, planAt: usize, entriesAt: usize, indexAt: usize): void {
  if (delay >= <i64>1 << 53) return drop(planAt);
  const bin = <u64>(<f64>delay / load<f64>(planAt, widthPs));
  const mask = load<u32>(planAt, indexMask);
  let slot = hashOf(bin) & mask;
  for (;;) {
    const slotAt = indexAt + (<usize>slot << 2), entry = load<u32>(slotAt);
    if (entry == 0) return add(bin, slotAt, planAt, entriesAt);
    const at = entriesAt + (<usize>(entry - 1) << 4);
    if (load<u64>(at) == bin) return store<u64>(at, load<u64>(at, 8) + 1, 8);
    slot = (slot + 1) & mask;
  }
}

function add(bin: u64, slotAt: usize, planAt: usize, entriesAt: usize): void {
  const count = load<u32>(planAt, entries);
  if (count == load<u32>(planAt, capacity)) return drop(planAt);
  const at = entriesAt + (<usize>count << 4);
  store<u64>(at, bin);
  store<u64>(at, 1, 8);
  store<u32>(slotAt, count + 1);
  store<u32>(planAt, count + 1, entries);
}

function drop(planAt: usize): void {
  store<f64>(planAt, load<f64>(planAt, dropped) + 1, dropped);
}

function hashOf(bin: u64): u32 {
  const mixed = (<u32>bin ^ (<u32>(bin >> 32) * 0x85ebca6b)) * 0x9e3779b1;
  return mixed ^ (mixed >> 15);
}
