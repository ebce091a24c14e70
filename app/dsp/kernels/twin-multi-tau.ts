// dsp/kernels/twin-multi-tau.ts - twin of multi-tau.as.ts: products of counts in bins that grow with the delay.
import type { KernelSet } from './kernels.ts';
import { denseOctaves, mostClicks, mostStarts, noBin, pageBins, tauHigh, tauPlan } from './multi-tau-layout.ts';
import { addCount, addTo, difference, type Views } from './words.ts';

const halfPs = 2 ** 16, pagePs = 2 * halfPs * pageBins;

export function multiTauKernels(views: () => Views): Pick<KernelSet, 'multiTau' | 'multiTauEnd'> {
  function add(octave: number, lag: number, pairs: number, planAt: number, countsAt: number): void {
    const { u32 } = views(), bin = u32[(planAt + tauPlan.binOf) / 4 + 8 * octave + lag - 8]!;
    if (bin !== noBin) addCount(u32, countsAt / 4 + 2 * bin, pairs);
  }

  function push(octave: number, clicks: number, first: number, second: number, planAt: number, countsAt: number): void {
    const { u32 } = views(), w = (planAt + tauPlan.high + tauHigh.bytes * octave) / 4;
    const last = w + tauHigh.last / 4, index = u32[w + tauHigh.index / 4]!;
    u32[w + (index & 15)] = u32[last]! + first;
    u32[last] = second;
    u32[w + tauHigh.index / 4] = index + 1;
    for (let lag = 8; lag < 16; lag++) add(octave, lag, clicks * u32[w + ((index - lag) & 15)]!, planAt, countsAt);
    if (octave + 1 === u32[(planAt + tauPlan.octaves) / 4]) return;
    if (index % 2 === 1) push(octave + 1, clicks + u32[w + tauHigh.heldClicks / 4]!, u32[w + tauHigh.heldStarts / 4]!, first + second, planAt, countsAt);
    else {
      u32[w + tauHigh.heldClicks / 4] = clicks;
      u32[w + tauHigh.heldStarts / 4] = first + second;
    }
  }

  function countPage(planAt: number, countsAt: number): void {
    const { u32 } = views(), octaves = u32[(planAt + tauPlan.octaves) / 4]!, clicks = (planAt + tauPlan.clicks) / 4, halves = (planAt + tauPlan.halves) / 4;
    let bins = pageBins;
    for (let octave = 0; octave < Math.min(octaves, denseOctaves); octave++, bins /= 2) {
      const lane = (planAt + tauPlan.lanes + tauPlan.laneBytes * octave) / 4, last = (planAt + tauPlan.lasts) / 4 + octave, starts = lane + 16;
      u32.copyWithin(lane, lane + bins, lane + bins + 16);
      for (let j = 0; j < bins; j++) u32[starts + j] = (j === 0 ? u32[last]! : u32[halves + 2 * j - 1]!) + u32[halves + 2 * j]!;
      u32[last] = u32[halves + 2 * bins - 1]!;
      for (let lag = 8; lag < 16; lag++) {
        let pairs = 0;
        for (let i = 0; i < bins; i++) pairs += u32[clicks + i]! * u32[starts + i - lag]!;
        add(octave, lag, pairs, planAt, countsAt);
      }
      for (let i = 0; i < bins / 2; i++) u32[clicks + i] = u32[clicks + 2 * i]! + u32[clicks + 2 * i + 1]!;
      for (let i = 0; i < bins; i++) u32[halves + i] = u32[halves + 2 * i]! + u32[halves + 2 * i + 1]!;
    }
    const pushed = octaves > denseOctaves ? pageBins >> denseOctaves : 0;
    for (let i = 0; i < pushed; i++) push(denseOctaves, u32[clicks + i]!, u32[halves + 2 * i]!, u32[halves + 2 * i + 1]!, planAt, countsAt);
    u32.fill(0, clicks, clicks + pageBins);
    u32.fill(0, halves, halves + 2 * pageBins);
  }

  function advance(time: number, planAt: number, countsAt: number): void {
    const { u32, i32 } = views(), page = (planAt + tauPlan.page) / 4;
    const longest = 2 ** Math.max(0, u32[(planAt + tauPlan.octaves) / 4]! - 11), silent = 18 * longest + 2; // in pages
    for (let counted = 0; difference(u32, i32, time, page) >= pagePs; counted++) {
      if (counted === silent) skip(time, page, 2 * longest * pagePs);
      if (difference(u32, i32, time, page) < pagePs) break;
      countPage(planAt, countsAt);
      addTo(u32, i32, page, pagePs);
    }
  }

  /** Beyond 2^53 ps a difference is rounded: half of it at a time is never too far. */
  function skip(time: number, page: number, unitPs: number): void {
    const { u32, i32 } = views();
    for (;;) {
      const leftPs = difference(u32, i32, time, page), units = Math.floor((leftPs < 2 ** 53 ? leftPs : 2 ** 52) / unitPs);
      if (units === 0) return;
      addTo(u32, i32, page, units * unitPs);
    }
  }

  return {
    multiTau(timesAt, channelsAt, n, fromAt, untilAt, planAt, countsAt) {
      const { u8, u32, i32, f64 } = views();
      const plan = planAt / 4, page = plan + tauPlan.page / 4, click = u32[plan + tauPlan.click / 4]!, start = u32[plan + tauPlan.start / 4]!;
      if (u32[plan + tauPlan.isOpen / 4] === 0) {
        u32[page] = u32[fromAt / 4]!;
        u32[page + 1] = u32[fromAt / 4 + 1]!;
        u32[plan + tauPlan.isOpen / 4] = 1;
      }
      for (let i = 0; i < n; i++) {
        const channel = u8[channelsAt + i]!, time = timesAt / 4 + 2 * i;
        advance(time, planAt, countsAt);
        const half = Math.floor(difference(u32, i32, time, page) / halfPs);
        const clicks = plan + tauPlan.clicks / 4 + (half >> 1), starts = plan + tauPlan.halves / 4 + half;
        if (u32[clicks]! + (channel === click ? 1 : 0) > mostClicks || u32[starts]! + (channel === start ? 1 : 0) > mostStarts) f64[(planAt + tauPlan.dropped) / 8]!++;
        else {
          if (channel === click) u32[clicks]!++;
          if (channel === start) u32[starts]!++;
        }
      }
      advance(untilAt / 4, planAt, countsAt);
    },

    multiTauEnd(planAt, countsAt) {
      const { u32 } = views(), plan = planAt / 4;
      countPage(planAt, countsAt);
      for (let octave = denseOctaves; octave + 1 < u32[plan + tauPlan.octaves / 4]!; octave++) {
        const w = (planAt + tauPlan.high + tauHigh.bytes * octave) / 4;
        if (u32[w + tauHigh.index / 4]! % 2 === 1) push(octave + 1, u32[w + tauHigh.heldClicks / 4]!, u32[w + tauHigh.heldStarts / 4]!, 0, planAt, countsAt);
      }
      u32.fill(0, plan + tauPlan.high / 4, plan + tauPlan.clicks / 4);
      u32.fill(0, plan + tauPlan.lanes / 4, plan + (tauPlan.lasts + 64) / 4);
      u32[plan + tauPlan.isOpen / 4] = 0;
    },
  };
}
