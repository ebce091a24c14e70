// dsp/handle.ts - a measurement as the main thread holds it: commands to its worker, questions to the results thread.
import { checkGetter } from '../core/arguments.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { CheckedConfig, MeasurementName } from '../core/measurements.ts';
import type { ResultInfo } from '../core/results.ts';
import type { MeasurementPort, Parts } from '../core/station.ts';
import { viewsOf } from './memory.ts';
import { within } from './fence.ts';
import { board, boardBytes, type Fence, type Placement, type WorkerCommand } from './messages.ts';
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
  /** Physical channels its own are made of. */
  inputs: readonly number[];
  /** Lead-in of its view: it cannot begin earlier than this after a fence. */
  mostPs: number;
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
  readonly inputs: readonly number[];
  readonly worker: DspThread;
  readonly #options: HandleOptions;
  readonly #closing = new AbortController();
  #run = 0;
  #generation = 0;
  /** Commands so far whose fence is named later. */
  #named = 0;
  /** The group that steers it. */
  group: object | undefined;
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
    this.inputs = options.inputs;
    this.worker = options.worker;
  }

  get closed(): AbortSignal { return this.#closing.signal; }
  get mostPs(): number { return this.#options.mostPs; }
  get placement(): Placement { return this.#options.placement; }

  async start(): Promise<void> {
    this.check('start');
    if (this.#running) return;
    await this.launch(this.#options.ring.requestFlush(), false, undefined);
    this.#options.onStart();
  }

  async startFor(durationPs: number, clear = true): Promise<void> {
    this.check('start');
    checkDuration(this.name, durationPs);
    await this.launch(this.#options.ring.requestFlush(), clear, durationPs);
    this.#options.onStart();
  }

  /** Starts at a fence that several measurements may share. Resolves when the worker knows: only then may a waiting source go. */
  async launch(fence: Fence, clear: boolean, durationPs: number | undefined, laterPs = 0): Promise<void> {
    this.finished(this.#run);
    const run = ++this.#run;
    if (clear) this.#generation++;
    this.#running = true;
    this.#limited = durationPs !== undefined;
    const generation = this.#generation;
    await this.#ask(call => ({ kind: 'start', id: this.id, run, fence, clear, durationPs, laterPs, generation, call }));
  }

  /** A command of this number may be sent with its fence still to be named. */
  nextNamed(): number { return ++this.#named; }

  /** Names the fence of a command that was sent; the worker sees it before any block that carries it. */
  nameFence(named: number, fence: number): void {
    // The memory of a measurement that was disposed is somebody else's.
    if (this.#closing.signal.aborted) return;
    const { boardAt } = this.#options.placement;
    const { i32 } = viewsOf(this.#options.ring.memory, boardAt + boardBytes);
    Atomics.store(i32, (boardAt + board.fence) / 4, fence | 0);
    Atomics.store(i32, (boardAt + board.named) / 4, named);
  }

  /** Stops where the fence comes; resolves when the worker knows. */
  async stopAt(fence: Fence): Promise<void> { await this.#ask(call => ({ kind: 'stop', id: this.id, fence, call })); }

  async clearAt(fence: Fence): Promise<void> {
    const generation = ++this.#generation;
    await this.#ask(call => ({ kind: 'clear', id: this.id, fence, generation, call }));
  }

  /** Resolves when the run that is on now is over, for whatever reason. */
  async runOver(): Promise<void> { if (this.#running) await this.#over.promise.catch(() => {}); }

  async stop(): Promise<void> {
    this.check('stop');
    const stopped = this.#ask(call => ({ kind: 'stop', id: this.id, fence: undefined, call }));
    // At once, so that a start that does not wait for this is a new run; whoever reads from now on is answered behind the stop.
    this.finished(this.#run);
    await stopped;
  }

  async clear(): Promise<void> {
    this.check('clear');
    await this.clearAt(this.#options.ring.requestFlush());
  }

  isRunning(): boolean { return this.#running; }

  async waitUntilFinished(timeoutMs = -1): Promise<boolean> {
    if (this.#closing.signal.aborted) throw this.#closed('wait for');
    // A measurement that has failed is over as well; reading it says why.
    return !this.#running || await within(timeoutMs, this.#standsStill());
  }

  /** A run that was started anew meanwhile is waited for as well. */
  async #standsStill(): Promise<void> { while (this.#running) await this.#over.promise; }

  async read(getter: string, args: Record<string, unknown> = {}, part?: number): Promise<{ value: unknown; info: ResultInfo }> {
    this.check('read');
    const checked = checkGetter(this.name, getter, args);
    if (part !== undefined && !(Number.isInteger(part) && part >= 0)) throw new TaggerError('usage', `Cannot read a part of the ${this.name}: its number must be a whole number from 0.`);
    return this.#options.results.read(this.id, checked.getter, checked.args, part);
  }

  async parts(): Promise<Parts> {
    this.check('read');
    return (await this.#options.results.read(this.id, undefined, {}, 'parts')).value as Parts;
  }

  async account(): Promise<ResultInfo> {
    this.check('read');
    return (await this.#options.results.read(this.id, undefined, {})).info;
  }

  progress(): number | undefined {
    if (this.#closing.signal.aborted) return undefined;
    if (!this.#limited) return this.#options.sourceProgress();
    const { boardAt } = this.#options.placement;
    const fraction = viewsOf(this.#options.ring.memory, boardAt + 64).f64[(boardAt + board.progress) / 8]!;
    return Number.isNaN(fraction) ? undefined : fraction;
  }

  /** What it costs for each tag of the stream, ns; NaN before it is known. */
  get nsPerTag(): number {
    const { boardAt } = this.#options.placement;
    // A board is zeroed until its worker has seen it.
    return viewsOf(this.#options.ring.memory, boardAt + boardBytes).f64[(boardAt + board.cost) / 8]! || NaN;
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

  /** A command to a worker that is ended fails with the reason for which it was ended. */
  async #ask(make: (call: number) => WorkerCommand): Promise<void> {
    await this.worker.ask(make).catch((error: unknown) => { throw this.#failure ?? error; });
  }

  async #release(): Promise<void> {
    const { results } = this.#options;
    // First the readers, then the writer; a thread that has died holds nothing.
    await results.forget(this.id).catch(() => {});
    await this.worker.ask(call => ({ kind: 'dispose', id: this.id, call })).catch(() => {});
    this.#options.onReleased();
  }

  /** @throws {TaggerError} if it was disposed or has failed */
  check(action: string): void {
    if (this.#closing.signal.aborted) throw this.#closed(action);
    if (this.#failure) throw this.#failure;
  }

  #closed(action: string): TaggerError {
    return new TaggerError('closed', `Cannot ${action} the ${this.name}: it was disposed.`, { hint: 'Create a new one.' });
  }
}

export function checkDuration(what: string, durationPs: unknown): void {
  if (typeof durationPs === 'number' && Number.isInteger(durationPs) && durationPs >= 1 && durationPs <= limits.runPs) return;
  throw new TaggerError('usage', `Cannot start the ${what} for ${String(durationPs)} ps: the duration must be a whole number of ps from 1 to ${limits.runPs} (100 days).`);
}
