// dsp/measurements/counter.ts - tags per time bin, for the last n complete bins.
//
// Bins lie on a grid that begins where the measurement began to see time. A pause, like a lost interval, leaves bins on the
// grid that are flagged: their counts are shown as they are and their rates as NaN.
import type { CheckedConfig, CounterData } from '../../core/measurements.ts';
import type { ResultInfo } from '../../core/results.ts';
import type { Measurement, MeasurementClass, Payload, Segment, SegmentEnd, Totals, Workspace } from '../measurement.ts';
import { BinRing, BinRingTotals, binRingBytes, type RingShape } from './bin-ring.ts';
import { channelsOf, numberOf } from './config.ts';
import { countAt, largestCount, narrowCounts, narrowNumbers } from './counts.ts';
import { MissedTally } from './missed.ts';
import { Tally } from './tally.ts';

function shapeOf(config: CheckedConfig): RingShape {
  return { columns: channelsOf(config).length, values: numberOf(config, 'values'), binwidthPs: numberOf(config, 'binwidthPs') };
}

class CounterMeasurement implements Measurement {
  readonly done = false;
  readonly droppedStarts = 0;
  readonly #ring: BinRing;
  readonly #tally: Tally;
  readonly #missed: MissedTally;

  constructor(config: CheckedConfig, workspace: Workspace) {
    const indexes = channelsOf(config).map(channel => workspace.indexOf(channel));
    this.#ring = new BinRing(workspace, workspace.at, shapeOf(config), indexes);
    this.#tally = new Tally(workspace, indexes);
    this.#missed = new MissedTally(indexes);
  }

  process(segment: Segment): void {
    this.#tally.add(segment);
    this.#ring.count(segment);
  }

  endSegment(end: SegmentEnd): void {
    this.#missed.add(end);
    this.#ring.flagOpenBin();
  }

  clear(): void {
    this.#ring.clear();
    this.#tally.clear();
    this.#missed.clear();
  }

  rebase(byPs: bigint): void { this.#ring.rebase(byPs); }

  publish(): Payload {
    return this.#ring.publish({ totals: Array.from(this.#tally.total, (tags, i) => tags + this.#missed.total[i]!) });
  }

  get tags(): number { return this.#tally.tags; }
}

class CounterTotals implements Totals {
  readonly #channels: readonly number[];
  readonly #shape: RingShape;
  readonly #ring: BinRingTotals;
  #totals: readonly number[];
  #openCounts: readonly number[];
  /** Bins before this one were handed out with `remove`. */
  #taken = 0;

  constructor(config: CheckedConfig, workspace: Pick<Workspace, 'memory' | 'kernels'>) {
    this.#channels = channelsOf(config);
    this.#shape = shapeOf(config);
    this.#ring = new BinRingTotals(workspace, this.#shape);
    this.#totals = this.#openCounts = this.#channels.map(() => 0);
  }

  take(payload: Payload): void {
    this.#ring.take(payload);
    this.#totals = payload.scalars['totals'] as readonly number[];
    this.#openCounts = payload.scalars['openCounts'] as readonly number[];
  }

  clear(): void {
    this.#ring.clear();
    this.#totals = this.#openCounts = this.#channels.map(() => 0);
    this.#taken = 0;
  }

  evaluate(getter: string, args: Readonly<Record<string, unknown>>, _info: ResultInfo): unknown {
    const { values, binwidthPs } = this.#shape;
    const { complete, available } = this.#ring;
    const place = args['rolling'] === false
      ? (i: number): number => (complete - available + i) % values
      : (i: number): number => values - available + i;
    switch (getter) {
      case 'getData': {
        const words = this.#words(available, values, place);
        return narrowCounts(words, largestCount(words));
      }
      case 'getDataNormalized': return this.#rates(available, values, place);
      case 'getDataTotalCounts': return narrowNumbers(this.#totals);
      case 'getDataObject': return this.#dataObject(args['remove'] === true);
      case 'getIndex': return Float64Array.from({ length: values }, (_, k) => k * binwidthPs);
      default: throw new Error(`no getter ${getter}`);
    }
  }

  /** The newest n bins as [columns, size] u64, the i-th where `place` says. */
  #words(n: number, size: number, place: (i: number) => number): Uint32Array {
    const { columns } = this.#shape, out = new Uint32Array(2 * columns * size);
    this.#ring.forNewest(n, (i, words, index) => {
      for (let column = 0; column < columns; column++) {
        const into = 2 * (column * size + place(i));
        out[into] = words[index + 2 * column]!;
        out[into + 1] = words[index + 2 * column + 1]!;
      }
    });
    return out;
  }

  #rates(n: number, size: number, place: (i: number) => number): Float64Array {
    const { columns, binwidthPs } = this.#shape, out = new Float64Array(columns * size).fill(NaN);
    this.#ring.forNewest(n, (i, words, index, flagged) => {
      if (flagged) return;
      for (let column = 0; column < columns; column++) {
        out[column * size + place(i)] = (countAt(words, index / 2 + column) / binwidthPs) * 1e12;
      }
    });
    return out;
  }

  #dataObject(remove: boolean): CounterData {
    const { complete, available, originPs } = this.#ring, { binwidthPs } = this.#shape;
    const kept = complete - available, oldest = remove ? Math.max(kept, this.#taken) : kept;
    const droppedBins = remove ? oldest - this.#taken : 0;
    if (remove) this.#taken = complete;
    const size = complete - oldest, inOrder = (i: number): number => i;
    const words = this.#words(size, size, inOrder), overflowMask = new Int8Array(size);
    this.#ring.forNewest(size, (i, _words, _index, flagged) => { overflowMask[i] = flagged ? 1 : 0; });
    return {
      size, droppedBins, overflow: overflowMask.includes(1), channels: [...this.#channels],
      counts: narrowCounts(words, largestCount(words)), rateHz: this.#rates(size, size, inOrder),
      indexPs: Float64Array.from({ length: size }, (_, i) => (oldest + i) * binwidthPs),
      timePs: BigInt64Array.from({ length: size }, (_, i) => originPs + BigInt(oldest + i) * BigInt(binwidthPs)),
      overflowMask, totalCounts: narrowNumbers(this.#totals.map((tags, i) => tags - this.#openCounts[i]!)),
    };
  }
}

export const counter: MeasurementClass = {
  bytes: config => binRingBytes(shapeOf(config)),
  create: (config, workspace) => new CounterMeasurement(config, workspace),
  totals: (config, workspace) => new CounterTotals(config, workspace),
};
