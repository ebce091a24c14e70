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
  /** Adds the f64 of each channel, `delaysAt` f64[256] (whole ps), to its tags' times and sorts them as `sortTags`. */
  delayTags(timesAt: number, channelsAt: number, n: number, delaysAt: number): void;
  /** u64[n] at `intoAt` += u64[n] at `fromAt`; then zeroes `fromAt`. */
  addBins(intoAt: number, fromAt: number, n: number): void;
  /** Largest u64 of n, as a double rounded up. */
  largestBin(at: number, n: number): number;
}
