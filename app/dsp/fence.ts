// dsp/fence.ts - the main thread's side of a fence: a place in the stream that everybody has to pass.
//
// The writer passes a fence when all that was handed over before it is published, a dsp worker when it has taken all of
// that. Nobody polls: each worker is asked once for each fence, however many wait for it, and answers when it is there.
import { TaggerError } from '../core/errors.ts';
import { isPast, type Ring } from './ring.ts';
import type { DspThread } from './threads.ts';

/** A timer cannot be set further ahead. */
const longestTimerMs = 2 ** 31 - 1;

/** Resolves false if `work` takes longer; 0 gives it until the next turn of the event loop, -1 all the time it needs. */
export async function within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  if (timeoutMs < 0 || timeoutMs > longestTimerMs) {
    await work;
    return true;
  }
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => { late.resolve(false); }, timeoutMs);
  try {
    return await Promise.race([work.then(() => true as const), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export class Fences {
  readonly #ring: Ring;
  readonly #threads: () => readonly DspThread[];
  readonly #waiting = new Map<number, Promise<unknown>>();
  /** The newest that all workers have passed. */
  #passed: number;

  /** @param threads the workers of the line as they are at that moment */
  constructor(ring: Ring, threads: () => readonly DspThread[]) {
    this.#ring = ring;
    this.#threads = threads;
    this.#passed = ring.fenced;
  }

  /** A fence that the writer has not passed stands behind everything received so far: one is enough for all who ask meanwhile. */
  get(alloc: boolean): number {
    const { flush, fenced } = this.#ring;
    return (alloc && isPast(fenced, flush) ? this.#ring.requestFlush() : flush) >>> 0;
  }

  check(fence: unknown): number {
    if (typeof fence !== 'number' || !Number.isInteger(fence) || fence < 0 || fence >= 2 ** 32) {
      throw new TaggerError('usage', 'Cannot wait for a fence: it must be a whole number from 0 to 4294967295, as getFence() gave it.');
    }
    if (!isPast(this.#ring.flush, fence)) throw new TaggerError('usage', `Cannot wait for fence ${fence}: there is none of this number yet.`, { hint: 'Wait for one that getFence() gave.' });
    return fence;
  }

  /** Resolves when all workers are past the fence, or when nothing will ever come any more. */
  async wait(fence: number, timeoutMs: number): Promise<boolean> {
    if (isPast(this.#passed, fence)) return true;
    let all = this.#waiting.get(fence);
    if (!all) {
      all = this.#passedByAll(fence).then(() => {
        this.#waiting.delete(fence);
        if (isPast(this.#ring.fenced, fence) && isPast(fence, this.#passed)) this.#passed = fence;
      });
      this.#waiting.set(fence, all);
    }
    return await within(timeoutMs, all);
  }

  /** A worker that dies is no longer waited for: what it had measured is lost, and whoever reads it is told. Those that came in its place are asked. */
  async #passedByAll(fence: number): Promise<void> {
    for (let died = true; died;) {
      died = false;
      await Promise.all(this.#threads().filter(({ dead }) => !dead).map(thread => thread.ask(call => ({ kind: 'fence', fence, call })).catch(() => { died = true; })));
      if (isPast(this.#ring.fenced, fence)) return;
    }
  }
}
