// dsp/line.ts - one tagger with everything behind it: ingest worker, ring, dsp workers, results thread, clock.
//
// The main thread's side. It allocates, sends commands and answers from shared words; it never touches a tag. Whatever
// dies behind it is turned into a state or an error of the measurements concerned, and the rest goes on.
// Above the usual length because the life of four threads must be read in one place.
import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import { channelsOf, checkRequest, specOf } from '../core/arguments.ts';
import { fromNote, TaggerError } from '../core/errors.ts';
import type { LedgerSnapshot } from '../core/ledger.ts';
import { limits } from '../core/limits.ts';
import type { CheckedConfig, MeasurementName, MeasurementRequest } from '../core/measurements.ts';
import {
  settingsChanges, type CreateOptions, type MeasurementPort, type OnSettingsChange, type Rates, type ReferenceClockState, type StationEvent, type TaggerPort, type TaggerState, type TaggerStatus,
} from '../core/station.ts';
import type { Settings, TaggerInfo, TaggerSource, TaggerPhase } from '../core/tagger.ts';
import { checkVirtual, physicalOf, virtualNumbers, type CheckedVirtual } from '../core/virtual.ts';
import { Calls } from './calls.ts';
import { cheapestWorker } from './cost.ts';
import { checkDelays, fixedInfo } from './describe.ts';
import { Fences } from './fence.ts';
import { Group, together } from './group.ts';
import { Handle } from './handle.ts';
import type { KernelSet } from './kernels/kernels.ts';
import { align64, Arena, createMemory, maximumBytes } from './memory.ts';
import { boardBytes, type FixedInfo, type IngestCommand, type IngestReport, type IngestSetup, type LineSetup } from './messages.ts';
import { measurementClasses } from './measurements/index.ts';
import { RateMeter } from './rates.ts';
import { blockTags, isPast, maxReaders, Ring, ringLayout } from './ring.ts';
import { ingestBytes } from './sink.ts';
import { SoloThreads } from './solo.ts';
import { DspThread, ResultsThread, workerFiles } from './threads.ts';
import { planView, type ViewPlan, type ViewSetup } from './view.ts';
import { scratchBytes } from './worker.ts';

export interface LineOptions {
  id: string;
  source: TaggerSource;
  /** A file of the composition root that calls `runIngest` with the drivers it has. */
  ingestWorker: URL;
  dspWorkers?: number;
  /** Blocks of 16 Ki tags (164 KB each) that a slow reader may fall behind. */
  ringSlots?: number;
  maxBlockTags?: number;
  kernel?: KernelSet['kind'];
  /** Let tags flow although nobody measures yet. */
  freeRun?: boolean;
  /** Most memory for ring and results together. */
  memoryBytes?: number;
  /** The bytes of an installed user kernel; fails `not-found`. Without it there are none. */
  kernelModule?: ((name: string) => Promise<Uint8Array<ArrayBuffer>>) | undefined;
  /** Other files for the engine's threads, where a build has moved them. */
  workers?: { dsp?: URL; results?: URL };
}

const sampleEveryMs = 100;
/** A driver that does not return from `run()` in this time is cut off. */
const stopWithinMs = 2_000;

type Listener = (event: StationEvent) => void;
interface SharedView { setup: ViewSetup; users: number }
/** What the client of a measurement wants to see. */
/** What the driver says of itself while it runs. */
interface SourceNews { progress: number | undefined; detail: string | undefined; phase: TaggerPhase | undefined }
interface Asked { delays: Readonly<Record<number, number>>; virtual: readonly CheckedVirtual[]; plan: ViewPlan | undefined }

