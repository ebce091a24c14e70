// mqtt/health.ts - how this process and this box are doing, as far as any program may ask.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { freemem, loadavg } from 'node:os';

export interface HealthReading {
  /** Runnable threads over the last minute. */
  load1: number;
  /** Memory of this process. */
  rssBytes: number;
  /** Memory nobody uses. */
  freeBytes: number;
  /** The time by which the slowest percent of timers came late since the last reading. */
  eventLoopP99Ms: number;
  uptimeS: number;
}

export interface HealthProbe extends Disposable { read(): HealthReading }

/** Watches the event loop until it is disposed. */
export function startHealthProbe(): HealthProbe {
  const resolutionMs = 20;
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  return {
    read() {
      // The histogram holds whole periods of its timer; without a lag each is one resolution long. Empty, it says NaN.
      const eventLoopP99Ms = Math.max(0, delay.percentile(99) / 1e6 - resolutionMs);
      delay.reset();
      return { load1: loadavg()[0] ?? Number.NaN, rssBytes: process.memoryUsage.rss(), freeBytes: freemem(), eventLoopP99Ms, uptimeS: process.uptime() };
    },
    [Symbol.dispose]() { delay.disable(); },
  };
}
