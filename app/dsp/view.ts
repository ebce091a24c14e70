// dsp/view.ts - the tags as a set of measurements wants to see them: channels moved by delays and sorted again.
//
// The empty view is the ring itself and never comes here. A delayed tag may be overtaken by tags that are still to come,
// so tags are held back by the smallest delay: out goes what is earlier than watermark + smallest delay. At both ends of
// a stretch only some channels have tags; these parts, as long as the spread of the delays, are left out and count as
// lost time, so that rates and g2 stay unbiased. A loss that was counted is one of unknown size here.
import type { KernelSet } from './kernels/kernels.ts';
import { align64, viewsOf } from './memory.ts';
import { withBorders, type Segment, type SegmentEnd } from './measurement.ts';
import type { ViewSetup } from './messages.ts';
import { blockTags, everyChannel, tailTags } from './ring.ts';
import { mergeDelayed, type TagsAt } from './merge.ts';
import type { Step } from './steps.ts';

const delaysBytes = 256 * 8;
const countsBytes = 256 * 4;
const limitBytes = 64;

/** Tags that a view must be able to hold back: the spread of its delays at the rate of the fastest taggers. */
export function viewCapacity(spreadPs: number): number {
  return Math.min(8 * 2 ** 20, 4 * blockTags + Math.ceil(spreadPs * 40e-6));
}
export function viewBytes(capacity: number): number {
  return align64(delaysBytes + countsBytes + limitBytes + blockTags * 9 + (tailTags + capacity) * 9);
}

/** When a tag overtakes more others than this, merging beats sorting. */
const manyOvertaken = 64;

export class View {
  readonly key: string;
  /** Smallest and largest delay of all channels, ps. */
  readonly #leastPs: bigint;
  readonly #mostPs: bigint;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: KernelSet;
  readonly #delaysPs: readonly bigint[];
  /** Room for one block of tags while they are merged. */
  readonly #spare: Omit<TagsAt, 'n'>;
  readonly #delaysAt: number;
  readonly #countsAt: number;
  readonly #limitAt: number;
  /** Where the first pending tag lies; the tail is in front of it. */
  readonly #timesAt: number;
  readonly #channelsAt: number;
  readonly #capacity: number;
  #pending = 0;
  /** Tags given out since the stretch began. */
  #stretch = 0;
  /** Tags at the front of the buffer that were given out by the last call. */
  #given = 0;
  /** Delayed time up to which the stretch was given out; undefined between stretches. */
  #givenToPs: bigint | undefined;

