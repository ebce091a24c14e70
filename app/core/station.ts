// core/station.ts - the appliance as rpc, mqtt and http see it. The daemon implements it; tests hand over a fake.
//
// Nothing here knows who asks: authority is checked in front of it, by the capability that holds the reference.
import type { LedgerSnapshot } from './ledger.ts';
import type { CheckedConfig, MeasurementName, MeasurementRequest } from './measurements.ts';
import type { ResultInfo } from './results.ts';
import type { Settings, TaggerInfo, TaggerPhase } from './tagger.ts';
import type { VirtualChannels } from './virtual.ts';

export interface StationInfo {
  /** `tagd-<8 hex>`; stays the same over restarts. */
  id: string;
  /** The name a person gave the box. */
  name: string;
  version: string;
  startedAt: string;
}

/** A tagger that was unplugged is `gone` and stays valid: it goes on over `uploading`, `renumerating` and `probing` when it is back. */
export type TaggerState = TaggerPhase | 'absent' | 'ready' | 'streaming' | 'ended';

export interface TaggerStatus {
  id: string;
  state: TaggerState;
  /** A sentence for people, with what to do if something is wrong. */
  detail: string;
  info: TaggerInfo;
  settings: Settings;
  /** Goes up with each change of a physical setting. */
  revision: number;
  ledger: LedgerSnapshot;
  /** Only while a reference clock is set. */
  referenceClock?: ReferenceClockState | undefined;
  /** Which kernels run on this machine. */
  kernel: 'wasm' | 'typescript';
}

/** The software loop that makes a channel the time base; `errors` counts lost locks, the phase error is that of the last clock tag. */
export interface ReferenceClockState { locked: boolean; errors: number; periodPs: number; phaseErrorPs: number }

export interface Rates {
  /** Stream time covered, ps, lost intervals left out. */
  liveTimePs: number;
  /** Wall clock at the end of it. */
  at: string;
  channels: { channel: number; name: string; rateHz: number | null; totalTags: number }[];
  /** Received tags of all channels / live time; `null` where there is no live time, as with an unplugged tagger. */
  totalHz: number | null;
}

export type StationEvent =
  | { kind: 'state'; taggerId: string }
  | { kind: 'settings'; taggerId: string; revision: number }
  | { kind: 'loss'; taggerId: string; grade: string; place: string; intervals: number }
  | { kind: 'clock'; taggerId: string; locked: boolean };

/** A user kernel as it lies on the station. */
export interface KernelInfo {
  name: string;
  bytes: number;
  /** Of its file, hex. */
  sha256: string;
  /** Wall clock, ISO 8601. */
  installed: string;
}

