// dsp/kernels/twin-condition.ts - twin of condition.as.ts: conditional filter, event divider and dead time in one pass.
import type { KernelSet } from './kernels.ts';
import { conditionPlan, conditionRule } from './layouts.ts';
import { addTo, difference, type Views } from './words.ts';

export function conditionKernels(views: () => Views): Pick<KernelSet, 'conditionTags'> {
  return {
    conditionTags(timesAt, channelsAt, n, planAt, intoTimesAt, intoChannelsAt) {
      const { u8, u32, i32, f64 } = views();
      let triggered = f64[(planAt + conditionPlan.triggered) / 8]!;
      let kept = 0;
      for (let i = 0; i < n; i++) {
        const time = timesAt / 4 + 2 * i, channel = u8[channelsAt + i]!;
        const rule = (planAt + conditionPlan.rules + conditionRule.bytes * channel) / 4;
        triggered += u32[rule + conditionRule.triggers / 4]!;
        const seenAt = (rule + conditionRule.seen / 4) / 2;
        let passes = u32[rule + conditionRule.filtered / 4] === 0 || f64[seenAt] !== triggered;
        f64[seenAt] = triggered;
        if (passes) {
          const left = rule + conditionRule.left / 4;
          passes = u32[left] === 0;
          u32[left] = passes ? u32[rule + conditionRule.divider / 4]! - 1 : u32[left]! - 1;
        }
        if (!passes || difference(u32, i32, time, rule + conditionRule.accepts / 4) < 0) {
          u32[rule + conditionRule.removed / 4]!++;
          continue;
        }
        const accepts = rule + conditionRule.accepts / 4;
        u32[accepts] = u32[time]!;
        i32[accepts + 1] = i32[time + 1]!;
        addTo(u32, i32, accepts, u32[rule + conditionRule.dead / 4]! + i32[rule + conditionRule.dead / 4 + 1]! * 2 ** 32);
        const into = intoTimesAt / 4 + 2 * kept;
        u32[into] = u32[time]!;
        i32[into + 1] = i32[time + 1]!;
        u8[intoChannelsAt + kept] = channel;
        kept++;
      }
      f64[(planAt + conditionPlan.triggered) / 8] = triggered;
      return kept;
    },
  };
}