  constructor(setup: ViewSetup, memory: WebAssembly.Memory, kernels: KernelSet) {
    this.key = setup.key;
    this.#delaysPs = setup.delaysPs.map(BigInt);
    this.#leastPs = BigInt(Math.min(0, ...setup.delaysPs));
    this.#mostPs = BigInt(Math.max(0, ...setup.delaysPs));
    this.#memory = memory;
    this.#kernels = kernels;
    this.#capacity = setup.capacity;
    this.#delaysAt = setup.at;
    this.#countsAt = setup.at + delaysBytes;
    this.#limitAt = this.#countsAt + countsBytes;
    const spareAt = this.#limitAt + limitBytes;
    this.#spare = { timesAt: spareAt, channelsAt: spareAt + blockTags * 8 };
    const tagsAt = spareAt + blockTags * 9;
    this.#timesAt = tagsAt + tailTags * 8;
    this.#channelsAt = tagsAt + (tailTags + setup.capacity) * 8 + tailTags;
    viewsOf(memory, setup.at + viewBytes(setup.capacity)).f64.set(setup.delaysPs, this.#delaysAt / 8);
  }

  /** A measurement that is created at stream time `atPs` sees all of its channels only from here on. */
  opensAt(atPs: bigint): bigint { return atPs + this.#mostPs; }

  /** Forgets everything; nobody looked while tags went by. */
  reset(): void {
    this.#pending = 0;
    this.#given = 0;
    this.#stretch = 0;
    this.#givenToPs = undefined;
  }

  /** Turns a step of the ring into steps of this view. Each one is valid until the next is asked for. */
  *derive(step: Step): Generator<Step> {
    switch (step.kind) {
      case 'segment':
        yield* this.#segment(step.segment);
        break;
      case 'losing':
        this.reset();
        yield { kind: 'losing', fromPs: step.fromPs + this.#leastPs };
        break;
      case 'end': {
        this.reset();
        const fromPs = step.fromPs + this.#leastPs;
        const toPs = step.toPs + this.#mostPs;
        yield { kind: 'end', fromPs, toPs, end: moved(step.end, fromPs, toPs) };
        break;
      }
      case 'settings': yield* this.#settings(step);
    }
  }

  /** A change reaches each channel as late as the tags behind it. */
  #settings(step: Extract<Step, { kind: 'settings' }>): Step[] {
    if (step.channel !== everyChannel) return [{ ...step, atPs: step.atPs + (this.#delaysPs[step.channel] ?? 0n) }];
    return this.#delaysPs.map((delayPs, channel) => ({ ...step, channel, atPs: step.atPs + delayPs }));
  }

  *#segment(segment: Segment): Generator<Step> {
    this.#keepTail();
    if (this.#pending + segment.n > this.#capacity) {
      const fromPs = this.#givenToPs ?? segment.fromPs + this.#mostPs;
      this.reset();
      const toPs = segment.toPs + this.#mostPs;
      yield { kind: 'end', fromPs, toPs, end: { kind: 'lost', fromPs, toPs, grade: 'flagged', missed: undefined } };
      return;
    }
    this.#append(segment);
    const toPs = segment.toPs + this.#leastPs;
    if (this.#givenToPs === undefined) {
      this.#givenToPs = segment.fromPs + this.#mostPs;
      // Earlier tags lie in the part that not every channel can reach.
      this.#drop(this.#before(this.#givenToPs));
    } else if (this.#stretch === 0) this.#drop(this.#before(this.#givenToPs));
    if (toPs <= this.#givenToPs) return;
    const ready = this.#before(toPs);
    while (this.#given < ready || this.#givenToPs < toPs) {
      const n = Math.min(blockTags, ready - this.#given);
      const last = this.#given + n === ready;
      yield { kind: 'segment', segment: this.#give(n, last ? toPs : viewsOf(this.#memory).i64[this.#timesAt / 8 + this.#given + n]!) };
    }
  }

  /** What was given out last time becomes the tail, what is pending moves behind it. */
  #keepTail(): void {
    const given = this.#given;
    if (given === 0) return;
    const { i64, u8 } = viewsOf(this.#memory);
    const times = this.#timesAt / 8;
    const keep = Math.min(tailTags, this.#stretch);
    i64.copyWithin(times - keep, times + given - keep, times + this.#pending);
    u8.copyWithin(this.#channelsAt - keep, this.#channelsAt + given - keep, this.#channelsAt + this.#pending);
    this.#pending -= given;
    this.#given = 0;
  }

  #append({ timesAt, channelsAt, n, fromPs, toPs }: Segment): void {
    const views = viewsOf(this.#memory);
    if (Number(this.#mostPs - this.#leastPs) * n > manyOvertaken * Number(toPs - fromPs)) {
      const into = { timesAt: this.#timesAt, channelsAt: this.#channelsAt, n: this.#pending };
      mergeDelayed(views, { timesAt, channelsAt, n }, into, this.#delaysPs, this.#spare);
    } else {
      const times = this.#timesAt + this.#pending * 8;
      const channels = this.#channelsAt + this.#pending;
      views.i64.copyWithin(times / 8, timesAt / 8, timesAt / 8 + n);
      views.u8.copyWithin(channels, channelsAt, channelsAt + n);
      this.#kernels.delayTags(times, channels, n, this.#delaysAt);
      if (this.#pending > 0) this.#kernels.sortTags(this.#timesAt, this.#channelsAt, this.#pending + n);
    }
    this.#pending += n;
  }

  #drop(n: number): void {
    if (n === 0) return;
    const { i64, u8 } = viewsOf(this.#memory);
    const times = this.#timesAt / 8;
    i64.copyWithin(times, times + n, times + this.#pending);
    u8.copyWithin(this.#channelsAt, this.#channelsAt + n, this.#channelsAt + this.#pending);
    this.#pending -= n;
  }

  /** Pending tags earlier than `limitPs`. */
  #before(limitPs: bigint): number {
    viewsOf(this.#memory).i64[this.#limitAt / 8] = limitPs;
    return this.#kernels.lowerBound(this.#timesAt, this.#pending, this.#limitAt);
  }

  #give(n: number, toPs: bigint): Segment {
    const channelsAt = this.#channelsAt + this.#given;
    viewsOf(this.#memory).u32.fill(0, this.#countsAt / 4, this.#countsAt / 4 + 256);
    this.#kernels.countChannels(channelsAt, n, this.#countsAt);
    const history = Math.min(tailTags, this.#stretch);
    const segment: Segment = {
      timesAt: this.#timesAt + this.#given * 8, channelsAt, n, history, historyComplete: history === this.#stretch,
      fromPs: this.#givenToPs!, toPs, countsAt: this.#countsAt,
    };
    this.#given += n;
    this.#stretch += n;
    this.#givenToPs = toPs;
    return segment;
  }

  /** The origin of time moved back: pending tags and borders with it. */
  rebase(byPs: bigint): void {
    const { i64 } = viewsOf(this.#memory);
    const times = this.#timesAt / 8;
    // A day's work once in 53 days: plain arithmetic will do. The tail in front moves too, it is looked at again.
    for (let i = times - Math.min(tailTags, this.#stretch); i < times + this.#pending; i++) i64[i]! -= byPs;
    if (this.#givenToPs !== undefined) this.#givenToPs -= byPs;
  }
}

function moved(end: SegmentEnd, fromPs: bigint, toPs: bigint): SegmentEnd {
  return end.kind === 'lost' ? withBorders(end, fromPs, toPs) : { ...end, atPs: toPs };
}
