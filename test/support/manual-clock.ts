// test/support/manual-clock.ts - time that moves when a test says so.
import type { Clock } from '../../app/core/clock.ts';

export class ManualClock implements Clock {
  #nowMs: number;
  #timers: { atMs: number; run: () => void }[] = [];
  constructor(startMs = Date.UTC(2026, 0, 1)) { this.#nowMs = startMs; }

  nowMs(): number { return this.#nowMs; }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return () => { this.#timers = this.#timers.filter(other => other !== timer); };
  }

  /** The clock moves and no timer fires, as after a sleep of the whole computer. */
  jump(byMs: number): void { this.#nowMs += byMs; }

  /** Runs what is due on the way, in order, timers made meanwhile included. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#timers.filter(timer => timer.atMs <= endMs).toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#timers = this.#timers.filter(timer => timer !== next);
      this.#nowMs = next.atMs;
      next.run();
    }
    this.#nowMs = endMs;
  }

  /** Timers that wait. */
  get pending(): number { return this.#timers.length; }
}
