// dsp/measurements/tally.ts - how many tags of its own channels a measurement was given.
//
// The block's header has counted already when the whole block is seen; a part of one is counted once for all who see it.
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Segment, Workspace } from '../measurement.ts';

export class Tally {
  /** Since clear, per listed channel; whole doubles, exact for three years at 80 Mtags/s. */
  readonly total: Float64Array;
  /** Of the last call. */
  readonly latest: Float64Array;
  readonly #indexes: readonly number[];
  readonly #distinct: readonly number[];
  readonly #workspace: Workspace;
  readonly #views: () => Views;

  /** @param indexes channel indexes; one may be listed twice */
  constructor(workspace: Workspace, indexes: readonly number[]) {
    this.#workspace = workspace;
    this.#views = viewsOf(workspace.memory);
    this.#indexes = indexes;
    this.#distinct = indexes.flatMap((index, i) => (indexes.indexOf(index) === i ? [i] : []));
    this.total = new Float64Array(indexes.length);
    this.latest = new Float64Array(indexes.length);
  }

  add(segment: Segment): void {
    const countsAt = this.#workspace.shared.counts(segment);
    const { u32 } = this.#views();
    for (let i = 0; i < this.#indexes.length; i++) {
      const count = u32[countsAt / 4 + this.#indexes[i]!]!;
      this.latest[i] = count;
      this.total[i]! += count;
    }
  }

  /** Tags of all its channels since clear, none twice. */
  get tags(): number { return this.#distinct.reduce((sum, i) => sum + this.total[i]!, 0); }

  clear(): void {
    this.total.fill(0);
    this.latest.fill(0);
  }
}
