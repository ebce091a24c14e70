// dsp/measurements/stepped-pairs.ts - delays into one of many histograms, chosen by tags of a next and a sync channel.
//
// The choice for open starts: they stay open when the histogram changes, and the pair counts where its click finds it. After a
// break in the stream a next may have been missed, so the steps begin anew like all other open state.
import { noChannel, stepPlan, writeStepPlan, type StepPlan } from '../kernels/layouts.ts';
import type { Segment, Workspace } from '../measurement.ts';
import { OpenTimes, keepFor } from './open-times.ts';

export function steppedPairsBytes(rangePs: number): number { return stepPlan.bytes + OpenTimes.bytes(keepFor(rangePs)); }

export class SteppedPairs {
  dropped = 0;
  /** The last round is complete. */
  done = false;
  /** Tags of the last call that were looked at: fewer than all once it is done. */
  used = 0;
  readonly #workspace: Workspace;
  readonly #plan: StepPlan;
  readonly #planAt: number;
  readonly #rangePs: number;
  readonly #starts: OpenTimes;

  constructor(workspace: Workspace, at: number, plan: StepPlan) {
    this.#workspace = workspace;
    this.#plan = plan;
    this.#planAt = at;
    this.#rangePs = plan.bins * plan.binwidthPs;
    this.#starts = new OpenTimes(workspace, at + stepPlan.bytes, keepFor(this.#rangePs));
    writeStepPlan(workspace.memory, at, plan);
    this.endSegment();
  }

  process({ timesAt, channelsAt, n }: Segment, countsAt: number): void {
    const { kernels } = this.#workspace;
    this.used = n;
    for (let i = 0; i < n && !this.done; i += this.#starts.keep) {
      const count = Math.min(this.#starts.keep, n - i), at = timesAt + 8 * i, oldStarts = this.#starts.n;
      this.#starts.append(at, channelsAt + i, count, this.#plan.start);
      const used = kernels.stepPairs(at, channelsAt + i, count, this.#starts.at, oldStarts, this.#planAt, countsAt);
      this.done = this.#plan.maxRounds > 0 && this.rounds >= this.#plan.maxRounds;
      if (this.done) this.used = i + used;
      this.dropped += this.#starts.trim(at + 8 * (count - 1), this.#rangePs);
    }
  }

  get rounds(): number { return this.#view.getUint32(stepPlan.rounds, true); }
  /** The histogram in use; -1 waits for next, -2 waits for sync. */
  get histogram(): number { return this.#view.getInt32(stepPlan.histogram, true); }

  endSegment(): void {
    this.#starts.clear();
    this.#view.setUint32(stepPlan.tiedClicks, 0, true);
    const { next, sync } = this.#plan;
    this.#view.setInt32(stepPlan.histogram, sync !== noChannel ? -2 : next !== noChannel ? -1 : 0, true);
  }

  clear(): void {
    this.endSegment();
    this.#view.setUint32(stepPlan.rounds, 0, true);
    this.done = false;
    this.dropped = 0;
  }

  rebase(byPs: bigint): void {
    this.#starts.rebase(byPs);
    this.#view.setBigInt64(stepPlan.clickTime, this.#view.getBigInt64(stepPlan.clickTime, true) - byPs, true);
  }

  get #view(): DataView { return new DataView(this.#workspace.memory.buffer, this.#planAt, stepPlan.bytes); }
}
