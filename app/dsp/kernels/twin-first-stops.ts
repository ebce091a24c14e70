// dsp/kernels/twin-first-stops.ts - twin of first-stops.as.ts: the last start and the first stop on each axis.
import { firstStopsPlan, stopAxis } from './first-stops-layout.ts';
import type { KernelSet } from './kernels.ts';
import { addCount, difference, type Views } from './words.ts';

export function firstStopsKernels(views: () => Views): Pick<KernelSet, 'countFirstStops'> {
  function stop(mask: number, planAt: number, countsAt: number): void {
    const { u32, i32, f64 } = views();
    const plan = planAt / 4, waiting = plan + firstStopsPlan.waiting / 4, cell = plan + firstStopsPlan.cell / 4;
    const first = u32[waiting]! & mask;
    if (first === 0) return;
    const delayPs = difference(u32, i32, plan + firstStopsPlan.moment / 4, plan + firstStopsPlan.opened / 4);
    for (let i = 0; i < u32[plan + firstStopsPlan.axes / 4]!; i++) {
      if ((first & 1 << i) === 0) continue;
      const axisAt = planAt + firstStopsPlan.axis + stopAxis.bytes * i;
      if (delayPs >= f64[axisAt / 8]!) {
        u32[waiting] = 0;
        return;
      }
      u32[cell] = u32[cell]! + Math.floor(delayPs / f64[(axisAt + stopAxis.widthPs) / 8]!) * u32[(axisAt + stopAxis.stride) / 4]!;
    }
    u32[waiting] = u32[waiting]! & ~first;
    if (u32[waiting] === 0) addCount(u32, countsAt / 4 + 2 * u32[cell]!, 1);
  }

  function settle(planAt: number, countsAt: number): void {
    const { u32 } = views();
    const plan = planAt / 4, moment = plan + firstStopsPlan.moment / 4, opened = plan + firstStopsPlan.opened / 4;
    const seen = u32[plan + firstStopsPlan.seen / 4]!, own = u32[plan + firstStopsPlan.own / 4]!;
    let mask = seen;
    if (seen >= 2 ** 31) {
      stop(own, planAt, countsAt);
      u32[opened] = u32[moment]!;
      u32[opened + 1] = u32[moment + 1]!;
      u32[plan + firstStopsPlan.waiting / 4] = 2 ** u32[plan + firstStopsPlan.axes / 4]! - 1;
      u32[plan + firstStopsPlan.cell / 4] = 0;
      mask &= ~own;
    }
    stop(mask, planAt, countsAt);
    u32[plan + firstStopsPlan.seen / 4] = 0;
  }

  return {
    countFirstStops(timesAt, channelsAt, n, untilAt, planAt, countsAt) {
      const { u8, u32, i32 } = views();
      const plan = planAt / 4, moment = plan + firstStopsPlan.moment / 4, seen = plan + firstStopsPlan.seen / 4;
      for (let i = 0; i < n; i++) {
        const role = u32[plan + firstStopsPlan.roles / 4 + u8[channelsAt + i]!]!, w = timesAt / 4 + 2 * i;
        if (role === 0) continue;
        if (difference(u32, i32, w, moment) !== 0) {
          settle(planAt, countsAt);
          u32[moment] = u32[w]!;
          u32[moment + 1] = u32[w + 1]!;
        }
        u32[seen] = (u32[seen]! | role) >>> 0;
      }
      if (difference(u32, i32, untilAt / 4, moment) > 0) settle(planAt, countsAt);
    },
  };
}
