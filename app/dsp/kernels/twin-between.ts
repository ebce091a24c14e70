// dsp/kernels/twin-between.ts - twin of between.as.ts: clicks between markers.
import { betweenEntry, betweenPlan } from './between-layout.ts';
import type { KernelSet } from './kernels.ts';
import { addCount, difference, subtract, type Views } from './words.ts';

export function betweenKernels(views: () => Views): Pick<KernelSet, 'countBetween'> {
  /** True once all entries are complete. */
  function settle(planAt: number, entriesAt: number): boolean {
    const all = views(), { u32 } = all, plan = planAt / 4;
    const flag = (name: 'hasEnd' | 'isOpen' | 'begun' | 'ended' | 'hasOrigin'): number => plan + betweenPlan[name] / 4;
    const moment = plan + betweenPlan.moment / 4, opened = plan + betweenPlan.opened / 4, origin = plan + betweenPlan.origin / 4;
    const entries = plan + betweenPlan.entries / 4, capacity = u32[plan + betweenPlan.capacity / 4]!, clicked = plan + betweenPlan.clicked / 4;
    const entry = (): number => (entriesAt + betweenEntry.bytes * u32[entries]!) / 4;
    if (u32[flag('isOpen')]! > 0 && u32[flag(u32[flag('hasEnd')]! > 0 ? 'ended' : 'begun')]! > 0) {
      subtract(all, entry() + betweenEntry.width / 4, moment, opened);
      u32[entries]!++;
      u32[flag('isOpen')] = 0;
    }
    if (u32[flag('begun')]! > 0 && u32[flag('isOpen')] === 0 && u32[entries]! < capacity) {
      if (u32[flag('hasOrigin')] === 0) {
        u32.copyWithin(origin, moment, moment + 2);
        u32[flag('hasOrigin')] = 1;
      }
      u32.fill(0, entry(), entry() + betweenEntry.bytes / 4);
      subtract(all, entry(), moment, origin);
      u32.copyWithin(opened, moment, moment + 2);
      u32[flag('isOpen')] = 1;
    }
    if (u32[flag('isOpen')]! > 0) addCount(u32, entry() + betweenEntry.clicks / 4, u32[clicked]!);
    u32[clicked] = 0;
    u32[flag('begun')] = 0;
    u32[flag('ended')] = 0;
    return u32[entries] === capacity;
  }

  return {
    countBetween(timesAt, channelsAt, n, untilAt, planAt, entriesAt) {
      const { u8, u32, i32 } = views(), plan = planAt / 4;
      const moment = plan + betweenPlan.moment / 4, roles = planAt + betweenPlan.roles;
      for (let i = 0; i < n; i++) {
        const role = u8[roles + u8[channelsAt + i]!]!, w = timesAt / 4 + 2 * i;
        if (role === 0) continue;
        if (difference(u32, i32, w, moment) !== 0) {
          if (settle(planAt, entriesAt)) return i;
          u32[moment] = u32[w]!;
          u32[moment + 1] = u32[w + 1]!;
        }
        if ((role & 1) > 0) u32[plan + betweenPlan.clicked / 4]!++;
        if ((role & 2) > 0) u32[plan + betweenPlan.begun / 4] = 1;
        if ((role & 4) > 0) u32[plan + betweenPlan.ended / 4] = 1;
      }
      if (difference(u32, i32, untilAt / 4, moment) > 0) settle(planAt, entriesAt);
      return n;
    },
  };
}
