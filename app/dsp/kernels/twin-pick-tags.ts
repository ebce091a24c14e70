// dsp/kernels/twin-pick-tags.ts - twin of pick-tags.as.ts: the tags of some channels, with their places in a list.
import type { KernelSet } from './kernels.ts';
import { pickPlan } from './layouts.ts';
import type { Views } from './words.ts';

export function pickTagsKernels(views: () => Views): Pick<KernelSet, 'pickTags'> {
  return {
    pickTags(timesAt, channelsAt, n, planAt, intoTimesAt, intoPlacesAt) {
      const { u8, u32, i32 } = views();
      const origin = (planAt + pickPlan.origin) / 4;
      let picked = 0;
      for (let i = 0; i < n; i++) {
        const place = u8[planAt + pickPlan.places + u8[channelsAt + i]!]!;
        if (place === 255) continue;
        const time = timesAt / 4 + 2 * i, into = intoTimesAt / 4 + 2 * picked;
        const low = u32[time]! - u32[origin]!;
        // A difference beyond 2^53 is no double; two words hold it.
        u32[into] = low;
        i32[into + 1] = i32[time + 1]! - i32[origin + 1]! - (low < 0 ? 1 : 0);
        u8[intoPlacesAt + picked] = place;
        picked++;
      }
      return picked;
    },
  };
}
