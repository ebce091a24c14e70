// dsp/kernels/twin-window.ts - twin of window.as.ts: sums for straight lines in windows.
import type { KernelSet } from './kernels.ts';
import { windowColumn, windowPlan, windowRecordWidth } from './window-layout.ts';
import { addTo, difference, type Views } from './words.ts';

export function windowKernels(views: () => Views): Pick<KernelSet, 'fitWindows'> {
  function closeWindows(timeAt: number, planAt: number, columnsAt: number, listAt: number): void {
    const { u32, i32, f64 } = views(), plan = planAt / 4, numbers = planAt / 8, from = plan + windowPlan.from / 4;
    const step = f64[numbers + windowPlan.interval / 8]!, width = f64[numbers + windowPlan.width / 8]!, capacity = u32[plan + windowPlan.capacity / 4]!;
    const slot = plan + windowPlan.slot / 4;
    while (difference(u32, i32, timeAt, from) >= width) {
      writeRecord(planAt, columnsAt, listAt);
      addTo(u32, i32, from, step);
      addTo(u32, i32, from, width);
      const beyond = difference(u32, i32, timeAt, from);
      addTo(u32, i32, from, -width);
      const silent = Math.min(Math.floor(beyond / step) - capacity, Math.floor(4503599627370496 / step));
      if (silent > 0) {
        addTo(u32, i32, from, silent * step);
        f64[numbers + windowPlan.records / 8]! += silent;
        u32[slot] = (u32[slot]! + silent) % capacity;
      }
      f64[numbers + windowPlan.number / 8]! += 1 + Math.max(0, silent);
    }
  }

  function writeRecord(planAt: number, columnsAt: number, listAt: number): void {
    const { u32, i32, f64 } = views(), plan = planAt / 4, numbers = planAt / 8, slot = plan + windowPlan.slot / 4;
    const columns = u32[plan + windowPlan.columns / 4]!, at = listAt / 8 + u32[slot]! * windowRecordWidth(columns);
    const isBroken = difference(u32, i32, plan + windowPlan.from / 4, plan + windowPlan.lostUntil / 4) < 0;
    f64[at] = f64[numbers + windowPlan.number / 8]!;
    f64[at + 1] = isBroken ? -1 : f64[numbers + windowPlan.stretch / 8]!;
    for (let column = 0; column < columns; column++) {
      const source = (columnsAt + windowColumn.bytes * column) / 8;
      f64.copyWithin(at + 2 + 4 * column, source + 1, source + 5);
      f64.fill(0, source + 1, source + 5);
    }
    u32[slot] = u32[slot]! + 1 === u32[plan + windowPlan.capacity / 4] ? 0 : u32[slot]! + 1;
    f64[numbers + windowPlan.records / 8]!++;
  }

  return {
    fitWindows(timesAt, channelsAt, n, untilAt, planAt, columnsAt, listAt) {
      const { u8, u32, i32, f64 } = views(), plan = planAt / 4, from = plan + windowPlan.from / 4;
      const width = f64[(planAt + windowPlan.width) / 8]!, half = f64[(planAt + windowPlan.half) / 8]!;
      for (let i = 0; i < n; i++) {
        const column = u8[planAt + windowPlan.columnOf + u8[channelsAt + i]!]!, w = timesAt / 4 + 2 * i;
        if (column === 255) continue;
        if (difference(u32, i32, w, from) >= width) closeWindows(w, planAt, columnsAt, listAt);
        const at = (columnsAt + windowColumn.bytes * column) / 8, cycles = f64[at]!, since = difference(u32, i32, w, from);
        f64[at] = cycles + 1;
        if (since < 0) continue;
        const count = f64[at + 2]!, u = since - half;
        if (count === 0) f64[at + 1] = cycles;
        f64[at + 2] = count + 1;
        f64[at + 3]! += u;
        f64[at + 4]! += count * u;
      }
      closeWindows(untilAt / 4, planAt, columnsAt, listAt);
    },
  };
}
