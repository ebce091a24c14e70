// dsp/kernels/twin-tags.ts - twins of the kernels on blocks of tags: count, order, sort, search, delay.
import type { KernelSet } from './kernels.ts';
import { addTo, difference, type Views } from './words.ts';

type Names = 'countChannels' | 'firstDescent' | 'sortTags' | 'lowerBound' | 'delayTags';

export function tagKernels(views: () => Views): Pick<KernelSet, Names> {
  function sortTags(timesAt: number, channelsAt: number, n: number): void {
    const { u8, u32, i32 } = views();
    const first = timesAt / 4;
    for (let i = 1; i < n; i++) {
      const low = u32[first + 2 * i]!, high = i32[first + 2 * i + 1]!, channel = u8[channelsAt + i]!;
      let place = i;
      for (; place > 0; place--) {
        const w = first + 2 * (place - 1);
        const later = (i32[w + 1]! - high) || (u32[w]! - low) || (u8[channelsAt + place - 1]! - channel);
        if (later <= 0) break;
      }
      if (place === i) continue;
      u32.copyWithin(first + 2 * (place + 1), first + 2 * place, first + 2 * i);
      u8.copyWithin(channelsAt + place + 1, channelsAt + place, channelsAt + i);
      u32[first + 2 * place] = low;
      i32[first + 2 * place + 1] = high;
      u8[channelsAt + place] = channel;
    }
  }

  return {
    countChannels(channelsAt, n, countsAt) {
      const { u8, u32 } = views();
      const counts = u32.subarray(countsAt / 4, countsAt / 4 + 256);
      for (let i = channelsAt; i < channelsAt + n; i++) counts[u8[i]!]!++;
    },

    firstDescent(timesAt, n, previousAt) {
      const { u32, i32 } = views();
      const first = timesAt / 4;
      let before = previousAt / 4;
      for (let i = 0; i < n; i++) {
        const w = first + 2 * i;
        if (difference(u32, i32, w, before) < 0) return i;
        before = w;
      }
      return n;
    },

    sortTags,

    lowerBound(timesAt, n, limitAt) {
      const { u32, i32 } = views();
      let low = 0, high = n;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (difference(u32, i32, timesAt / 4 + 2 * middle, limitAt / 4) < 0) low = middle + 1;
        else high = middle;
      }
      return low;
    },

    delayTags(timesAt, channelsAt, n, delaysAt) {
      const { u8, u32, i32, f64 } = views();
      for (let i = 0; i < n; i++) addTo(u32, i32, timesAt / 4 + 2 * i, f64[delaysAt / 8 + u8[channelsAt + i]!]!);
      sortTags(timesAt, channelsAt, n);
    },
  };
}
