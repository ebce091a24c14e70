// tagctl/document.ts - a result as one JSON document, and as columns for CSV and NumPy.
//
// Absolute times are decimal strings because a double cannot hold them; a value that is not known is null. Counts are
// numbers up to 2^53 and strings above.
import type { Column, NumberArray } from '../format/table.ts';
import { rowsOf, row, type Outcome } from './outcome.ts';

/** Chunks of text: 16 million bins would not fit into one string. */
export function* toJson(outcome: Outcome): Generator<string> {
  const { info, values } = outcome;
  const { name, ...account } = info;
  yield `{"measurement":${JSON.stringify(name)},"source":${JSON.stringify(outcome.source)},"remarks":${JSON.stringify(outcome.remarks)},"interrupted":${outcome.interrupted}`;
  for (const [key, value] of Object.entries(account)) yield `,${JSON.stringify(key)}:${JSON.stringify(value, bigintAsText) ?? 'null'}`;
  for (const [key, value] of Object.entries(values)) {
    yield `,${JSON.stringify(key)}:`;
    if (typeof value !== 'object') yield JSON.stringify(value);
    else if (nested(outcome, key)) {
      const rows = rowsOf(outcome);
      for (let i = 0; i < rows; i++) {
        yield i === 0 ? '[' : ',';
        yield* array(row(value, rows, i));
      }
      yield ']';
    } else yield* array(value);
  }
  yield '}\n';
}

/** Any small answer (info, grants, rates) under the same rules. */
export function jsonLine(value: unknown): string { return `${JSON.stringify(value, bigintAsText)}\n`; }

function nested(outcome: Outcome, key: string): boolean {
  return (outcome.name === 'counter' && (key === 'counts' || key === 'rateHz')) || (outcome.name === 'timeDifferences' && key === 'counts');
}

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

/** One row per bin (per channel for rates). Counters get a column per channel, time differences a column `histogram`. */
export function toColumns(outcome: Outcome): Column[] {
  const values = outcome.values as Record<string, NumberArray>;
  const get = (key: string): NumberArray => values[key] as NumberArray;
  switch (outcome.name) {
    case 'countrate':
      return [
        { name: 'channel', values: Int32Array.from(get('channels') as Float64Array) }, { name: 'rate_hz', values: get('rateHz') },
        { name: 'uncertainty_hz', values: get('uncertaintyHz') }, { name: 'counts', values: get('counts') }, { name: 'counts_total', values: get('countsTotal') },
      ];
    case 'counter': {
      const channels = outcome.info.config['channels'] as readonly number[];
      const columnsOf = (key: string, name: string): Column[] => channels.map((channel, i) => (
        { name: `${name}_ch${channel < 0 ? 'm' : ''}${Math.abs(channel)}`, values: row(get(key), channels.length, i) }));
      return [{ name: 'index_ps', values: get('indexPs') }, ...columnsOf('counts', 'counts'), ...columnsOf('rateHz', 'rate_hz')];
    }
    case 'timeDifferences': {
      const index = get('indexPs') as Float64Array;
      const histograms = rowsOf(outcome);
      const repeated = new Float64Array(index.length * histograms);
      for (let i = 0; i < histograms; i++) repeated.set(index, i * index.length);
      return [
        { name: 'histogram', values: Uint32Array.from(repeated, (_, i) => Math.floor(i / index.length)) },
        { name: 'index_ps', values: repeated }, { name: 'counts', values: get('counts') },
      ];
    }
    case 'histogram': case 'correlation': case 'startStop':
      return [
        { name: 'index_ps', values: get('indexPs') }, { name: 'counts', values: get('counts') },
        ...(outcome.normalized && values['g2'] ? [{ name: 'g2', values: get('g2') }, { name: 'g2_error', values: get('g2Error') }] : []),
      ];
  }
}
