// dsp/kernels/first-stops-layout.ts - the record of delays to the first stop on several axes; first-stops.as.ts reads the same offsets.

export interface StopAxis { stop: number; bins: number; binwidthPs: number }
/** The last axis varies fastest. */
export interface FirstStopsPlan { start: number; axes: readonly StopAxis[] }
/**
 * Masks have bit a for axis a, and bit 31 in `roles` for the start. `own`: axes whose stop is the start channel. `waiting`: axes
 * without a stop since the start; 0 too where no start is open.
 */
export const firstStopsPlan = {
  bytes: 1408, mostAxes: 8, axes: 0, own: 4, waiting: 12, seen: 16, cell: 20, opened: 24, moment: 32, axis: 64, roles: 384,
} as const;
export const stopAxis = { bytes: 32, rangePs: 0, widthPs: 8, stride: 16 } as const;

export function writeFirstStopsPlan(memory: WebAssembly.Memory, at: number, { start, axes }: FirstStopsPlan): void {
  const view = new DataView(memory.buffer, at, firstStopsPlan.bytes), roles = new Uint32Array(memory.buffer, at + firstStopsPlan.roles, 256);
  let stride = 1;
  for (const [i, { stop, bins, binwidthPs }] of [...axes.entries()].reverse()) {
    const axisAt = firstStopsPlan.axis + stopAxis.bytes * i;
    view.setFloat64(axisAt + stopAxis.rangePs, bins * binwidthPs, true);
    view.setFloat64(axisAt + stopAxis.widthPs, binwidthPs, true);
    view.setUint32(axisAt + stopAxis.stride, stride, true);
    roles[stop]! |= 1 << i;
    stride *= bins;
  }
  view.setUint32(firstStopsPlan.axes, axes.length, true);
  view.setUint32(firstStopsPlan.own, roles[start]!, true);
  roles[start]! |= 2 ** 31;
}
