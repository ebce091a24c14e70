// dsp/kernels/kernels.ts - the arithmetic of the data path, twice: WebAssembly with SIMD, and its twin in TypeScript.
//
// Both work on one shared memory and take addresses. Absolute times are int64 ps in that memory; they enter and leave a
// kernel by address, never as a bigint and never as a double. Durations are whole doubles below 2^53.

/** Kernels that ingest, views and results need. The measurements' own are added in the same manner. */
export interface KernelSet {
  readonly kind: 'wasm' | 'typescript';
  /** Adds the number of tags of each channel index to u32[256] at `countsAt`. */
  countChannels(channelsAt: number, n: number, countsAt: number): void;
  /**
   * Index of the first tag that is earlier than the tag before it, or `n`. Tag 0 is compared with the i64 at
   * `previousAt`.
   */
  firstDescent(timesAt: number, n: number, previousAt: number): number;
  /** Sorts tags by (time, channel index), stable, in place; for short stretches and small disorder. */
  sortTags(timesAt: number, channelsAt: number, n: number): void;
  /** First index whose time is >= the i64 at `limitAt`; binary search. */
  lowerBound(timesAt: number, n: number, limitAt: number): number;
  /**
   * Input conditioning of n tags in order: filter, divider, dead time, as the ConditionPlan at `planAt` says and remembers. Moves
   * what passes to `into...`, which is where the tags are or in front of it, and returns how many.
   */
  conditionTags(timesAt: number, channelsAt: number, n: number, planAt: number, intoTimesAt: number, intoChannelsAt: number): number;
  /**
   * Rescales n tags in place to the time of a clock channel, as the ClockPlan at `planAt` knows it. Returns how many are done: fewer
   * than n in front of the tag that lost the lock, or behind the one that won it.
   */
  followClock(timesAt: number, channelsAt: number, n: number, planAt: number): number;
  /** Adds the f64 of each channel, `delaysAt` f64[256] (whole ps), to its tags' times and sorts them as `sortTags`. */
  delayTags(timesAt: number, channelsAt: number, n: number, delaysAt: number): void;
  /** u64[n] at `intoAt` += u64[n] at `fromAt`; then zeroes `fromAt`. */
  addBins(intoAt: number, fromAt: number, n: number): void;
  /** Largest u64 of n, as a double rounded up. */
  largestBin(at: number, n: number): number;

