// dsp/running.ts - one measurement in its worker: from which tag to which, and the account of it.
//
// `armed` waits for its fence, `running` takes tags, `idle` takes none. Cuts are exact: the first and the last segment
// are shortened to the moment, whatever the size of the blocks.
import type { KernelSet } from './kernels/kernels.ts';
import { AccountKeeper } from './account.ts';
import { viewsOf } from './memory.ts';
import { withBorders, type Measurement, type Payload, type Segment, type SegmentEnd } from './measurement.ts';
import { board, type Account, type Placement } from './messages.ts';
import type { Block } from './ring.ts';
import type { Step } from './steps.ts';
import type { View } from './view.ts';

export interface RunningOptions {
  id: number;
  measurement: Measurement;
  view: View | undefined;
  /** Dense indexes of its channels in the order of its arguments. */
  channels: readonly number[];
  unknownLoss: boolean;
  placement: Placement;
  memory: WebAssembly.Memory;
  kernels: KernelSet;
  /** Told when a run is over without having been stopped. */
  onFinished: (run: number) => void;
}

export class Running {
  readonly id: number;
  readonly view: View | undefined;
  readonly #options: RunningOptions;
  readonly #measurement: Measurement;
  readonly #account: AccountKeeper;
  /** Reused for every call: a measurement must not keep it. */
  readonly #segment: Segment = { timesAt: 0, channelsAt: 0, n: 0, history: 0, historyComplete: true, fromPs: 0n, toPs: 0n, countsAt: 0 };
  #state: 'idle' | 'armed' | 'running' = 'idle';
  #run = 0;
  #fence = 0;
  #durationPs: number | undefined;
  #clearAtFence = true;
  /** Tags before it are none of ours. */
  #openPs: bigint | undefined;
  #untilPs: bigint | undefined;
  /** Tags taken since the last break. */
  #seen = 0;
  #ended = false;
  generation = 0;

  constructor(options: RunningOptions) {
    this.id = options.id;
    this.view = options.view;
    this.#options = options;
    this.#measurement = options.measurement;
    this.#account = new AccountKeeper(options.channels, options.unknownLoss);
  }

