// dsp/measurement.ts - the contract between the worker that owns the tags and a class that measures.
//
// A measurement sees time as a chain of segments: uninterrupted stretches of stream time with their tags, in order.
// It never sees a marker, an overflow or another client; `endSegment` tells it that its open state is void. It never
// allocates while tags flow: its memory is one region that `bytes()` asked for, and its scratch is shared by all.
import type { CheckedConfig, MeasurementName } from '../core/measurements.ts';
import type { ResultInfo } from '../core/results.ts';
import type { LossGrade, Tick } from '../core/tags.ts';
import type { KernelSet } from './kernels/kernels.ts';
import type { SharedWork } from './shared-work.ts';

/** Tags [0, n) at these addresses of the shared memory, ascending in time, equal times ascending in channel index. */
export interface Segment {
  timesAt: number;
  channelsAt: number;
  n: number;
  /**
   * Tags that lie directly in front of `timesAt` and `channelsAt`, were seen by this measurement before, and belong to
   * the same uninterrupted stretch. May be fewer than were seen (the tail is at most 4096 tags): see `historyComplete`.
   */
  history: number;
  /** True if `history` holds every tag that this measurement saw since its last `endSegment`. */
  historyComplete: boolean;
  /**
   * Stream time covered; adjacent calls of one stretch meet: the next `fromPs` is this `toPs`. `toPs` is a watermark: every
   * tag earlier than it has been seen, but tags at exactly `toPs` may lie here, in the next segment, or in both.
   */
  fromPs: bigint;
  toPs: bigint;
  /** Address of u32[256], tags per channel index of exactly these n tags, or 0 if nobody has counted them. */
  countsAt: number;
}

/** Why the open state ends. `lost`: tags are missing in [fromPs, toPs). `pause`: stopped by its owner. */
export type SegmentEnd =
  | { kind: 'lost'; fromPs: bigint; toPs: bigint; grade: LossGrade; missed: readonly { channelIndex: number; count: number }[] | undefined }
  | { kind: 'epoch' | 'disorder' | 'slip' | 'pause'; atPs: bigint };

/** A lost interval that became longer or shorter: how many are missing in it is not the number that was counted. */
export function withBorders(end: SegmentEnd, fromPs: bigint, toPs: bigint): SegmentEnd {
  if (end.kind !== 'lost' || (end.fromPs === fromPs && end.toPs === toPs)) return end;
  return { ...end, fromPs, toPs, grade: end.grade === 'counted' ? 'flagged' : end.grade, missed: undefined };
}

export interface Workspace {
  kernels: KernelSet;
  memory: WebAssembly.Memory;
  /** The measurement's own region, zeroed, 64-byte aligned, of the size that `bytes()` gave. */
  at: number;
  bytes: number;
  /** Scratch shared by all measurements of one worker, valid during one call: u32[256]. */
  scratchAt: number;
  /** Bits and counts of the segment at hand that others may have asked for as well. */
  shared: SharedWork;
  /** Dense index of a channel number in this measurement's view. */
  indexOf(channel: number): number;
  tick: Tick;
  /** The bytes of the user's module, for a measurement that runs one. */
  module?: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * A state handed over at a block border. `copy`: complete and private, small (at most `limits.inlineResultBytes`).
 * `delta`: a buffer in shared memory that the measurement has just stopped writing; the results thread adds it into its
 * total, zeroes it and only then asks again. `ring`: bins that are complete and will not be overwritten for a while.
 */
export type Payload =
  | { kind: 'copy'; data: ArrayBuffer; scalars: Scalars }
  | { kind: 'delta'; at: number; entries: number; table: boolean; scalars: Scalars }
  | { kind: 'ring'; at: number; scalars: Scalars };

/** Small numbers beside the bins. Whatever a getter needs and the account does not hold. */
export type Scalars = Record<string, number | bigint | readonly number[]>;

/** The part that runs in a dsp worker. */
export interface Measurement {
  process(segment: Segment): void;
  endSegment(end: SegmentEnd): void;
  /** Zeroes data and state, as if newly created at stream time `atPs`. */
  clear(atPs: bigint): void;
  /** Ingest moved the origin of time: subtract `byPs` from every absolute time kept. */
  rebase(byPs: bigint): void;
  publish(): Payload;
  /** Tags of its own channels that went in, since clear. */
  readonly tags: number;
  readonly droppedStarts: number;
  /** True once it wants no more tags (TimeDifferences with maxCounts). */
  readonly done: boolean;
  /** Where it was done: its live time ends there, inside the segment of its last call. Absent: with that segment. */
  readonly doneAtPs?: bigint | undefined;
}

/** What is known of a measurement class before and after it runs; `evaluate` and `Totals` run on the results thread. */
export interface MeasurementClass {
  /** Bytes of shared memory for these arguments. */
  bytes(config: CheckedConfig): number;
  /** Its memory is written all over from the first tags on: its pages are made before they flow. */
  readonly fills?: true;
  create(config: CheckedConfig, workspace: Workspace): Measurement;
  /** The bins as the results thread keeps them. */
  totals(config: CheckedConfig, workspace: Pick<Workspace, 'memory' | 'kernels' | 'at' | 'bytes'>): Totals;
}

/** The results thread's side: takes payloads in, answers getters out of what it has. Never touches live state. */
export interface Totals {
  take(payload: Payload): void;
  /** Forget everything: the measurement was cleared. Payloads from before carry an older `generation`. */
  clear(): void;
  /** Evaluates one getter of the table; the value is fresh, owned by the caller and may be transferred. */
  evaluate(getter: string, args: Readonly<Record<string, unknown>>, info: ResultInfo): unknown;
}

/** All classes by the name in the table; filled by dsp/measurements/index.ts. */
export type MeasurementClasses = Readonly<Record<MeasurementName, MeasurementClass>>;
