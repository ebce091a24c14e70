// dsp/measurements/open-times.ts - times of one channel that may still pair with tags to come.
//
// A list in the measurement's region that slides: new times are appended, times out of reach leave in front. It has room for
// twice what it may keep, so that moving it back to the start costs one copy per `keep` appended times.
import { limits } from '../../core/limits.ts';
import type { KernelSet } from '../kernels/kernels.ts';
import { addTo, viewsOf, type Views } from '../kernels/words.ts';
import type { Workspace } from '../measurement.ts';

/** No tagger on USB sends more; decides how many times a window can hold. */
const tagsPerPs = 100e6 / 1e12;

/** How many times to keep for a window; at least as many as the tail of a block has, so that small windows hold any burst. */
export function keepFor(reachPs: number): number {
  return Math.min(limits.openStarts, Math.max(4096, Math.ceil(reachPs * tagsPerPs)));
}

export class OpenTimes {
  /** Most times kept from one call to the next; also the most that one `append` may bring. */
  readonly keep: number;
  readonly #kernels: KernelSet;
  readonly #views: () => Views;
  readonly #memory: WebAssembly.Memory;
  readonly #listAt: number;
  readonly #limitAt: number;
  #head = 0;
  #tail = 0;

  static bytes(keep: number): number { return 64 + 8 * (2 * keep + 4); }

  constructor({ kernels, memory }: Workspace, at: number, keep: number) {
    this.keep = keep;
    this.#kernels = kernels;
    this.#memory = memory;
    this.#views = viewsOf(memory);
    this.#limitAt = at;
    this.#listAt = at + 64;
  }

  /** Address of the oldest time. */
  get at(): number { return this.#listAt + 8 * this.#head; }
  get n(): number { return this.#tail - this.#head; }

  /** Appends the times of `channel` among n <= keep tags. */
  append(timesAt: number, channelsAt: number, n: number, channel: number): void {
    if (this.#tail + n > 2 * this.keep) this.#moveToStart();
    this.#tail += this.#kernels.pickTimes(timesAt, channelsAt, n, channel, this.#listAt + 8 * this.#tail);
  }

  /** The same of n <= keep tags whose bits are set. */
  appendMarked(timesAt: number, bitsAt: number, n: number): void {
    if (this.#tail + n > 2 * this.keep) this.#moveToStart();
    this.#tail += this.#kernels.pickMarked(timesAt, bitsAt, n, this.#listAt + 8 * this.#tail);
  }

  /** Forgets times that are `reachPs` or more before the time at `nowAt`, and the oldest beyond `keep`; returns the latter's number. */
  trim(nowAt: number, reachPs: number): number {
    writeEarlier(this.#views(), this.#limitAt, nowAt, reachPs - 1);
    this.#head += this.#kernels.lowerBound(this.at, this.n, this.#limitAt);
    const dropped = Math.max(0, this.n - this.keep);
    this.#head += dropped;
    return dropped;
  }

  clear(): void {
    this.#head = 0;
    this.#tail = 0;
  }

  rebase(byPs: bigint): void {
    const times = new BigInt64Array(this.#memory.buffer, this.at, this.n);
    for (let i = 0; i < times.length; i++) times[i]! -= byPs;
  }

  #moveToStart(): void {
    const { u32 } = this.#views(), list = this.#listAt / 4;
    u32.copyWithin(list, list + 2 * this.#head, list + 2 * this.#tail);
    this.#tail -= this.#head;
    this.#head = 0;
  }
}

/** Writes the time at `timeAt` minus `byPs` to `intoAt`. */
export function writeEarlier({ u32, i32 }: Views, intoAt: number, timeAt: number, byPs: number): void {
  u32[intoAt / 4] = u32[timeAt / 4]!;
  i32[intoAt / 4 + 1] = i32[timeAt / 4 + 1]!;
  addTo(u32, i32, intoAt / 4, -byPs);
}