  /**
   * Adds every pair whose later tag is in [0, n) to u64 bins at `countsAt`; `history` tags directly in front may be the
   * earlier one. For windows that hold few tags. `closeAt`: bits for the larger reach; `tiesAt`: for a reach of 1 ps; the next
   * two: bits of the clicks and of the starts. `planAt`: a PairPlan.
   */
  pairsNear(
    timesAt: number, channelsAt: number, n: number, history: number, closeAt: number, tiesAt: number, clicksAt: number, startsAt: number,
    planAt: number, countsAt: number,
  ): void;
  /** Which of n tags are of `channel`: one bit each, u64[ceil(n / 64)] at `intoAt`, zero behind the last. */
  channelBits(channelsAt: number, n: number, channel: number, intoAt: number): void;
  /**
   * Which of n tags follow the one before by less than `reachPs`, as bits. A few too many below 2^31 ps, never one too few; the
   * first means nothing where no tag is in front.
   */
  closeBits(timesAt: number, n: number, reachPs: number, intoAt: number): void;
  /** Writes the times of `channel` to `intoAt`, which has room for n + 4, and returns how many. */
  pickTimes(timesAt: number, channelsAt: number, n: number, channel: number, intoAt: number): number;
  /** The same of the tags whose bits at `bitsAt` are set. */
  pickMarked(timesAt: number, bitsAt: number, n: number, intoAt: number): number;
  /** Adds every pair of two lists of times that has something new; the first `old...` of each list are old. */
  pairsDense(
    clicksAt: number, clicks: number, oldClicks: number, startsAt: number, starts: number, oldStarts: number,
    planAt: number, countsAt: number,
  ): void;
  /** Adds every pair of one channel with itself whose later tag is new. */
  pairsAuto(timesAt: number, n: number, old: number, planAt: number, countsAt: number): void;
  /**
   * Counts n tags into the bins they fall in and then opens the bin that holds the i64 at `untilAt`. `bitsAt`: bits of channel
   * index 0, those of the next ones `stride` bytes apart. `planAt`: an IntervalPlan; `ringAt`: u64[slots][columns], then
   * u8[slots] flags.
   */
  countIntervals(
    timesAt: number, channelsAt: number, n: number, bitsAt: number, stride: number, untilAt: number, planAt: number, ringAt: number,
  ): void;
  /**
   * Steps through n tags and counts delays into the histogram in use. `startsAt`: the open starts, `oldStarts` of them,
   * followed by those among the n tags. `planAt`: a StepPlan. Returns how many tags were used: fewer than n once the last
   * round is complete.
   */
  stepPairs(
    timesAt: number, channelsAt: number, n: number, startsAt: number, oldStarts: number, planAt: number, countsAt: number,
  ): number;
  /**
   * Counts the delay from each last start to its first click. `planAt`: a StartStopPlan; `entriesAt`: u64 bin and u64 count
   * per entry; `indexAt`: u32 per slot. Times before the i64 at `untilAt` are settled.
   */
  countStartStop(
    timesAt: number, channelsAt: number, n: number, untilAt: number, planAt: number, entriesAt: number, indexAt: number,
  ): void;
  /** Copies the tags that `planAt`, a PickPlan, wants: times since its origin, and places; both have room for n + 1. Returns how many. */
  pickTags(timesAt: number, channelsAt: number, n: number, planAt: number, intoTimesAt: number, intoPlacesAt: number): number;
  /**
   * Clicks from each begin to the next, or to an end. `planAt`: a BetweenPlan; `entriesAt`: its entries. Times before the i64 at
   * `untilAt` are settled. Returns how many tags were used: fewer than n only once all entries are complete.
   */
  countBetween(timesAt: number, channelsAt: number, n: number, untilAt: number, planAt: number, entriesAt: number): number;
  /** Like `stepPairs`, into the histogram that the axes of a GridPlan choose; never ends. */
  gridPairs(timesAt: number, channelsAt: number, n: number, startsAt: number, oldStarts: number, planAt: number, countsAt: number): void;
  /**
   * Takes the lists of clicks, starts and markers in a PixelPlan into the frame at `frameAt`. Returns 1 once it is complete, to be called
   * again with an empty frame and the lists as they are; 0 when they are used up. Lists of starts and clicks have room for 4 more.
   */
  countPixels(planAt: number, frameAt: number): number;
  /**
   * Phases of one channel. `planAt`: a PhasePlan; `listAt`: a ring of records; `stepsAt`: sums per step; `historyAt`: f64 residuals.
   */
  takePhases(timesAt: number, channelsAt: number, n: number, planAt: number, listAt: number, stepsAt: number, historyAt: number): void;
  /** Pulses against a reference. `planAt`: a PulsePlan; `signalsAt`: its signals; `listAt`: a ring of records. */
  watchPulses(timesAt: number, channelsAt: number, n: number, untilAt: number, planAt: number, signalsAt: number, listAt: number): void;
  /** Sums for lines in windows. `planAt`: a WindowPlan; `columnsAt`: its columns; `listAt`: a ring of records. */
  fitWindows(timesAt: number, channelsAt: number, n: number, untilAt: number, planAt: number, columnsAt: number, listAt: number): void;

