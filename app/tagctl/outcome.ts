// tagctl/outcome.ts - what a finished measurement says: its arrays by the names that every output uses, and its account.
import type { NumberArray } from '../format/table.ts';
import type { MeasurementName } from '../core/measurements.ts';
import type { ResultInfo } from '../core/results.ts';
import type { TaggerInfo } from '../core/tagger.ts';

/** The part of a measurement that reading needs; the client's and the engine's both have it. */
export interface Readable {
  read(getter: string, args?: Record<string, unknown>): Promise<{ value: unknown; info: ResultInfo }>;
}

export type Value = NumberArray | number | boolean;

export interface Outcome {
  name: MeasurementName;
  /** What was measured on, in words: model and file or name. */
  source: string;
  /** What is odd about the source, such as a file that is shorter than its header says. */
  remarks: readonly string[];
  /** Channel numbers to the names people gave them. */
  channelNames: ReadonlyMap<number, string>;
  info: ResultInfo;
  values: Record<string, Value>;
  /** g2 was asked for, and not only read for the summary. */
  normalized: boolean;
  /** Stopped by Ctrl-C before its time was over. */
  interrupted: boolean;
}

export interface ReadOptions {
  /** g2 and its error beside the counts, where the measurement has them. */
  normalized: boolean;
  rates: string;
}

/** Words on the source out of what the tagger says about itself. */
export function describeSource({ model, description = '', channels }: TaggerInfo): Pick<Outcome, 'source' | 'remarks' | 'channelNames'> {
  const [what = '', ...remarks] = description.split('; ');
  return {
    source: [model, what].filter(part => part !== '').join(', '), remarks,
    channelNames: new Map(channels.map(({ number, name }) => [number, name === `Ch ${number}` ? '' : name])),
  };
}

/** Values by name, in the order in which they are printed, and the getter that each comes from. */
const getters: Record<MeasurementName, Readonly<Record<string, string>>> = {
  countrate: { channels: 'getIndex', rateHz: 'getData', uncertaintyHz: 'getUncertainty', counts: 'getCountsReceived', countsTotal: 'getCountsTotal' },
  counter: { indexPs: 'getIndex', counts: 'getData', rateHz: 'getDataNormalized', countsTotal: 'getDataTotalCounts' },
  histogram: { indexPs: 'getIndex', counts: 'getData' },
  correlation: { indexPs: 'getIndex', counts: 'getData' },
  timeDifferences: { indexPs: 'getIndex', counts: 'getData', rounds: 'getCounts', histogramIndex: 'getHistogramIndex', ready: 'ready' },
  startStop: { entries: 'getData' },
};

/** Measurements that know g2. */
export const normalizable: ReadonlySet<MeasurementName> = new Set(['histogram', 'correlation']);

/** Reads everything of a measurement that stands still; the account is that of the last value read. */
export async function readOutcome(
  measurement: Readable, name: MeasurementName, options: ReadOptions,
): Promise<Pick<Outcome, 'info' | 'values'>> {
  const values: Record<string, Value> = {};
  let info: ResultInfo | undefined;
  for (const [key, getter] of Object.entries(getters[name])) {
    const reading = await measurement.read(getter);
    info = reading.info;
    values[key] = reading.value as Value;
  }
  if (options.normalized && normalizable.has(name)) {
    for (const [key, getter] of [['g2', 'getDataNormalized'], ['g2Error', 'getDataNormalizedError']] as const) {
      values[key] = (await measurement.read(getter, { rates: options.rates })).value as Value;
    }
  }
  if (info === undefined) throw new Error(`No getter is listed for ${name}.`);
  return { info, values: name === 'startStop' ? apart(values['entries'] as Float64Array) : values };
}

/** StartStop answers rows of [left edge, count]; every other output wants two arrays. */
function apart(entries: Float64Array): Record<string, Value> {
  const indexPs = new Float64Array(entries.length / 2);
  const counts = new Float64Array(entries.length / 2);
  for (let k = 0; k < indexPs.length; k++) {
    indexPs[k] = entries[2 * k]!;
    counts[k] = entries[2 * k + 1]!;
  }
  return { indexPs, counts };
}

/** The rows of a two-dimensional value: channels of a counter, histograms of time differences; 1 where there are none. */
export function rowsOf(outcome: Pick<Outcome, 'name' | 'info'>): number {
  const { channels, histograms } = outcome.info.config;
  if (outcome.name === 'counter' && Array.isArray(channels)) return channels.length;
  return outcome.name === 'timeDifferences' && typeof histograms === 'number' ? histograms : 1;
}

export function row<T extends NumberArray>(values: T, rows: number, index: number): T {
  const length = values.length / rows;
  return values.subarray(index * length, (index + 1) * length) as T;
}
