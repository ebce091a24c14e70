// core/tags.ts - how tags leave a driver. Drivers see this file and nothing of the engine behind it.
//
// A tag is 8 + 1 bytes: int64 ps and a dense channel index (position in `TaggerInfo.channels`). Whatever is not a tag
// is a marker. Times given to one sink never decrease within an epoch; the sink checks that and marks where it fails.

/**
 * What is known about a loss.
 * `counted`: how many, per channel or in all. `flagged`: from when to when, but not how many.
 * `suspect`: the device admits a loss since its last clean status, not when.
 */
export type LossGrade = 'counted' | 'flagged' | 'suspect';
export type WorstGrade = 'none' | LossGrade;

export const gradeOrder: readonly WorstGrade[] = ['none', 'counted', 'flagged', 'suspect'];
export function worseGrade(a: WorstGrade, b: WorstGrade): WorstGrade {
  return gradeOrder.indexOf(a) >= gradeOrder.indexOf(b) ? a : b;
}

/** Where tags were lost: in the instrument, on the cable, or in this computer. */
export type LossPlace = 'device' | 'usb' | 'host';

/** An interval in which tags are missing; [fromPs, toPs), absolute stream time. */
export interface Loss {
  grade: LossGrade;
  place: LossPlace;
  fromPs: bigint;
  toPs: bigint;
  /** Missed tags per channel index, only if `counted`; `undefined` where the number is unknown. */
  missed?: { channelIndex: number; count: number }[] | undefined;
  /** Missed tags in all, where the device counts them but does not say of which channels; the grade is `flagged` then. */
  missedInAll?: number | undefined;
}

/** Room for tags in the open block of the ring; addresses in `TagSink.memory`. */
export interface Room {
  /** Address of the next int64 ps. */
  timesAt: number;
  /** Address of the next u8 channel index. */
  channelsAt: number;
  /** Tags that fit; at least 1. */
  tags: number;
}

/**
 * The one way of tags from a driver into the engine. Single writer, called only on the ingest worker.
 *
 * A decoder asks for `room()`, writes times and indexes straight into shared memory and says how many with `commit()`.
 * `room()` of a waitable line blocks until every reader has left the oldest block; of a live line it never waits.
 */
export interface TagSink {
  readonly memory: WebAssembly.Memory;
  /** 256 KiB inside `memory` that the driver may use as it likes (raw bytes, decoder state). */
  readonly scratchAt: number;
  readonly scratchBytes: number;
  room(): Room;
  /** `count` tags were written at the start of the last `room()`. Their times are checked for order here. */
  commit(count: number): void;
  /** Copies tags in; for drivers that do not write into `memory` themselves. Splits over blocks as needed. */
  write(timesPs: BigInt64Array, channels: Uint8Array, count: number): void;
  /** All tags before `timePs` have been handed over: moves the watermark although nothing was seen. */
  heartbeat(timePs: bigint): void;
  /** Tags are missing. Open state of every measurement starts anew after `toPs`. */
  lost(loss: Loss): void;
  /** An overflow began and has not ended yet: live time stands still until `lost()` names the whole interval. */
  losing(fromPs: bigint, place: LossPlace): void;
  /** The device restarted its clock at stream time `atPs` (uncertain by `uncertaintyPs`): no difference crosses it. */
  epoch(atPs: bigint, uncertaintyPs: number): void;
  /** The time base jumped inside an epoch (a missed wrap, a stale dummy). Same effect as a loss of grade `suspect`. */
  timeSlip(atPs: bigint): void;
  clock(state: 'locked' | 'lost', atPs: bigint): void;
  /** A physical setting changed at tag time `atPs`, which is now: behind all tags so far. `revision` is the new settings revision. */
  settings(atPs: bigint, revision: number, channelIndexes: readonly number[]): void;
  /** True once the line is being taken down: return from `run()` soon. Cheap enough to ask per chunk. */
  readonly stopped: boolean;
}

/** ps per tick as a fraction, because 1/256 ns is 3.90625 ps. */
export interface Tick { num: number; den: number }