/** The user kernels of a station. Only whoever administers it puts them there. */
export interface KernelStore {
  list(): Promise<KernelInfo[]>;
  /** @throws {TaggerError} `usage` for bytes that are no kernel, `limit` */
  install(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<KernelInfo>;
  /** Measurements that run it go on with what they have. */
  remove(name: string): Promise<void>;
  /** @throws {TaggerError} `not-found` */
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
}

export interface Station {
  readonly info: StationInfo;
  readonly kernels: KernelStore;
  taggers(): TaggerPort[];
  /** Calls back on every change until the returned function is called. A listener that throws is dropped. */
  watch(listener: (event: StationEvent) => void): () => void;
}

export interface TaggerPort {
  readonly id: string;
  status(): TaggerStatus;
  /** Mean rates since `since` (a token from the last answer), or over the last second. Never 0 for "unknown". */
  rates(windowMs?: number): Rates;
  /**
   * Changes physical settings; validated whole first.
   * @throws {TaggerError} `conflict` if `revision` is given and is not the one in force
   */
  configure(change: Settings, revision?: number): Promise<{ settings: Settings; revision: number }>;
  /**
   * Creates measurements that see exactly the same tags: one fence for all. Arguments are checked against the table.
   * They run at once unless `start: false`; the first that runs starts a source that waits for it.
   */
  createMeasurements(requests: readonly MeasurementRequest[], options?: CreateOptions): Promise<MeasurementPort[]>;
  /** Measurements of this tagger that are steered as one. */
  group(members?: readonly MeasurementPort[]): GroupPort;
  /**
   * A place in the stream: behind every tag that was received before this call. A number from 0 to 2^32 - 1.
   * @param alloc false: the place that was named last
   */
  getFence(alloc?: boolean): number;
  /**
   * Resolves true when every measurement has taken all tags in front of the fence, so that whatever is read later shows
   * them; false after `timeoutMs`; 0 only looks, -1 = forever. A source that has not begun, or has ended, has nothing in front.
   * @throws {TaggerError} `device-lost` if the tagger left before it; `usage` for a fence that nobody was given
   */
  waitForFence(fence: number, timeoutMs?: number): Promise<boolean>;
}

export interface CreateOptions {
  start?: boolean;
  /** Private delays by channel number, ps; they make a view of their own. */
  delaysPs?: Readonly<Record<number, number>>;
  /** Virtual channels by number, made of the delayed channels; they mean something in this view only. */
  virtual?: VirtualChannels;
  /** What a change of a physical setting of one of its channels does; default `continue`. */
  onSettingsChange?: OnSettingsChange;
}

/**
 * `continue`: the result is marked `mixed`. `stop`: it ends at the change. `split`: what was measured so far is kept as a
 * part of its own, and a new part begins from zero at the change.
 */
export type OnSettingsChange = 'continue' | 'stop' | 'split';
export const settingsChanges: readonly OnSettingsChange[] = ['continue', 'stop', 'split'];

/**
 * Measurements that begin, end and are cleared at one place of the stream, and so see exactly the same tags. Those with
 * other private delays begin together, too, and end where their delays let them: up to their smallest delay earlier.
 * Commands act one after the other; a member that was disposed is one no more.
 */
export interface GroupPort {
  readonly members: readonly MeasurementPort[];
  /** @throws {TaggerError} `usage` if it belongs to another tagger, `conflict` if to another group, `limit`, `closed` */
  register(member: MeasurementPort): void;
  unregister(member: MeasurementPort): void;
  /** Members that run already go on. */
  start(): Promise<void>;
  startFor(durationPs: number, clear?: boolean): Promise<void>;
  /** Resolves when all have stopped. */
  stop(): Promise<void>;
  clear(): Promise<void>;
  /** True while any member runs. */
  isRunning(): boolean;
  /** Resolves true when no member runs, false after `timeoutMs`; -1 = forever. */
  waitUntilFinished(timeoutMs?: number): Promise<boolean>;
}

/** Accounts of the parts of a measurement, oldest first, and how many older ones had to be dropped. */
export interface Parts { parts: ResultInfo[]; dropped: number }

/** A measurement in the engine. One owner; whoever shares it counts references in front of this port. */
export interface MeasurementPort {
  readonly name: MeasurementName;
  readonly config: CheckedConfig;
  /** The physical channels that its channels are, or are made of: whoever reads it must reach them. */
  readonly inputs: readonly number[];
  start(): Promise<void>;
  /** Runs for `durationPs` of stream time and stops there exactly. */
  startFor(durationPs: number, clear?: boolean): Promise<void>;
  stop(): Promise<void>;
  clear(): Promise<void>;
  isRunning(): boolean;
  /** Resolves true when it is not running (startFor is over, or the source ended), false after `timeoutMs`; -1 = forever. */
  waitUntilFinished(timeoutMs?: number): Promise<boolean>;
  /**
   * Evaluates a getter of the table on one consistent state, without stopping the stream.
   * @param part number of a part that a change of settings has closed; it answers with the default arguments of its getters
   */
  read(getter: string, args?: Record<string, unknown>, part?: number): Promise<{ value: unknown; info: ResultInfo }>;
  /** The accounts of all parts that are kept; the last one is that which goes on. */
  parts(): Promise<Parts>;
  /** The account alone. */
  account(): Promise<ResultInfo>;
  /** Fraction of its recording that has been processed, for progress; `undefined` if that is not known. */
  progress(): number | undefined;
  /** Releases the engine's memory. Further calls fail `closed`. */
  dispose(): void;
  /** Aborted when disposed or when its tagger is taken down. */
  readonly closed: AbortSignal;
}
