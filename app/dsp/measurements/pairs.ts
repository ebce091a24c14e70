// dsp/measurements/pairs.ts - every pair of a click and a start whose delay is in range, however the tags are cut into calls.
//
// Two ways, chosen per call. Sparse: look back over `history`, if it reaches as far as the window. Dense, or where history is
// too short: own lists of open times and two moving pointers. What makes any mixture exact: when a call ends and the tail that
// the next call will see cannot cover the window, the tags of the last window are put into the lists while they can be seen.
import { pairPlan, writePairPlan, type PairPlan } from '../kernels/layouts.ts';
import { difference, viewsOf, type Views } from '../kernels/words.ts';
import type { Segment, Workspace } from '../measurement.ts';
import { OpenTimes, keepFor, writeEarlier } from './open-times.ts';
import { RegionPlan } from './region.ts';

/** Tags in front of a block that the next call is sure to see, unless there were fewer in all. */
export const tailTags = 4096;
/**
 * Mean number of tags in the range of delays from which two pointers are faster than looking back: measured where 2 to 8
 * channels meet, between 4.5 (two-sided) and 8 (one-sided), and about 3 for one channel with itself.
 */
const denseTags = 5, denseTagsOfOne = 3;

/** The range of delays, [-below, bins - below) bins wide, without channels. */
export type PairRange = Pick<PairPlan, 'below' | 'bins' | 'binwidthPs'>;

export function pairsBytes(range: PairRange): number { return layoutOf(range).bytes; }

function reachesOf({ below, bins, binwidthPs }: PairRange): { aheadPs: number; behindPs: number } {
  return { aheadPs: (bins - below) * binwidthPs, behindPs: below * binwidthPs + 1 };
}

/** A start waits for clicks as far as `aheadPs`, a click for starts as far as `behindPs`. */
function layoutOf(range: PairRange) {
  const { aheadPs, behindPs } = reachesOf(range);
  const region = new RegionPlan(), keepStarts = keepFor(Math.max(aheadPs, behindPs)), keepClicks = keepFor(behindPs);
  return {
    keepStarts, keepClicks,
    plan: region.part(pairPlan.bytes), limit: region.part(64),
    starts: region.part(OpenTimes.bytes(keepStarts)), clicks: region.part(OpenTimes.bytes(keepClicks)),
    bytes: region.bytes,
  };
}

export class Pairs {
  /** Starts (or clicks, where delays may be negative) forgotten because the lists were full. */
  dropped = 0;
  readonly #workspace: Workspace;
  readonly #views: () => Views;
  readonly #plan: PairPlan;
  readonly #aheadPs: number;
  readonly #behindPs: number;
  readonly #reachPs: number;
  readonly #planAt: number;
  readonly #limitAt: number;
  readonly #starts: OpenTimes;
  readonly #clicks: OpenTimes;
  /** The lists hold every tag of the last window; otherwise they are empty and history does. */
  #listed = false;

