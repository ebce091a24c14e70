// dsp/kernels/window-layout.ts - the records of fitting windows in shared memory; window.as.ts reads the same offsets.

/** Channel indexes by column; windows of `widthPs` begin every `intervalPs`; the list has `capacity` records. */
export interface WindowPlan { channels: readonly number[]; intervalPs: number; widthPs: number; capacity: number }
export const windowPlan = {
  bytes: 384, columns: 0, slot: 4, capacity: 8, interval: 16, width: 24, half: 32, number: 40, stretch: 48, records: 56, from: 64, lostUntil: 72,
  columnOf: 128,
} as const;

/** Per column: tags of the stretch, those before the window, tags inside, sum of u, sum of i * u, where u = time - instant. */
export const windowColumn = { bytes: 40, cycles: 0, before: 8, count: 16, sum: 24, moment: 32 } as const;

/** f64 number of the window, f64 stretch (-1: broken), then before, count, sum and moment of each column. */
export function windowRecordWidth(columns: number): number { return 2 + 4 * columns; }

export function writeWindowPlan(memory: WebAssembly.Memory, at: number, { channels, intervalPs, widthPs, capacity }: WindowPlan): void {
  const view = new DataView(memory.buffer, at, windowPlan.bytes);
  view.setUint32(windowPlan.columns, channels.length, true);
  view.setUint32(windowPlan.capacity, capacity, true);
  view.setFloat64(windowPlan.interval, intervalPs, true);
  view.setFloat64(windowPlan.width, widthPs, true);
  view.setFloat64(windowPlan.half, Math.floor(widthPs / 2), true);
  const columnOf = new Uint8Array(memory.buffer, at + windowPlan.columnOf, 256).fill(255);
  channels.forEach((channel, column) => { columnOf[channel] = column; });
}
