// dsp/measurements/counts.ts - u64 bins as the caller gets them: the narrowest array that holds the largest.
import type { Counts } from '../../core/measurements.ts';
import { word } from '../kernels/words.ts';

/**
 * @param words u64 as pairs of u32, low word first; shape [n, 2]
 * @param largest the largest of them, or more
 */
export function narrowCounts(words: Uint32Array, largest: number): Counts {
  const n = words.length / 2;
  if (largest > 0xffffffff) return new BigUint64Array(words.slice().buffer);
  const counts = largest > 0xffff ? new Uint32Array(n) : largest > 0xff ? new Uint16Array(n) : new Uint8Array(n);
  for (let i = 0; i < n; i++) counts[i] = words[2 * i]!;
  return counts;
}

/** Counts kept as whole doubles. */
export function narrowNumbers(values: ArrayLike<number> & { reduce(join: (most: number, value: number) => number, start: number): number }): Counts {
  const largest = values.reduce((most, value) => Math.max(most, value), 0);
  if (largest > 0xffffffff) return BigUint64Array.from(values, BigInt);
  return largest > 0xffff ? Uint32Array.from(values) : largest > 0xff ? Uint16Array.from(values) : Uint8Array.from(values);
}

/** Bin `i` as a double. */
export function countAt(words: Uint32Array, i: number): number {
  return words[2 * i + 1]! * word + words[2 * i]!;
}

export function largestCount(words: Uint32Array): number {
  let largest = 0;
  for (let i = 0; i < words.length / 2; i++) largest = Math.max(largest, countAt(words, i));
  return largest;
}
