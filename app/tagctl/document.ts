// tagctl/document.ts - a result as one JSON document, and as columns for CSV and NumPy.
//
// Absolute times are decimal strings because a double cannot hold them; a value that is not known is null. Counts are
// numbers up to 2^53 and strings above.
import type { Column, NumberArray } from '../format/table.ts';
import { dimensionsOf, row, sizesOf, type Outcome } from './outcome.ts';

/** Chunks of text: 16 million bins would not fit into one string. */
export function* toJson(outcome: Outcome): Generator<string> {
  const { info, values } = outcome;
  const { name, ...account } = info;
  yield `{"measurement":${JSON.stringify(name)},"source":${JSON.stringify(outcome.source)},"remarks":${JSON.stringify(outcome.remarks)},"interrupted":${outcome.interrupted}`;
  for (const [key, value] of Object.entries(account)) yield `,${JSON.stringify(key)}:${JSON.stringify(value, bigintAsText) ?? 'null'}`;
  for (const [key, value] of Object.entries(values)) {
    yield `,${JSON.stringify(key)}:`;
    if (typeof value !== 'object') yield JSON.stringify(value);
    else yield* nested(value, sizesOf(outcome, key));
  }
  yield '}\n';
}

/** Rows within rows, as many as there are dimensions. */
function* nested(values: NumberArray, sizes: readonly number[]): Generator<string> {
  const [rows, ...inner] = sizes;
  if (rows === undefined || inner.length === 0) {
    yield* array(values);
    return;
  }
  for (let i = 0; i < rows; i++) {
    yield i === 0 ? '[' : ',';
    yield* nested(row(values, rows, i), inner);
  }
  yield rows === 0 ? '[]' : ']';
}

/** Any small answer (info, grants, rates) under the same rules. */
export function jsonLine(value: unknown): string { return `${JSON.stringify(value, bigintAsText)}\n`; }

function* array(values: NumberArray): Generator<string> {
  yield '[';
  for (let from = 0; from < values.length; from += chunk) {
    const part = Array.from(values.subarray(from, from + chunk), text);
    yield `${from === 0 ? '' : ','}${part.join(',')}`;
  }
  yield ']';
}

const chunk = 8192;

function text(value: number | bigint): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? String(value) : `"${value}"`;
}

function bigintAsText(_key: string, value: unknown): unknown { return typeof value === 'bigint' ? String(value) : value; }

/**
 * The outputs with the most dimensions, and whatever names their rows. Of a value per channel each channel has a column of its
 * own; any other leading dimension becomes a column beside the values.
 */
export function toColumns(outcome: Outcome): Column[] {
  const { name, values } = outcome;
  const arrays = Object.entries(values).filter((entry): entry is [string, NumberArray] => typeof entry[1] === 'object')
    .map(([key, value]) => ({ key, value, dimensions: dimensionsOf(name, key) }));
  const most = Math.max(...arrays.map(({ dimensions }) => dimensions.length));
  const main = arrays.find(({ dimensions }) => dimensions.length === most);
  if (!main) return [];
  const same = arrays.filter(({ dimensions }) => dimensions.join() === main.dimensions.join());
  const alone = (dimension: string) => arrays.filter(({ dimensions }) => dimensions.length === 1 && dimensions[0] === dimension);
  const last = main.dimensions.at(-1) as string;
  if (most <= 1) return same.map(({ key, value }) => column(key, value));
  const sizes = sizesOf(outcome, main.key), rows = sizes.slice(0, -1).reduce((product, size) => product * size, 1), length = sizes.at(-1) as number;
  if (main.dimensions[0] === 'channels' && most === 2) {
    const channels = outcome.info.config['channels'] as readonly number[];
    return [
      ...alone(last).map(({ key, value }) => column(key, value)),
      ...same.flatMap(({ key, value }) => channels.map((channel, i) => (
        { name: `${snake(key)}_ch${channel < 0 ? 'm' : ''}${Math.abs(channel)}`, values: row(value, channels.length, i) }))),
    ];
  }
  const total = rows * length;
  const place = (d: number): ((i: number) => number) => {
    const step = sizes.slice(d + 1).reduce((product, size) => product * size, 1);
    return i => Math.floor(i / step) % (sizes[d] as number);
  };
  const leading = main.dimensions.slice(0, -1).flatMap((dimension, d) => {
    const named = alone(dimension), at = place(d);
    return named.length > 0 ? named.map(({ key, value }) => column(key, repeated(value, total, at)))
      : [{ name: snake(dimension.replace(/s$/, '')), values: Uint32Array.from({ length: total }, (_, i) => at(i)) }];
  });
  return [
    ...leading, ...alone(last).map(({ key, value }) => column(key, repeated(value, total, place(most - 1)))),
    ...same.map(({ key, value }) => column(key, value)),
  ];
}

function column(key: string, values: NumberArray): Column {
  return key === 'channels' ? { name: 'channel', values: Int32Array.from(values as Float64Array) } : { name: snake(key), values };
}

function repeated(values: NumberArray, total: number, at: (i: number) => number): NumberArray {
  const copy = new (values.constructor as new (length: number) => NumberArray)(total);
  for (let i = 0; i < total; i++) copy[i] = values[at(i)] as never;
  return copy;
}

/** `rateHz` -> `rate_hz`, `g2Error` -> `g2_error`. */
function snake(key: string): string { return key.replaceAll(/(?<=[a-z\d])[A-Z]/g, letter => `_${letter}`).toLowerCase(); }
