// dsp/kernels/grid-layout.ts - the record of delays into a grid of histograms; grid.as.ts reads the same offsets.
import { noChannel } from './layouts.ts';

/** One axis; a channel that is not used is `noChannel`. */
export interface GridAxis { next: number; sync: number; size: number }
/** At most `gridPlan.mostAxes` axes; the last one varies fastest. */
export interface GridPlan { click: number; start: number; bins: number; binwidthPs: number; axes: readonly GridAxis[] }
export const gridPlan = {
  bytes: 576, mostAxes: 8, bins: 0, axes: 4, tiedClicks: 8, cell: 12, widthPs: 16, clickTime: 24, isAuto: 32, axis: 64, roles: 320,
} as const;
export const gridAxis = { bytes: 32, next: 0, sync: 4, size: 8, stride: 12, position: 16 } as const;

export function writeGridPlan(memory: WebAssembly.Memory, at: number, { click, start, bins, binwidthPs, axes }: GridPlan): void {
  const view = new DataView(memory.buffer, at, gridPlan.bytes), roles = new Uint8Array(memory.buffer, at + gridPlan.roles, 256);
  view.setUint32(gridPlan.bins, bins, true);
  view.setUint32(gridPlan.axes, axes.length, true);
  view.setFloat64(gridPlan.widthPs, binwidthPs, true);
  view.setUint32(gridPlan.isAuto, click === start ? 1 : 0, true);
  roles.fill(0);
  roles[click]! |= 1;
  roles[start]! |= 2;
  let stride = 1;
  for (const [i, { next, sync, size }] of [...axes.entries()].reverse()) {
    const axisAt = gridPlan.axis + gridAxis.bytes * i;
    for (const [key, value] of Object.entries({ next, sync, size, stride })) view.setUint32(axisAt + gridAxis[key as 'next'], value, true);
    for (const channel of [next, sync]) if (channel !== noChannel) roles[channel]! |= 4;
    stride *= size;
  }
  resetGrid(view);
}

/** The steps begin anew: each axis waits for its sync, or else for its next. */
export function resetGrid(view: DataView): void {
  const axes = view.getUint32(gridPlan.axes, true);
  let isWaiting = false;
  for (let i = 0; i < axes; i++) {
    const axisAt = gridPlan.axis + gridAxis.bytes * i;
    const position = view.getUint32(axisAt + gridAxis.sync, true) !== noChannel ? -2 : view.getUint32(axisAt + gridAxis.next, true) !== noChannel ? -1 : 0;
    view.setInt32(axisAt + gridAxis.position, position, true);
    isWaiting ||= position < 0;
  }
  view.setInt32(gridPlan.cell, isWaiting ? -1 : 0, true);
  view.setUint32(gridPlan.tiedClicks, 0, true);
}
