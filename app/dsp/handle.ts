// dsp/handle.ts - a measurement as the main thread holds it: commands to its worker, questions to the results thread.
import { checkGetter } from '../core/arguments.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { CheckedConfig, MeasurementName } from '../core/measurements.ts';
import type { ResultInfo } from '../core/results.ts';
import type { MeasurementPort } from '../core/station.ts';
import { viewsOf } from './memory.ts';
import { board, type Placement } from './messages.ts';
import type { Ring } from './ring.ts';
import type { DspThread, ResultsThread } from './threads.ts';

export interface HandleOptions {
  id: number;
  name: MeasurementName;
  config: CheckedConfig;
  placement: Placement;
  ring: Ring;
  worker: DspThread;
  results: ResultsThread;
  /** The first measurement that starts lets a waiting source go. */
  onStart: () => void;
  /** How much of its source the line has handed over, if the source has an end. */
  sourceProgress: () => number | undefined;
  /** Both threads have let go, or are dead: the memory can be given back. */
  onReleased: () => void;
}

export class Handle implements MeasurementPort {
  readonly id: number;
  readonly name: MeasurementName;
  readonly config: CheckedConfig;
  readonly worker: DspThread;
  readonly #options: HandleOptions;
  readonly #closing = new AbortController();
  #run = 0;
  #generation = 0;
  #running = false;
  #limited = false;
  #failure: TaggerError | undefined;
  /** Resolved when the run that is on now is over. */
  #over: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(options: HandleOptions) {
    this.#options = options;
    this.id = options.id;
    this.name = options.name;
    this.config = options.config;
    this.worker = options.worker;
  }

  get closed(): AbortSignal { return this.#closing.signal; }

  async start(): Promise<void> {
    this.#check('start');
    if (this.#running) return;
    await this.launch(this.#options.ring.requestFlush(), false, undefined);
    this.#options.onStart();
  }

  async startFor(durationPs: number, clear = true): Promise<void> {
    this.#check('start');
    if (!Number.isInteger(durationPs) || durationPs < 1 || durationPs > limits.runPs) {
      throw new TaggerError('usage', `Cannot start the ${this.name} for ${String(durationPs)} ps: the duration must be a whole number of ps from 1 to ${limits.runPs} (100 days).`);
    }
    await this.launch(this.#options.ring.requestFlush(), clear, durationPs);
    this.#options.onStart();
  }

  /** Starts at a fence that several measurements may share. Resolves when the worker knows: only then may a waiting source go. */
  async launch(fence: number, clear: boolean, durationPs: number | undefined): Promise<void> {
    const run = ++this.#run;
    if (clear) this.#generation++;
    this.#running = true;
    this.#limited = durationPs !== undefined;
    const generation = this.#generation;
    await this.worker.ask(call => ({ kind: 'start', id: this.id, run, fence, clear, durationPs, generation, call }));
  }

  async stop(): Promise<void> {
    this.#check('stop');
    const stopped = this.worker.ask(call => ({ kind: 'stop', id: this.id, call }));
    // At once, so that a start that does not wait for this is a new run; whoever reads from now on is answered behind the stop.
    this.finished(this.#run);
    await stopped;
  }

  async clear(): Promise<void> {
    this.#check('clear');
    const generation = ++this.#generation;
    const fence = this.#options.ring.requestFlush();
    await this.worker.ask(call => ({ kind: 'clear', id: this.id, fence, generation, call }));
  }

  isRunning(): boolean { return this.#running; }

  async waitUntilFinished(timeoutMs = -1): Promise<boolean> {
    if (this.#closing.signal.aborted) throw this.#closed('wait for');
    // A measurement that has failed is over as well; reading it says why.
    if (!this.#running) return true;
    if (timeoutMs < 0) {
      await this.#over.promise;
      return true;
    }
    const timeout = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => timeout.resolve(false), timeoutMs);
    try {
      return await Promise.race([this.#over.promise.then(() => true), timeout.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async read(getter: string, args: Record<string, unknown> = {}): Promise<{ value: unknown; info: ResultInfo }> {
    this.#check('read');
    const checked = checkGetter(this.name, getter, args);
    return this.#options.results.read(this.id, checked.getter, checked.args);
  }

  async account(): Promise<ResultInfo> {
    this.#check('read');
    return (await this.#options.results.read(this.id, undefined, {})).info;
  }

  progress(): number | undefined {
    if (this.#closing.signal.aborted) return undefined;
    if (!this.#limited) return this.#options.sourceProgress();
    const { boardAt } = this.#options.placement;
    const fraction = viewsOf(this.#options.ring.memory, boardAt + 64).f64[(boardAt + board.progress) / 8]!;
    return Number.isNaN(fraction) ? undefined : fraction;
  }

  dispose(): void {
    if (this.#closing.signal.aborted) return;
    this.#running = false;
    const closed = this.#closed('wait for');
    this.#over.promise.catch(() => {});
    this.#over.reject(closed);
    this.#closing.abort(closed);
    void this.#release();
  }

  /** The worker says that a run is over; an earlier run's end is old news. */
  finished(run: number): void {
    if (run !== this.#run || !this.#running) return;
    this.#running = false;
    this.#over.resolve();
    this.#over = Promise.withResolvers();
  }

  /** The measurement or its worker has failed. It stays valid and answers with the reason. */
  fail(error: TaggerError): void {
    // The first reason is the one that tells: what follows is its consequence.
    if (this.#failure) return;
    this.#failure = error;
    this.finished(this.#run);
    this.#options.results.tell({ kind: 'fail', id: this.id, error: { code: error.code, message: error.message, hint: error.hint } });
  }

  async #release(): Promise<void> {
    const { results } = this.#options;
    // First the readers, then the writer; a thread that has died holds nothing.
    await results.forget(this.id).catch(() => {});
    await this.worker.ask(call => ({ kind: 'dispose', id: this.id, call })).catch(() => {});
    this.#options.onReleased();
  }

  #check(action: string): void {
    if (this.#closing.signal.aborted) throw this.#closed(action);
    if (this.#failure) throw this.#failure;
  }

  #closed(action: string): TaggerError {
    return new TaggerError('closed', `Cannot ${action} the ${this.name}: it was disposed.`, { hint: 'Create a new one.' });
  }
}
