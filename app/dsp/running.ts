// dsp/running.ts - one measurement in its worker: from which tag to which, and the account of it.
//
// `armed` waits for its fence, `running` takes tags, `idle` takes none. Cuts are exact: the first and the last segment
// are shortened to the moment, whatever the size of the blocks.
// Longer than usual because begin, end, change of settings and part all cut the same chain of segments in one place.
import type { KernelSet } from './kernels/kernels.ts';
import { AccountKeeper } from './account.ts';
import { viewsOf } from './memory.ts';
import { withBorders, type Measurement, type Payload, type Segment, type SegmentEnd } from './measurement.ts';
import { board, boardBytes, type Account, type Fence, type Placement, type Slot, type Snapshot } from './messages.ts';
import { isPast, type Block } from './ring.ts';
import { Cost } from './cost.ts';
import type { SharedWork } from './shared-work.ts';
import { OwnGap } from './shedding.ts';
import type { OnSettingsChange } from '../core/station.ts';
import type { Step } from './steps.ts';
import type { View } from './view.ts';

export interface RunningOptions {
  id: number;
  measurement: Measurement;
  /** The same in another region, where each change of settings begins a new part. */
  spare: Measurement | undefined;
  /** A part is complete. */
  onPart: (snapshot: Snapshot) => void;
  view: View | undefined;
  /** Dense indexes of its channels in the order of its arguments. */
  channels: readonly number[];
  unknownLoss: boolean;
  placement: Placement;
  memory: WebAssembly.Memory;
  kernels: KernelSet;
  shared: SharedWork;
  onSettings: OnSettingsChange;
  /** Told when a run is over without having been stopped. */
  onFinished: (run: number) => void;
}

type Change = Extract<Step, { kind: 'settings' }>;

export class Running {
  readonly id: number;
  readonly view: View | undefined;
  readonly #options: RunningOptions;
  #slot: Slot = 0;
  /** Snapshots handed over, of each region. */
  readonly #sent: [number, number] = [0, 0];
  #kind: Payload['kind'] | undefined;
  #part = 0;
  /** A part that is complete and not handed over, because an earlier snapshot of its region is still under way. */
  #closed: { slot: Slot; account: Account } | undefined;
  readonly #account: AccountKeeper;
  readonly #gap: OwnGap;
  /** Lost intervals that are its own: its worker had no time for it. */
  #shedIntervals = 0;
  /** It goes without tags until its worker has caught up. */
  shed = false;
  readonly #cost = new Cost();
  /** Reused for every call: a measurement must not keep it. */
  readonly #segment: Segment = { timesAt: 0, channelsAt: 0, n: 0, history: 0, historyComplete: true, fromPs: 0n, toPs: 0n, countsAt: 0 };
  #state: 'idle' | 'armed' | 'running' = 'idle';
  #run = 0;
  #fence: Fence = 0;
  /** Where it is to stop. */
  #stopAt: Fence | undefined;
  #durationPs: number | undefined;
  /** It begins no earlier than this after its fence, because another of its group cannot. */
  #laterPs = 0;
  #clearAtFence = true;
  /** Tags before it are none of ours. */
  #openPs: bigint | undefined;
  #untilPs: bigint | undefined;
  /** Tags taken since the last break. */
  #seen = 0;
  #ended = false;
  /** Changes of settings that its time has not come to yet, ascending. */
  #changes: Change[] = [];
  /** Where tags flowed in, until one was taken. */
  #beganPs: bigint | undefined;
  /** The last change that stopped it or began a part: one change may concern several of its channels. */
  #acted: number | undefined;
  #stoppedBy: 'settings' | undefined;
  generation = 0;

  constructor(options: RunningOptions) {
    this.id = options.id;
    this.view = options.view;
    this.#options = options;
    // The memory may have grown since this thread looked at it last, and the board lies in the new part.
    viewsOf(options.memory, options.placement.boardAt + boardBytes);
    this.#account = new AccountKeeper(options.channels, options.unknownLoss);
    this.#gap = new OwnGap(options.memory, options.shared, options.channels);
    this.#showCost();
  }

  get #measurement(): Measurement { return this.#measurementOf(this.#slot); }
  #measurementOf(slot: Slot): Measurement { return slot === 1 ? this.#options.spare! : this.#options.measurement; }

