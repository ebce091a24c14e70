// dsp/virtual/node.ts - one kernel of a virtual channel with its record in shared memory.
import type { KernelSet, VirtualKernel } from '../kernels/kernels.ts';
import { pulsesPlan, queueRecord, virtualPlan } from '../kernels/virtual-layout.ts';
import { align64, viewsOf } from '../memory.ts';
import type { NodePlan } from './plans.ts';

export function nodeBytes({ bytes, patternPs, queue }: NodePlan): number { return align64(align64(bytes) + patternPs.length * 8 + queue * 8); }

export class VirtualNode {
  readonly plan: NodePlan;
  readonly #at: number;
  readonly #queueAt: number;
  readonly #memory: WebAssembly.Memory;
  readonly #run: VirtualKernel;

  /** @param at `nodeBytes` of zeroes */
  constructor(plan: NodePlan, at: number, memory: WebAssembly.Memory, kernels: KernelSet) {
    this.plan = plan;
    this.#at = at;
    this.#memory = memory;
    this.#run = kernels[plan.kernel];
    const patternAt = at + align64(plan.bytes);
    this.#queueAt = patternAt + plan.patternPs.length * 8;
    const { u8, u32, f64 } = viewsOf(memory);
    for (const [channel, role] of plan.roles) u8[at + virtualPlan.roles + channel] = role;
    u32[(at + virtualPlan.out) / 4] = plan.out;
    for (const [offset, value] of plan.words) u32[(at + offset) / 4] = value;
    for (const [offset, value] of plan.doubles) f64[(at + offset) / 8] = value;
    if (plan.queue > 0) {
      u32[(at + queueRecord.capacity) / 4] = plan.queue;
      u32[(at + queueRecord.queue) / 4] = this.#queueAt;
    }
    if (plan.patternPs.length > 0) u32[(at + pulsesPlan.pattern) / 4] = patternAt;
    f64.set(plan.patternPs, patternAt / 8);
  }

  /** All state begins anew with a stretch at `fromPs`. */
  begin(fromPs: bigint): void {
    const { u8, u32, i64 } = viewsOf(this.#memory);
    const { fresh, zero, times, freshTime } = this.plan;
    u8.fill(0, this.#at + zero[0], this.#at + zero[1]);
    for (const [offset, value] of fresh) u32[(this.#at + offset) / 4] = value;
    if (freshTime === undefined) return;
    const first = (this.#at + times[0]) / 8;
    i64.fill(fromPs + BigInt(freshTime), first, first + times[1]);
  }

  /** As the kernels do; -1 if there was no room. */
  run(timesAt: number, channelsAt: number, n: number, untilAt: number, intoTimesAt: number, intoChannelsAt: number, room: number): number {
    return this.#run(timesAt, channelsAt, n, untilAt, this.#at, intoTimesAt, intoChannelsAt, room);
  }

  /** When the tags under way number more than `most`: the time up to which that many can be given out. */
  dueWith(most: number): bigint | undefined {
    if (this.plan.queue === 0) return undefined;
    const { u32, i64 } = viewsOf(this.#memory);
    const head = u32[(this.#at + queueRecord.head) / 4]!;
    return u32[(this.#at + queueRecord.end) / 4]! - head <= most ? undefined : i64[this.#queueAt / 8 + head + most]!;
  }

  rebase(byPs: bigint): void {
    const { i64 } = viewsOf(this.#memory);
    const move = (at: number, count: number): void => { for (let i = at / 8; i < at / 8 + count; i++) i64[i]! -= byPs; };
    move(this.#at + this.plan.times[0], this.plan.times[1]);
    move(this.#queueAt, this.plan.queue);
  }
}
