// daemon/blocked.ts - the longest time the main thread was away from its sockets. Our own promise is 20 ms.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const beatMs = 5;

/** Starts to watch. `longestMs` is the longest delay since then, or since `forget`. */
export function watchEventLoop(): { longestMs(): number; forget(): void } {
  const histogram = monitorEventLoopDelay({ resolution: beatMs });
  histogram.enable();
  // The histogram holds the time between two beats: a loop that is never late shows the beat itself.
  return { longestMs: () => Math.max(0, histogram.max / 1e6 - beatMs), forget: () => { histogram.reset(); } };
}
