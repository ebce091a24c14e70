// client/counts.ts - counts as a program uses them: numbers in a typed array, whatever width they travelled in.
//
// The station counts in 64 bits and sends the narrowest array that fits. Integers of 64 bits become doubles here, exact up
// to 2^53: at ten million counts a second that is 28 years.
import type { CounterData as WireCounterData, Counts as WireCounts, GetterName, MeasurementName, ValueOf as WireValueOf } from '../core/measurements.ts';

/** A Uint8Array, Uint16Array, Uint32Array or Float64Array; what all of them can do. */
export interface Counts extends Iterable<number> {
  readonly length: number;
  readonly [index: number]: number;
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly BYTES_PER_ELEMENT: number;
  at(index: number): number | undefined;
  entries(): IterableIterator<[number, number]>;
  every(test: (count: number, index: number) => unknown): boolean;
  filter(test: (count: number, index: number) => unknown): Counts;
  find(test: (count: number, index: number) => unknown): number | undefined;
  findIndex(test: (count: number, index: number) => unknown): number;
  forEach(each: (count: number, index: number) => void): void;
  includes(count: number, fromIndex?: number): boolean;
  indexOf(count: number, fromIndex?: number): number;
  join(separator?: string): string;
  keys(): IterableIterator<number>;
  lastIndexOf(count: number, fromIndex?: number): number;
  reduce(combine: (sum: number, count: number, index: number) => number): number;
  reduce<U>(combine: (sum: U, count: number, index: number) => U, start: U): U;
  slice(start?: number, end?: number): Counts;
  some(test: (count: number, index: number) => unknown): boolean;
  subarray(start?: number, end?: number): Counts;
  values(): IterableIterator<number>;
}

/** The answer of `getDataObject`; arrays of [channels, size] are in row order. */
export interface CounterData extends Omit<WireCounterData, 'counts' | 'totalCounts'> {
  /** Shape [channels, size]. */
  counts: Counts;
  /** Shape [channels]. */
  totalCounts: Counts;
}

type Plain<T> = [T] extends [WireCounts] ? Counts : [T] extends [WireCounterData] ? CounterData : T;

/** What a getter of the client gives. */
export type ValueOf<N extends MeasurementName, G extends GetterName<N>> = Plain<WireValueOf<N, G>>;

/** Counts of 64 bits as doubles; everything else as it is. */
export function plainCounts(value: unknown): unknown {
  if (!(value instanceof BigUint64Array)) return value;
  const words = new Uint32Array(value.buffer, value.byteOffset, 2 * value.length);
  const counts = new Float64Array(value.length);
  for (let i = 0; i < counts.length; i++) counts[i] = words[2 * i]! + words[2 * i + 1]! * 2 ** 32;
  return counts;
}
