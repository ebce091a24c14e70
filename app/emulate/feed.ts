// emulate/feed.ts - the tags that an emulated tagger measures: the signals of the simulated one, in order, picosecond by picosecond.
import type { SimulatedSignal } from '../core/tagger.ts';
import { createSource } from '../driver/simulated/signals.ts';
import { Slice, slicePs } from '../driver/simulated/slice.ts';

export interface FeedOptions { seed?: number; signals?: readonly SimulatedSignal[] }

const noDelays = new Float64Array(256);

/** Tags since time 0 of the device; an instance is read once, from front to back. */
export class Feed {
  readonly #sources: ReturnType<typeof createSource>[];
  readonly #slice = new Slice();
  #number = -1;
  #next = 0;

  constructor({ seed = 1, signals = [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 50_000 }] }: FeedOptions = {}) {
    this.#sources = signals.map((signal, i) => createSource(signal, seed, i + 1));
    this.#slice.advance();
    for (const source of this.#sources) source.generate(this.#slice, noDelays);
    this.#fill();
  }

  /** Time of the next tag, ps since the start; exact up to 2^53 (2.5 h). Slices without a tag are passed. */
  get nextPs(): number {
    // A source that never fires would have us look for ever.
    for (let empty = 0; this.#next === this.#slice.n && empty < 1000; empty++) this.#fill();
    return this.#next === this.#slice.n ? this.#number * slicePs + slicePs : this.#number * slicePs + this.#slice.times[this.#next]!;
  }

  /** Channel index of the tag at `nextPs`, from 0; -1 if there is no tag, though time has passed. Goes on to the one behind it. */
  take(): number {
    return this.#next === this.#slice.n ? -1 : this.#slice.channels[this.#next++]!;
  }

  #fill(): void {
    this.#number++;
    this.#next = 0;
    this.#slice.advance();
    for (const source of this.#sources) source.generate(this.#slice, noDelays);
    this.#slice.sort();
  }
}
