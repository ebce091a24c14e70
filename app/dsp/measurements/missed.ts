// dsp/measurements/missed.ts - tags that were missed but counted; they enter totals and never a rate or a histogram.
import type { SegmentEnd } from '../measurement.ts';

export class MissedTally {
  /** Since clear, per listed channel. */
  readonly total: Float64Array;
  readonly #indexes: readonly number[];

  constructor(indexes: readonly number[]) {
    this.#indexes = indexes;
    this.total = new Float64Array(indexes.length);
  }

  add(end: SegmentEnd): void {
    if (end.kind !== 'lost' || end.grade !== 'counted') return;
    for (const { channelIndex, count } of end.missed ?? []) {
      const i = this.#indexes.indexOf(channelIndex);
      if (i >= 0) this.total[i]! += count;
    }
  }

  clear(): void { this.total.fill(0); }
}
