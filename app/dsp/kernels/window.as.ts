// dsp/kernels/window.as.ts - sums for straight lines through the tags of each channel in windows at even instants.
//
// Tag i of a window is cycle i of a periodic signal, so a line of time against i needs two sums; those of i and i^2 follow from the
// count. Times count from the instant in the middle of the window, so that nothing large cancels.

// The plan, as window-layout.ts writes it.
const columnCount: usize = 0; // u32
const slot: usize = 4; // u32
const capacity: usize = 8; // u32
const interval: usize = 16; // f64
const width: usize = 24; // f64
const half: usize = 32; // f64
const number: usize = 40; // f64, of the open window
const stretch: usize = 48; // f64
const records: usize = 56; // f64
const from: usize = 64; // i64, begin of the open window
const lostUntil: usize = 72; // i64: windows that begin before it are broken
const columnOf: usize = 128; // u8[256], 255 for channel indexes that do not count

/** Takes n tags and closes windows that end at or before the i64 at `untilAt`. Columns at `columnsAt`, records at `listAt` (a ring). */
export function fitWindows(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, columnsAt: usize, listAt: usize): void {
  const wide = <i64>load<f64>(planAt, width), middle = <i64>load<f64>(planAt, half);
  let begin = load<i64>(planAt, from);
  for (let i: u32 = 0; i < n; i++) {
    const column = <u32>load<u8>(planAt + load<u8>(channelsAt + i), columnOf);
    if (column == 255) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    if (time - begin >= wide) begin = closeWindows(time, planAt, columnsAt, listAt);
    const at = columnsAt + <usize>column * 40, cycles = load<f64>(at);
    store<f64>(at, cycles + 1);
    if (time < begin) continue;
    const count = load<f64>(at, 16), u = <f64>(time - begin - middle);
    if (count == 0) store<f64>(at, cycles, 8);
    store<f64>(at, count + 1, 16);
    store<f64>(at, load<f64>(at, 24) + u, 24);
    store<f64>(at, load<f64>(at, 32) + count * u, 32);
  }
  closeWindows(load<i64>(untilAt), planAt, columnsAt, listAt);
}

/** Closes every window that ends at or before `time`, of a long silence the last ones only. Returns where the open one begins. */
function closeWindows(time: i64, planAt: usize, columnsAt: usize, listAt: usize): i64 {
  const step = load<f64>(planAt, interval), wide = <i64>load<f64>(planAt, width), most = load<u32>(planAt, capacity);
  let begin = load<i64>(planAt, from);
  while (time - begin >= wide) {
    writeRecord(begin, planAt, columnsAt, listAt);
    begin += <i64>step;
    const silent = Math.min(Math.floor(<f64>(time - begin - wide) / step) - <f64>most, Math.floor(4503599627370496 / step));
    let skipped: f64 = 1;
    if (silent > 0) {
      begin += <i64>(silent * step);
      skipped += silent;
      store<f64>(planAt, load<f64>(planAt, records) + silent, records);
      store<u32>(planAt, <u32>((<f64>load<u32>(planAt, slot) + silent) % <f64>most), slot);
    }
    store<f64>(planAt, load<f64>(planAt, number) + skipped, number);
  }
  store<i64>(planAt, begin, from);
  return begin;
}

function writeRecord(begin: i64, planAt: usize, columnsAt: usize, listAt: usize): void {
  const columns = load<u32>(planAt, columnCount), here = load<u32>(planAt, slot);
  let at = listAt + (<usize>(here * (2 + 4 * columns)) << 3);
  store<f64>(at, load<f64>(planAt, number));
  store<f64>(at, begin < load<i64>(planAt, lostUntil) ? -1 : load<f64>(planAt, stretch), 8);
  for (let column: u32 = 0; column < columns; column++) {
    const source = columnsAt + <usize>column * 40;
    at += column == 0 ? 16 : 32;
    memory.copy(at, source + 8, 32);
    memory.fill(source + 8, 0, 32);
  }
  store<u32>(planAt, here + 1 == load<u32>(planAt, capacity) ? 0 : here + 1, slot);
  store<f64>(planAt, load<f64>(planAt, records) + 1, records);
}
