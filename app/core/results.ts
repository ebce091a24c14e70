// core/results.ts - what comes with every result, whatever was measured: how long, how complete, under which settings.
import type { CheckedConfig, MeasurementName } from './measurements.ts';
import type { Tick, WorstGrade } from './tags.ts';
import type { VirtualChannels } from './virtual.ts';

/** The three delays of a channel; they add. Positive = later. */
export interface ChannelDelays { channel: number; hardwarePs: number; stationPs: number; privatePs: number }

/**
 * Virtual channels as they were defined, with the defaults. Of each uninterrupted stretch the view leaves out `leadInPs` at the
 * beginning and `holdBackPs` at the end (private delays included): there a tag would be made of tags that nobody saw.
 */
export interface VirtualView { channels: VirtualChannels; leadInPs: number; holdBackPs: number }

/**
 * The account beside every result. Durations are sums, not time stamps: above 2^53 ps (2.5 h) they are rounded to the
 * nearest double, a relative error of 1e-16. Time stamps are bigint.
 */
export interface ResultInfo {
  name: MeasurementName;
  config: CheckedConfig;
  taggerId: string;
  /** Stream time of the fence: no tag from before it is in the result. */
  startPs: bigint;
  /** Stream time up to which all tags are in the result. */
  stopPs: bigint;
  epoch: number;
  /** Time since creation or clear during which the measurement ran, ps. */
  captureDurationPs: number;
  /** The part of it outside lost intervals. An upper bound under `flagged` or `suspect`. */
  liveTimePs: number;
  lossGrade: WorstGrade;
  lostIntervals: number;
  /** Per channel of the configuration in its order, or `null` where nobody counted. Never 0 unless known to be 0. */
  missedTags: (number | null)[];
  /** Tags of the measurement's channels that went in. */
  tags: number;
  epochs: number;
  /** Tags that came out of order; each one ended a segment. */
  disorder: number;
  /** Starts that had to be forgotten because a window was longer than the memory for it. */
  droppedStarts: number;
  tickPs: Tick;
  /** The binwidth is no multiple of the tick: neighbouring bins hold different numbers of ticks. */
  aliased: boolean;
  nearestGoodPs: number[];
  /** Of the physical channels that the channels of its arguments are, or are made of. */
  delays: ChannelDelays[];
  /** The virtual channels of its view; absent if it has none. */
  virtual?: VirtualView | undefined;
  deadTimePs: number;
  settingsRevisions: number[];
  /** True if a physical setting of one of its channels changed while it ran. */
  mixed: boolean;
  /** Which kernel ran: `wasm` with SIMD, or its twin in plain TypeScript. */
  kernel: 'wasm' | 'typescript';
  /** Why it stopped by itself; absent while it runs, and where its time was over or its owner stopped it. */
  stoppedBy?: 'settings' | undefined;
  /** Number of the part this is, from 0; only where a change of settings begins a new one. */
  part?: number | undefined;
  /** The source has come to its end (a recording): no tag will follow. */
  ended: boolean;
}

/** A value asked of a measurement together with the account of exactly that value. */
export interface Reading<T> { value: T; info: ResultInfo }
