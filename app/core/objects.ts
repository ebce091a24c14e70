// core/objects.ts - answers of getters that are several arrays at once. Plain data: they cross threads and the wire as they are.
import type { Counts } from './spec.ts';

/** By the name that a getter's `of` gives. */
export interface ObjectTypes {
  CounterData: CounterData;
  FlimFrame: FlimFrame;
  FrequencyCounterData: FrequencyCounterData;
  PulsePerSecondData: PulsePerSecondData;
  ScopeData: ScopeData;
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

/** A frame of a Flim: what its markers said and what was counted. Arrays are [pixels] where not said otherwise. */
export interface FlimFrame {
  pixels: number;
  bins: number;
  /** Output frames before this one; of summed frames: before the newest in it. -1 before the first. */
  frameNumber: number;
  /** The last pixel that began, from 0; -1 before the first. */
  pixelPosition: number;
  /** Current: the frame is under way, and nothing has broken it off. Others: there is one. */
  valid: boolean;
  /** Scanned frames in it. */
  frames: number;
  /** When the (newest) frame began, in stream time, ps; shape [1]. */
  beginPs: BigInt64Array;
  /** Shape [pixels, bins]. */
  histograms: Counts;
  summedCounts: Float64Array;
  /** Counts / live time, Hz; NaN where nothing was seen. */
  intensitiesHz: Float64Array;
  /** How long each pixel was seen, all frames together, ps. */
  liveTimePs: Float64Array;
  /** Begin and end of each pixel of the newest frame since that began, ps; both 0 where it was not reached. */
  pixelBeginsPs: Float64Array;
  pixelEndsPs: Float64Array;
}

/** The answer of `FrequencyCounter.getDataObject`. Arrays are [channels, size] in row order where not said otherwise. */
export interface FrequencyCounterData {
  size: number;
  /** Samples that were overwritten before anybody took them (only with remove). */
  droppedSamples: number;
  overflow: boolean;
  channels: number[];
  /** Instant of each sample since the start, ps; shape [size]. */
  indexPs: Float64Array;
  /** Instant in stream time, ps; shape [size]. */
  timePs: BigInt64Array;
  /** Whole cycles since the first tag of the stretch, NaN where there is no line. */
  periodsCount: Float64Array;
  /** What is above them, 0 <= f < 1. */
  periodsFraction: Float64Array;
  /** From the phases of this sample and the one before. */
  frequencyHz: Float64Array;
  /** From the slope of the line. */
  frequencyInstantaneousHz: Float64Array;
  /** 1 where the fitting window touched a lost interval; shape [size]. */
  overflowMask: Int8Array;
}

/** The answer of `PulsePerSecondMonitor.getDataObject`; a row per pulse of the reference. */
export interface PulsePerSecondData {
  size: number;
  /** Rows that were overwritten before anybody took them (only with remove). */
  droppedRows: number;
  /** The signal channels. */
  channels: number[];
  /** Number of the row since the start. */
  indices: Float64Array;
  /** Time of the reference since its first pulse, ps. */
  indexPs: Float64Array;
  /** Time of the reference in stream time, ps. */
  timePs: BigInt64Array;
  /** Time since the reference before, less the period, ps; NaN for the first of a stretch. */
  referenceOffsetsPs: Float64Array;
  /** t(signal) - t(reference), ps, NaN where a pulse is missing; shape [signals, size] in row order. */
  signalOffsetsPs: Float64Array;
  /** 1 where every signal had its pulse. */
  status: Int8Array;
}

/** The answer of `Scope.getData`: traces that are over. Arrays are [size] where not said otherwise. */
export interface ScopeData {
  /** Points of all traces. */
  size: number;
  /** Points that found no room in these traces. */
  dropped: number;
  /** Channel of each edge. */
  channels: Int32Array;
  /** Number of its trace, from 0. */
  traces: Int32Array;
  /** Since the trigger, ps. */
  timePs: Float64Array;
  /** 1 high from here on, 0 low. */
  states: Int8Array;
  /** Time of each trigger in stream time, ps; shape [traces]. */
  triggerPs: BigInt64Array;
  /** How much of its window was seen, ps; shape [traces]. */
  lengthPs: Float64Array;
  /** 1 where a trace ended early; shape [traces]. */
  cut: Int8Array;
  /** Level of each channel's input before its trigger: 0 low, 1 high, 2 unknown; shape [traces, channels] in row order. */
  levels: Int8Array;
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
