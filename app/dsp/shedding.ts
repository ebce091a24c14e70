// dsp/shedding.ts - when a worker cannot keep up with a live source, its dearest measurement goes without tags for a while.
//
// Whoever is overtaken by the writer loses a stretch for everybody it works for. So before that happens the measurement that
// costs most is given no tags until the others have caught up: it counts what it misses and enters that as a lost interval of
// its own, and the cheap ones lose nothing.
import type { SharedWork } from './shared-work.ts';
import type { SegmentEnd, Segment } from './measurement.ts';
import { viewsOf } from './memory.ts';

/** What is asked of a measurement here. */
export interface Sheddable { readonly idle: boolean; shed: boolean; readonly nsPerTag: number }

export class Shedding {
  readonly #depth: number;
  /** Blocks that may wait before another one must rest. */
  #most: number;

  /** @param depth blocks that may wait before they are overwritten */
  constructor(depth: number) {
    this.#depth = depth;
    this.#most = depth / 2;
  }

  /** Called after each block. @param late blocks that wait to be taken */
  balance(all: Iterable<Sheddable>, late: number): void {
    // Those who are left are given time: only if it becomes worse still another one rests.
    this.#most = Math.max(this.#depth / 2, Math.min(this.#most, this.#above(late)));
    const isEarly = late * 8 <= this.#depth;
    if (!isEarly && late < this.#most) return;
    if (isEarly) {
      // One at a time and the cheapest first: the next one only if there is time for this one.
      let next: Sheddable | undefined;
      for (const each of all) if (each.shed && !each.idle && (!next || cost(each) < cost(next))) next = each;
      if (next) next.shed = false;
      return;
    }
    let working = 0, dearest: Sheddable | undefined;
    for (const each of all) {
      if (each.idle || each.shed) continue;
      working++;
      if (!dearest || cost(each) > cost(dearest)) dearest = each;
    }
    if (!dearest || working < 2) return;
    dearest.shed = true;
    this.#most = this.#above(late);
  }

  #above(late: number): number { return Math.min(late + this.#depth / 16, this.#depth - 1); }
}

function cost({ nsPerTag }: Sheddable): number { return Number.isNaN(nsPerTag) ? 0 : nsPerTag; }

/** Stream time and tags that a measurement was not given. */
export class OwnGap {
  readonly #memory: WebAssembly.Memory;
  readonly #shared: SharedWork;
  readonly #channels: readonly number[];
  readonly #missed: Float64Array;
  #fromPs: bigint | undefined;
  #toPs = 0n;
  /** Where the last one ended, if nothing was taken since. */
  #endedPs: bigint | undefined;

  /** @param channels dense indexes of its channels */
  constructor(memory: WebAssembly.Memory, shared: SharedWork, channels: readonly number[]) {
    this.#memory = memory;
    this.#shared = shared;
    this.#channels = [...new Set(channels)];
    this.#missed = new Float64Array(this.#channels.length);
  }

  add(segment: Segment): void {
    this.#fromPs ??= segment.fromPs;
    this.#toPs = segment.toPs;
    if (segment.n === 0) return;
    const counts = this.#shared.counts(segment) / 4, { u32 } = viewsOf(this.#memory);
    for (const [i, channel] of this.#channels.entries()) this.#missed[i]! += u32[counts + channel]!;
  }

  /** What was missed until now, as what it is: a lost interval. `goesOn`: it continues the one before. */
  close(): { end: Extract<SegmentEnd, { kind: 'lost' }>; goesOn: boolean } | undefined {
    if (this.#fromPs === undefined) return undefined;
    const fromPs = this.#fromPs, toPs = this.#toPs, goesOn = this.#endedPs === fromPs;
    const missed = this.#channels.map((channelIndex, i) => ({ channelIndex, count: this.#missed[i]! }));
    this.#forget();
    this.#endedPs = toPs;
    return { end: { kind: 'lost', fromPs, toPs, grade: 'counted', missed }, goesOn };
  }

  /** Tags are taken again. */
  over(): void { this.#endedPs = undefined; }

  clear(): void {
    this.#forget();
    this.#endedPs = undefined;
  }

  rebase(byPs: bigint): void {
    if (this.#fromPs !== undefined) this.#fromPs -= byPs;
    if (this.#endedPs !== undefined) this.#endedPs -= byPs;
    this.#toPs -= byPs;
  }

  #forget(): void {
    this.#fromPs = undefined;
    this.#missed.fill(0);
  }
}