export class Line implements TaggerPort, AsyncDisposable {
  readonly id: string;
  readonly #options: LineOptions;
  readonly #ring: Ring;
  readonly #arena: Arena;
  readonly #setup: LineSetup;
  readonly #ingest: Worker;
  readonly #ingestGone = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #configures = new Calls<Settings>();
  readonly #listeners = new Set<Listener>();
  readonly #handles = new Map<number, Handle>();
  readonly #asked = new Map<number, Asked>();
  readonly #views = new Map<string, SharedView>();
  readonly #threads: DspThread[] = [];
  readonly #solo: SoloThreads;
  readonly #fences: Fences;
  readonly #scratchAt: number[] = [];
  #results!: ResultsThread;
  #meter!: RateMeter;
  #sampling: NodeJS.Timeout | undefined;
  #lastId = 0;
  #deaths: number[] = [];
  #state: TaggerState = 'probing';
  #detail = 'The tagger is being opened.';
  #source: SourceNews = { progress: undefined, detail: undefined, phase: undefined };
  #clock: ReferenceClockState | undefined;
  #info!: TaggerInfo;
  #settings: Settings = {};
  #revision = 0;
  #configuring: Promise<unknown> = Promise.resolve();
  #ledger: LedgerSnapshot | undefined;
  #kernel: KernelSet['kind'] = 'wasm';
  #started = false;
  #disposed: Promise<void> | undefined;

  /** @throws {TaggerError} what the driver said when it could not open the tagger */
  static async open(options: LineOptions): Promise<Line> {
    const line = new Line(options);
    try {
      await line.#ready.promise;
    } catch (error) {
      await line[Symbol.asyncDispose]();
      throw error;
    }
    line.#startEngine();
    return line;
  }

