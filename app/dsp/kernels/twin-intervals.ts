// dsp/kernels/twin-intervals.ts - twin of intervals.as.ts: tags per channel and time interval.
import type { KernelSet } from './kernels.ts';
import { intervalPlan } from './layouts.ts';
import { addCount, addTo, difference, type Views } from './words.ts';

export function intervalKernels(views: () => Views): Pick<KernelSet, 'countIntervals'> {
  /** Moves on to the bin that holds the time at word `w`; every bin on the way starts empty. */
  function openBinOf(w: number, planAt: number, ringAt: number): void {
    const { u8, u32, i32, f64 } = views();
    const plan = planAt / 4, end = plan + intervalPlan.openEnd / 4;
    const widthPs = f64[(planAt + intervalPlan.widthPs) / 8]!;
    const slots = u32[plan + intervalPlan.slots / 4]!, columns = u32[plan + intervalPlan.columns / 4]!;
    const flagsAt = ringAt + 8 * slots * columns, flag = u32[plan + intervalPlan.flagNew / 4]!;
    let behindPs = difference(u32, i32, w, end);
    while (behindPs >= 0) {
      // In portions, so that steps * width stays exact even after a pause of hours.
      const steps = Math.floor(Math.min(behindPs, 2 ** 52) / widthPs) + 1;
      const slot = u32[plan + intervalPlan.openSlot / 4]!;
      for (let step = 1; step <= Math.min(steps, slots); step++) {
        const opened = (slot + step) % slots, row = ringAt / 4 + 2 * opened * columns;
        u32.fill(0, row, row + 2 * columns);
        u8[flagsAt + opened] = flag;
      }
      u32[plan + intervalPlan.openSlot / 4] = (slot + steps) % slots;
      f64[(planAt + intervalPlan.openBin) / 8]! += steps;
      addTo(u32, i32, end, steps * widthPs);
      behindPs = difference(u32, i32, w, end);
    }
  }

  return {
    countIntervals(timesAt, channelsAt, n, _bitsAt, _stride, untilAt, planAt, ringAt) {
      const { u8, u32, i32 } = views();
      const end = (planAt + intervalPlan.openEnd) / 4, columns = u32[(planAt + intervalPlan.columns) / 4]!;
      const columnsAt = planAt + intervalPlan.columnOf, weightsAt = planAt + intervalPlan.weightOf;
      const rowNow = (): number => ringAt / 4 + 2 * u32[(planAt + intervalPlan.openSlot) / 4]! * columns;
      let row = rowNow();
      for (let i = 0; i < n; i++) {
        const w = timesAt / 4 + 2 * i;
        if (difference(u32, i32, w, end) >= 0) {
          openBinOf(w, planAt, ringAt);
          row = rowNow();
        }
        const channel = u8[channelsAt + i]!;
        if (u8[weightsAt + channel]! > 0) addCount(u32, row + 2 * u8[columnsAt + channel]!, 1);
      }
      if (difference(u32, i32, untilAt / 4, end) >= 0) openBinOf(untilAt / 4, planAt, ringAt);
    },
  };
}