  get idle(): boolean { return this.#state === 'idle'; }

  start(run: number, fence: number, clear: boolean, durationPs: number | undefined, generation: number): void {
    this.#pause();
    this.#run = run;
    this.#fence = fence;
    this.#durationPs = durationPs;
    this.#ended = false;
    this.#state = 'armed';
    this.generation = generation;
    if (clear) this.#clear();
    this.#showProgress();
  }

  clear(fence: number, generation: number): void {
    this.generation = generation;
    const { idle } = this;
    this.#pause();
    this.#clear();
    if (idle) return;
    // What is left of a limited run starts anew with the fence.
    this.#state = 'armed';
    this.#fence = fence;
  }

  stop(): void { this.#pause(); }

  /** No tag will come any more. */
  sourceEnded(how: 'source' | 'broken'): void {
    if (this.idle) return;
    this.#pause();
    this.#ended = how === 'source';
    this.#options.onFinished(this.#run);
  }

  /** A block is about to be taken: has the fence come? */
  openAt(block: Block): void {
    if (this.#state !== 'armed' || ((block.fence - this.#fence) | 0) < 0) return;
    this.#state = 'running';
    const fromPs = this.#afterTagsBefore(block);
    const atPs = this.view?.opensAt(fromPs) ?? fromPs;
    this.#openPs = atPs;
    this.#untilPs = this.#durationPs === undefined ? undefined : atPs + BigInt(this.#durationPs);
    if (this.#clearAtFence) {
      this.#measurement.clear(atPs);
      this.#account.reset(atPs);
      this.#clearAtFence = false;
    }
    this.#account.begin(atPs, block.epoch, block.revision);
    if (block.losingFromPs !== undefined) this.#account.losing();
  }

  /**
   * A block often begins at the time of the last tag of the one before, which is not ours: without the picosecond a run of n
   * periods would hold n - 1 tags of a periodic signal.
   */
  #afterTagsBefore({ fromPs, timesAt, history }: Block): bigint {
    const isTaken = history > 0 && viewsOf(this.#options.memory).i64[timesAt / 8 - 1] === fromPs;
    return isTaken ? fromPs + 1n : fromPs;
  }

  apply(step: Step): void {
    if (this.#state !== 'running') return;
    switch (step.kind) {
      case 'segment':
        this.#process(step.segment);
        break;
      case 'end':
        this.#end(step.end, step.fromPs, step.toPs);
        break;
      case 'losing':
        this.#account.losing();
        break;
      case 'settings': this.#account.settings(step.channel, step.revision);
    }
    this.#showProgress();
  }

  rebase(byPs: bigint): void {
    if (this.#openPs !== undefined) this.#openPs -= byPs;
    if (this.#untilPs !== undefined) this.#untilPs -= byPs;
    this.#measurement.rebase(byPs);
    this.#account.rebase(byPs);
  }

  publish(): { payload: Payload; account: Account } {
    const payload = this.#measurement.publish();
    const { tags, droppedStarts } = this.#measurement;
    return { payload, account: { ...this.#account.note(), tags, droppedStarts, kernel: this.#options.kernels.kind, ended: this.#ended } };
  }

  #process(whole: Segment): void {
    const segment = Object.assign(this.#segment, whole);
    if (this.#openPs !== undefined) {
      if (segment.toPs < this.#openPs) return;
      if (segment.fromPs < this.#openPs) this.#cutFront(segment, this.#openPs);
      this.#openPs = undefined;
    }
    const untilPs = this.#untilPs !== undefined && segment.toPs >= this.#untilPs ? this.#untilPs : undefined;
    if (untilPs !== undefined) this.#cutBack(segment, untilPs);
    segment.history = Math.min(segment.history, this.#seen);
    segment.historyComplete = segment.history === this.#seen;
    this.#measurement.process(segment);
    this.#seen += segment.n;
    const { done, doneAtPs = segment.toPs } = this.#measurement;
    // It may have been done before, and started again.
    const usedPs = !done || doneAtPs > segment.toPs ? segment.toPs : doneAtPs < segment.fromPs ? segment.fromPs : doneAtPs;
    this.#account.segment(segment.fromPs, usedPs);
    if (untilPs !== undefined || done) this.#finish();
  }

  #end(end: SegmentEnd, fromPs: bigint, toPs: bigint): void {
    if (this.#openPs !== undefined) {
      // Before the first tag: nothing to end, but an interval that reaches into ours was lost to us too.
      const forward = toPs >= fromPs;
      if (forward && toPs <= this.#openPs) {
        this.#account.before(end);
        return;
      }
      if (forward && fromPs < this.#openPs) fromPs = this.#openPs;
      this.#openPs = undefined;
    }
    if (this.#untilPs !== undefined && toPs > this.#untilPs) toPs = fromPs < this.#untilPs ? this.#untilPs : fromPs;
    this.#seen = 0;
    const ours = withBorders(end, fromPs, toPs);
    this.#measurement.endSegment(ours);
    this.#account.end(ours, fromPs, toPs);
    if ((this.#untilPs !== undefined && toPs >= this.#untilPs) || this.#measurement.done) this.#finish();
  }

  #cutFront(segment: Segment, openPs: bigint): void {
    const skip = this.#firstAt(segment, openPs);
    segment.timesAt += skip * 8;
    segment.channelsAt += skip;
    segment.n -= skip;
    segment.fromPs = openPs;
    if (skip > 0) segment.countsAt = 0;
  }

  #cutBack(segment: Segment, untilPs: bigint): void {
    const n = this.#firstAt(segment, untilPs);
    if (n < segment.n) segment.countsAt = 0;
    segment.n = n;
    segment.toPs = untilPs;
  }

  /** Index of the first tag at or after `limitPs`. The board has room for the limit. */
  #firstAt({ timesAt, n }: Segment, limitPs: bigint): number {
    const limitAt = this.#options.placement.boardAt + board.limit;
    viewsOf(this.#options.memory).i64[limitAt / 8] = limitPs;
    return this.#options.kernels.lowerBound(timesAt, n, limitAt);
  }

  #clear(): void {
    const atPs = this.#account.positionPs;
    this.#measurement.clear(atPs);
    this.#account.reset(atPs);
    this.#seen = 0;
    this.#ended = false;
    this.#clearAtFence = true;
    this.#showProgress();
  }

  #pause(): void {
    if (this.#state === 'running') {
      this.#measurement.endSegment({ kind: 'pause', atPs: this.#account.positionPs });
      this.#seen = 0;
    }
    this.#state = 'idle';
    this.#openPs = undefined;
    this.#untilPs = undefined;
  }

  #finish(): void {
    this.#pause();
    this.#showProgress();
    this.#options.onFinished(this.#run);
  }

  #progress(): number {
    if (this.#durationPs === undefined) return NaN;
    if (this.#state === 'armed') return 0;
    if (this.#untilPs === undefined) return 1;
    return Math.max(0, 1 - Number(this.#untilPs - this.#account.positionPs) / this.#durationPs);
  }

  /** In shared memory, where the main thread reads it when somebody asks. */
  #showProgress(): void {
    const { f64 } = viewsOf(this.#options.memory);
    f64[(this.#options.placement.boardAt + board.progress) / 8] = this.#progress();
  }
}
