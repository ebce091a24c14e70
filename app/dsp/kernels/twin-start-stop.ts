// dsp/kernels/twin-start-stop.ts - twin of start-stop.as.ts: last start to first click, in a table of the bins that occur.
import type { KernelSet } from './kernels.ts';
import { startStopPlan } from './layouts.ts';
import { addCount, difference, word, type Views } from './words.ts';

export function startStopKernels(views: () => Views): Pick<KernelSet, 'countStartStop'> {
  function countDelay(delayPs: number, planAt: number, entriesAt: number, indexAt: number): void {
    const { u32, f64 } = views();
    if (delayPs >= 2 ** 53) {
      f64[(planAt + startStopPlan.dropped) / 8]!++;
      return;
    }
    const bin = Math.floor(delayPs / f64[(planAt + startStopPlan.widthPs) / 8]!);
    const high = Math.floor(bin / word), low = bin - high * word;
    const entries = (planAt + startStopPlan.entries) / 4, mask = u32[(planAt + startStopPlan.indexMask) / 4]!;
    const index = indexAt / 4;
    for (let slot = hashOf(high, low) & mask; ; slot = (slot + 1) & mask) {
      const entry = u32[index + slot]!;
      if (entry === 0) {
        const n = u32[entries]!, at = entriesAt / 4 + 4 * n;
        if (n === u32[(planAt + startStopPlan.capacity) / 4]) {
          f64[(planAt + startStopPlan.dropped) / 8]!++;
          return;
        }
        u32[at] = low;
        u32[at + 1] = high;
        u32[at + 2] = 1;
        u32[at + 3] = 0;
        u32[index + slot] = u32[entries] = n + 1;
        return;
      }
      const at = entriesAt / 4 + 4 * (entry - 1);
      if (u32[at] === low && u32[at + 1] === high) {
        addCount(u32, at + 2, 1);
        return;
      }
    }
  }

  function settle(planAt: number, entriesAt: number, indexAt: number): void {
    const { u32, i32 } = views();
    const plan = planAt / 4, opened = plan + startStopPlan.opened / 4, moment = plan + startStopPlan.moment / 4;
    if (u32[plan + startStopPlan.started / 4]! > 0) {
      u32[opened] = u32[moment]!;
      u32[opened + 1] = u32[moment + 1]!;
      u32[plan + startStopPlan.isOpen / 4] = 1;
    }
    if (u32[plan + startStopPlan.clicked / 4]! > 0 && u32[plan + startStopPlan.isOpen / 4]! > 0) {
      countDelay(difference(u32, i32, moment, opened), planAt, entriesAt, indexAt);
      u32[plan + startStopPlan.isOpen / 4] = 0;
    }
    u32[plan + startStopPlan.started / 4] = 0;
    u32[plan + startStopPlan.clicked / 4] = 0;
  }

  return {
    countStartStop(timesAt, channelsAt, n, untilAt, planAt, entriesAt, indexAt) {
      const { u8, u32, i32 } = views();
      const plan = planAt / 4, click = u32[plan + startStopPlan.click / 4]!, start = u32[plan + startStopPlan.start / 4]!;
      const opened = plan + startStopPlan.opened / 4, moment = plan + startStopPlan.moment / 4;
      for (let i = 0; i < n; i++) {
        const channel = u8[channelsAt + i]!, w = timesAt / 4 + 2 * i;
        if (channel !== click && channel !== start) continue;
        if (click === start) {
          if (u32[plan + startStopPlan.isOpen / 4]! > 0) countDelay(difference(u32, i32, w, opened), planAt, entriesAt, indexAt);
          u32[opened] = u32[w]!;
          u32[opened + 1] = u32[w + 1]!;
          u32[plan + startStopPlan.isOpen / 4] = 1;
        } else {
          if (difference(u32, i32, w, moment) !== 0) {
            settle(planAt, entriesAt, indexAt);
            u32[moment] = u32[w]!;
            u32[moment + 1] = u32[w + 1]!;
          }
          u32[plan + (channel === click ? startStopPlan.clicked : startStopPlan.started) / 4] = 1;
        }
      }
      if (difference(u32, i32, untilAt / 4, moment) > 0) settle(planAt, entriesAt, indexAt);
    },
  };
}

function hashOf(high: number, low: number): number {
  const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