  private constructor(options: LineOptions) {
    this.id = options.id;
    this.#options = options;
    const layout = ringLayout(options.ringSlots ?? slotsForThisBox());
    const scratchAt = layout.endAt;
    const arenaAt = scratchAt + ingestBytes;
    const maximum = Math.min(maximumBytes, options.memoryBytes ?? arenaAt + Math.min(limits.resultBytesPerLine, totalmem() / 4));
    const memory = createMemory(arenaAt, maximum);
    this.#ring = new Ring(memory, layout);
    this.#ring.format();
    this.#fences = new Fences(this.#ring, () => [...this.#threads, ...this.#solo.threads]);
    this.#arena = new Arena(memory, arenaAt, maximum);
    this.#setup = { memory, layout, kernel: options.kernel };
    const workerData: IngestSetup = {
      ...this.#setup, source: options.source, scratchAt, maxBlockTags: options.maxBlockTags ?? blockTags, freeRun: options.freeRun ?? false,
    };
    this.#solo = new SoloThreads(this.#ring, (index, onDeath) => this.#makeThread(index, (_, error) => onDeath(error)));
    this.#ingest = new Worker(options.ingestWorker, { workerData, name: `ingest ${options.id}` });
    this.#ingest.on('message', (report: IngestReport) => this.#hear(report));
    this.#ingest.on('error', error => {
      console.error(`ingest ${this.id}:`, error);
      this.#gone(new TaggerError('device-lost', `The worker that drives the tagger '${this.id}' has died.`, {
        cause: error, hint: 'The daemon will try to open the tagger again; its log has the details.',
      }));
    });
    this.#ingest.on('exit', () => {
      this.#ingestGone.resolve();
      this.#gone(new TaggerError('device-lost', `The worker that drives the tagger '${this.id}' has ended.`));
    });
  }

  /** Bytes of the line's arena in use: results, views, scratch. */
  get usedBytes(): number { return this.#arena.usedBytes; }

  /** Stream time up to which all tags were published; it moves as long as the tagger streams. */
  get watermarkPs(): bigint { return this.#ring.watermarkPs; }

  /** Calls back on every change until the returned function is called. A listener that throws is dropped. */
  onEvent(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  status(): TaggerStatus {
    return {
      id: this.id, state: this.#source.phase ?? this.#state, detail: this.#source.detail ?? this.#detail, info: this.#info, settings: this.#settings, revision: this.#revision,
      ledger: this.#ledgerNow(), kernel: this.#kernel, ...(this.#clock && { referenceClock: this.#clock }),
    };
  }

  rates(windowMs = 1000): Rates { return this.#meter.rates(windowMs, this.#source.phase === undefined && (this.#state === 'streaming' || this.#state === 'ended')); }

  configure(change: Settings, revision?: number): Promise<{ settings: Settings; revision: number }> {
    const done = this.#configuring.then(() => this.#configure(change, revision));
    this.#configuring = done.catch(() => {});
    return done;
  }

  async createMeasurements(requests: readonly MeasurementRequest[], options: CreateOptions = {}): Promise<MeasurementPort[]> {
    if (this.#state === 'gone' || this.#state === 'absent') {
      throw new TaggerError('unavailable', `Cannot create a measurement on '${this.id}': the tagger is gone. ${this.#detail}`, { hint: 'Wait until it is back.' });
    }
    const numbers = this.#info.channels.map(({ number }) => number);
    const virtual = checkVirtual(options.virtual, numbers);
    const checked = requests.map(request => checkRequest(request, [...numbers, ...virtualNumbers(virtual)]));
    if (this.#handles.size + checked.length > limits.measurementsPerLine) {
      const has = `it has ${this.#handles.size} of at most ${limits.measurementsPerLine}`;
      throw new TaggerError('limit', `Cannot create ${checked.length} more measurements on '${this.id}': ${has}.`, {
        hint: 'Dispose measurements that are no longer needed.',
      });
    }
    const delays = checkDelays(options.delaysPs ?? {}, numbers);
    const asked = { delays, virtual, plan: planView(numbers, numbers.map(channel => delays[channel] ?? 0), virtual) };
    const onSettings = options.onSettingsChange ?? 'continue';
    if (!settingsChanges.includes(onSettings)) throw new TaggerError('usage', `Cannot create a measurement: onSettingsChange must be one of ${settingsChanges.join(', ')}.`);
    const modules = await Promise.all(checked.map(({ name, config }) => (name === 'userKernel' ? this.#kernelModule(String(config['module'])) : undefined)));
    const made: Handle[] = [];
    try {
      for (const [i, { name, config }] of checked.entries()) made.push(this.#create(name, config, asked, onSettings, modules[i]));
      // A first write to each page stops the worker for longer than a ring of tags lasts.
      const filled = made.filter(({ name }) => measurementClasses[name].fills).map(({ placement }) => placement).filter(({ bytes }) => bytes > limits.inlineResultBytes);
      if (filled.length > 0) await this.#results.touch(filled);
      if (options.start ?? true) {
        await together(this.#ring, made, (handle, fence) => handle.launch(fence, false, undefined));
        this.#go();
      }
      return made;
    } catch (error) {
      for (const handle of made) handle.dispose();
      throw error;
    }
  }

  group(members: readonly MeasurementPort[] = []): Group {
    return new Group({
      taggerId: this.id, ring: this.#ring, onStart: () => this.#go(),
      handleOf: port => [this.#handles.get((port as Partial<Handle>).id ?? -1)].find(handle => handle === port),
    }, members);
  }

  getFence(alloc = true): number { return this.#fences.get(alloc); }

  async waitForFence(fence: number, timeoutMs = -1): Promise<boolean> {
    const checked = this.#fences.check(fence);
    // Nothing was received, and nothing will be before somebody measures.
    const hasBegun = this.#started || this.#info.freeRunning || this.#options.freeRun === true;
    if (this.#state === 'ready' && !hasBegun) return true;
    if (!await this.#fences.wait(checked, timeoutMs)) return false;
    if (!this.#disposed && (isPast(this.#ring.fenced, checked) || this.#ring.ended === 'source')) return true;
    throw new TaggerError('device-lost', `Cannot wait for a fence of '${this.id}': the tagger has left before it. ${this.#detail}`, {
      hint: 'Results hold what had come until then.',
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#takeDown();
    await this.#disposed;
  }

  #create(
    name: MeasurementName, config: CheckedConfig, asked: Asked, onSettings: OnSettingsChange, module: Uint8Array<ArrayBuffer> | undefined,
  ): Handle {
    const id = ++this.#lastId;
    const bytes = measurementClasses[name].bytes(config);
    // A part that was closed is taken out of one region while the next one counts in the other.
    const copies = onSettings === 'split' ? 2 : 1;
    const regionBytes = align64(bytes);
    const boardAt = this.#arena.allocate(boardBytes + copies * regionBytes);
    const placement = { boardAt, at: boardAt + boardBytes, bytes };
    const spare = copies === 2 ? { at: placement.at + regionBytes, bytes } : undefined;
    let thread: DspThread | undefined;
    let view: ViewSetup | undefined;
    try {
      thread = module ? this.#solo.take() : this.#cheapest();
      view = this.#viewFor(thread, asked.plan);
    } catch (error) {
      this.#arena.free(boardAt);
      if (module && thread) void this.#solo.release(thread);
      throw error;
    }
    const home = thread;
    const handle = new Handle({
      id, name, config, placement, ring: this.#ring, worker: home, results: this.#results, mostPs: asked.plan?.leadInPs ?? 0,
      inputs: physicalOf(channelsOf(specOf(name).parameters, config), asked.virtual),
      onStart: () => this.#go(),
      sourceProgress: () => this.#source.progress,
      onReleased: () => {
        this.#handles.delete(id);
        this.#asked.delete(id);
        if (module) void this.#solo.release(home);
        void this.#giveBack([{ at: boardAt, bytes: boardBytes + copies * regionBytes }, ...this.#releaseView(view)]);
      },
    });
    this.#handles.set(id, handle);
    this.#asked.set(id, asked);
    if (module) this.#solo.watch(home, handle, [placement, ...(spare ? [spare] : [])]);
    this.#results.tell({ kind: 'create', id, worker: home.index, name, config, placement, spare, info: this.#describe(handle) });
    home.tell({ kind: 'create', id, name, config, placement, view, virtual: virtualNumbers(asked.virtual), unknownLoss: this.#info.overflowReport === 'unknown', onSettings, spare, module });
    return handle;
  }

  #describe(handle: Handle): FixedInfo {
    const { delays = {}, virtual = [], plan } = this.#asked.get(handle.id) ?? {};
    return fixedInfo({ taggerId: this.id, name: handle.name, config: handle.config, tick: this.#info.tick, settings: this.#settings, privatePs: delays, virtual, view: plan });
  }

  /** The view of this plan on this worker; the empty view is the ring itself. */
  #viewFor(thread: DspThread, plan: ViewPlan | undefined): ViewSetup | undefined {
    if (!plan) return undefined;
    const key = `${thread.index}: ${JSON.stringify(plan.stages)}`;
    let shared = this.#views.get(key);
    if (!shared) {
      shared = { setup: { key, plan, at: this.#arena.allocate(plan.bytes) }, users: 0 };
      this.#views.set(key, shared);
    }
    shared.users++;
    return shared.setup;
  }

  /** @returns the memory of the view if nobody else uses it */
  #releaseView(setup: ViewSetup | undefined): { at: number; bytes: number }[] {
    const shared = setup && this.#views.get(setup.key);
    if (!shared || --shared.users > 0) return [];
    this.#views.delete(shared.setup.key);
    return [{ at: shared.setup.at, bytes: shared.setup.plan.bytes }];
  }

  async #giveBack(regions: readonly { at: number; bytes: number }[]): Promise<void> {
    try {
      await this.#results.scrub(regions);
      for (const { at } of regions) this.#arena.free(at);
    } catch {
      // The thread has died, and with it perhaps the line. If there is a new one it does the work.
      if (!this.#disposed) await this.#giveBack(regions);
    }
  }

  #cheapest(): DspThread {
    const alive = this.#threads.filter(({ dead }) => !dead);
    if (alive.length === 0) {
      throw new TaggerError('unavailable', `Cannot create a measurement on '${this.id}': its workers have died.`, { hint: 'They are started again; try again in a second.' });
    }
    const placed = [...this.#handles.values()].map(({ worker, name, nsPerTag }) => ({ worker: worker.index, name, nsPerTag }));
    const index = cheapestWorker(alive.map(thread => thread.index), placed);
    return alive.find(thread => thread.index === index)!;
  }

  #startEngine(): void {
    this.#meter = new RateMeter(this.#ring, this.#info.channels);
    this.#sampling = setInterval(() => this.#meter.sample(), sampleEveryMs);
    this.#sampling.unref();
    this.#startResults();
    const count = Math.min(maxReaders - limits.kernelsRunning, Math.max(1, this.#options.dspWorkers ?? 1));
    for (let i = 0; i < count; i++) this.#startThread(i);
  }

  #startResults(): void {
    this.#results = new ResultsThread(this.#setup, this.#options.workers?.results ?? workerFiles.results, error => {
      if (this.#disposed) return;
      // Its totals are lost, and with them what every measurement has collected.
      for (const handle of this.#handles.values()) handle.fail(error);
      this.#startResults();
      for (const thread of this.#threads) void thread.terminate();
    });
  }

  async #kernelModule(name: string): Promise<Uint8Array<ArrayBuffer>> {
    if (!this.#options.kernelModule) throw new TaggerError('unsupported', `Cannot run the kernel '${name}': user kernels are not available here.`);
    return await this.#options.kernelModule(name);
  }

  #startThread(index: number): void {
    this.#threads[index] = this.#makeThread(index, (dead, error) => {
      if (this.#disposed) return;
      for (const handle of this.#handles.values()) if (handle.worker === dead) handle.fail(error);
      this.#restartThread(index);
    });
  }

  #makeThread(index: number, death: (thread: DspThread, error: TaggerError) => void): DspThread {
    const scratchAt = this.#scratchAt[index] ??= this.#arena.allocate(scratchBytes);
    const thread = new DspThread(index, this.#ring, this.#options.workers?.dsp ?? workerFiles.dsp, {
      ...this.#setup, scratchAt, channels: this.#info.channels.map(({ number }) => number), tick: this.#info.tick,
    }, {
      report: report => {
        const handle = this.#handles.get(report.id);
        if (report.kind === 'finished') handle?.finished(report.run);
        else handle?.fail(fromNote(report.error));
      },
      death,
    });
    this.#results.tell({ kind: 'worker', worker: index, port: thread.forResults, reader: thread.reader }, [thread.forResults]);
    return thread;
  }

  /** A worker that dies again and again, perhaps because its file is missing, is not started in a tight loop. */
  #restartThread(index: number): void {
    const now = performance.now();
    this.#deaths = [...this.#deaths.filter(atMs => atMs > now - 10_000), now];
    if (this.#deaths.length <= 3) this.#startThread(index);
    else setTimeout(() => { if (!this.#disposed) this.#startThread(index); }, 1000).unref();
  }

  #tell(command: IngestCommand): void { this.#ingest.postMessage(command, []); }

  #go(): void {
    if (this.#started) return;
    this.#started = true;
    this.#tell({ kind: 'go' });
  }

  #hear(report: IngestReport): void {
    switch (report.kind) {
      case 'ready':
        this.#info = report.info;
        this.#settings = report.settings;
        this.#kernel = report.kernel;
        this.#setState('ready', report.info.freeRunning ? 'The tagger is open.' : 'The source waits for the first measurement.');
        this.#ready.resolve();
        break;
      case 'streaming':
        this.#setState('streaming', 'Tags are flowing.');
        break;
      case 'ledger':
        this.#ledger = report.ledger;
        break;
      case 'source':
        this.#clock = report.clock;
        this.#tellSource(report);
        break;
      case 'loss':
        this.#emit({ kind: 'loss', taggerId: this.id, grade: report.grade, place: report.place, intervals: report.intervals });
        break;
      case 'clock':
        this.#emit({ kind: 'clock', taggerId: this.id, locked: report.locked });
        break;
      case 'configured':
        this.#info = { ...this.#info, tick: report.tick };
        this.#configures.resolve(report.call, report.settings);
        break;
      case 'refused':
        this.#configures.reject(report.call, fromNote(report.error));
        break;
      case 'ended':
        this.#ledger = report.ledger;
        if (!this.#disposed) this.#setState('ended', 'The source has come to its end.');
        break;
      case 'failed':
        this.#ledger = report.ledger ?? this.#ledger;
        this.#gone(fromNote(report.error));
    }
  }

  /** No tag will come any more. Measurements stay valid and can be read. */
  #gone(error: TaggerError): void {
    this.#ready.reject(error);
    this.#configures.rejectAll(new TaggerError('device-lost', `Cannot change settings of '${this.id}': ${error.message}`, { hint: error.hint }));
    if (this.#disposed || this.#state === 'gone') return;
    this.#ring.end('broken');
    this.#setState('gone', error.hint === undefined ? error.message : `${error.message} ${error.hint}`);
  }

  /** A new sentence of the driver is news like a new state. */
  #tellSource({ progress, detail, phase }: SourceNews): void {
    const before = this.#source;
    this.#source = { progress, detail, phase };
    if ((before.detail === undefined) !== (detail === undefined) || before.phase !== phase) this.#emit({ kind: 'state', taggerId: this.id });
  }

  #setState(state: TaggerState, detail: string): void {
    this.#source = { progress: state === 'ended' ? 1 : this.#source.progress, detail: undefined, phase: undefined };
    this.#state = state;
    this.#detail = detail;
    this.#emit({ kind: 'state', taggerId: this.id });
  }

  #emit(event: StationEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        console.error(`line ${this.id}: a listener failed and was dropped:`, error);
        this.#listeners.delete(listener);
      }
    }
  }

  async #configure(change: Settings, revision: number | undefined): Promise<{ settings: Settings; revision: number }> {
    if (this.#disposed || this.#state === 'gone') {
      throw new TaggerError('unavailable', `Cannot change settings of '${this.id}': the tagger is gone.`, { hint: 'Wait until it is back.' });
    }
    if (revision !== undefined && revision !== this.#revision) {
      throw new TaggerError('conflict', `Cannot change settings of '${this.id}': they were changed meanwhile (revision ${this.#revision}, not ${revision}).`, {
        hint: 'Read the settings again and decide anew.',
      });
    }
    const { call, answer } = this.#configures.open();
    this.#tell({ kind: 'configure', call, change, revision: this.#revision + 1 });
    this.#settings = await answer;
    this.#revision++;
    for (const handle of this.#handles.values()) this.#results.tell({ kind: 'describe', id: handle.id, revision: this.#revision, info: this.#describe(handle) });
    this.#emit({ kind: 'settings', taggerId: this.id, revision: this.#revision });
    return { settings: this.#settings, revision: this.#revision };
  }

  /** Losses as ingest last told them; delivered tags as they are this moment. */
  #ledgerNow(): LedgerSnapshot {
    const totals = this.#ring.totals(this.#info.channels.length);
    const none = (): LedgerSnapshot['channels'][number] => ({ delivered: 0, filtered: 0, lost: { device: 0, usb: 0, host: 0 }, unknown: { device: 0, usb: 0, host: 0 } });
    const told = this.#ledger ?? { channels: [], unassigned: { device: 0, usb: 0, host: 0 }, intervals: 0, lostPs: 0, grade: 'none' as const, disorder: 0, epochs: 0 };
    return { ...told, channels: this.#info.channels.map((_, i) => ({ ...(told.channels[i] ?? none()), delivered: totals[i]! })) };
  }

  async #takeDown(): Promise<void> {
    this.#state = 'absent';
    this.#detail = 'The tagger was closed.';
    clearInterval(this.#sampling);
    for (const handle of this.#handles.values()) handle.dispose();
    this.#ring.stop();
    this.#tell({ kind: 'stop' });
    const timer = setTimeout(() => void this.#ingest.terminate(), stopWithinMs);
    await this.#ingestGone.promise;
    clearTimeout(timer);
    await Promise.all([...this.#threads.map(thread => thread.terminate()), this.#solo.terminate(), this.#results?.terminate()]);
    this.#emit({ kind: 'state', taggerId: this.id });
    this.#listeners.clear();
  }
}

/** A quarter of a second at 16 Mtags/s where memory is plenty. */
function slotsForThisBox(): number {
  const gibibytes = totalmem() / 2 ** 30;
  return gibibytes >= 3 ? 256 : gibibytes >= 1.5 ? 128 : 64;
}
