// dsp/measurements/rows.ts - rows that are handed over once: two buffers in turn, and what waits on the results thread.
//
// A row begins with its time. The worker fills one buffer until a reader asks, then the other; the results thread copies the full one
// at once and keeps its rows until somebody takes them. Both are bounded; what finds no room is dropped and counted. A reader that
// takes rows gets them in the origin of time of its own account, even if that moved while they waited.
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Payload, Workspace } from '../measurement.ts';

/** Rows for marks on top of the room for tags: a loss must be seen just where there are too many tags. */
export const extraRows = 1024;

export function rowsBytes(most: number, rowBytes: number): number { return 2 * strideOf(most, rowBytes); }

function strideOf(most: number, rowBytes: number): number { return Math.ceil((most + extraRows + 1) * rowBytes / 64) * 64; }

/** The worker's side. */
export class RowBuffer {
  rows = 0;
  /** Since the last hand-over. */
  dropped = 0;
  readonly most: number;
  readonly rowBytes: number;
  readonly #views: () => Views;
  readonly #firstAt: number;
  #at: number;
  #rebasedPs = 0n;

  constructor({ memory }: Pick<Workspace, 'memory'>, at: number, most: number, rowBytes: number) {
    this.most = most;
    this.rowBytes = rowBytes;
    this.#views = viewsOf(memory);
    this.#firstAt = this.#at = at;
  }

  /** Where the first row is. */
  get beginsAt(): number { return this.#at; }
  /** Where the next row goes. */
  get at(): number { return this.#at + this.rowBytes * this.rows; }
  get room(): number { return Math.max(0, this.most - this.rows); }

  /** Writes one row besides the tags. */
  mark(...fields: readonly bigint[]): void {
    if (this.rows >= this.most + extraRows) {
      this.dropped++;
      return;
    }
    this.#views().i64.set(fields, this.at / 8);
    this.rows++;
  }

  clear(): void { this.rows = this.dropped = 0; }

  rebase(byPs: bigint): void {
    this.#rebasedPs += byPs;
    earlier(this.#views().i64.subarray(this.#at / 8, this.at / 8), this.rowBytes / 8, byPs);
  }

  publish(): Payload {
    const payload: Payload = { kind: 'delta', at: this.#at, entries: this.rows, table: true, scalars: { dropped: this.dropped, rebasedPs: this.#rebasedPs } };
    this.#at = this.#at === this.#firstAt ? this.#firstAt + strideOf(this.most, this.rowBytes) : this.#firstAt;
    this.clear();
    return payload;
  }
}

/** The results thread's side. */
export class WaitingRows {
  /** Since the start. */
  dropped = 0;
  readonly #memory: WebAssembly.Memory;
  readonly #most: number;
  readonly #words: number;
  /** Makes the row that stands where some were dropped. */
  readonly #hole: ((timePs: bigint, dropped: number) => readonly bigint[]) | undefined;
  #waiting = new BigInt64Array(0);
  #rebasedPs = 0n;

  constructor({ memory }: Pick<Workspace, 'memory'>, most: number, rowBytes: number, hole?: (timePs: bigint, dropped: number) => readonly bigint[]) {
    this.#memory = memory;
    this.#most = most;
    this.#words = rowBytes / 8;
    this.#hole = hole;
  }

  take(payload: Payload): void {
    if (payload.kind !== 'delta') return;
    const rebasedPs = payload.scalars['rebasedPs'] as bigint;
    earlier(this.#waiting, this.#words, rebasedPs - this.#rebasedPs);
    this.#rebasedPs = rebasedPs;
    const { i64 } = viewsOf(this.#memory)(), rows = Math.min(payload.entries, Math.max(0, this.#most + extraRows - this.size));
    const dropped = Number(payload.scalars['dropped']) + payload.entries - rows;
    this.dropped += dropped;
    const hole = dropped > 0 && rows > 0 ? this.#hole?.(i64[payload.at / 8 + this.#words * (rows - 1)]!, dropped) ?? [] : [];
    if (rows === 0) return;
    const joined = new BigInt64Array(this.#waiting.length + this.#words * rows + hole.length);
    joined.set(this.#waiting);
    joined.set(i64.subarray(payload.at / 8, payload.at / 8 + this.#words * rows), this.#waiting.length);
    joined.set(hole, joined.length - hole.length);
    this.#waiting = joined;
  }

  clear(): void {
    this.#waiting = new BigInt64Array(0);
    this.dropped = 0;
  }

  get size(): number { return this.#waiting.length / this.#words; }
  field(row: number, word: number): bigint { return this.#waiting[this.#words * row + word]!; }
  taken(): void { this.#waiting = new BigInt64Array(0); }
}

function earlier(rows: BigInt64Array, words: number, byPs: bigint): void {
  if (byPs !== 0n) for (let i = 0; i < rows.length; i += words) rows[i]! -= byPs;
}
