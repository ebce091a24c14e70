// dsp/kernels/twin-dense.ts - twins of pick.as.ts and dense.as.ts: pairs of two lists with two moving pointers.
import type { KernelSet } from './kernels.ts';
import { forBits } from './twin-bits.ts';
import { readPairPlan } from './twin-plan.ts';
import { addCount, difference, type Views } from './words.ts';

export function denseKernels(views: () => Views): Pick<KernelSet, 'pickTimes' | 'pickMarked' | 'pairsDense' | 'pairsAuto'> {
  /** Every click of [click, clicksEnd) with every start of [start, startsEnd) that is in range; all are words. */
  function cross(click: number, clicksEnd: number, start: number, startsEnd: number, planAt: number, countsAt: number): void {
    const all = views();
    const { u32, i32 } = all;
    const { widthPs, aheadPs, behindPs } = readPairPlan(all, planAt);
    const lowestPs = 1 - behindPs, bins = countsAt / 4;
    let first = start;
    for (; click < clicksEnd; click += 2) {
      while (first < startsEnd && difference(u32, i32, click, first) >= aheadPs) first += 2;
      for (let at = first; at < startsEnd; at += 2) {
        const delayPs = difference(u32, i32, click, at);
        if (delayPs < lowestPs) break;
        addCount(u32, bins + 2 * Math.floor((delayPs - lowestPs) / widthPs), 1);
      }
    }
  }

  return {
    pickTimes(timesAt, channelsAt, n, channel, intoAt) {
      const { u8, u32 } = views();
      const first = timesAt / 4;
      let into = intoAt / 4;
      for (let i = 0; i < n; i++) {
        if (u8[channelsAt + i] !== channel) continue;
        u32[into] = u32[first + 2 * i]!;
        u32[into + 1] = u32[first + 2 * i + 1]!;
        into += 2;
      }
      return (into - intoAt / 4) / 2;
    },

    pickMarked(timesAt, bitsAt, n, intoAt) {
      const { u32 } = views(), first = timesAt / 4;
      let into = intoAt / 4;
      forBits(n, word => u32[bitsAt / 4 + word]!, i => {
        u32[into] = u32[first + 2 * i]!;
        u32[into + 1] = u32[first + 2 * i + 1]!;
        into += 2;
      });
      return (into - intoAt / 4) / 2;
    },

    pairsDense(clicksAt, clicks, oldClicks, startsAt, starts, oldStarts, planAt, countsAt) {
      const click = clicksAt / 4, start = startsAt / 4;
      cross(click + 2 * oldClicks, click + 2 * clicks, start, start + 2 * starts, planAt, countsAt);
      cross(click, click + 2 * oldClicks, start + 2 * oldStarts, start + 2 * starts, planAt, countsAt);
    },

    pairsAuto(timesAt, n, old, planAt, countsAt) {
      const all = views();
      const { u32, i32 } = all;
      const { below, widthPs, aheadPs, behindPs } = readPairPlan(all, planAt);
      const reachPs = Math.max(aheadPs, behindPs), zero = countsAt / 4 + 2 * below;
      let first = timesAt / 4;
      for (let later = timesAt / 4 + 2 * old; later < timesAt / 4 + 2 * n; later += 2) {
        while (first < later && difference(u32, i32, later, first) >= reachPs) first += 2;
        for (let at = first; at < later; at += 2) {
          const delayPs = difference(u32, i32, later, at);
          if (delayPs < aheadPs) addCount(u32, zero + 2 * Math.floor(delayPs / widthPs), 1);
          if (delayPs > 0 && delayPs < behindPs) addCount(u32, zero - 2 * Math.ceil(delayPs / widthPs), 1);
        }
      }
    },
  };
}
