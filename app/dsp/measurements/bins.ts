// dsp/measurements/bins.ts - bins of u64 between the worker that counts and the thread that answers.
//
// Few bins are copied whole at each hand-over. Many live in two buffers: the worker flips to the other one, and the results
// thread adds the full one into the total, which lies behind them, and leaves it zeroed. After a clear the worker zeroes the
// buffer it had handed out itself, but only when it is about to use it again: until then a reader may still be busy with it.
import type { Counts } from '../../core/measurements.ts';
import { limits } from '../../core/limits.ts';
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Payload, Scalars, Workspace } from '../measurement.ts';
import { largestCount, narrowCounts } from './counts.ts';

function isLarge(bins: number): boolean { return 8 * bins > limits.inlineResultBytes; }

/** Bytes of one buffer; the next one begins on a 64-byte border. */
function stride(bins: number): number { return Math.ceil(bins / 8) * 64; }

export function binsBytes(bins: number): number { return (isLarge(bins) ? 3 : 1) * stride(bins); }

/** The worker's side. */
export class Bins {
  readonly n: number;
  /** Where kernels count now; changes with `publish`. */
  at: number;
  readonly #firstAt: number;
  readonly #views: () => Views;
  #stale = false;

  constructor({ memory }: Pick<Workspace, 'memory'>, at: number, bins: number) {
    this.n = bins;
    this.at = at;
    this.#firstAt = at;
    this.#views = viewsOf(memory);
  }

  publish(scalars: Scalars): Payload {
    if (!isLarge(this.n)) {
      const data = this.#views().u8.slice(this.at, this.at + 8 * this.n).buffer;
      return { kind: 'copy', data, scalars };
    }
    const full = this.at;
    this.at = this.#other;
    if (this.#stale) this.#zero(this.at);
    this.#stale = false;
    return { kind: 'delta', at: full, entries: this.n, table: false, scalars: { ...scalars, totalAt: this.#firstAt + 2 * stride(this.n) } };
  }

  clear(): void {
    this.#zero(this.at);
    this.#stale = true;
  }

  get #other(): number { return this.at === this.#firstAt ? this.#firstAt + stride(this.n) : this.#firstAt; }

  #zero(at: number): void { this.#views().u32.fill(0, at / 4, at / 4 + 2 * this.n); }
}

/** The results thread's side. */
export class BinTotals {
  readonly n: number;
  readonly #workspace: Pick<Workspace, 'memory' | 'kernels'>;
  readonly #views: () => Views;
  /** Small bins as they came; empty until they do. */
  #copy = new Uint32Array(0);
  #totalAt: number | undefined;

  constructor(workspace: Pick<Workspace, 'memory' | 'kernels'>, bins: number) {
    this.n = bins;
    this.#workspace = workspace;
    this.#views = viewsOf(workspace.memory);
  }

  take(payload: Payload): void {
    if (payload.kind === 'copy') this.#copy = new Uint32Array(payload.data);
    else if (payload.kind === 'delta') {
      this.#totalAt = Number(payload.scalars['totalAt']);
      this.#workspace.kernels.addBins(this.#totalAt, payload.at, this.n);
    }
  }

  clear(): void {
    this.#copy = new Uint32Array(0);
    if (this.#totalAt !== undefined) this.#views().u32.fill(0, this.#totalAt / 4, this.#totalAt / 4 + 2 * this.n);
  }

  /** The bins as pairs of words, low first; not a copy where they are many. Shape [n, 2]. */
  words(): Uint32Array {
    if (this.#totalAt !== undefined) return this.#views().u32.subarray(this.#totalAt / 4, this.#totalAt / 4 + 2 * this.n);
    return this.#copy.length > 0 ? this.#copy : new Uint32Array(2 * this.n);
  }

  counts(): Counts {
    const largest = this.#totalAt === undefined ? largestCount(this.words()) : this.#workspace.kernels.largestBin(this.#totalAt, this.n);
    return narrowCounts(this.words(), largest);
  }
}
