// dsp/shared-work.ts - what many measurements of one worker need of the same tags, made once, when the first one asks.
//
// It holds for one run of tags at a time: the worker calls `begin` when the tags are others, and a measurement that was given a
// part of a run has it made for that part. The time it takes is nobody's own, so it is kept apart.
import type { KernelSet } from './kernels/kernels.ts';
import type { Segment } from './measurement.ts';
import { viewsOf } from './memory.ts';
import { blockTags } from './ring.ts';

type Tags = Pick<Segment, 'timesAt' | 'channelsAt' | 'n' | 'countsAt'>;

const channels = 256;
/** Different reaches of one run of tags that are kept; more of them are made again. */
const reaches = 64;

export class SharedWork {
  /** Bytes from the bits of one channel index to those of the next. */
  readonly stride: number;
  /** Time spent here since the worker was born, ms. */
  tookMs = 0;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: KernelSet;
  readonly #countsAt: number;
  readonly #channelsAt: number;
  readonly #closeAt: number;
  /** The run of tags that is known now. */
  #run = 0;
  #timesAt = -1;
  #n = -1;
  /** Run for which each was made. */
  #countedRun = 0;
  readonly #channelRun = new Uint32Array(channels);
  readonly #reachesPs = new Float64Array(reaches);
  #reachCount = 0;

  /** @param tags most tags in one segment */
  static bytes(tags = blockTags): number { return channels * 4 + (channels + reaches) * strideOf(tags); }

  constructor(memory: WebAssembly.Memory, kernels: KernelSet, at: number, tags = blockTags) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.stride = strideOf(tags);
    this.#countsAt = at;
    this.#channelsAt = at + channels * 4;
    this.#closeAt = this.#channelsAt + channels * this.stride;
    this.begin();
  }

  /** The tags are others now, though perhaps at the same address. */
  begin(): void {
    this.#run++;
    this.#timesAt = -1;
    this.#reachCount = 0;
  }

  /** Address of u32[256]: tags per channel index. */
  counts(tags: Tags): number {
    if (tags.countsAt) return tags.countsAt;
    this.#take(tags);
    if (this.#countedRun === this.#run) return this.#countsAt;
    const since = performance.now();
    viewsOf(this.#memory).u32.fill(0, this.#countsAt / 4, this.#countsAt / 4 + channels);
    this.#kernels.countChannels(tags.channelsAt, tags.n, this.#countsAt);
    this.#countedRun = this.#run;
    this.tookMs += performance.now() - since;
    return this.#countsAt;
  }

  /** Address of the bits of the tags of one channel index. */
  channel(tags: Tags, index: number): number {
    this.#take(tags);
    const at = this.#channelsAt + index * this.stride;
    if (this.#channelRun[index] === this.#run) return at;
    const since = performance.now();
    this.#kernels.channelBits(tags.channelsAt, tags.n, index, at);
    this.#channelRun[index] = this.#run;
    this.tookMs += performance.now() - since;
    return at;
  }

  /** Has the bits of all these channel indexes made; those of index i lie i strides behind the address returned. */
  channels(tags: Tags, indexes: readonly number[]): number {
    for (const index of indexes) this.channel(tags, index);
    return this.#channelsAt;
  }

  /** Address of the bits of the tags that follow the one before by less than `reachPs`; good until the next call. */
  close(tags: Tags, reachPs: number): number {
    this.#take(tags);
    for (let i = 0; i < Math.min(this.#reachCount, reaches); i++) if (this.#reachesPs[i] === reachPs) return this.#closeAt + i * this.stride;
    const since = performance.now();
    const i = this.#reachCount++ % reaches, at = this.#closeAt + i * this.stride;
    this.#reachesPs[i] = reachPs;
    this.#kernels.closeBits(tags.timesAt, tags.n, reachPs, at);
    this.tookMs += performance.now() - since;
    return at;
  }

  #take({ timesAt, n }: Tags): void {
    if (timesAt === this.#timesAt && n === this.#n) return;
    if (this.#timesAt !== -1) this.begin();
    this.#timesAt = timesAt;
    this.#n = n;
  }
}

/** Bits of so many tags in whole words, on a 64-byte border. */
function strideOf(tags: number): number { return Math.ceil(tags / 512) * 64; }
