// dsp/kernels/twin-stepped.ts - twin of stepped.as.ts: delays into the histogram in use.
import type { KernelSet } from './kernels.ts';
import { stepPlan } from './layouts.ts';
import { addCount, difference, type Views } from './words.ts';

export function steppedKernels(views: () => Views): Pick<KernelSet, 'stepPairs'> {
  /** The next histogram; true once the last round is complete. */
  function stepOn(planAt: number): boolean {
    const { u32, i32 } = views();
    const histogram = (planAt + stepPlan.histogram) / 4;
    if (i32[histogram] === -2) return false;
    if (i32[histogram]! + 1 < u32[(planAt + stepPlan.histograms) / 4]!) {
      i32[histogram]!++;
      return false;
    }
    i32[histogram] = u32[(planAt + stepPlan.sync) / 4]! < 256 ? -2 : 0;
    u32[(planAt + stepPlan.rounds) / 4]!++;
    return u32[(planAt + stepPlan.rounds) / 4] === u32[(planAt + stepPlan.maxRounds) / 4];
  }

  return {
    stepPairs(timesAt, channelsAt, n, startsAt, oldStarts, planAt, countsAt) {
      const { u8, u32, i32, f64 } = views();
      const plan = planAt / 4, histogram = plan + stepPlan.histogram / 4;
      const click = u32[plan + stepPlan.click / 4]!, start = u32[plan + stepPlan.start / 4]!;
      const next = u32[plan + stepPlan.next / 4]!, sync = u32[plan + stepPlan.sync / 4]!, bins = u32[plan + stepPlan.bins / 4]!;
      const clickTime = plan + stepPlan.clickTime / 4, tiedClicks = plan + stepPlan.tiedClicks / 4;
      const widthPs = f64[(planAt + stepPlan.widthPs) / 8]!, reachPs = widthPs * bins;
      let open = startsAt / 4, openEnd = open + 2 * oldStarts;
      for (let i = 0; i < n; i++) {
        const channel = u8[channelsAt + i]!, w = timesAt / 4 + 2 * i;
        if (channel === sync) i32[histogram] = next < 256 ? -1 : 0;
        if (channel === next && stepOn(planAt)) return i + 1;
        const current = i32[histogram]!, row = countsAt / 4 + 2 * bins * current;
        if (channel === click) {
          while (open < openEnd && difference(u32, i32, w, open) >= reachPs) open += 2;
          if (current >= 0) {
            for (let at = open; at < openEnd; at += 2) addCount(u32, row + 2 * Math.floor(difference(u32, i32, w, at) / widthPs), 1);
          }
          u32[tiedClicks] = difference(u32, i32, w, clickTime) === 0 ? u32[tiedClicks]! + 1 : 1;
          u32[clickTime] = u32[w]!;
          u32[clickTime + 1] = u32[w + 1]!;
        }
        if (channel === start) {
          openEnd += 2;
          if (click !== start && current >= 0 && difference(u32, i32, w, clickTime) === 0) addCount(u32, row, u32[tiedClicks]!);
        }
      }
      return n;
    },
  };
}
