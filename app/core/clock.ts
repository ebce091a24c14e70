// core/clock.ts - wall clock and timers as something that can be handed over, so that a test turns time by hand.

export interface Clock {
  nowMs(): number;
  /** Runs once after `delayMs`; the returned function calls it off. A waiting timer keeps no process alive. */
  after(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after(delayMs, run) {
    // Beyond 2^31 - 1 ms a timer fires at once; whoever waits longer looks at the clock again.
    const timer: unknown = setTimeout(run, Math.min(delayMs, 2 ** 31 - 1));
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref();
    return () => { clearTimeout(timer as number); };
  },
};
