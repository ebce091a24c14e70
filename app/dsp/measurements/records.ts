// dsp/measurements/records.ts - the last n records of a measurement, each a row of doubles, handed to the results thread.
//
// The worker writes into one of two lists; what is handed over is the full one, and it goes on in the other. The results thread
// keeps the last n in memory of its own. A list that nobody asked for keeps its newest n, so nothing depends on how often is asked.
import { viewsOf } from '../memory.ts';
import type { Payload, Scalars } from '../measurement.ts';

export interface RecordShape { /** Doubles of a record. */ width: number; capacity: number }

export function recordBytes({ width, capacity }: RecordShape): number { return 8 * width * capacity; }

/** Lists at two addresses; the kernel counts in a plan what it has written. */
export class RecordLists {
  readonly #lists: readonly [number, number];
  #current: 0 | 1 = 0;

  constructor(first: number, second: number) { this.#lists = [first, second]; }

  get at(): number { return this.#lists[this.#current]; }

  /** Hands over the list in use, of which `slot` is next; the caller sets slot and records to 0. */
  flip(slot: number, records: number, scalars: Scalars): Payload {
    const { at } = this;
    this.#current = this.#current === 0 ? 1 : 0;
    return { kind: 'ring', at, scalars: { ...scalars, slot, records } };
  }
}

/** The results thread's side: records [complete - available, complete) can be read. */
export class Records {
  readonly shape: RecordShape;
  complete = 0;
  readonly #memory: WebAssembly.Memory;
  #rows = new Float64Array(0);
  #whole = new BigInt64Array(0);
  /** Records before this one were handed out with `remove`. */
  #taken = 0;

  constructor(memory: WebAssembly.Memory, shape: RecordShape) {
    this.shape = shape;
    this.#memory = memory;
  }

  get available(): number { return Math.min(this.complete, this.shape.capacity); }

  take(payload: Payload): void {
    if (payload.kind !== 'ring') return;
    const { width, capacity } = this.shape, records = Number(payload.scalars['records']), slot = Number(payload.scalars['slot']);
    if (records > 0 && this.#rows.length === 0) {
      this.#rows = new Float64Array(width * capacity);
      this.#whole = new BigInt64Array(this.#rows.buffer);
    }
    const kept = Math.min(records, capacity), { f64 } = viewsOf(this.#memory, payload.at + recordBytes(this.shape));
    this.complete += records;
    for (let back = kept; back > 0; back--) {
      const from = payload.at / 8 + width * ((slot - back + capacity) % capacity);
      this.#rows.set(f64.subarray(from, from + width), width * ((this.complete - back) % capacity));
    }
  }

  clear(): void {
    this.complete = 0;
    this.#taken = 0;
  }

  /** Which of the newest `most` records an answer holds; with `remove` each one is in one answer, or counted as dropped. */
  range(remove: boolean, most = this.shape.capacity): { from: number; to: number; dropped: number } {
    const kept = this.complete - Math.min(this.available, most), from = remove ? Math.max(kept, this.#taken) : kept;
    const dropped = remove ? from - this.#taken : 0;
    if (remove) this.#taken = this.complete;
    return { from, to: this.complete, dropped };
  }

  /** Field of record i, which must be one that can be read. */
  number(i: number, field: number): number { return this.#rows[this.shape.width * (i % this.shape.capacity) + field]!; }

  /** The same 8 bytes as an int64. */
  bigint(i: number, field: number): bigint { return this.#whole[this.shape.width * (i % this.shape.capacity) + field]!; }
}
