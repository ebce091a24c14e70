// dsp/kernels/words.ts - shared memory as TypeScript sees it, and int64 arithmetic on two words.
//
// A time is the words at index w (low, unsigned) and w + 1 (high, signed), w = address / 4. Doubles hold differences only:
// exact below 2^53, and a larger one rounds to at least 2^53, so that comparing with a window never errs.

import { viewsOf as viewsThrough, type Views } from '../memory.ts';

export type { Views };

/**
 * Returns a function that gives views over all of the memory. Growing by nothing makes this thread take notice of what others
 * have grown, so whatever was allocated before this call can be seen.
 */
export function viewsOf(memory: WebAssembly.Memory): () => Views {
  memory.grow(0);
  const bytes = memory.buffer.byteLength;
  return () => viewsThrough(memory, bytes);
}

export const word = 2 ** 32;

/** Time at word `a` minus time at word `b`, ps. */
export function difference(u32: Uint32Array, i32: Int32Array, a: number, b: number): number {
  return (i32[a + 1]! - i32[b + 1]!) * word + (u32[a]! - u32[b]!);
}

/** Adds a whole double below 2^53 to the int64 at word `w`. */
export function addTo(u32: Uint32Array, i32: Int32Array, w: number, amount: number): void {
  const high = Math.floor(amount / word);
  const low = u32[w]! + (amount - high * word);
  u32[w] = low;
  i32[w + 1] = i32[w + 1]! + high + (low >= word ? 1 : 0);
}

/** int64 at word `into` = int64 at word `a` - int64 at word `b`, exactly. */
export function subtract({ u32, i32 }: Views, into: number, a: number, b: number): void {
  const low = u32[a]! - u32[b]!;
  i32[into + 1] = i32[a + 1]! - i32[b + 1]! - (low < 0 ? 1 : 0);
  u32[into] = low < 0 ? low + word : low;
}

/** Adds a whole double below 2^53 to the u64 at word `w`. */
export function addCount(u32: Uint32Array, w: number, count: number): void {
  const low = u32[w]! + count;
  if (low < word) u32[w] = low;
  else {
    u32[w] = low % word;
    u32[w + 1] = u32[w + 1]! + Math.floor(low / word);
  }
}
