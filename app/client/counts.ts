// client/counts.ts - counts as a program uses them: one kind of array, whatever width they travelled in.
//
// The station counts in 64 bits and sends the narrowest array that fits. Here they become doubles, exact up to 2^53: at ten
// million counts a second in one bin that is 28 years.
import type { CounterData as WireCounterData, Counts as WireCounts, FlimFrame as WireFlimFrame, GetterName, MeasurementName, ValueOf as WireValueOf } from '../core/measurements.ts';

type PlainFields<T> = { [K in keyof T]: [T[K]] extends [WireCounts] ? Float64Array : T[K] };
type Plain<T> = [T] extends [WireCounts] ? Float64Array : [T] extends [ArrayBufferView | number | boolean] ? T : PlainFields<T>;

/** The answer of `Counter.getDataObject`; arrays of [channels, size] are in row order. */
export type CounterData = PlainFields<WireCounterData>;

/** A frame of a Flim with what is known of it; `histograms` is [pixels, bins] in row order. */
export type FlimFrame = PlainFields<WireFlimFrame>;

/** What a getter of the client gives. */
export type ValueOf<N extends MeasurementName, G extends GetterName<N>> = Plain<WireValueOf<N, G>>;

/** Arrays without a sign hold counts and nothing else does: they become doubles, everything else stays as it is. */
export function plainCounts(value: unknown): unknown {
  if (value instanceof Uint8Array || value instanceof Uint16Array || value instanceof Uint32Array) return Float64Array.from(value);
  if (!(value instanceof BigUint64Array)) return value;
  const words = new Uint32Array(value.buffer, value.byteOffset, 2 * value.length);
  const counts = new Float64Array(value.length);
  for (let i = 0; i < counts.length; i++) counts[i] = words[2 * i]! + words[2 * i + 1]! * 2 ** 32;
  return counts;
}
