// dsp/kernels/twin-clock.ts - twin of clock.as.ts: the phase-locked loop that makes a channel the time base of all.
import type { KernelSet } from './kernels.ts';
import { clockPlan } from './layouts.ts';
import { addTo, word, type Views } from './words.ts';

export function clockKernels(views: () => Views): Pick<KernelSet, 'followClock'> {
  return {
    followClock(timesAt, channelsAt, n, planAt) {
      const { u8, u32, i32, f64 } = views();
      const w = (field: keyof typeof clockPlan): number => (planAt + clockPlan[field]) / 4;
      const f = (field: keyof typeof clockPlan): number => (planAt + clockPlan[field]) / 8;
      const phase = w('phase'), out = w('out'), offset = w('offset'), lastIn = w('lastIn'), lastOut = w('lastOut'), locked = w('locked');
      const phaseRest = f('phaseRest'), outRest = f('outRest'), period = f('period'), periods = f('periods');
      const clock = u32[w('channel')]!, ideal = f64[f('nominal')]!, most = f64[f('most')]!, lockAfter = f64[f('lockAfter')]!;
      /** Modulo 2^64, as signed. */
      const distance = (a: number, b: number): number => {
        const low = u32[a]! - u32[b]!;
        return ((i32[a + 1]! - i32[b + 1]! - (low < 0 ? 1 : 0)) | 0) * word + (low < 0 ? low + word : low);
      };
      const copy = (to: number, from: number): void => {
        u32[to] = u32[from]!;
        u32[to + 1] = u32[from + 1]!;
      };
      const add = (to: number, a: number): void => {
        const low = u32[to]! + u32[a]!;
        u32[to] = low;
        i32[to + 1] = i32[to + 1]! + i32[a + 1]! + (low >= word ? 1 : 0);
      };
      const subtract = (to: number, a: number): void => {
        const low = u32[to]! - u32[a]!;
        u32[to] = low;
        i32[to + 1] = i32[to + 1]! - i32[a + 1]! - (low < 0 ? 1 : 0);
      };
      const advance = (at: number, rest: number, byPs: number): void => {
        const sum = f64[rest]! + byPs, whole = Math.floor(sum);
        addTo(u32, i32, at, whole);
        f64[rest] = sum - whole;
      };
      const scratch = w('scratch');
      const scale = (at: number): void => {
        const since = distance(at, phase) - f64[phaseRest]!;
        copy(scratch, out);
        addTo(u32, i32, scratch, Math.floor(f64[outRest]! + since * (ideal / f64[period]!) + 0.5));
        copy(lastIn, at);
        copy(at, distance(scratch, lastOut) < 0 ? lastOut : scratch);
        copy(lastOut, at);
      };

      for (let i = 0; i < n; i++) {
        const at = timesAt / 4 + 2 * i;
        const isClock = u8[channelsAt + i] === clock, isLocked = u32[locked] !== 0;
        if (isLocked || isClock) {
          const length = f64[period]!, since = distance(at, phase) - f64[phaseRest]!;
          const isWrong = distance(at, lastIn) < 0 || (isClock ? Math.abs(since - length) > length * 0.25 : since > length * 1.5);
          if (isLocked && isWrong) {
            u32[locked] = 0;
            f64[periods] = 0;
            copy(offset, lastOut);
            subtract(offset, lastIn);
            return i;
          }
          if (isClock) {
            if (isWrong || f64[periods] === 0) {
              copy(phase, at);
              f64[phaseRest] = 0;
              f64[period] = ideal;
              f64[periods] = 1;
              f64[f('error')] = 0;
            } else {
              const late = since - length, count = Math.min(f64[periods]! + 1, most), weight = count * (count + 1);
              advance(phase, phaseRest, length + late * ((4 * count - 2) / weight));
              advance(out, outRest, ideal);
              f64[period] = length + late * (6 / weight);
              f64[periods] = count;
              f64[f('error')] = late;
            }
            if (!isLocked && f64[periods]! >= lockAfter) {
              copy(out, phase);
              add(out, offset);
              f64[outRest] = f64[phaseRest]!;
              u32[locked] = 1;
              scale(at);
              return i + 1;
            }
          }
        }
        if (isLocked) scale(at);
        else {
          copy(lastIn, at);
          add(at, offset);
          copy(lastOut, at);
        }
      }
      return n;
    },
  };
}