  get idle(): boolean { return this.#state === 'idle'; }
  get nsPerTag(): number { return this.#cost.nsPerTag; }

  /** Its own part of the work on the block at hand. */
  spend(ms: number): void { if (!this.shed) this.#cost.spend(ms); }

  /** A block of `tags` tags is done. */
  tookBlock(tags: number): void { if (this.#running && !this.shed && this.#cost.over(tags)) this.#showCost(); }

  #showCost(): void {
    const { f64 } = viewsOf(this.#options.memory);
    f64[(this.#options.placement.boardAt + board.cost) / 8] = this.#cost.nsPerTag;
  }

  start(run: number, fence: Fence, clear: boolean, durationPs: number | undefined, laterPs: number, generation: number): void {
    this.#pause();
    this.#laterPs = laterPs;
    this.#run = run;
    this.#fence = fence;
    this.#durationPs = durationPs;
    this.#ended = false;
    this.#stoppedBy = undefined;
    this.#state = 'armed';
    this.generation = generation;
    if (clear) this.#clear();
    this.#showProgress();
  }

  clear(fence: Fence, generation: number): void {
    this.generation = generation;
    const { idle } = this;
    const stopAt = this.#stopAt;
    this.#pause();
    this.#clear();
    if (idle) return;
    this.#stopAt = stopAt;
    // What is left of a limited run starts anew with the fence.
    this.#state = 'armed';
    this.#fence = fence;
  }

  /** At once, or where the fence comes. */
  stop(fence: Fence | undefined): void {
    if (fence === undefined) this.#pause();
    else if (!this.idle) {
      // The board has room for one name: what was named before is taken down now.
      this.#fence = this.#named(this.#fence) ?? this.#fence;
      this.#stopAt = fence;
    }
  }

  /** Everything in front of this fence was taken, and nothing came behind it yet. */
  settle(fenced: number): void {
    if (this.#stopAt !== undefined && this.#isPast(fenced, this.#stopAt)) this.#finish();
  }

  /** No tag will come any more. */
  sourceEnded(how: 'source' | 'broken'): void {
    if (this.idle) return;
    this.#pause();
    this.#ended = how === 'source';
    this.#options.onFinished(this.#run);
  }

  /** A block is about to be taken: has the fence come? */
  openAt(block: Block): void {
    if (this.#state === 'armed' && this.#isPast(block.fence, this.#fence)) this.#open(block);
    this.settle(block.fence);
  }

  #open(block: Block): void {
    this.#state = 'running';
    const fromPs = this.#afterTagsBefore(block);
    const soonestPs = fromPs + BigInt(this.#laterPs);
    const ownPs = this.view?.opensAt(fromPs) ?? fromPs;
    const atPs = ownPs > soonestPs ? ownPs : soonestPs;
    this.#openPs = atPs;
    this.#beganPs = atPs;
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

  #isPast(passed: number, fence: Fence): boolean {
    const named = this.#named(fence);
    return named !== undefined && isPast(passed, named);
  }

  #named(fence: Fence): number | undefined {
    if (typeof fence === 'number') return fence;
    const { i32 } = viewsOf(this.#options.memory);
    const { boardAt } = this.#options.placement;
    return Atomics.load(i32, (boardAt + board.named) / 4) === fence.named ? Atomics.load(i32, (boardAt + board.fence) / 4) : undefined;
  }

  apply(step: Step): void {
    if (this.#state !== 'running') return;
    switch (step.kind) {
      case 'segment':
        this.#process(step.segment);
        break;
      case 'end':
        // The stretch in which a change was still to come is over.
        while (this.#changes.length > 0 && this.#running) this.#change(this.#changes.shift()!);
        if (this.#running) this.#end(step.end, step.fromPs, step.toPs);
        break;
      case 'losing':
        this.#account.losing();
        break;
      case 'settings':
        this.#changes.push({ ...step });
        this.#changes.sort((a, b) => (a.atPs < b.atPs ? -1 : a.atPs > b.atPs ? 1 : 0));
    }
    this.#showProgress();
  }

  rebase(byPs: bigint): void {
    if (this.#openPs !== undefined) this.#openPs -= byPs;
    if (this.#untilPs !== undefined) this.#untilPs -= byPs;
    if (this.#beganPs !== undefined) this.#beganPs -= byPs;
    for (const change of this.#changes) change.atPs -= byPs;
    this.#gap.rebase(byPs);
    this.#options.measurement.rebase(byPs);
    this.#options.spare?.rebase(byPs);
    this.#account.rebase(byPs);
  }

  /** Only when the results thread has taken every snapshot that it asked for before. */
  publish(): Snapshot {
    this.#handOver();
    this.#closeGap();
    return this.#snapshot(this.#slot, false, this.#accountNow());
  }

  #snapshot(slot: Slot, closed: boolean, account: Account): Snapshot {
    const payload = this.#measurementOf(slot).publish();
    this.#kind = payload.kind;
    return { id: this.id, generation: this.generation, slot, sent: ++this.#sent[slot], closed, payload, account };
  }

  #accountNow(): Account {
    const { tags, droppedStarts } = this.#measurement, { nsPerTag } = this.#cost;
    return {
      ...this.#account.note(), tags, droppedStarts, kernel: this.#options.kernels.kind, ended: this.#ended,
      ...(this.#stoppedBy && { stoppedBy: this.#stoppedBy }), ...(this.#options.spare && { part: this.#part }),
      ...(!Number.isNaN(nsPerTag) && { costNsPerTag: nsPerTag }), ...(this.#shedIntervals > 0 && { shedIntervals: this.#shedIntervals }),
    };
  }

  /** A copy is private at once; what lies in shared memory must not change before it was taken. */
  #wasTaken(slot: Slot): boolean {
    const takenAt = this.#options.placement.boardAt + board.taken + 4 * slot;
    return this.#kind === 'copy' || Atomics.load(viewsOf(this.#options.memory).i32, takenAt / 4) === (this.#sent[slot] | 0);
  }

  /** Hands the complete part over if its region may be given away by now. */
  #handOver(): void {
    if (!this.#closed || !this.#wasTaken(this.#closed.slot)) return;
    const { slot, account } = this.#closed;
    this.#closed = undefined;
    this.#options.onPart(this.#snapshot(slot, true, account));
  }

  /**
   * Closes the part and begins the next one at `atPs`. Nobody waits here: if changes come faster than the results thread
   * takes parts, the part goes on and is marked as mixed.
   *
   * @returns false if the part goes on
   */
  #split(atPs: bigint, revision: number): boolean {
    this.#handOver();
    const other: Slot = this.#slot === 0 ? 1 : 0;
    if (this.#closed || !this.#wasTaken(other)) return false;
    this.#closeGap();
    const { epoch } = this.#account;
    this.#measurement.endSegment({ kind: 'pause', atPs: this.#account.positionPs });
    this.#closed = { slot: this.#slot, account: this.#accountNow() };
    this.#handOver();
    if (this.#kind !== 'copy') this.#slot = other;
    this.#part++;
    this.#seen = 0;
    this.#measurement.clear(atPs);
    this.#account.reset(atPs);
    this.#account.begin(atPs, epoch, revision);
    this.#beganPs = atPs;
    return true;
  }

  #process(whole: Segment): void {
    const segment = Object.assign(this.#segment, whole);
    if (this.#openPs !== undefined) {
      if (segment.toPs < this.#openPs) return;
      if (segment.fromPs < this.#openPs) this.#cutFront(segment, this.#openPs);
      this.#openPs = undefined;
    }
    for (let change; (change = this.#changes[0]) && change.atPs <= segment.toPs;) {
      this.#changes.shift();
      if (change.atPs > segment.fromPs) {
        const front = { ...segment };
        this.#cutBack(front, change.atPs);
        this.#processPart(front);
        if (!this.#running) return;
        this.#cutFront(segment, change.atPs);
      }
      this.#change(change);
      if (!this.#running) return;
    }
    this.#processPart(segment);
  }

  get #running(): boolean { return this.#state === 'running'; }

  /** Its time has come to a change of settings. */
  #change({ channel, revision, atPs }: Change): void {
    if (this.#beganPs !== undefined && atPs <= this.#beganPs) {
      this.#account.beginUnder(revision);
      return;
    }
    const acts = this.#account.concerns(channel) && revision !== this.#acted && this.#options.onSettings !== 'continue';
    if (!acts) {
      this.#account.settings(channel, revision);
      return;
    }
    this.#acted = revision;
    if (this.#options.onSettings === 'stop') {
      this.#stoppedBy = 'settings';
      this.#finish();
    } else if (!this.#split(atPs, revision)) this.#account.settings(channel, revision);
  }

  #processPart(segment: Segment): void {
    const untilPs = this.#untilPs !== undefined && segment.toPs >= this.#untilPs ? this.#untilPs : undefined;
    if (untilPs !== undefined) this.#cutBack(segment, untilPs);
    if (this.shed) this.#gap.add(segment);
    else this.#take(segment);
    if (segment.toPs > segment.fromPs || segment.n > 0) this.#beganPs = undefined;
    const { done, doneAtPs = segment.toPs } = this.#measurement;
    // It may have been done before, and started again.
    const usedPs = !done || doneAtPs > segment.toPs ? segment.toPs : doneAtPs < segment.fromPs ? segment.fromPs : doneAtPs;
    if (!this.shed) this.#account.segment(segment.fromPs, usedPs);
    if (untilPs !== undefined || done) this.#finish();
  }

  #take(segment: Segment): void {
    this.#closeGap();
    this.#gap.over();
    // A gap has ended the stretch.
    segment.history = Math.min(segment.history, this.#seen);
    segment.historyComplete = segment.history === this.#seen;
    this.#measurement.process(segment);
    this.#seen += segment.n;
  }

  /** What it was not given is lost to it. */
  #closeGap(): void {
    const gap = this.#gap.close();
    if (!gap) return;
    const { end, goesOn } = gap;
    if (!goesOn) this.#shedIntervals++;
    this.#seen = 0;
    this.#measurement.endSegment(end);
    this.#account.end(end, end.fromPs, end.toPs, goesOn);
  }

  #end(end: SegmentEnd, fromPs: bigint, toPs: bigint): void {
    this.#closeGap();
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
    segment.history += skip;
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
    this.#part = 0;
    this.#closed = undefined;
    this.#gap.clear();
    this.#shedIntervals = 0;
    this.#measurement.clear(atPs);
    this.#account.reset(atPs);
    this.#seen = 0;
    this.#ended = false;
    this.#stoppedBy = undefined;
    this.#clearAtFence = true;
    this.#showProgress();
  }

  #pause(): void {
    if (this.#state === 'running') {
      this.#closeGap();
      this.#gap.over();
      this.#measurement.endSegment({ kind: 'pause', atPs: this.#account.positionPs });
      this.#seen = 0;
    }
    this.#state = 'idle';
    this.shed = false;
    this.#stopAt = undefined;
    this.#changes = [];
    this.#beganPs = undefined;
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
