// test/dsp/kernels/fixture.ts - one memory, both kernel sets over it, and tags made from a seed.
import type { KernelSet } from '../../../app/dsp/kernels/kernels.ts';
import { loadKernels } from '../../../app/dsp/kernels/load.ts';
import type { Random } from '../../support/random.ts';

const page = 65536;
export const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true });
export const kernelSets: readonly KernelSet[] = [loadKernels(memory, 'wasm'), loadKernels(memory, 'typescript')];

/** Bases that tests run at: low, and where an address no longer fits a signed 32-bit number (virtual memory, not touched). */
export const bases: readonly number[] = [page, grownTo(2 ** 31 + 64 * page) - 40 * page];

function grownTo(bytes: number): number {
  memory.grow((bytes - memory.buffer.byteLength) / page);
  return bytes;
}

export interface Tag { timePs: bigint; channel: number }

export interface TagOptions { n: number; channels: number; meanPs: number; startPs: bigint }

/** Ascending tags with ties and bursts, equal times ascending in channel. */
export function randomTags(random: Random, { n, channels, meanPs, startPs }: TagOptions): Tag[] {
  let timePs = startPs;
  const tags: Tag[] = [];
  for (let i = 0; i < n; i++) {
    if (!random.chance(0.25)) timePs += BigInt(random.chance(0.1) ? random.integer(0, 3) : Math.round(random.exponential(meanPs)));
    tags.push({ timePs, channel: random.integer(0, channels - 1) });
  }
  return tags.sort(inOrder);
}

export function inOrder(a: Tag, b: Tag): number {
  return a.timePs < b.timePs ? -1 : a.timePs > b.timePs ? 1 : a.channel - b.channel;
}

/** Where times matter: at zero, negative (delays), across 2^32, across 2^53, and near 2^62. */
export const startTimesPs: readonly bigint[] = [0n, -3000n, 2n ** 32n - 500n, 2n ** 53n - 2000n, 2n ** 62n - 1000n, -(2n ** 40n)];

export function writeTags(timesAt: number, channelsAt: number, tags: readonly Tag[]): void {
  new BigInt64Array(memory.buffer, timesAt, tags.length).set(tags.map(tag => tag.timePs));
  new Uint8Array(memory.buffer, channelsAt, tags.length).set(tags.map(tag => tag.channel));
}

export function readTags(timesAt: number, channelsAt: number, n: number): Tag[] {
  const times = new BigInt64Array(memory.buffer, timesAt, n), channels = new Uint8Array(memory.buffer, channelsAt, n);
  return Array.from(times, (timePs, i) => ({ timePs, channel: channels[i]! }));
}
