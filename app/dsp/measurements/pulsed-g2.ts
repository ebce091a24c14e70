// dsp/measurements/pulsed-g2.ts - PulsedG2: the histogram of a correlation and the period of the laser; pulsed-figures.ts makes g2 of it.
import type { CheckedConfig } from '../../core/measurements.ts';
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Workspace } from '../measurement.ts';
import { numberOf, optionalOf } from './config.ts';
import { PairMeasurement, pairMeasurementBytes, type PairKind } from './histogram.ts';
import type { PairRange } from './pairs.ts';
import { PulsedTotals } from './pulsed-figures.ts';
import { Tally } from './tally.ts';

/** Whole bins around the zero delay, as far as the range goes on either side. */
export function pulsedRange(config: CheckedConfig): PairRange {
  const binwidthPs = numberOf(config, 'binwidthPs'), half = Math.ceil(numberOf(config, 'rangePs') / binwidthPs);
  const below = half - Math.round(numberOf(config, 'zeroPs') / binwidthPs);
  return { bins: 2 * half, below: Math.max(0, Math.min(2 * half, below)), binwidthPs };
}

const kind: PairKind = { click: 'channel1', start: 'channel2', rangeOf: pulsedRange };

class PulsedG2Measurement implements Measurement {
  readonly done = false;
  readonly #pairs: PairMeasurement;
  readonly #sync: number | undefined;
  readonly #syncTally: Tally;
  readonly #views: () => Views;
  /** Whole periods between the first and the last sync tag of each stretch, and how long they took. */
  #periods = 0;
  #periodsPs = 0;
  #first: bigint | undefined;
  #last = 0n;
  #open = 0;

  constructor(config: CheckedConfig, workspace: Workspace) {
    const sync = optionalOf(config, 'sync');
    this.#pairs = new PairMeasurement(kind, config, workspace);
    this.#sync = sync === undefined ? undefined : workspace.indexOf(sync);
    const isOwn = sync === undefined || sync === numberOf(config, 'channel1') || sync === numberOf(config, 'channel2');
    this.#syncTally = new Tally(workspace, isOwn ? [] : [this.#sync!]);
    this.#views = viewsOf(workspace.memory);
  }

  process(segment: Segment): void {
    this.#pairs.process(segment);
    if (this.#sync === undefined) return;
    this.#syncTally.add(segment);
    const { channelsAt, timesAt, n } = segment, { u8, i64 } = this.#views(), channels = u8.subarray(channelsAt, channelsAt + n);
    let count = 0, last = -1;
    for (let i = channels.indexOf(this.#sync); i >= 0; i = channels.indexOf(this.#sync, i + 1)) {
      count++;
      last = i;
    }
    if (count === 0) return;
    this.#first ??= i64[timesAt / 8 + channels.indexOf(this.#sync)]!;
    this.#last = i64[timesAt / 8 + last]!;
    this.#open += count;
  }

  endSegment(): void {
    this.#pairs.endSegment();
    ({ periods: this.#periods, periodsPs: this.#periodsPs } = this.#withOpen());
    this.#first = undefined;
    this.#open = 0;
  }

  clear(): void {
    this.#pairs.clear();
    this.#syncTally.clear();
    this.#periods = this.#periodsPs = this.#open = 0;
    this.#first = undefined;
  }

  rebase(byPs: bigint): void {
    this.#pairs.rebase(byPs);
    if (this.#first !== undefined) this.#first -= byPs;
    this.#last -= byPs;
  }

  publish(): Payload {
    const payload = this.#pairs.publish();
    return { ...payload, scalars: { ...payload.scalars, ...this.#withOpen() } };
  }

  get tags(): number { return this.#pairs.tags + this.#syncTally.tags; }
  get droppedStarts(): number { return this.#pairs.droppedStarts; }

  #withOpen(): { periods: number; periodsPs: number } {
    if (this.#first === undefined) return { periods: this.#periods, periodsPs: this.#periodsPs };
    return { periods: this.#periods + this.#open - 1, periodsPs: this.#periodsPs + Number(this.#last - this.#first) };
  }
}

export const pulsedG2: MeasurementClass = {
  bytes: config => pairMeasurementBytes(pulsedRange(config)),
  fills: true,
  create: (config, workspace) => new PulsedG2Measurement(config, workspace),
  totals: (config, workspace) => new PulsedTotals(config, workspace),
};
