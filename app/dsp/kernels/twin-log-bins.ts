// dsp/kernels/twin-log-bins.ts - twin of log-bins.as.ts: bins of growing width by one pointer per edge, near delays pair by pair.
import type { KernelSet } from './kernels.ts';
import { logEdge, logPlan } from './log-bins-layout.ts';
import { addCount, difference, word, type Views } from './words.ts';

export function logBinsKernels(views: () => Views): Pick<KernelSet, 'pairsLog'> {
  return {
    pairsLog(clicksAt, clicks, startsAt, starts, removed, planAt, countsAt) {
      const { u32, i32 } = views();
      const plan = planAt / 4, bins = u32[plan + logPlan.bins / 4]!, far = u32[plan + logPlan.far / 4]!, counts = countsAt / 4;
      const edgeAt = (k: number): number => plan + (logPlan.edges + logEdge.bytes * k) / 4;
      const edgeOf = (w: number): number => u32[w + 1]! * word + u32[w]!;
      const first = startsAt / 4, firstClick = clicksAt / 4;
      /** Moves a place on to the first start that is less than `limitPs` before the click. */
      const passed = (place: number, click: number, limitPs: number): number => {
        let at = place;
        while (at < starts && difference(u32, i32, click, first + 2 * at) >= limitPs) at++;
        return at;
      };

      const nearFirst = plan + logPlan.nearFirst / 4, nearPast = plan + logPlan.nearPast / 4;
      u32[nearFirst] = Math.max(0, u32[nearFirst]! - removed);
      u32[nearPast] = Math.max(0, u32[nearPast]! - removed);
      const nearClicks = far > 0 ? clicks : 0;
      for (let i = 0; i < nearClicks; i++) {
        const click = firstClick + 2 * i;
        u32[nearFirst] = passed(u32[nearFirst]!, click, edgeOf(plan + logPlan.nearLimit / 4));
        u32[nearPast] = passed(Math.max(u32[nearPast]!, u32[nearFirst]!), click, edgeOf(edgeAt(0)));
        for (let at = u32[nearFirst]!, bin = far; at < u32[nearPast]!; at++) {
          const delayPs = difference(u32, i32, click, first + 2 * at);
          while (bin > 0 && delayPs < edgeOf(edgeAt(bin))) bin--;
          addCount(u32, counts + 2 * bin, 1);
        }
      }

      let before = 0;
      if (far === bins) return;
      for (let k = far; k <= bins; k++) {
        const edgePs = edgeOf(edgeAt(k)), position = edgeAt(k) + logEdge.position / 4;
        let place = Math.max(0, u32[position]! - removed), sum = 0;
        for (let i = 0; i < clicks; i++) {
          place = passed(place, firstClick + 2 * i, edgePs);
          sum += place;
        }
        u32[position] = place;
        if (k > far) addCount(u32, counts + 2 * (k - 1), before - sum);
        before = sum;
      }
    },
  };
}
