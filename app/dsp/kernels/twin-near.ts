// dsp/kernels/twin-near.ts - twin of near.as.ts: look back from every tag that follows its predecessor closely.
import type { KernelSet } from './kernels.ts';
import { forBits } from './twin-bits.ts';
import { readPairPlan } from './twin-plan.ts';
import { addCount, difference, type Views } from './words.ts';

export function nearKernels(views: () => Views): Pick<KernelSet, 'pairsNear'> {
  return {
    pairsNear(timesAt, channelsAt, n, history, closeAt, _tiesAt, clicksAt, startsAt, planAt, countsAt) {
      const all = views();
      const { u8, u32, i32 } = all;
      const { click, start, below, widthPs, aheadPs, behindPs } = readPairPlan(all, planAt);
      const reachPs = Math.max(aheadPs, behindPs), zero = countsAt / 4 + 2 * below, first = timesAt / 4;
      const countLater = (delayPs: number): void => addCount(u32, zero + 2 * Math.floor(delayPs / widthPs), 1);
      const countEarlier = (delayPs: number): void => addCount(u32, zero - 2 * Math.ceil(delayPs / widthPs), 1);

      const lookBack = (i: number): void => {
        if (i === 0 && history === 0) return;
        const channel = u8[channelsAt + i]!, w = first + 2 * i;
        const limitPs = click === start ? reachPs : channel === click ? aheadPs : behindPs;
        const partner = channel === click ? start : click;
        for (let k = i - 1; k >= -history; k--) {
          const delayPs = difference(u32, i32, w, first + 2 * k);
          if (delayPs >= limitPs) break;
          if (u8[channelsAt + k] !== partner) continue;
          if (click !== start) {
            if (channel === click) countLater(delayPs);
            else countEarlier(delayPs);
          } else {
            if (delayPs < aheadPs) countLater(delayPs);
            if (delayPs > 0 && delayPs < behindPs) countEarlier(delayPs);
          }
        }
      };
      const closeOf = (word: number): number => u32[closeAt / 4 + word]! & (u32[clicksAt / 4 + word]! | u32[startsAt / 4 + word]!);
      forBits(n, closeOf, lookBack);
    },
  };
}
