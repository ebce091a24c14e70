// dsp/measurements/histogram.ts - Histogram and Correlation: delays of all pairs, with g2.
//
// One class for both: d = t(click) - t(start) from 0 up, or t(channel 1) - t(channel 2) with floor(n/2) bins below zero. The
// normalisation takes |d| at the bin's centre, which is the one that getCentres gives: left edge + (width - tick) / 2.
import type { CheckedConfig } from '../../core/measurements.ts';
import type { ResultInfo } from '../../core/results.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Totals, Workspace } from '../measurement.ts';
import { BinTotals, Bins, binsBytes } from './bins.ts';
import { numberOf, optionalOf } from './config.ts';
import { countAt } from './counts.ts';
import { Pairs, pairsBytes, type PairRange } from './pairs.ts';
import { StretchAccount, expectedPerPs, fromScalars, none } from './stretches.ts';
import { Tally } from './tally.ts';

/** What they have different: names of the arguments, and the range of delays. */
export interface PairKind {
  click: string;
  start: string;
  rangeOf(config: CheckedConfig): PairRange;
}
const histogramKind: PairKind = { click: 'click', start: 'start', rangeOf: config => rangeOf(config, () => 0) };
const correlationKind: PairKind = { click: 'channel1', start: 'channel2', rangeOf: config => rangeOf(config, bins => Math.floor(bins / 2)) };

function rangeOf(config: CheckedConfig, below: (bins: number) => number): PairRange {
  const bins = numberOf(config, 'bins');
  return { bins, below: below(bins), binwidthPs: numberOf(config, 'binwidthPs') };
}

export function pairMeasurementBytes(range: PairRange): number { return pairsBytes(range) + binsBytes(range.bins); }

export class PairMeasurement implements Measurement {
  readonly done = false;
  readonly #pairs: Pairs;
  readonly #bins: Bins;
  readonly #tally: Tally;
  readonly #stretches: StretchAccount;

  constructor(kind: PairKind, config: CheckedConfig, workspace: Workspace) {
    const range = kind.rangeOf(config);
    const click = workspace.indexOf(numberOf(config, kind.click));
    const startChannel = optionalOf(config, kind.start);
    const start = startChannel === undefined ? click : workspace.indexOf(startChannel);
    this.#pairs = new Pairs(workspace, workspace.at, { ...range, click, start });
    this.#bins = new Bins(workspace, workspace.at + pairsBytes(range), range.bins);
    this.#tally = new Tally(workspace, [click, start]);
    this.#stretches = new StretchAccount(range.bins * range.binwidthPs);
  }

  process(segment: Segment): void {
    this.#tally.add(segment);
    this.#stretches.add(segment, this.#tally.latest[0]!, this.#tally.latest[1]!);
    this.#pairs.process(segment, this.#bins.at);
  }

  endSegment(): void {
    this.#pairs.endSegment();
    this.#stretches.endSegment();
  }

  clear(): void {
    this.#pairs.clear();
    this.#bins.clear();
    this.#tally.clear();
    this.#stretches.clear();
  }

  rebase(byPs: bigint): void { this.#pairs.rebase(byPs); }
  publish(): Payload { return this.#bins.publish(this.#stretches.scalars()); }
  get tags(): number { return this.#tally.tags; }
  get droppedStarts(): number { return this.#pairs.dropped; }
}

class PairTotals implements Totals {
  readonly #range: PairRange;
  readonly #isAuto: boolean;
  readonly #bins: BinTotals;
  #stretches = none();

  constructor(kind: PairKind, config: CheckedConfig, workspace: Pick<Workspace, 'memory' | 'kernels'>) {
    this.#range = kind.rangeOf(config);
    this.#isAuto = config[kind.start] === undefined || config[kind.start] === config[kind.click];
    this.#bins = new BinTotals(workspace, this.#range.bins);
  }

  take(payload: Payload): void {
    this.#bins.take(payload);
    this.#stretches = fromScalars(payload.scalars);
  }

  clear(): void {
    this.#bins.clear();
    this.#stretches = none();
  }

  evaluate(getter: string, args: Readonly<Record<string, unknown>>, info: ResultInfo): unknown {
    switch (getter) {
      case 'getData': return this.#bins.counts();
      case 'getIndex': return binEdges(this.#range);
      case 'getCentres': return binCentres(this.#range, info);
      case 'getDataNormalized': return this.#normalised(args, info, count => count);
      case 'getDataNormalizedError': return this.#normalised(args, info, Math.sqrt);
      default: throw new Error(`no getter ${getter}`);
    }
  }

  #normalised(args: Readonly<Record<string, unknown>>, info: ResultInfo, value: (count: number) => number): Float64Array {
    const { binwidthPs } = this.#range;
    const words = this.#bins.words(), edges = binEdges(this.#range), centres = binCentres(this.#range, info);
    const expected = expectedPerPs(this.#stretches, args['rates'] === 'segment' ? 'segment' : 'global');
    return centres.map((centrePs, k) => {
      // Within the dead time of one channel no pair can be: neither 0 nor a g2.
      if (this.#isAuto && edges[k]! < info.deadTimePs && edges[k]! + binwidthPs > -info.deadTimePs) return NaN;
      const pairs = binwidthPs * expected(Math.abs(centrePs));
      return pairs > 0 ? value(countAt(words, k)) / pairs : NaN;
    });
  }
}

export function binEdges({ bins, below, binwidthPs }: PairRange): Float64Array {
  return Float64Array.from({ length: bins }, (_, k) => (k - below) * binwidthPs);
}

export function binCentres(range: PairRange, { tickPs }: Pick<ResultInfo, 'tickPs'>): Float64Array {
  const half = (range.binwidthPs - tickPs.num / tickPs.den) / 2;
  return binEdges(range).map(edge => edge + half);
}

function classOf(kind: PairKind): MeasurementClass {
  return {
    bytes: config => pairMeasurementBytes(kind.rangeOf(config)),
    fills: true,
    create: (config, workspace) => new PairMeasurement(kind, config, workspace),
    totals: (config, workspace) => new PairTotals(kind, config, workspace),
  };
}

export const histogram: MeasurementClass = classOf(histogramKind);
export const correlation: MeasurementClass = classOf(correlationKind);
