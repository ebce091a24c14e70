// dsp/view.ts - the tags as a set of measurements wants to see them: channels moved by private delays, and virtual channels.
//
// A chain of stages, each a pipe of steps; the empty view is the ring itself and never comes here. `planView` lays the chain out
// on the main thread, the worker runs it. Equal plans are one view, whatever numbers their virtual channels were given.
import type { CheckedVirtual } from '../core/virtual.ts';
import { DelayStage, delaysBytes, type DelayStagePlan } from './delay-stage.ts';
import { heldTags, holdBackBytes } from './hold-back.ts';
import type { KernelSet } from './kernels/kernels.ts';
import { align64, viewsOf } from './memory.ts';
import type { Step } from './steps.ts';
import { nodeBytes } from './virtual/node.ts';
import { nodesOf } from './virtual/plans.ts';
import { madeTags, VirtualStage, type VirtualStagePlan } from './virtual/stage.ts';

/** Two lists of tags that the stages take turns with; addresses in a plan count from the view's own region. */
const listBytes = align64((madeTags + 1) * 9);

export interface ViewPlan {
  stages: readonly (DelayStagePlan | VirtualStagePlan)[];
  bytes: number;
  /** Lead-in and hold-back of the whole chain: a stretch is shorter by both. */
  leadInPs: number;
  holdBackPs: number;
}

/**
 * @param delaysPs by dense index of the physical channels
 * @param virtual in the order of their dense indexes, which follow the physical ones
 * @returns undefined for the empty view
 */
export function planView(channels: readonly number[], delaysPs: readonly number[], virtual: readonly CheckedVirtual[]): ViewPlan | undefined {
  const stages: (DelayStagePlan | VirtualStagePlan)[] = [];
  let at = 2 * listBytes;
  const take = (bytes: number): number => {
    const place = at;
    at += align64(bytes);
    return place;
  };
  if (delaysPs.some(ps => ps !== 0)) {
    const leastPs = Math.min(0, ...delaysPs), mostPs = Math.max(0, ...delaysPs), capacity = heldTags(mostPs - leastPs);
    stages.push({ kind: 'delay', delaysPs, leastPs, mostPs, capacity, tableAt: take(delaysBytes), at: take(holdBackBytes(capacity)) });
  }
  const indexes = new Map(channels.map((channel, index) => [channel, index]));
  const nodes = virtual.flatMap(each => {
    const out = indexes.size;
    for (let i = 0; i < each.outputs; i++) indexes.set(each.number + i, out + i);
    return nodesOf(each, channel => indexes.get(channel)!, out).map(node => ({ layer: each.layer, node }));
  });
  for (let layer = 0; nodes.some(each => each.layer === layer); layer++) {
    const own = nodes.filter(each => each.layer === layer).map(({ node }) => node);
    const leastPs = Math.min(...own.map(node => node.leastPs)), mostPs = Math.max(...own.map(node => node.mostPs));
    const capacity = heldTags(-leastPs) + madeTags;
    stages.push({ kind: 'virtual', leastPs, mostPs, capacity, limitAt: take(64), at: take(holdBackBytes(capacity)), nodes: own.map(node => ({ ...node, at: take(nodeBytes(node)) })) });
  }
  if (stages.length === 0) return undefined;
  const sum = (of: (stage: DelayStagePlan | VirtualStagePlan) => number): number => stages.reduce((all, stage) => all + of(stage), 0);
  return { stages, bytes: at, leadInPs: sum(stage => stage.mostPs), holdBackPs: sum(stage => -stage.leastPs) };
}

/** A view as it lies in memory. */
export interface ViewSetup { key: string; plan: ViewPlan; at: number }

export class View {
  readonly key: string;
  readonly #leadInPs: bigint;
  readonly #stages: readonly (DelayStage | VirtualStage)[];

  constructor({ key, plan, at }: ViewSetup, memory: WebAssembly.Memory, kernels: KernelSet) {
    this.key = key;
    this.#leadInPs = BigInt(plan.leadInPs);
    // The memory may have grown since this thread looked at it last, and the view lies in the new part.
    viewsOf(memory, at + plan.bytes);
    const listAt = (listNumber: number): { timesAt: number; channelsAt: number } => {
      const timesAt = at + listNumber * listBytes;
      return { timesAt, channelsAt: timesAt + (madeTags + 1) * 8 };
    };
    this.#stages = plan.stages.map(stage => stage.kind === 'delay'
      ? new DelayStage({ ...stage, at: at + stage.at, tableAt: at + stage.tableAt }, listAt(0), memory, kernels)
      : new VirtualStage({
        ...stage, at: at + stage.at, limitAt: at + stage.limitAt, nodes: stage.nodes.map(node => ({ ...node, at: at + node.at })),
      }, [listAt(0), listAt(1)], memory, kernels));
  }

  /** A measurement that is created at stream time `atPs` sees all of its channels only from here on. */
  opensAt(atPs: bigint): bigint { return atPs + this.#leadInPs; }

  /** Forgets everything; nobody looked while tags went by. */
  reset(): void { for (const stage of this.#stages) stage.reset(); }

  /** The origin of time moved back. */
  rebase(byPs: bigint): void { for (const stage of this.#stages) stage.rebase(byPs); }

  /** Turns a step of the ring into steps of this view. Each one is valid until the next is asked for. */
  derive(step: Step): Generator<Step> { return this.#through(0, step); }

  *#through(index: number, step: Step): Generator<Step> {
    const stage = this.#stages[index];
    if (!stage) yield step;
    else for (const derived of stage.derive(step)) yield* this.#through(index + 1, derived);
  }
}
