// dsp/delay-stage.ts - the stage of a view that moves channels by private delays and sorts them again.
//
// A delayed tag may be overtaken by tags that are still to come, so tags are held back by the smallest delay: out goes what is
// earlier than watermark + smallest delay.
import { HoldBack, type HoldBackPlan } from './hold-back.ts';
import type { KernelSet } from './kernels/kernels.ts';
import { viewsOf } from './memory.ts';
import type { Segment } from './measurement.ts';
import { everyChannel } from './ring.ts';
import { mergeDelayed, type TagsAt } from './merge.ts';
import type { Step } from './steps.ts';

export const delaysBytes = 256 * 8;

/** `delaysPs` by dense index; `tableAt` 2 KiB. */
export interface DelayStagePlan extends HoldBackPlan { kind: 'delay'; delaysPs: readonly number[]; tableAt: number }

/** When a tag overtakes more others than this, merging beats sorting. */
const manyOvertaken = 64;

export class DelayStage {
  readonly #held: HoldBack;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: KernelSet;
  readonly #delaysPs: readonly bigint[];
  readonly #spreadPs: number;
  readonly #tableAt: number;
  /** Room for one block of tags while they are merged. */
  readonly #spare: Omit<TagsAt, 'n'>;

  constructor(plan: DelayStagePlan, spare: Omit<TagsAt, 'n'>, memory: WebAssembly.Memory, kernels: KernelSet) {
    this.#held = new HoldBack(plan, memory, kernels);
    this.#memory = memory;
    this.#kernels = kernels;
    this.#delaysPs = plan.delaysPs.map(BigInt);
    this.#spreadPs = plan.mostPs - plan.leastPs;
    this.#spare = spare;
    this.#tableAt = plan.tableAt;
    viewsOf(memory).f64.set(plan.delaysPs, plan.tableAt / 8);
  }

  reset(): void { this.#held.reset(); }
  rebase(byPs: bigint): void { this.#held.rebase(byPs); }

  *derive(step: Step): Generator<Step> {
    switch (step.kind) {
      case 'segment':
        yield* this.#segment(step.segment);
        break;
      case 'losing': yield this.#held.losing(step); break;
      case 'end': yield this.#held.end(step); break;
      case 'settings': yield* this.#settings(step);
    }
  }

  /** A change reaches each channel as late as the tags behind it. */
  #settings(step: Extract<Step, { kind: 'settings' }>): Step[] {
    if (step.channel !== everyChannel) return [{ ...step, atPs: step.atPs + (this.#delaysPs[step.channel] ?? 0n) }];
    return this.#delaysPs.map((delayPs, channel) => ({ ...step, channel, atPs: step.atPs + delayPs }));
  }

  *#segment(segment: Segment): Generator<Step> {
    this.#held.keepTail();
    if (!this.#held.hasRoomFor(segment.n)) {
      yield this.#held.overflow(segment.fromPs, segment.toPs);
      return;
    }
    this.#append(segment);
    yield* this.#held.release(segment.fromPs, segment.toPs);
  }

  #append({ timesAt, channelsAt, n, fromPs, toPs }: Segment): void {
    const views = viewsOf(this.#memory);
    const { pending } = this.#held;
    if (this.#spreadPs * n > manyOvertaken * Number(toPs - fromPs)) {
      const into = { timesAt: this.#held.timesAt, channelsAt: this.#held.channelsAt, n: pending };
      mergeDelayed(views, this.#kernels, { timesAt, channelsAt, n }, into, this.#delaysPs, this.#spare);
    } else {
      const times = this.#held.timesAt + pending * 8;
      const channels = this.#held.channelsAt + pending;
      views.i64.copyWithin(times / 8, timesAt / 8, timesAt / 8 + n);
      views.u8.copyWithin(channels, channelsAt, channelsAt + n);
      this.#kernels.delayTags(times, channels, n, this.#tableAt);
      if (pending > 0) this.#kernels.sortTags(this.#held.timesAt, this.#held.channelsAt, pending + n);
    }
    this.#held.added(n);
  }
}
