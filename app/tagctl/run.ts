// tagctl/run.ts - the course of one measurement, the same for `measure` and `analyze`: start, watch, stop, read.
//
// Ctrl-C is no failure: the measurement stops and what it has is read. Only a second Ctrl-C gives that up.
import type { MeasurementName } from '../core/measurements.ts';
import type { ResultInfo } from '../core/results.ts';
import { normalizable, readOutcome, type Outcome, type Readable, type ReadOptions } from './outcome.ts';
import type { Progress } from './progress.ts';

/** What client and engine have in common; the client's answers come over the wire and are promises. */
export interface Runnable extends Readable {
  start(): Promise<unknown>;
  startFor(durationPs: number): Promise<unknown>;
  stop(): Promise<unknown>;
  waitUntilFinished(timeoutMs?: number): Promise<boolean>;
  progress(): number | undefined | Promise<number | undefined>;
}

export interface Course {
  /** g2 was asked for, and not only wanted for the summary. */
  normalized: boolean;
  /** `end`: until the source has no more tags. */
  forPs: number | 'end';
  read: ReadOptions;
  progress: Progress;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  /** The cheap way to the account while it runs; progress does without if there is none. */
  account?: () => Promise<ResultInfo>;
}

const updateMs = 250;

export async function runMeasurement(measurement: Runnable, name: MeasurementName, course: Course): Promise<Pick<Outcome, 'info' | 'values' | 'interrupted' | 'normalized'>> {
  const { forPs, signal, progress } = course;
  const startedAt = performance.now();
  await (forPs === 'end' ? measurement.start() : measurement.startFor(forPs));
  const aborted = new Promise<'aborted'>(resolve => {
    if (signal.aborted) resolve('aborted');
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
  let interrupted = false;
  for (;;) {
    const state = await Promise.race([measurement.waitUntilFinished(updateMs), aborted]);
    if (state === true) break;
    if (state === 'aborted') {
      interrupted = true;
      await measurement.stop();
      break;
    }
    const info = await course.account?.();
    const ofFile = await measurement.progress();
    const ofTime = forPs === 'end' || info === undefined ? undefined : info.captureDurationPs / forPs;
    progress.show({ fraction: ofTime === undefined ? ofFile : Math.max(ofTime, ofFile ?? 0), elapsedMs: performance.now() - startedAt, tags: info?.tags });
  }
  progress.clear();
  const { normalized, rates } = course.read;
  const outcome = await readOutcome(measurement, name, { normalized: normalized && normalizable.has(name), rates });
  return { ...outcome, interrupted, normalized: course.normalized };
}
