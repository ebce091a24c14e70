// dsp/kernels/twin-rows.ts - twin of rows.as.ts: lists that are handed out row by row.
import type { KernelSet } from './kernels.ts';
import type { Views } from './words.ts';

/** Levels as two u64 (high, known), then three u8[256]: places that go high, places that go low, and who takes a sample. */
export const samplerPlan = { high: 0, known: 8, rising: 64, falling: 320, triggers: 576, bytes: 832 } as const;

export function rowKernels(views: () => Views): Pick<KernelSet, 'listTags' | 'sampleLevels'> {
  return {
    listTags(timesAt, channelsAt, n, placesAt, intoAt, room) {
      const { u8, u32 } = views();
      let rows = 0;
      for (let i = 0; i < n && rows < room; i++) {
        const place = u8[placesAt + u8[channelsAt + i]!]!, into = intoAt / 4 + 4 * rows, time = timesAt / 4 + 2 * i;
        if (place === 255) continue;
        u32[into] = u32[time]!;
        u32[into + 1] = u32[time + 1]!;
        u32[into + 2] = place;
        u32[into + 3] = 0;
        rows++;
      }
      return rows;
    },
    sampleLevels(timesAt, channelsAt, n, planAt, intoAt, room) {
      const { u8, u32 } = views(), high = (planAt + samplerPlan.high) / 4, known = (planAt + samplerPlan.known) / 4;
      let came = 0;
      for (let i = 0; i < n; i++) {
        const channel = planAt + u8[channelsAt + i]!, up = u8[channel + samplerPlan.rising]!, down = u8[channel + samplerPlan.falling]!;
        if (up !== 255) {
          u32[high + (up >> 5)]! |= 1 << (up & 31);
          u32[known + (up >> 5)]! |= 1 << (up & 31);
        }
        if (down !== 255) {
          u32[high + (down >> 5)]! &= ~(1 << (down & 31));
          u32[known + (down >> 5)]! |= 1 << (down & 31);
        }
        if (u8[channel + samplerPlan.triggers] === 0) continue;
        if (came++ >= room) continue;
        const into = intoAt / 4 + 6 * (came - 1), time = timesAt / 4 + 2 * i;
        u32[into] = u32[time]!;
        u32[into + 1] = u32[time + 1]!;
        for (let k = 0; k < 4; k++) u32[into + 2 + k] = u32[high + k]!;
      }
      return came;
    },
  };
}
