// dsp/kernels/twin-phase.ts - twin of phase.as.ts: phases of a periodic channel and their differences.
import type { KernelSet } from './kernels.ts';
import { phasePlan, phaseRecordBytes, phaseStep } from './phase-layout.ts';
import { addTo, difference, type Views } from './words.ts';

export function phaseKernels(views: () => Views): Pick<KernelSet, 'takePhases'> {
  function addSample(planAt: number, listAt: number, stepsAt: number, historyAt: number): void {
    const { u32, i32, f64 } = views(), plan = planAt / 4, numbers = planAt / 8;
    const word = (name: 'average' | 'slot' | 'capacity' | 'steps' | 'historySize' | 'place' | 'known'): number => plan + phasePlan[name] / 4;
    const number = (name: 'sum' | 'firstSum' | 'period' | 'index' | 'records' | 'previous' | 'drift' | 'periods'): number => numbers + phasePlan[name] / 8;
    const first = plan + phasePlan.first / 4, expected = plan + phasePlan.expected / 4, k = f64[number('index')]!;
    if (u32[word('known')] === 0) {
      f64[number('firstSum')] = f64[number('sum')]!;
      u32[word('known')] = 1;
    }
    if (k === 0) u32.copyWithin(expected, first, first + 2);
    else {
      if (u32[word('known')] === 1) {
        f64[number('period')] = difference(u32, i32, first, expected);
        u32[word('known')] = 2;
      }
      addTo(u32, i32, expected, f64[number('period')]!);
    }
    const residual = u32[word('average')]! * difference(u32, i32, first, expected) + (f64[number('sum')]! - f64[number('firstSum')]!);
    if (k > 0) {
      f64[number('drift')]! += residual - f64[number('previous')]!;
      f64[number('periods')]!++;
    }
    f64[number('previous')] = residual;
    f64[number('index')] = k + 1;
    const record = u32[word('slot')]!, at = (listAt + phaseRecordBytes * record) / 8;
    f64[at] = residual;
    f64[at + 1] = k;
    u32[word('slot')] = record + 1 === u32[word('capacity')] ? 0 : record + 1;
    f64[number('records')]!++;
    const here = u32[word('place')]!, size = u32[word('historySize')]!;
    f64[historyAt / 8 + here] = residual;
    for (let i = 0; i < u32[word('steps')]!; i++) addDifferences(stepsAt + phaseStep.bytes * i, k, residual, here, size, historyAt);
    u32[word('place')] = here + 1 === size ? 0 : here + 1;
  }

  function addDifferences(at: number, k: number, x: number, here: number, size: number, historyAt: number): void {
    const { u32, f64 } = views(), m = u32[at / 4]!;
    const field = (name: Exclude<keyof typeof phaseStep, 'bytes' | 'length'>): number => (at + phaseStep[name]) / 8;
    const behind = (back: number): number => f64[historyAt / 8 + (here >= back ? here - back : here + size - back)]!;
    if (k < m) return;
    const one = behind(m);
    if (f64[field('periods')] === 0) f64[field('shift')] = x - one;
    const change = x - one - f64[field('shift')]!;
    f64[field('periods')]!++;
    f64[field('sum')]! += change;
    f64[field('square')]! += change * change;
    if (k < 2 * m) return;
    const two = behind(2 * m), second = x - 2 * one + two;
    f64[field('seconds')]!++;
    f64[field('secondSquare')]! += second * second;
    if (k < 3 * m) f64[field('open')]! += second;
    else {
      const third = x - 3 * one + 3 * two - behind(3 * m);
      f64[field('thirds')]!++;
      f64[field('thirdSquare')]! += third * third;
      f64[field('open')]! += third;
    }
    if (k < 3 * m - 1) return;
    f64[field('moving')]!++;
    f64[field('movingSquare')]! += f64[field('open')]! * f64[field('open')]!;
  }

  return {
    takePhases(timesAt, channelsAt, n, planAt, listAt, stepsAt, historyAt) {
      const { u8, u32, i32, f64 } = views(), plan = planAt / 4;
      const own = u32[plan + phasePlan.channel / 4]!, size = u32[plan + phasePlan.average / 4]!;
      const inGroup = plan + phasePlan.inGroup / 4, first = plan + phasePlan.first / 4, sum = (planAt + phasePlan.sum) / 8;
      for (let i = 0; i < n; i++) {
        if (u8[channelsAt + i] !== own) continue;
        const w = timesAt / 4 + 2 * i;
        if (u32[inGroup] === 0) {
          u32.copyWithin(first, w, w + 2);
          f64[sum] = 0;
        } else f64[sum]! += difference(u32, i32, w, first);
        if (++u32[inGroup]! < size) continue;
        u32[inGroup] = 0;
        addSample(planAt, listAt, stepsAt, historyAt);
      }
    },
  };
}
