// dsp/kernels/twin-grid.ts - twin of grid.as.ts: delays into a grid of histograms.
import { gridAxis, gridPlan } from './grid-layout.ts';
import type { KernelSet } from './kernels.ts';
import { addCount, difference, type Views } from './words.ts';

export function gridKernels(views: () => Views): Pick<KernelSet, 'gridPairs'> {
  function step(channel: number, planAt: number): void {
    const { u32, i32 } = views(), axes = u32[(planAt + gridPlan.axes) / 4]!;
    let cell = 0;
    for (let i = 0; i < axes; i++) {
      const at = (planAt + gridPlan.axis + gridAxis.bytes * i) / 4, next = u32[at]!, sync = u32[at + gridAxis.sync / 4]!;
      let position = i32[at + gridAxis.position / 4]!;
      if (channel === sync) position = next < 256 ? -1 : 0;
      if (channel === next && position > -2 && ++position === i32[at + gridAxis.size / 4]) position = sync < 256 ? -2 : 0;
      i32[at + gridAxis.position / 4] = position;
      cell = position < 0 || cell < 0 ? -1 : cell + position * i32[at + gridAxis.stride / 4]!;
    }
    i32[(planAt + gridPlan.cell) / 4] = cell;
  }

  return {
    gridPairs(timesAt, channelsAt, n, startsAt, oldStarts, planAt, countsAt) {
      const { u8, u32, i32, f64 } = views();
      const plan = planAt / 4, cell = plan + gridPlan.cell / 4, bins = u32[plan + gridPlan.bins / 4]!, isAuto = u32[plan + gridPlan.isAuto / 4]! > 0;
      const clickTime = plan + gridPlan.clickTime / 4, tiedClicks = plan + gridPlan.tiedClicks / 4;
      const widthPs = f64[(planAt + gridPlan.widthPs) / 8]!, reachPs = widthPs * bins;
      let open = startsAt / 4, openEnd = open + 2 * oldStarts;
      for (let i = 0; i < n; i++) {
        const channel = u8[channelsAt + i]!, role = u8[planAt + gridPlan.roles + channel]!, w = timesAt / 4 + 2 * i;
        if (role === 0) continue;
        if ((role & 1) > 0) {
          const row = countsAt / 4 + 2 * bins * i32[cell]!;
          while (open < openEnd && difference(u32, i32, w, open) >= reachPs) open += 2;
          if (i32[cell]! >= 0) {
            for (let at = open; at < openEnd; at += 2) addCount(u32, row + 2 * Math.floor(difference(u32, i32, w, at) / widthPs), 1);
          }
          u32[tiedClicks] = difference(u32, i32, w, clickTime) === 0 ? u32[tiedClicks]! + 1 : 1;
          u32[clickTime] = u32[w]!;
          u32[clickTime + 1] = u32[w + 1]!;
        }
        if ((role & 4) > 0) step(channel, planAt);
        if ((role & 2) > 0) {
          openEnd += 2;
          if (!isAuto && i32[cell]! >= 0 && difference(u32, i32, w, clickTime) === 0) addCount(u32, countsAt / 4 + 2 * bins * i32[cell]!, u32[tiedClicks]!);
        }
      }
    },
  };
}
