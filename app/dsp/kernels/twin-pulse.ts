// dsp/kernels/twin-pulse.ts - twin of pulse.as.ts: pulses against a reference.
import type { KernelSet } from './kernels.ts';
import { pulsePlan, pulseRecordWidth, pulseSignal } from './pulse-layout.ts';
import { difference, word, type Views } from './words.ts';

export function pulseKernels(views: () => Views): Pick<KernelSet, 'watchPulses'> {
  function isOver(timeAt: number, planAt: number): boolean {
    const { u32, i32, f64 } = views(), plan = planAt / 4, number = planAt / 8;
    return u32[plan + pulsePlan.isOpen / 4]! > 0
      && difference(u32, i32, timeAt, plan + pulsePlan.opened / 4) >= f64[number + pulsePlan.period / 8]! - f64[number + pulsePlan.half / 8]!;
  }

  function openRow(timeAt: number, planAt: number, signalsAt: number): void {
    const { u32 } = views(), plan = planAt / 4;
    if (u32[plan + pulsePlan.hasOrigin / 4] === 0) {
      u32.copyWithin(plan + pulsePlan.origin / 4, timeAt, timeAt + 2);
      u32[plan + pulsePlan.hasOrigin / 4] = 1;
    }
    u32.copyWithin(plan + pulsePlan.opened / 4, timeAt, timeAt + 2);
    u32[plan + pulsePlan.isOpen / 4] = 1;
    for (let s = 0; s < u32[plan + pulsePlan.signals / 4]!; s++) {
      const signal = (signalsAt + pulseSignal.bytes * s) / 4, known = u32[signal + pulseSignal.known / 4]! & 1;
      u32.copyWithin(signal + pulseSignal.before / 4, signal, signal + 2);
      u32[signal + pulseSignal.known / 4] = known | (known << 1);
    }
  }

  /** `nextAt`: word of the next reference; `coveredAt`: word of the time at which the stretch breaks off. */
  function closeRow(planAt: number, signalsAt: number, listAt: number, nextAt?: number, coveredAt?: number): void {
    const { u32, i32, f64 } = views(), plan = planAt / 4, numbers = planAt / 8;
    const opened = plan + pulsePlan.opened / 4, origin = plan + pulsePlan.origin / 4, previous = plan + pulsePlan.previous / 4;
    const slot = plan + pulsePlan.slot / 4, signals = u32[plan + pulsePlan.signals / 4]!, at = listAt / 8 + u32[slot]! * pulseRecordWidth(signals);
    const low = u32[opened]! - u32[origin]!;
    i32[2 * at + 1] = i32[opened + 1]! - i32[origin + 1]! - (low < 0 ? 1 : 0);
    u32[2 * at] = low < 0 ? low + word : low;
    f64[at + 1] = u32[plan + pulsePlan.hasPrevious / 4]! > 0 ? difference(u32, i32, opened, previous) - f64[numbers + pulsePlan.period / 8]! : NaN;
    for (let s = 0; s < signals; s++) {
      const signal = (signalsAt + pulseSignal.bytes * s) / 4, known = u32[signal + pulseSignal.known / 4]!;
      const beforeAt = signal + pulseSignal.before / 4, afterAt = signal + pulseSignal.after / 4;
      let offset = NaN;
      if ((known & 2) > 0) {
        const before = difference(u32, i32, beforeAt, opened);
        if (before >= -f64[numbers + pulsePlan.half / 8]!) offset = before;
      }
      if ((known & 4) > 0 && (nextAt === undefined || difference(u32, i32, afterAt, nextAt) < 0)) {
        const after = difference(u32, i32, afterAt, opened);
        if (Number.isNaN(offset)) {
          if (after <= difference(u32, i32, opened, plan + pulsePlan.stretchFrom / 4)) offset = after;
        } else if (after < -offset) offset = after;
      }
      if (coveredAt !== undefined && Math.abs(offset) > difference(u32, i32, coveredAt, opened)) offset = NaN;
      f64[at + 2 + s] = offset;
    }
    u32.copyWithin(previous, opened, opened + 2);
    u32[plan + pulsePlan.hasPrevious / 4] = 1;
    u32[plan + pulsePlan.isOpen / 4] = 0;
    u32[slot] = u32[slot]! + 1 === u32[plan + pulsePlan.capacity / 4] ? 0 : u32[slot]! + 1;
    f64[numbers + pulsePlan.records / 8]!++;
  }

  return {
    watchPulses(timesAt, channelsAt, n, untilAt, planAt, signalsAt, listAt) {
      const { u8, u32, i32 } = views(), plan = planAt / 4, opened = plan + pulsePlan.opened / 4;
      const isOpen = (): boolean => u32[plan + pulsePlan.isOpen / 4]! > 0;
      for (let i = 0; i < n; i++) {
        const role = u8[planAt + pulsePlan.roles + u8[channelsAt + i]!]!, timeAt = timesAt / 4 + 2 * i;
        if (role === 0) continue;
        if (isOver(timeAt, planAt)) closeRow(planAt, signalsAt, listAt);
        if (role === 1) {
          if (isOpen()) {
            if (difference(u32, i32, timeAt, opened) === 0) continue;
            closeRow(planAt, signalsAt, listAt, timeAt);
          }
          openRow(timeAt, planAt, signalsAt);
          continue;
        }
        const signal = (signalsAt + pulseSignal.bytes * (role - 2)) / 4, known = signal + pulseSignal.known / 4;
        u32.copyWithin(signal, timeAt, timeAt + 2);
        u32[known]! |= 1;
        if (!isOpen()) continue;
        if (difference(u32, i32, timeAt, opened) === 0) {
          u32.copyWithin(signal + pulseSignal.before / 4, timeAt, timeAt + 2);
          u32[known]! |= 2;
        } else if ((u32[known]! & 4) === 0) {
          u32.copyWithin(signal + pulseSignal.after / 4, timeAt, timeAt + 2);
          u32[known]! |= 4;
        }
      }
      if (isOver(untilAt / 4, planAt)) closeRow(planAt, signalsAt, listAt);
      else if (isOpen() && u32[plan + pulsePlan.breaks / 4]! > 0) closeRow(planAt, signalsAt, listAt, undefined, untilAt / 4);
    },
  };
}
