// dsp/kernels/twin-bits.ts - twin of bits.as.ts: facts about tags as bits, thirty-two to a word here.
import type { KernelSet } from './kernels.ts';
import { difference, type Views } from './words.ts';

export function bitKernels(views: () => Views): Pick<KernelSet, 'channelBits' | 'closeBits'> {
  /** Words come in pairs, since one word of the other form is two of these. */
  function write(u32: Uint32Array, n: number, intoAt: number, isSet: (i: number) => boolean): void {
    for (let i = 0, word = intoAt / 4; i < n; i += 64, word += 2) {
      for (let half = 0; half < 2; half++) {
        let bits = 0;
        const from = i + 32 * half, count = Math.min(32, n - from);
        for (let k = 0; k < count; k++) if (isSet(from + k)) bits |= 1 << k;
        u32[word + half] = bits;
      }
    }
  }

  return {
    channelBits(channelsAt, n, channel, intoAt) {
      const { u8, u32 } = views();
      write(u32, n, intoAt, i => u8[channelsAt + i] === channel);
    },

    closeBits(timesAt, n, reachPs, intoAt) {
      const { u32, i32 } = views(), first = timesAt / 4;
      if (reachPs < 2 ** 31) write(u32, n, intoAt, i => ((i32[first + 2 * i]! - i32[first + 2 * i - 2]!) | 0) < reachPs);
      else write(u32, n, intoAt, i => difference(u32, i32, first + 2 * i, first + 2 * i - 2) < reachPs);
    },
  };
}

/** Calls `visit` with the number of every bit set in the first n, ascending; `bitsOf` gives the words. */
export function forBits(n: number, bitsOf: (word: number) => number, visit: (i: number) => void): void {
  for (let word = 0; word * 32 < n; word++) {
    for (let bits = bitsOf(word); bits !== 0; bits &= bits - 1) visit(word * 32 + 31 - Math.clz32(bits & -bits));
  }
}
