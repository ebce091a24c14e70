// test/support/fake-station.ts - a station without an engine: state, rates, events and results are what a test says.
//
// Its measurements check arguments against the table and answer every getter with an array of the right type and size.
import { channelsOf, checkGetter, checkRequest, specOf } from '../../app/core/arguments.ts';
import { TaggerError } from '../../app/core/errors.ts';
import type { CheckedConfig, Counts, MeasurementName, MeasurementRequest } from '../../app/core/measurements.ts';
import type { ResultInfo } from '../../app/core/results.ts';
import type {
  CreateOptions, GroupPort, KernelInfo, KernelStore, MeasurementPort, Parts, Rates, Station, StationEvent, StationInfo, TaggerPort, TaggerState, TaggerStatus,
} from '../../app/core/station.ts';
import type { SettingInfo, Settings, TaggerInfo } from '../../app/core/tagger.ts';
import { checkVirtual, physicalOf, virtualNumbers, type CheckedVirtual } from '../../app/core/virtual.ts';

/** Kernels in memory; any bytes will do. */
export class FakeKernels implements KernelStore {
  readonly #kernels = new Map<string, Uint8Array<ArrayBuffer>>();
  async list(): Promise<KernelInfo[]> { return [...this.#kernels].map(([name, bytes]) => ({ name, bytes: bytes.length, sha256: '', installed: '2026-01-01T00:00:00.000Z' })); }
  async install(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<KernelInfo> {
    this.#kernels.set(name, bytes);
    return (await this.list()).find(kernel => kernel.name === name)!;
  }
  async remove(name: string): Promise<void> {
    await this.read(name);
    this.#kernels.delete(name);
  }
  async read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = this.#kernels.get(name);
    if (!bytes) throw new TaggerError('not-found', `There is no kernel '${name}' on this station.`);
    return bytes;
  }
}

export class FakeStation implements Station {
  readonly info: StationInfo = { id: 'tagd-0123abcd', name: 'Fake station', version: '0.0.0', startedAt: '2026-01-01T00:00:00.000Z' };
  readonly kernels = new FakeKernels();
  readonly #taggers: FakeTagger[];
  readonly #listeners = new Set<(event: StationEvent) => void>();

  constructor(taggerIds: readonly string[] = ['tagger-a']) { this.#taggers = taggerIds.map(id => new FakeTagger(id, this)); }

  taggers(): FakeTagger[] { return [...this.#taggers]; }
  tagger(index = 0): FakeTagger { return this.#taggers[index] as FakeTagger; }
  get listeners(): number { return this.#listeners.size; }

  watch(listener: (event: StationEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  emit(event: StationEvent): void {
    for (const listener of this.#listeners) {
      try { listener(event); } catch { this.#listeners.delete(listener); }
    }
  }
}

const settingInfos: SettingInfo[] = [
  { key: 'triggerLevelV', label: 'trigger level', kind: 'number', unit: 'V', scope: 'channel', min: -2.5, max: 2.5, step: 0.001, default: 0.5 },
  { key: 'deadTimePs', label: 'dead time', kind: 'number', unit: 'ps', scope: 'channel', min: 2000, max: 1e6, step: 2000, default: 2000 },
  { key: 'testSignal', label: 'test signal', kind: 'boolean', unit: '', scope: 'channel', default: false },
  { key: 'inputDelayPs', label: 'input delay', kind: 'number', unit: 'ps', scope: 'channel', min: -2e6, max: 2e6, step: 1, default: 0 },
  { key: 'clockSource', label: 'clock', kind: 'choice', unit: '', scope: 'tagger', choices: ['internal', 'external'], default: 'internal' },
  { key: 'conditionalFilter', label: 'conditional filter', kind: 'filter', unit: '', scope: 'tagger', default: { trigger: [], filtered: [] } },
];

export class FakeTagger implements TaggerPort {
  readonly id: string;
  state: TaggerState = 'streaming';
  detail = 'Streaming.';
  /** Rate of each channel; a test writes what it wants to see, `null` for unknown. */
  rateHz: (number | null)[] = [1000, 2000, 0, null];
  /** Every measurement made here, in order, disposed ones included. */
  readonly measurements: FakeMeasurement[] = [];
  readonly info: TaggerInfo;
  /** The fence named last, and those that were waited for. */
  fence = 2 ** 32 - 2;
  readonly fencesWaitedFor: [fence: number, timeoutMs: number][] = [];
  /** What `waitForFence` answers. */
  fencePassed: () => boolean | Promise<boolean> = () => true;
  readonly groups: FakeGroup[] = [];
  #settings: Settings;
  #revision = 1;
  readonly #station: FakeStation;

  constructor(id: string, station: FakeStation) {
    this.id = id;
    this.#station = station;
    this.info = {
      model: 'Fake', serial: `serial-${id}`, driver: 'fake', source: 'live', tick: { num: 1, den: 1 },
      channels: [1, 2, 3, 4].map(number => ({ number, name: `Ch ${number}` })),
      settings: settingInfos, overflowReport: 'counted', freeRunning: true,
    };
    this.#settings = {
      tagger: { clockSource: 'internal', conditionalFilter: { trigger: [], filtered: [] } },
      channels: Object.fromEntries(this.info.channels.map(({ number }) => [number, { triggerLevelV: 0.5, deadTimePs: 2000, testSignal: false, inputDelayPs: 0 }])),
    };
  }

  /** Measurements nobody has disposed yet. */
  get live(): FakeMeasurement[] { return this.measurements.filter(({ closed }) => !closed.aborted); }

  status(): TaggerStatus {
    return {
      id: this.id, state: this.state, detail: this.detail, info: this.info, settings: structuredClone(this.#settings), revision: this.#revision, kernel: 'typescript',
      ledger: {
        channels: this.info.channels.map(({ number }) => ({ delivered: number * 1000, filtered: 0, lost: { device: 0, usb: 0, host: 0 }, unknown: { device: 0, usb: 0, host: 0 } })),
        unassigned: { device: 0, usb: 0, host: 0 }, intervals: 0, lostPs: 0, grade: 'none', disorder: 0, epochs: 1,
      },
    };
  }

  rates(windowMs = 1000): Rates {
    const known = this.rateHz.filter(rate => rate !== null);
    return {
      liveTimePs: windowMs * 1e9, at: '2026-01-01T00:00:01.000Z',
      channels: this.info.channels.map(({ number, name }, i) => ({ channel: number, name, rateHz: this.rateHz[i] ?? null, totalTags: number * 1000 })),
      totalHz: known.length === 0 ? null : known.reduce((sum, rate) => sum + rate, 0),
    };
  }

  async configure(change: Settings, revision?: number): Promise<{ settings: Settings; revision: number }> {
    if (revision !== undefined && revision !== this.#revision) {
      throw new TaggerError('conflict', `Cannot change the settings: they are at revision ${this.#revision}, not ${revision}.`, { hint: 'Read them again.' });
    }
    const next = structuredClone(this.#settings);
    Object.assign(next.tagger ??= {}, change.tagger);
    for (const [channel, values] of Object.entries(change.channels ?? {})) Object.assign((next.channels ??= {})[Number(channel)] ??= {}, values);
    this.#settings = next;
    this.#revision++;
    this.#station.emit({ kind: 'settings', taggerId: this.id, revision: this.#revision });
    return { settings: structuredClone(next), revision: this.#revision };
  }

  async createMeasurements(requests: readonly MeasurementRequest[], options: CreateOptions = {}): Promise<FakeMeasurement[]> {
    const numbers = this.info.channels.map(({ number }) => number);
    const virtual = checkVirtual(options.virtual, numbers), all = [...numbers, ...virtualNumbers(virtual)];
    const made = requests.map(request => checkRequest(request, all)).map(({ name, config }) => new FakeMeasurement(name, config, this.id, options, virtual));
    this.measurements.push(...made);
    return made;
  }

  group(members: readonly MeasurementPort[] = []): FakeGroup {
    const group = new FakeGroup(members as FakeMeasurement[]);
    this.groups.push(group);
    return group;
  }

  getFence(alloc = true): number {
    if (alloc) this.fence = (this.fence + 1) % 2 ** 32;
    return this.fence;
  }

  async waitForFence(fence: number, timeoutMs = -1): Promise<boolean> {
    this.fencesWaitedFor.push([fence, timeoutMs]);
    return await this.fencePassed();
  }
}

/** Steers its members one after the other. */
export class FakeGroup implements GroupPort {
  members: FakeMeasurement[];
  constructor(members: FakeMeasurement[]) { this.members = [...members]; }
  register(member: MeasurementPort): void { this.members.push(member as FakeMeasurement); }
  unregister(member: MeasurementPort): void { this.members = this.members.filter(each => each !== member); }
  async start(): Promise<void> { for (const member of this.members) await member.start(); }
  async startFor(durationPs: number, clear?: boolean): Promise<void> { for (const member of this.members) await member.startFor(durationPs, clear); }
  async stop(): Promise<void> { for (const member of this.members) await member.stop(); }
  async clear(): Promise<void> { for (const member of this.members) await member.clear(); }
  isRunning(): boolean { return this.members.some(member => member.isRunning()); }
  async waitUntilFinished(timeoutMs?: number): Promise<boolean> {
    return (await Promise.all(this.members.map(member => member.waitUntilFinished(timeoutMs)))).every(Boolean);
  }
}

export class FakeMeasurement implements MeasurementPort {
  readonly name: MeasurementName;
  readonly config: CheckedConfig;
  readonly inputs: readonly number[];
  readonly options: CreateOptions;
  /** Answers of single getters, in place of the made-up ones; a function is called at each read. */
  readonly values = new Map<string, unknown>();
  /** Calls in order, for assertions. */
  readonly calls: string[] = [];
  readonly #closed = new AbortController();
  readonly #taggerId: string;
  #running: boolean;
  #waiting: (() => void)[] = [];
  fraction: number | undefined;

  constructor(name: MeasurementName, config: CheckedConfig, taggerId: string, options: CreateOptions, virtual: readonly CheckedVirtual[] = []) {
    this.name = name;
    this.config = config;
    this.inputs = physicalOf(channelsOf(specOf(name).parameters, config), virtual);
    this.options = options;
    this.#taggerId = taggerId;
    this.#running = options.start !== false;
  }

  get closed(): AbortSignal { return this.#closed.signal; }
  /** Calls of `waitUntilFinished` that have not been answered. */
  get waiting(): number { return this.#waiting.length; }

  async start(): Promise<void> { this.#note('start'); this.#running = true; }
  async startFor(durationPs: number, clear = true): Promise<void> { this.#note(`startFor ${durationPs} ${clear}`); this.#running = true; }
  async stop(): Promise<void> { this.#note('stop'); this.finish(); }
  async clear(): Promise<void> { this.#note('clear'); }
  isRunning(): boolean { return this.#running; }
  progress(): number | undefined { return this.fraction; }

  /** Its time is over: everybody who waits is told. */
  finish(): void {
    this.#running = false;
    for (const answer of this.#waiting.splice(0)) answer();
  }

  async waitUntilFinished(timeoutMs = -1): Promise<boolean> {
    this.#note(`waitUntilFinished ${timeoutMs}`);
    if (!this.#running) return true;
    if (timeoutMs === 0) return false;
    return await new Promise((resolve, reject) => {
      this.#waiting.push(() => resolve(true));
      if (timeoutMs > 0) setTimeout(() => resolve(!this.#running), timeoutMs).unref();
      this.closed.addEventListener('abort', () => reject(new TaggerError('closed', 'The measurement was disposed.')), { once: true });
    });
  }

  async read(getter: string, args: Record<string, unknown> = {}, part?: number): Promise<{ value: unknown; info: ResultInfo }> {
    this.#note(`read ${getter}${part === undefined ? '' : ` of part ${part}`}`);
    const checked = checkGetter(this.name, getter, args);
    const given = this.values.get(getter);
    const value = given === undefined ? this.#madeUp(checked.getter) : typeof given === 'function' ? given() : given;
    return { value, info: await this.account() };
  }

  async parts(): Promise<Parts> { return { parts: [await this.account()], dropped: 0 }; }

  async account(): Promise<ResultInfo> {
    this.#open();
    return {
      name: this.name, config: this.config, taggerId: this.#taggerId, startPs: 2n ** 60n, stopPs: 2n ** 60n + 1_000_000_000_000n, epoch: 0,
      captureDurationPs: 1e12, liveTimePs: 9e11, lossGrade: 'counted', lostIntervals: 1, missedTags: [0, null], tags: 12345, epochs: 1, disorder: 0,
      droppedStarts: 0, tickPs: { num: 1, den: 1 }, aliased: false, nearestGoodPs: [],
      delays: [{ channel: 1, hardwarePs: 0, stationPs: 0, privatePs: this.options.delaysPs?.[1] ?? 0 }], deadTimePs: 2000, settingsRevisions: [1], mixed: false,
      kernel: 'typescript', ended: false,
    };
  }

  dispose(): void {
    if (this.closed.aborted) return;
    this.calls.push('dispose');
    this.#running = false;
    this.#closed.abort();
  }

  #note(call: string): void {
    this.#open();
    this.calls.push(call);
  }

  #open(): void {
    if (this.closed.aborted) throw new TaggerError('closed', `Cannot use the ${this.name}: it was disposed.`);
  }

  #madeUp(getter: string): unknown {
    const spec = checkGetter(this.name, getter).spec;
    const sizes: Record<string, number> = { entries: 5, 2: 2 };
    for (const [key, value] of Object.entries(this.config)) {
      if (typeof value === 'number') sizes[key] = value;
      else if (Array.isArray(value)) sizes[key] = value.length;
    }
    const n = (spec.shape ?? '[]').slice(1, -1).split(', ').reduce((product, word) => product * (sizes[word] ?? 1), 1);
    switch (spec.type) {
      case 'counts': return Uint32Array.from({ length: n }, (_, i) => (i * 2654435761) >>> 0);
      case 'numbers': return Float64Array.from({ length: n }, (_, i) => i + 0.5);
      case 'times': return BigInt64Array.from({ length: n }, (_, i) => 2n ** 62n + BigInt(i));
      case 'integers': return Int32Array.from({ length: n }, (_, i) => i - 2);
      case 'flags': return Int8Array.from({ length: n }, (_, i) => i % 2);
      case 'scalar': return 7;
      case 'boolean': return true;
      case 'object': return spec.of === 'CounterData' ? this.#counterData() : { size: 3, values: new Float64Array(3) };
    }
  }

  #counterData(): unknown {
    const channels = this.config['channels'] as number[];
    const size = this.config['values'] as number;
    const counts: Counts = new Uint16Array(channels.length * size).fill(3);
    return {
      size, droppedBins: 0, overflow: false, channels: [...channels], counts, rateHz: new Float64Array(counts.length).fill(3e3),
      indexPs: Float64Array.from({ length: size }, (_, i) => i * 1e9), timePs: BigInt64Array.from({ length: size }, (_, i) => 2n ** 55n + BigInt(i)),
      overflowMask: new Int8Array(size), totalCounts: new BigUint64Array(channels.length).fill(2n ** 40n),
    };
  }
}
