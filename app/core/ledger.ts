// core/ledger.ts - the live account of one line: emitted = delivered + filtered + lost(device) + lost(usb) + lost(host).
//
// Kept by ingest, read by everybody. A number that is not known is `null` and stays `null`: zero is a claim.
import { worseGrade, type Loss, type LossPlace, type WorstGrade } from './tags.ts';

export interface LedgerEntry {
  delivered: number;
  /** Taken out by input conditioning in software, on demand: not lost. */
  filtered: number;
  /** Missed tags that were counted, by place. */
  lost: Record<LossPlace, number>;
  /** Intervals in which an unknown number was lost, by place. */
  unknown: Record<LossPlace, number>;
}

export interface LedgerSnapshot {
  /** Per channel index. */
  channels: LedgerEntry[];
  /** Missed tags that were counted, but of unknown channels, by place. */
  unassigned: Record<LossPlace, number>;
  intervals: number;
  /** Sum of all lost intervals, ps (rounded above 2^53). */
  lostPs: number;
  grade: WorstGrade;
  disorder: number;
  epochs: number;
}

export class Ledger {
  readonly #channels: LedgerEntry[];
  readonly #unassigned: Record<LossPlace, number> = { device: 0, usb: 0, host: 0 };
  #intervals = 0;
  #lostPs = 0;
  #grade: WorstGrade = 'none';
  disorder = 0;
  epochs = 0;

  constructor(channels: number) {
    this.#channels = Array.from({ length: channels }, () => ({
      delivered: 0, filtered: 0, lost: { device: 0, usb: 0, host: 0 }, unknown: { device: 0, usb: 0, host: 0 },
    }));
  }

  delivered(channelIndex: number, count: number): void {
    const entry = this.#channels[channelIndex];
    if (entry) entry.delivered += count;
  }

  filtered(channelIndex: number, count: number): void {
    const entry = this.#channels[channelIndex];
    if (entry) entry.filtered += count;
  }

  lost(loss: Loss): void {
    this.#intervals++;
    this.#lostPs += Number(loss.toPs - loss.fromPs);
    this.#grade = worseGrade(this.#grade, loss.grade);
    this.#unassigned[loss.place] += loss.missedInAll ?? 0;
    if (loss.grade === 'counted' && loss.missed) {
      for (const { channelIndex, count } of loss.missed) {
        const entry = this.#channels[channelIndex];
        if (entry) entry.lost[loss.place] += count;
      }
    } else for (const entry of this.#channels) entry.unknown[loss.place]++;
  }

  snapshot(): LedgerSnapshot {
    return {
      channels: structuredClone(this.#channels), unassigned: { ...this.#unassigned }, intervals: this.#intervals, lostPs: this.#lostPs, grade: this.#grade,
      disorder: this.disorder, epochs: this.epochs,
    };
  }
}
