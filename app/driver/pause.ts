// driver/pause.ts - how a driver that makes its own tags gives way to the messages of its thread.
import { setImmediate, setTimeout } from 'node:timers/promises';

/** Waits; returns at once when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

export async function yieldToMessages(): Promise<void> { await setImmediate(); }
