// dsp/kernels/twin-bins.ts - twins of the kernels on u64 bins.
import type { KernelSet } from './kernels.ts';
import { word, type Views } from './words.ts';

export function binKernels(views: () => Views): Pick<KernelSet, 'addBins' | 'largestBin'> {
  return {
    addBins(intoAt, fromAt, n) {
      const { u32 } = views();
      for (let i = 0; i < n; i++) {
        const into = intoAt / 4 + 2 * i, from = fromAt / 4 + 2 * i;
        const low = u32[into]! + u32[from]!;
        u32[into] = low;
        u32[into + 1] = u32[into + 1]! + u32[from + 1]! + (low >= word ? 1 : 0);
      }
      u32.fill(0, fromAt / 4, fromAt / 4 + 2 * n);
    },

    largestBin(at, n) {
      const { u32 } = views();
      let high = 0, low = 0;
      for (let w = at / 4; w < at / 4 + 2 * n; w += 2) {
        if (u32[w + 1]! > high || (u32[w + 1] === high && u32[w]! > low)) {
          high = u32[w + 1]!;
          low = u32[w]!;
        }
      }
      return roundedUp(high, low);
    },
  };
}

/** high * 2^32 + low as the smallest double that is not below it. */
function roundedUp(high: number, low: number): number {
  // Doubles near high * 2^32 are 2^(bits of high - 21) apart; high * word itself is exact.
  const step = 2 ** Math.max(0, 11 - Math.clz32(high));
  return high * word + Math.ceil(low / step) * step;
}
