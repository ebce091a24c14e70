// dsp/account.ts - what a measurement must say about its own completeness; kept step by step beside it.
import { worseGrade, type WorstGrade } from '../core/tags.ts';
import type { SegmentEnd } from './measurement.ts';
import type { Account } from './messages.ts';
import { everyChannel } from './ring.ts';

/** Everything of `Account` that follows from the steps; the measurement itself knows the rest. */
export type AccountNote = Omit<Account, 'tags' | 'droppedStarts' | 'kernel' | 'ended'>;

export class AccountKeeper {
  /** Dense indexes of the measurement's channels, in the order of its arguments. */
  readonly #channels: readonly number[];
  readonly #unknownLoss: boolean;
  #startPs = 0n;
  #positionPs = 0n;
  #epoch = 0;
  #capturedPs = 0;
  #livePs = 0;
  #grade: WorstGrade = 'none';
  #losing = false;
  #lostIntervals = 0;
  #missed: (number | null)[] = [];
  #epochs = 0;
  #disorder = 0;
  #revisions: number[] = [];
  #mixed = false;
  /** As they were before tags flowed in. */
  #before: { revisions: readonly number[]; mixed: boolean } = { revisions: [], mixed: false };

  /** @param unknownLoss the tagger cannot tell during a run whether it lost tags: then nobody knows what is missing */
  constructor(channels: readonly number[], unknownLoss: boolean) {
    this.#channels = channels;
    this.#unknownLoss = unknownLoss;
    this.reset(0n);
  }

  get capturedPs(): number { return this.#capturedPs; }
  get positionPs(): bigint { return this.#positionPs; }

  reset(atPs: bigint): void {
    this.#startPs = atPs;
    this.#positionPs = atPs;
    this.#capturedPs = 0;
    this.#livePs = 0;
    this.#grade = 'none';
    this.#losing = false;
    this.#lostIntervals = 0;
    this.#missed = this.#channels.map(() => (this.#unknownLoss ? null : 0));
    this.#epochs = 0;
    this.#disorder = 0;
    this.#revisions = [];
    this.#mixed = false;
  }

  /** Tags flow in from `atPs` on, under these settings. */
  begin(atPs: bigint, epoch: number, revision: number): void {
    this.#positionPs = atPs;
    this.#epoch = epoch;
    this.#losing = false;
    this.#before = { revisions: [...this.#revisions], mixed: this.#mixed };
    this.#under(revision);
  }

  /** What was in force at the beginning changed before the first moment was measured. */
  beginUnder(revision: number): void {
    this.#revisions = [...this.#before.revisions];
    this.#mixed = this.#before.mixed;
    this.#under(revision);
  }

  #under(revision: number): void {
    if (this.#revisions.length > 0 && !this.#revisions.includes(revision)) this.#mixed = true;
    this.#note(revision);
  }

  segment(fromPs: bigint, toPs: bigint): void {
    this.#livePs += Number(toPs - fromPs);
    this.#moveTo(toPs);
  }

  losing(): void { this.#losing = true; }

  /** What ends at the first moment or before it is no fault of the result, but it is over, and the epoch is another. */
  before({ kind }: SegmentEnd): void {
    if (kind === 'epoch') this.#epoch++;
    else if (kind === 'lost' || kind === 'slip') this.#losing = false;
  }

  /** @param goesOn it continues the lost interval before */
  end(end: SegmentEnd, fromPs: bigint, toPs: bigint, goesOn = false): void {
    if (end.kind === 'lost' || end.kind === 'slip') {
      const grade = end.kind === 'lost' ? end.grade : 'suspect';
      this.#losing = false;
      if (!goesOn) this.#lostIntervals++;
      this.#grade = worseGrade(this.#grade, grade);
      this.#miss(end.kind === 'lost' ? end.missed : undefined);
    } else if (end.kind === 'epoch') {
      this.#epoch++;
      this.#epochs++;
    } else if (end.kind === 'disorder') this.#disorder++;
    this.#moveTo(fromPs);
    // After a step backward the same stream time is covered once more, by captured and live time alike.
    if (toPs < this.#positionPs) this.#positionPs = toPs;
    this.#moveTo(toPs);
  }

  settings(channel: number, revision: number): void {
    this.#note(revision);
    if (this.concerns(channel)) this.#mixed = true;
  }

  concerns(channel: number): boolean { return channel === everyChannel || this.#channels.includes(channel); }
  get epoch(): number { return this.#epoch; }

  rebase(byPs: bigint): void {
    this.#startPs -= byPs;
    this.#positionPs -= byPs;
  }

  note(): AccountNote {
    return {
      startPs: this.#startPs, stopPs: this.#positionPs, epoch: this.#epoch, captureDurationPs: this.#capturedPs, liveTimePs: this.#livePs,
      lossGrade: this.#losing ? worseGrade(this.#grade, 'flagged') : this.#grade, lostIntervals: this.#lostIntervals,
      missedTags: [...this.#missed], epochs: this.#epochs, disorder: this.#disorder, settingsRevisions: [...this.#revisions], mixed: this.#mixed,
    };
  }

  #moveTo(toPs: bigint): void {
    if (toPs <= this.#positionPs) return;
    this.#capturedPs += Number(toPs - this.#positionPs);
    this.#positionPs = toPs;
  }

  #miss(missed: readonly { channelIndex: number; count: number }[] | undefined): void {
    this.#missed = this.#missed.map((sum, i) => {
      if (sum === null || !missed) return null;
      return sum + missed.filter(({ channelIndex }) => channelIndex === this.#channels[i]).reduce((all, { count }) => all + count, 0);
    });
  }

  #note(revision: number): void {
    if (!this.#revisions.includes(revision)) this.#revisions.push(revision);
  }
}
