// core/objects.ts - answers of getters that are several arrays at once. Plain data: they cross threads and the wire as they are.
import type { Counts } from './spec.ts';

/** By the name that a getter's `of` gives. */
export interface ObjectTypes {
  CounterData: CounterData;
}

/** The answer of `Counter.getDataObject`. Arrays are [channels, size] in row order. */
export interface CounterData {
  size: number;
  /** Complete bins that were overwritten before anybody took them (only with remove). */
  droppedBins: number;
  overflow: boolean;
  channels: number[];
  counts: Counts;
  rateHz: Float64Array;
  /** Start of each bin since the start of the measurement, ps. */
  indexPs: Float64Array;
  /** Start of each bin in stream time, ps. */
  timePs: BigInt64Array;
  /** 1 where a bin touched a lost interval. */
  overflowMask: Int8Array;
  totalCounts: Counts;
}
