// core/objects.ts - answers of getters that are several arrays at once. Plain data: they cross threads and the wire as they are.
import type { Counts } from './spec.ts';

/** By the name that a getter's `of` gives. */
export interface ObjectTypes {
  CounterData: CounterData;
  TagBuffer: TagBuffer;
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

/** The answer of `TimeTagStream.getData`. Arrays are [size]. */
export interface TagBuffer {
  size: number;
  hasOverflows: boolean;
  /** Entries dropped since the start because too many waited. */
  dropped: number;
  /** Stream time, ps. */
  timePs: BigInt64Array;
  /** 0 where an entry is of no channel. */
  channels: Int32Array;
  /** 0 tag, 1 break of the time base, 2 loss begins, 3 loss ends, 4 missed tags. */
  types: Int32Array;
  /** Missed tags of an entry of type 4. */
  missed: Float64Array;
}
