// dsp/measurements/countrate.ts - mean rate of each channel: received tags / live time.
import type { CheckedConfig } from '../../core/measurements.ts';
import type { ResultInfo } from '../../core/results.ts';
import type { Measurement, MeasurementClass, Payload, Segment, SegmentEnd, Totals, Workspace } from '../measurement.ts';
import { channelsOf } from './config.ts';
import { narrowNumbers } from './counts.ts';
import { MissedTally } from './missed.ts';
import { Tally } from './tally.ts';

class CountrateMeasurement implements Measurement {
  readonly done = false;
  readonly droppedStarts = 0;
  readonly #tally: Tally;
  readonly #missed: MissedTally;

  constructor(config: CheckedConfig, workspace: Workspace) {
    const indexes = channelsOf(config).map(channel => workspace.indexOf(channel));
    this.#tally = new Tally(workspace, indexes);
    this.#missed = new MissedTally(indexes);
  }

  process(segment: Segment): void { this.#tally.add(segment); }
  endSegment(end: SegmentEnd): void { this.#missed.add(end); }

  clear(): void {
    this.#tally.clear();
    this.#missed.clear();
  }

  rebase(): void { /* keeps no time */ }

  publish(): Payload {
    return { kind: 'copy', data: new ArrayBuffer(0), scalars: { received: [...this.#tally.total], missed: [...this.#missed.total] } };
  }

  get tags(): number { return this.#tally.tags; }
}

class CountrateTotals implements Totals {
  readonly #channels: readonly number[];
  #received: readonly number[];
  #missed: readonly number[];

  constructor(config: CheckedConfig) {
    this.#channels = channelsOf(config);
    this.#received = this.#missed = this.#channels.map(() => 0);
  }

  take({ scalars }: Payload): void {
    this.#received = scalars['received'] as readonly number[];
    this.#missed = scalars['missed'] as readonly number[];
  }

  clear(): void { this.#received = this.#missed = this.#channels.map(() => 0); }

  evaluate(getter: string, _args: Readonly<Record<string, unknown>>, { liveTimePs }: ResultInfo): unknown {
    const perSecond = (value: (tags: number) => number): Float64Array =>
      Float64Array.from(this.#received, tags => (liveTimePs > 0 ? (value(tags) / liveTimePs) * 1e12 : NaN));
    switch (getter) {
      case 'getData': case 'getDataNormalized': return perSecond(tags => tags);
      case 'getUncertainty': return perSecond(Math.sqrt);
      case 'getCountsTotal': return narrowNumbers(this.#received.map((tags, i) => tags + this.#missed[i]!));
      case 'getCountsReceived': return narrowNumbers(this.#received);
      case 'getIndex': return Float64Array.from(this.#channels);
      default: throw new Error(`no getter ${getter}`);
    }
  }
}

export const countrate: MeasurementClass = {
  bytes: () => 64,
  create: (config, workspace) => new CountrateMeasurement(config, workspace),
  totals: config => new CountrateTotals(config),
};
