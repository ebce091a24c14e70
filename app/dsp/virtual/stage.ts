// dsp/virtual/stage.ts - the stage of a view that adds virtual channels: one layer of them, each made of what comes in.
//
// Each kernel makes the tags that are due before the watermark, in its own list; the lists are merged and then put between the
// tags that came in. What may still be overtaken is held back. State begins anew with every stretch, whatever ended the last one.
import { HoldBack, type HoldBackPlan } from '../hold-back.ts';
import type { KernelSet } from '../kernels/kernels.ts';
import { viewsOf } from '../memory.ts';
import type { Segment, SegmentEnd } from '../measurement.ts';
import type { TagsAt } from '../merge.ts';
import { blockTags } from '../ring.ts';
import type { Step } from '../steps.ts';
import { VirtualNode } from './node.ts';
import type { NodePlan } from './plans.ts';

export interface VirtualStagePlan extends HoldBackPlan { kind: 'virtual'; nodes: readonly (NodePlan & { at: number })[]; limitAt: number }

/** Tags that one kernel can make for one call. Two such lists serve all layers of a view. */
export const madeTags = 2 * blockTags;

export class VirtualStage {
  readonly #held: HoldBack;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: KernelSet;
  readonly #nodes: readonly VirtualNode[];
  readonly #limitAt: number;
  readonly #lists: readonly [Omit<TagsAt, 'n'>, Omit<TagsAt, 'n'>];
  /** Tags that may come in at once, so that what is made of them has room. */
  readonly #atOnce: number;
  /** Tags under way that may come due at once in one kernel. */
  readonly #dueAtOnce: number;
  #began = false;

  constructor(plan: VirtualStagePlan, lists: readonly [Omit<TagsAt, 'n'>, Omit<TagsAt, 'n'>], memory: WebAssembly.Memory, kernels: KernelSet) {
    this.#held = new HoldBack(plan, memory, kernels);
    this.#memory = memory;
    this.#kernels = kernels;
    this.#nodes = plan.nodes.map(node => new VirtualNode(node, node.at, memory, kernels));
    this.#limitAt = plan.limitAt;
    this.#lists = lists;
    const perTag = plan.nodes.map(node => node.perTag);
    const together = perTag.reduce((sum, each) => sum + each, 1);
    this.#atOnce = Math.max(1, Math.min(Math.floor(madeTags / 2 / Math.max(...perTag)), Math.floor(4 * blockTags / together)) - 1);
    this.#dueAtOnce = Math.max(1, Math.floor(madeTags / 2 / Math.max(1, plan.nodes.filter(({ queue }) => queue > 0).length)));
  }

  reset(): void {
    this.#held.reset();
    this.#began = false;
  }

  rebase(byPs: bigint): void {
    this.#held.rebase(byPs);
    for (const node of this.#nodes) node.rebase(byPs);
  }

  *derive(step: Step): Generator<Step> {
    switch (step.kind) {
      case 'segment':
        yield* this.#segment(step.segment);
        break;
      case 'losing':
        this.#began = false;
        yield this.#held.losing(step);
        break;
      case 'end':
        this.#began = false;
        yield this.#held.end({ ...step, end: uncounted(step.end) });
        break;
      case 'settings': yield* this.#settings(step);
    }
  }

  /** A change of a channel is one of everything made of it, as late as its tags. */
  #settings(step: Extract<Step, { kind: 'settings' }>): Step[] {
    const made = this.#nodes.filter(({ plan }) => plan.roles.some(([channel]) => channel === step.channel));
    return [step, ...made.flatMap(({ plan }) => Array.from({ length: plan.outputs }, (_, i) => ({ ...step, channel: plan.out + i, atPs: step.atPs + BigInt(plan.laterPs) })))];
  }

  *#segment({ timesAt, channelsAt, n, fromPs: beginPs, toPs: endPs }: Segment): Generator<Step> {
    const { i64 } = viewsOf(this.#memory);
    let from = 0, fromPs = beginPs;
    do {
      let to = Math.min(from + this.#atOnce, n);
      let toPs = to < n ? i64[timesAt / 8 + to]! : endPs;
      for (const node of this.#began ? this.#nodes : []) {
        const duePs = node.dueWith(this.#dueAtOnce);
        if (duePs === undefined || duePs >= toPs || duePs <= fromPs) continue;
        toPs = duePs;
        i64[this.#limitAt / 8] = duePs;
        to = from + this.#kernels.lowerBound(timesAt + from * 8, to - from, this.#limitAt);
      }
      yield* this.#part(timesAt + from * 8, channelsAt + from, to - from, fromPs, toPs);
      from = to;
      fromPs = toPs;
    } while (from < n || fromPs < endPs);
  }

  *#part(timesAt: number, channelsAt: number, n: number, fromPs: bigint, toPs: bigint): Generator<Step> {
    if (!this.#began) for (const node of this.#nodes) node.begin(fromPs);
    this.#began = true;
    this.#held.keepTail();
    viewsOf(this.#memory).i64[this.#limitAt / 8] = toPs;
    if (!this.#add({ timesAt, channelsAt, n }) || !this.#make(timesAt, channelsAt, n)) {
      this.#began = false;
      yield this.#held.overflow(fromPs, toPs);
      return;
    }
    yield* this.#held.release(fromPs, toPs);
  }

  #add({ timesAt, channelsAt, n }: TagsAt): boolean {
    if (!this.#held.hasRoomFor(n)) return false;
    this.#kernels.mergeTags(this.#held.timesAt, this.#held.channelsAt, this.#held.pending, timesAt, channelsAt, n);
    this.#held.added(n);
    return true;
  }

  /** Adds what all kernels make of n tags; false if there was no room. */
  #make(timesAt: number, channelsAt: number, n: number): boolean {
    const [all, own] = this.#lists;
    let made = 0;
    for (const node of this.#nodes) {
      if (made > (node.plan.queue > 0 ? 0 : madeTags / 2)) {
        if (!this.#add({ ...all, n: made })) return false;
        made = 0;
      }
      const into = made === 0 ? all : own;
      const count = node.run(timesAt, channelsAt, n, this.#limitAt, into.timesAt, into.channelsAt, madeTags - made);
      if (count < 0) return false;
      if (node.plan.unsorted) this.#kernels.sortTags(into.timesAt, into.channelsAt, count);
      if (made > 0) this.#kernels.mergeTags(all.timesAt, all.channelsAt, made, own.timesAt, own.channelsAt, count);
      made += count;
    }
    return this.#add({ ...all, n: made });
  }
}

/** How many tags of a virtual channel a loss took nobody knows, also where those of the inputs were counted. */
function uncounted(end: SegmentEnd): SegmentEnd {
  return end.kind === 'lost' && end.grade === 'counted' ? { ...end, grade: 'flagged', missed: undefined } : end;
}
