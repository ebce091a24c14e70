// test/dsp/virtual/harness.ts - runs a view as the dsp worker does, and reads back what its measurements would be given.
import assert from 'node:assert/strict';
import { checkVirtual, virtualNumbers, type CheckedVirtual } from '../../../app/core/virtual.ts';
import type { KernelSet } from '../../../app/dsp/kernels/kernels.ts';
import { loadKernels } from '../../../app/dsp/kernels/load.ts';
import type { SegmentEnd } from '../../../app/dsp/measurement.ts';
import { createMemory } from '../../../app/dsp/memory.ts';
import type { Step } from '../../../app/dsp/steps.ts';
import { planView, View } from '../../../app/dsp/view.ts';
import type { Stretch, Tag } from './oracle.ts';

const tail = 4096, callTags = 16_384;
const timesAt = 65_536, channelsAt = timesAt + 8 * callTags, viewAt = channelsAt + callTags;
const memory = createMemory(256 * 2 ** 20);
const kernelSets = { wasm: loadKernels(memory, 'wasm'), typescript: loadKernels(memory, 'typescript') };
let usedBytes = 0;

export type Ended = Stretch & { end: SegmentEnd };

/** A view over channels 1 to `physical`; gives the stretches that come out of it, and all ends. */
export class ViewBench {
  readonly virtual: readonly CheckedVirtual[];
  readonly numbers: readonly number[];
  readonly #view: View;
  readonly stretches: Stretch[] = [];
  readonly ends: { end: SegmentEnd; fromPs: bigint; toPs: bigint }[] = [];
  readonly settings: { channel: number; atPs: bigint }[] = [];
  /** Subtracted from every time that goes in, and added to what comes out. */
  originPs = 0n;
  #open: Stretch | undefined;

  constructor(physical: number, definitions: unknown, kind: KernelSet['kind'], delaysPs: readonly number[] = []) {
    const channels = Array.from({ length: physical }, (_, i) => i + 1);
    this.virtual = checkVirtual(definitions, channels);
    this.numbers = [...channels, ...virtualNumbers(this.virtual)];
    const plan = planView(channels, channels.map((_, i) => delaysPs[i] ?? 0), this.virtual);
    assert(plan);
    new Uint8Array(memory.buffer, viewAt, Math.max(usedBytes, plan.bytes)).fill(0);
    usedBytes = plan.bytes;
    this.#view = new View({ key: '', plan, at: viewAt }, memory, kernelSets[kind]);
  }

  segment(tags: readonly Tag[], fromPs: bigint, toPs: bigint): void {
    const times = new BigInt64Array(memory.buffer, timesAt, tags.length), channels = new Uint8Array(memory.buffer, channelsAt, tags.length);
    tags.forEach(({ timePs, channel }, i) => {
      times[i] = timePs - this.originPs;
      channels[i] = this.numbers.indexOf(channel);
    });
    this.#step({
      kind: 'segment', segment: { timesAt, channelsAt, n: tags.length, history: 0, historyComplete: false, fromPs: fromPs - this.originPs, toPs: toPs - this.originPs, countsAt: 0 },
    });
  }

  end(end: SegmentEnd, fromPs: bigint, toPs: bigint): void {
    const moved = end.kind === 'lost' ? { ...end, fromPs: fromPs - this.originPs, toPs: toPs - this.originPs } : { ...end, atPs: toPs - this.originPs };
    this.#step({ kind: 'end', end: moved, fromPs: fromPs - this.originPs, toPs: toPs - this.originPs });
  }

  change(channel: number, atPs: bigint): void { this.#step({ kind: 'settings', channel, revision: 1, atPs: atPs - this.originPs }); }

  rebase(byPs: bigint): void {
    this.originPs += byPs;
    this.#view.rebase(byPs);
  }

  #step(step: Step): void { for (const derived of this.#view.derive(step)) this.#take(derived); }

  /** Checks what every measurement relies on. */
  #take(step: Step): void {
    if (step.kind === 'settings') this.settings.push({ channel: this.numbers[step.channel] ?? step.channel, atPs: step.atPs + this.originPs });
    if (step.kind === 'end') {
      const [fromPs, toPs] = [step.fromPs + this.originPs, step.toPs + this.originPs];
      this.ends.push({ end: step.end, fromPs, toPs });
      this.#open = undefined;
    }
    if (step.kind !== 'segment') return;
    const { segment } = step, { n, history } = segment, fromPs = segment.fromPs + this.originPs, toPs = segment.toPs + this.originPs;
    if (!this.#open) this.stretches.push(this.#open = { tags: [], fromPs, toPs: fromPs });
    const open = this.#open;
    assert.equal(fromPs, open.toPs, 'segments of a stretch meet');
    const times = new BigInt64Array(memory.buffer, segment.timesAt - 8 * history, history + n), channels = new Uint8Array(memory.buffer, segment.channelsAt - history, history + n);
    const all = Array.from(times, (timePs, i) => ({ timePs: timePs + this.originPs, channel: this.numbers[channels[i]!]! }));
    assert.equal(history, Math.min(tail, open.tags.length), 'the tail is as long as can be');
    assert.equal(segment.historyComplete, history === open.tags.length);
    assert.deepEqual(all.slice(0, history), history > 0 ? open.tags.slice(-history) : [], 'the tail is what was given before');
    const counts = new Uint32Array(memory.buffer, segment.countsAt, 256);
    for (let index = 0; index < this.numbers.length; index++) assert.equal(counts[index], channels.subarray(history).filter(each => each === index).length, 'counts');
    for (const { timePs } of all.slice(history)) assert(timePs >= fromPs && timePs <= toPs, 'tags lie in their segment');
    open.tags.push(...all.slice(history));
    open.toPs = toPs;
  }
}