  /** Merges m sorted tags into n sorted ones in place, by time and channel index; there is room for n + m. */
  mergeTags(timesAt: number, channelsAt: number, n: number, fromTimesAt: number, fromChannelsAt: number, m: number): void;
  /** Tags that pass a gate, or that a combiner takes. */
  passTags: VirtualKernel;
  /** Coincidences that consume their tags; those of every combination of tags, which are in no order. */
  coincide: VirtualKernel;
  coincideAll: VirtualKernel;
  /** Exclusive click patterns. */
  findPatterns: VirtualKernel;
  /** Patterns behind triggers; one tag behind each is a delay. */
  makePulses: VirtualKernel;
  /** Tags between those of a periodic signal. */
  multiplyTags: VirtualKernel;
  /** Middles of pulses. */
  findMiddles: VirtualKernel;
  /** Where a rate rises above or falls below a band. */
  switchOnRate: VirtualKernel;
  /** Counts coincidences of groups of channels. `planAt`: a CoincidePlan; `stateAt`: the state of each group. */
  countGroups(timesAt: number, channelsAt: number, n: number, planAt: number, stateAt: number): void;
  /** The same over lists of times, each shifted, from `doneTo` to before `until` of the plan; at least one slot. */
  countShifted(listsAt: number, slots: number, planAt: number, stateAt: number): void;
  /** Adds to u64[4]: heralds of the plan's range, and how many of them have a second, a third, and both within the window. */
  countHeralds(
    heraldsAt: number, heralds: number, secondsAt: number, seconds: number, thirdsAt: number, thirds: number, planAt: number, intoAt: number,
  ): void;
  /**
   * Adds the pairs of `clicks` new clicks with the starts before them to u64 bins of growing width. `planAt`: a LogPlan, which keeps
   * places in the list of starts; `removed` of those left it in front since the last call. The list has room for 4 more.
   */
  pairsLog(clicksAt: number, clicks: number, startsAt: number, starts: number, removed: number, planAt: number, countsAt: number): void;
  /**
   * From each last start to the first stop on every axis after it: one count in the cell that these delays give, once all are
   * there. `planAt`: a FirstStopsPlan. Times before the i64 at `untilAt` are settled.
   */
  countFirstStops(timesAt: number, channelsAt: number, n: number, untilAt: number, planAt: number, countsAt: number): void;
  /**
   * Pairs at delays from 2^20 ps by products of counts in bins that grow. `planAt`: a TauPlan and its state; the i64 at `fromAt` is
   * where the grid of bins begins. Counts all that is over by the i64 at `untilAt`.
   */
  multiTau(timesAt: number, channelsAt: number, n: number, fromAt: number, untilAt: number, planAt: number, countsAt: number): void;
  /** Counts what `multiTau` has open, as if nothing came any more, and begins anew. */
  multiTauEnd(planAt: number, countsAt: number): void;
  /** Writes i64 time and u64 place of each tag that has one in u8[256] at `placesAt` (255: none), at most `room` rows; returns how many. */
  listTags(timesAt: number, channelsAt: number, n: number, placesAt: number, intoAt: number, room: number): number;
  /** Follows levels by a sampler's plan; per trigger i64 time, u64 levels, u64 known levels, at most `room` rows. Returns the triggers. */
  sampleLevels(timesAt: number, channelsAt: number, n: number, planAt: number, intoAt: number, room: number): number;
  /**
   * Appends the rows of a scope to its buffer: edges in windows behind a trigger. `planAt`: a ScopePlan; windows that are over by the i64
   * at `untilAt` end. Returns the tags it took: fewer than n in front of the first one that comes after the last trace.
   */
  recordScope(timesAt: number, channelsAt: number, n: number, untilAt: number, planAt: number, bufferAt: number): number;
}

/**
 * Makes the tags of a virtual channel out of n tags, given that all others are at the i64 at `untilAt` or later. `planAt`: the
 * record of its kind in virtual-layout.ts. Returns how many were written, or -1 if there was no room.
 */
export type VirtualKernel = (
  timesAt: number, channelsAt: number, n: number, untilAt: number, planAt: number, intoTimesAt: number, intoChannelsAt: number, room: number,
) => number;
