// dsp/hold-back.ts - the tags of one stage of a view: those that may still be overtaken, and the tail of those given out.
//
// A stage turns an uninterrupted stretch [from, to) into [from + lead-in, to - hold-back): at its beginning and at its end some
// of its tags are made from tags that nobody saw. These parts are left out and count as lost time, so that rates and g2 stay
// unbiased. A loss that was counted is one of unknown size here.
import type { KernelSet } from './kernels/kernels.ts';
import { viewsOf } from './memory.ts';
import { withBorders, type Segment, type SegmentEnd } from './measurement.ts';
import { blockTags, tailTags } from './ring.ts';
import type { Step } from './steps.ts';

const countsBytes = 256 * 4;
const limitBytes = 64;

/** Tags that a stage must be able to hold back: what comes in this time at the rate of the fastest taggers. */
export function heldTags(spreadPs: number): number {
  return Math.min(8 * 2 ** 20, 4 * blockTags + Math.ceil(spreadPs * 40e-6));
}
export function holdBackBytes(capacity: number): number { return countsBytes + limitBytes + (tailTags + capacity) * 9; }

export interface HoldBackPlan {
  at: number;
  capacity: number;
  /** Minus the hold-back, and the lead-in. */
  leastPs: number;
  mostPs: number;
}

export class HoldBack {
  readonly #leastPs: bigint;
  readonly #mostPs: bigint;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: KernelSet;
  readonly #countsAt: number;
  readonly #limitAt: number;
  readonly #capacity: number;
  /** Where the first pending tag lies; the tail is in front of it. */
  readonly timesAt: number;
  readonly channelsAt: number;
  #pending = 0;
  /** Tags given out since the stretch began. */
  #stretch = 0;
  /** Tags at the front of the buffer that were given out by the last call. */
  #given = 0;
  /** Time up to which the stretch was given out; undefined between stretches. */
  #givenToPs: bigint | undefined;

  constructor({ at, capacity, leastPs, mostPs }: HoldBackPlan, memory: WebAssembly.Memory, kernels: KernelSet) {
    this.#leastPs = BigInt(leastPs);
    this.#mostPs = BigInt(mostPs);
    this.#memory = memory;
    this.#kernels = kernels;
    this.#capacity = capacity;
    this.#countsAt = at;
    this.#limitAt = at + countsBytes;
    const tagsAt = this.#limitAt + limitBytes;
    this.timesAt = tagsAt + tailTags * 8;
    this.channelsAt = tagsAt + (tailTags + capacity) * 8 + tailTags;
  }

  /** Tags that were not given out; more may be put behind them, up to the capacity, and told by `added`. */
  get pending(): number { return this.#pending; }
  hasRoomFor(n: number): boolean { return this.#pending + n <= this.#capacity; }
  added(n: number): void { this.#pending += n; }

  /** Forgets everything; nobody looked while tags went by. */
  reset(): void {
    this.#pending = 0;
    this.#given = 0;
    this.#stretch = 0;
    this.#givenToPs = undefined;
  }

  /** Before tags are added: what was given out becomes the tail, what is pending moves behind it. */
  keepTail(): void {
    const given = this.#given;
    if (given === 0) return;
    const { i64, u8 } = viewsOf(this.#memory);
    const times = this.timesAt / 8;
    const keep = Math.min(tailTags, this.#stretch);
    i64.copyWithin(times - keep, times + given - keep, times + this.#pending);
    u8.copyWithin(this.channelsAt - keep, this.channelsAt + given - keep, this.channelsAt + this.#pending);
    this.#pending -= given;
    this.#given = 0;
  }

  /** Gives out what nothing can overtake, now that everything earlier than `toPs` is here. */
  *release(fromPs: bigint, inPs: bigint): Generator<Step> {
    const toPs = inPs + this.#leastPs;
    const begins = this.#givenToPs === undefined;
    this.#givenToPs ??= fromPs + this.#mostPs;
    // Earlier tags lie in the part that not every channel can reach.
    if (begins || this.#stretch === 0) this.#drop(this.#before(this.#givenToPs));
    if (toPs <= this.#givenToPs) return;
    const ready = this.#before(toPs);
    while (this.#given < ready || this.#givenToPs < toPs) {
      const n = Math.min(blockTags, ready - this.#given);
      const last = this.#given + n === ready;
      yield { kind: 'segment', segment: this.#give(n, last ? toPs : viewsOf(this.#memory).i64[this.timesAt / 8 + this.#given + n]!) };
    }
  }

  /** There is no room for the tags of [fromPs, toPs): the stretch is over, visibly. */
  overflow(fromPs: bigint, toPs: bigint): Step {
    const beginPs = this.#givenToPs ?? fromPs + this.#mostPs;
    this.reset();
    const endPs = toPs + this.#mostPs;
    return { kind: 'end', fromPs: beginPs, toPs: endPs, end: { kind: 'lost', fromPs: beginPs, toPs: endPs, grade: 'flagged', missed: undefined } };
  }

  losing(step: Extract<Step, { kind: 'losing' }>): Step {
    this.reset();
    return { kind: 'losing', fromPs: step.fromPs + this.#leastPs };
  }

  end(step: Extract<Step, { kind: 'end' }>): Step {
    this.reset();
    const fromPs = step.fromPs + this.#leastPs;
    const toPs = step.toPs + this.#mostPs;
    return { kind: 'end', fromPs, toPs, end: moved(step.end, fromPs, toPs) };
  }

  /** The origin of time moved back: pending tags and borders with it. */
  rebase(byPs: bigint): void {
    const { i64 } = viewsOf(this.#memory);
    const times = this.timesAt / 8;
    // A day's work once in 53 days: plain arithmetic will do. The tail in front moves too, it is looked at again.
    for (let i = times - Math.min(tailTags, this.#stretch); i < times + this.#pending; i++) i64[i]! -= byPs;
    if (this.#givenToPs !== undefined) this.#givenToPs -= byPs;
  }

  #drop(n: number): void {
    if (n === 0) return;
    const { i64, u8 } = viewsOf(this.#memory);
    const times = this.timesAt / 8;
    i64.copyWithin(times, times + n, times + this.#pending);
    u8.copyWithin(this.channelsAt, this.channelsAt + n, this.channelsAt + this.#pending);
    this.#pending -= n;
  }

  /** Pending tags earlier than `limitPs`. */
  #before(limitPs: bigint): number {
    viewsOf(this.#memory).i64[this.#limitAt / 8] = limitPs;
    return this.#kernels.lowerBound(this.timesAt, this.#pending, this.#limitAt);
  }

  #give(n: number, toPs: bigint): Segment {
    const channelsAt = this.channelsAt + this.#given;
    viewsOf(this.#memory).u32.fill(0, this.#countsAt / 4, this.#countsAt / 4 + 256);
    this.#kernels.countChannels(channelsAt, n, this.#countsAt);
    const history = Math.min(tailTags, this.#stretch);
    const segment: Segment = {
      timesAt: this.timesAt + this.#given * 8, channelsAt, n, history, historyComplete: history === this.#stretch,
      fromPs: this.#givenToPs!, toPs, countsAt: this.#countsAt,
    };
    this.#given += n;
    this.#stretch += n;
    this.#givenToPs = toPs;
    return segment;
  }
}

function moved(end: SegmentEnd, fromPs: bigint, toPs: bigint): SegmentEnd {
  return end.kind === 'lost' ? withBorders(end, fromPs, toPs) : { ...end, atPs: toPs };
}
