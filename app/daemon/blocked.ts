// daemon/blocked.ts - the longest time the main thread was away from its sockets. Our own promise is 20 ms.
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Starts to watch; the returned function gives the longest delay since the start of the watch, ms. */
export function watchEventLoop(): () => number {
  const resolutionMs = 5;
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  // The histogram holds the time between two beats: a loop that is never late shows the resolution itself.
  return () => Math.max(0, histogram.max / 1e6 - resolutionMs);
}
