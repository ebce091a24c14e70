// dsp/measurements/log-pairs.ts - every pair of a click and an earlier start in bins of growing width, however the tags are cut.
//
// The starts of the last range stay in a list. Clicks are needed only once: the lowest delay is 1 ps, so every start that a click
// can meet has been seen when the click is.
import { logPlan, logPlanBytes, resetLogPlan, writeLogPlan, type LogPlan } from '../kernels/log-bins-layout.ts';
import type { Segment, Workspace } from '../measurement.ts';
import { OpenTimes, keepFor } from './open-times.ts';
import { RegionPlan } from './region.ts';

const portion = 16_384;

function layoutOf({ edgesPs }: Pick<LogPlan, 'edgesPs'>) {
  const region = new RegionPlan(), keep = Math.max(portion, keepFor(edgesPs.at(-1)!));
  return {
    keep, plan: region.part(logPlanBytes(edgesPs.length - 1)), starts: region.part(OpenTimes.bytes(keep)), clicks: region.part(8 * (portion + 4)),
    bytes: region.bytes,
  };
}

export function logPairsBytes(plan: LogPlan): number { return layoutOf(plan).bytes; }

export class LogPairs {
  /** Starts forgotten because the list was full. */
  dropped = 0;
  readonly #workspace: Workspace;
  readonly #channels: { click: number; start: number };
  readonly #rangePs: number;
  readonly #planAt: number;
  readonly #planBytes: number;
  readonly #clicksAt: number;
  readonly #starts: OpenTimes;
  #removed = 0;

  /** @param at region of `logPairsBytes` bytes */
  constructor(workspace: Workspace, at: number, plan: LogPlan, channels: { click: number; start: number }) {
    const layout = layoutOf(plan);
    this.#workspace = workspace;
    this.#channels = channels;
    this.#rangePs = plan.edgesPs.at(-1)!;
    this.#planAt = at + layout.plan.offset;
    this.#planBytes = layout.plan.bytes;
    this.#clicksAt = at + layout.clicks.offset;
    this.#starts = new OpenTimes(workspace, at + layout.starts.offset, layout.keep);
    writeLogPlan(workspace.memory, this.#planAt, plan);
  }

  process({ timesAt, channelsAt, n }: Pick<Segment, 'timesAt' | 'channelsAt' | 'n'>, countsAt: number): void {
    const { kernels } = this.#workspace, { click, start } = this.#channels, starts = this.#starts;
    for (let i = 0; i < n; i += portion) {
      const count = Math.min(portion, n - i), at = timesAt + 8 * i, old = starts.n;
      starts.append(at, channelsAt + i, count, start);
      const clicks = click === start ? starts.n - old : kernels.pickTimes(at, channelsAt + i, count, click, this.#clicksAt);
      kernels.pairsLog(click === start ? starts.at + 8 * old : this.#clicksAt, clicks, starts.at, starts.n, this.#removed, this.#planAt, countsAt);
      const before = starts.n;
      this.dropped += starts.trim(at + 8 * (count - 1), this.#rangePs);
      this.#removed = before - starts.n;
    }
  }

  endSegment(): void {
    this.#starts.clear();
    this.#removed = 0;
    resetLogPlan(new DataView(this.#workspace.memory.buffer, this.#planAt, Math.max(logPlan.bytes, this.#planBytes)));
  }

  clear(): void {
    this.endSegment();
    this.dropped = 0;
  }

  rebase(byPs: bigint): void { this.#starts.rebase(byPs); }
}