  /** @param at region of `pairsBytes` bytes */
  constructor(workspace: Workspace, at: number, plan: PairPlan) {
    const layout = layoutOf(plan);
    this.#workspace = workspace;
    this.#views = viewsOf(workspace.memory);
    this.#plan = plan;
    this.#planAt = at + layout.plan.offset;
    this.#limitAt = at + layout.limit.offset;
    ({ aheadPs: this.#aheadPs, behindPs: this.#behindPs } = reachesOf(plan));
    this.#reachPs = Math.max(this.#aheadPs, this.#behindPs);
    this.#starts = new OpenTimes(workspace, at + layout.starts.offset, layout.keepStarts);
    this.#clicks = new OpenTimes(workspace, at + layout.clicks.offset, layout.keepClicks);
    writePairPlan(workspace.memory, this.#planAt, plan);
  }

  /** Adds the pairs whose later tag is in the segment to u64 bins at `countsAt`. */
  process(segment: Segment, countsAt: number): void {
    const { timesAt, channelsAt, n, history } = segment;
    if (n === 0) return;
    const covered = segment.historyComplete || (history > 0 && this.#spanPs(timesAt - 8 * history, timesAt) >= this.#reachPs);
    if (!covered && !this.#listed) throw new Error(`history of ${history} tags neither reaches back ${this.#reachPs} ps nor is complete`);

    if (covered && this.#isSparse(segment)) {
      this.#forget();
      const { kernels, shared } = this.#workspace;
      const { click, start } = this.#plan;
      // Only a start that sorts behind its click must look for ties.
      const tiesAt = this.#plan.below === 0 && click < start ? shared.close(segment, 1) : 0;
      kernels.pairsNear(
        timesAt, channelsAt, n, history, shared.close(segment, this.#reachPs), tiesAt, shared.channel(segment, click), shared.channel(segment, start),
        this.#planAt, countsAt,
      );
      this.#keepForNextCall(segment);
    } else {
      if (!this.#listed) this.#list(segment, -history, 0);
      this.#countDense(segment, countsAt);
    }
  }

  endSegment(): void { this.#forget(); }

  clear(): void {
    this.#forget();
    this.dropped = 0;
  }

  rebase(byPs: bigint): void {
    this.#starts.rebase(byPs);
    this.#clicks.rebase(byPs);
  }

  #forget(): void {
    this.#listed = false;
    this.#starts.clear();
    this.#clicks.clear();
  }

  #spanPs(fromAt: number, toAt: number): number {
    const { u32, i32 } = this.#views();
    return difference(u32, i32, toAt / 4, fromAt / 4);
  }

  /** Few tags in the range on average, or so few new ones that copying a range of old ones is not worth it. */
  #isSparse({ timesAt, n, history }: Segment): boolean {
    const seen = n + Math.min(history, tailTags) - 1;
    const spanPs = this.#spanPs(timesAt + 8 * (n - 1 - seen), timesAt + 8 * (n - 1));
    const inRange = Math.min(seen, spanPs > 0 ? (seen * (this.#aheadPs + this.#behindPs)) / spanPs : seen);
    return inRange < (this.#isAuto ? denseTagsOfOne : denseTags) || n * inRange < n + inRange;
  }

  #keepForNextCall(segment: Segment): void {
    const { timesAt, n, history, historyComplete } = segment;
    const tail = Math.min(tailTags, history + n);
    const willCover = (historyComplete && history + n <= tailTags)
      || this.#spanPs(timesAt + 8 * (n - tail), timesAt + 8 * (n - 1)) >= this.#reachPs;
    if (!willCover) this.#list(segment, -history, n);
  }

  /** Lists the tags in [from, to) that the tag at `to`, or the last one, could pair with. */
  #list({ timesAt, channelsAt, n }: Segment, from: number, to: number): void {
    const views = this.#views();
    writeEarlier(views, this.#limitAt, timesAt + 8 * Math.min(to, n - 1), this.#reachPs - 1);
    const first = from + this.#workspace.kernels.lowerBound(timesAt + 8 * from, to - from, this.#limitAt);
    this.#listed = true;
    this.#inPortions(timesAt + 8 * first, to - first, (at, count) => {
      const firstChannelAt = channelsAt + (at - timesAt) / 8;
      this.#starts.append(at, firstChannelAt, count, this.#plan.start);
      if (!this.#isAuto) this.#clicks.append(at, firstChannelAt, count, this.#plan.click);
    });
  }

  #countDense(segment: Segment, countsAt: number): void {
    const { kernels, shared } = this.#workspace, clicks = this.#clicks, starts = this.#starts;
    const startsAt = shared.channel(segment, this.#plan.start), clicksAt = shared.channel(segment, this.#plan.click);
    this.#inPortions(segment.timesAt, segment.n, (at, count) => {
      const bitsFrom = (at - segment.timesAt) / 64, oldClicks = clicks.n, oldStarts = starts.n;
      starts.appendMarked(at, startsAt + bitsFrom, count);
      if (this.#isAuto) kernels.pairsAuto(starts.at, starts.n, oldStarts, this.#planAt, countsAt);
      else {
        clicks.appendMarked(at, clicksAt + bitsFrom, count);
        kernels.pairsDense(clicks.at, clicks.n, oldClicks, starts.at, starts.n, oldStarts, this.#planAt, countsAt);
      }
    });
  }

  /** Has tags appended to the lists, as many at a time as the lists can take, and forgets what is out of reach. */
  #inPortions(timesAt: number, n: number, append: (at: number, count: number) => void): void {
    // Whole words of bits.
    const portion = Math.floor(Math.min(this.#clicks.keep, this.#starts.keep) / 64) * 64;
    for (let i = 0; i < n; i += portion) {
      const count = Math.min(portion, n - i), at = timesAt + 8 * i, nowAt = at + 8 * (count - 1);
      append(at, count);
      this.dropped += this.#starts.trim(nowAt, this.#isAuto ? this.#reachPs : this.#aheadPs) + this.#clicks.trim(nowAt, this.#behindPs);
    }
  }

  get #isAuto(): boolean { return this.#plan.click === this.#plan.start; }
}
