// dsp/measurements/time-differences.ts - TimeDifferences: many histograms of t(click) - t(start), stepped by other channels.
//
// Without next and sync it is one Histogram and uses its kernels. With sync alone, nothing counts before the first sync.
import type { CheckedConfig } from '../../core/measurements.ts';
import type { ResultInfo } from '../../core/results.ts';
import { noChannel } from '../kernels/layouts.ts';
import { viewsOf } from '../memory.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Totals, Workspace } from '../measurement.ts';
import { BinTotals, Bins, binsBytes } from './bins.ts';
import { numberOf, optionalOf } from './config.ts';
import { binCentres, binEdges } from './histogram.ts';
import { Pairs, pairsBytes, type PairRange } from './pairs.ts';
import { SteppedPairs, steppedPairsBytes } from './stepped-pairs.ts';
import { Tally } from './tally.ts';

function rangeOf(config: CheckedConfig): PairRange {
  return { below: 0, bins: numberOf(config, 'bins'), binwidthPs: numberOf(config, 'binwidthPs') };
}

function isStepped(config: CheckedConfig): boolean { return config['next'] !== undefined || config['sync'] !== undefined; }

function binsOf(config: CheckedConfig): number { return numberOf(config, 'bins') * numberOf(config, 'histograms'); }

function enginesBytes(config: CheckedConfig): number {
  const range = rangeOf(config);
  return isStepped(config) ? Math.ceil(steppedPairsBytes(range.bins * range.binwidthPs) / 64) * 64 : pairsBytes(range);
}

class TimeDifferencesMeasurement implements Measurement {
  readonly #stepped: SteppedPairs | undefined;
  readonly #engine: SteppedPairs | Pairs;
  readonly #bins: Bins;
  readonly #tally: Tally;
  readonly #memory: WebAssembly.Memory;
  /** Time of the tag that completed the last round. */
  doneAtPs: bigint | undefined;

  constructor(config: CheckedConfig, workspace: Workspace) {
    this.#memory = workspace.memory;
    const range = rangeOf(config), click = workspace.indexOf(numberOf(config, 'click'));
    const indexOf = (key: string, absent: number): number => {
      const channel = optionalOf(config, key);
      return channel === undefined ? absent : workspace.indexOf(channel);
    };
    const start = indexOf('start', click), next = indexOf('next', noChannel), sync = indexOf('sync', noChannel);
    this.#stepped = isStepped(config)
      ? new SteppedPairs(workspace, workspace.at, {
        ...range, click, start, next, sync, histograms: numberOf(config, 'histograms'), maxRounds: numberOf(config, 'maxCounts'),
      })
      : undefined;
    this.#engine = this.#stepped ?? new Pairs(workspace, workspace.at, { ...range, click, start });
    this.#bins = new Bins(workspace, workspace.at + enginesBytes(config), binsOf(config));
    this.#tally = new Tally(workspace, [click, start, next, sync].filter(index => index !== noChannel));
  }

  process(segment: Segment): void {
    if (this.done) return;
    this.#engine.process(segment, this.#bins.at);
    const used = this.#stepped?.used ?? segment.n;
    this.#tally.add(used < segment.n ? { ...segment, n: used, countsAt: 0 } : segment);
    if (this.done) this.doneAtPs = viewsOf(this.#memory).i64[segment.timesAt / 8 + used - 1];
  }

  endSegment(): void { this.#engine.endSegment(); }

  clear(): void {
    this.#engine.clear();
    this.#bins.clear();
    this.#tally.clear();
    this.doneAtPs = undefined;
  }

  rebase(byPs: bigint): void {
    this.#engine.rebase(byPs);
    if (this.doneAtPs !== undefined) this.doneAtPs -= byPs;
  }

  publish(): Payload { return this.#bins.publish({ rounds: this.#stepped?.rounds ?? 0, histogram: this.#stepped?.histogram ?? 0 }); }
  get tags(): number { return this.#tally.tags; }
  get droppedStarts(): number { return this.#engine.dropped; }
  get done(): boolean { return this.#stepped?.done ?? false; }
}

class TimeDifferencesTotals implements Totals {
  readonly #config: CheckedConfig;
  readonly #bins: BinTotals;
  #rounds = 0;
  #histogram: number;

  constructor(config: CheckedConfig, workspace: Pick<Workspace, 'memory' | 'kernels'>) {
    this.#config = config;
    this.#bins = new BinTotals(workspace, binsOf(config));
    this.#histogram = this.#firstHistogram;
  }

  take(payload: Payload): void {
    this.#bins.take(payload);
    this.#rounds = Number(payload.scalars['rounds']);
    this.#histogram = Number(payload.scalars['histogram']);
  }

  clear(): void {
    this.#bins.clear();
    this.#rounds = 0;
    this.#histogram = this.#firstHistogram;
  }

  evaluate(getter: string, _args: Readonly<Record<string, unknown>>, info: ResultInfo): unknown {
    const maxCounts = numberOf(this.#config, 'maxCounts');
    switch (getter) {
      case 'getData': return this.#bins.counts();
      case 'getIndex': return binEdges(rangeOf(this.#config));
      case 'getCentres': return binCentres(rangeOf(this.#config), info);
      case 'getCounts': return this.#rounds;
      case 'getHistogramIndex': return this.#histogram;
      case 'ready': return maxCounts > 0 && this.#rounds >= maxCounts;
      default: throw new Error(`no getter ${getter}`);
    }
  }

  get #firstHistogram(): number {
    return this.#config['sync'] !== undefined ? -2 : this.#config['next'] !== undefined ? -1 : 0;
  }
}

export const timeDifferences: MeasurementClass = {
  bytes: config => enginesBytes(config) + binsBytes(binsOf(config)),
  fills: true,
  create: (config, workspace) => new TimeDifferencesMeasurement(config, workspace),
  totals: (config, workspace) => new TimeDifferencesTotals(config, workspace),
};
