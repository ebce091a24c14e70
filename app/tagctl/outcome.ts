// tagctl/outcome.ts - what a finished measurement says: its arrays by the names that every output uses, and its account.
import type { NumberArray } from '../format/table.ts';
import { specOf } from '../core/arguments.ts';
import { measurementNames, type MeasurementName } from '../core/measurements.ts';
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

/** Measurements that know g2. */
export const normalizable: ReadonlySet<MeasurementName> = new Set(measurementNames.filter(name => specOf(name).normalized !== undefined));

/** Reads everything of a measurement that stands still; the account is that of the last value read. */
export async function readOutcome(
  measurement: Readable, name: MeasurementName, options: ReadOptions,
): Promise<Pick<Outcome, 'info' | 'values'>> {
  const { outputs, normalized = {}, getters } = specOf(name);
  const values: Record<string, Value> = {};
  let info: ResultInfo | undefined;
  for (const [key, getter] of Object.entries({ ...outputs, ...(options.normalized ? normalized : {}) })) {
    const args = getters[getter]?.args && 'rates' in getters[getter].args ? { rates: options.rates } : {};
    const reading = await measurement.read(getter, args);
    info = reading.info;
    values[key] = reading.value as Value;
  }
  if (info === undefined) throw new Error(`No output is listed for ${name}.`);
  return { info, values };
}

/** The dimensions of an output by the names in the table: `['channels', 'values']`; none for a single number. */
export function dimensionsOf(name: MeasurementName, key: string): string[] {
  const { outputs, normalized = {}, getters } = specOf(name);
  const shape = getters[outputs[key] ?? normalized[key] ?? '']?.shape ?? '';
  return shape.replaceAll(/[[\] ]/g, '').split(',').filter(part => part !== '');
}

/** How long each dimension of an output is, from whatever else has it: an output of this dimension alone, or the arguments. */
export function sizesOf(outcome: Pick<Outcome, 'name' | 'info' | 'values'>, key: string): number[] {
  const { name, info, values } = outcome;
  const dimensions = dimensionsOf(name, key);
  const known = dimensions.map(dimension => {
    if (/^\d+$/.test(dimension)) return Number(dimension);
    const alone = Object.keys(values).find(other => dimensionsOf(name, other).join() === dimension);
    if (alone !== undefined) return lengthOf(values[alone]);
    const argument = info.config[dimension];
    return Array.isArray(argument) ? argument.length : typeof argument === 'number' ? argument : undefined;
  });
  // One that is not told follows from the others.
  const rest = known.reduce<number>((product, size) => product * (size ?? 1), 1);
  return known.map(size => size ?? lengthOf(values[key]) / (rest || 1));
}

function lengthOf(value: Value | undefined): number { return typeof value === 'object' ? value.length : 0; }

/** The rows of a value: everything but its last dimension. */
export function rowsOf(outcome: Pick<Outcome, 'name' | 'info' | 'values'>, key: string): number {
  return sizesOf(outcome, key).slice(0, -1).reduce((product, size) => product * size, 1);
}

export function row<T extends NumberArray>(values: T, rows: number, index: number): T {
  const length = values.length / rows;
  return values.subarray(index * length, (index + 1) * length) as T;
}
