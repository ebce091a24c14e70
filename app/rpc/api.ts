// rpc/api.ts - the remote interfaces: what a client may call, facet by facet. Types only; no code may come here.
//
// A method that a facet does not list cannot be called on it. Whatever is an interface with `[Symbol.dispose]` travels
// by reference and is released by disposing it; all else travels by value. Every method can fail with `closed` (the
// grant was revoked or has expired, the object was disposed), `usage` (an argument) and `limit`.
import type {
  CheckedConfig, ConfigOf, GetterArgs, GetterName, MeasurementName, MeasurementRequest, ValueOf,
} from '../core/measurements.ts';
import type { ResultInfo } from '../core/results.ts';
import type { KernelInfo, OnSettingsChange, Parts, Rates, StationEvent, StationInfo, TaggerState, TaggerStatus } from '../core/station.ts';
import type { Settings } from '../core/tagger.ts';
import type { VirtualChannels } from '../core/virtual.ts';
import type { Chunked } from '../core/wire.ts';

/** What a grant allows; each includes the ones before it. */
export type Facet = 'view' | 'measure' | 'control' | 'admin';

export interface Hello {
  id: string;
  version: string;
  /** False while nobody holds a grant. */
  claimed: boolean;
}

/** A grant as its holder may see it; never the secret. */
export interface GrantInfo {
  id: string;
  parent: string | null;
  facet: Facet;
  /** Tagger ids, or `null` for all. */
  taggers: string[] | null;
  /** Channel numbers, or `null` for all. */
  channels: number[] | null;
  /** Wall clock, ISO 8601, or `null`. */
  expires: string | null;
  /** How often the link can still be used, or `null` for any number. */
  uses: number | null;
  label: string;
  created: string;
  /** Connections that hold it now. */
  connections: number;
}

export interface ShareOptions {
  /** At most that of the sharer. */
  facet: Facet;
  /** Default: all that the sharer has. */
  taggers?: readonly string[] | undefined;
  /** Default: all that the sharer has. */
  channels?: readonly number[] | undefined;
  /** Lifetime from now; default: as long as the sharer's grant. */
  ttlMs?: number | undefined;
  /** How often the link can be redeemed; default: any number. */
  uses?: number | undefined;
  /** Words for people, shown in the list of grants and in the audit log. */
  label?: string | undefined;
}

export interface Shared {
  id: string;
  /** `tagd://...`; shown once, since the daemon keeps only its hash. */
  link: string;
  /** The same for a browser. */
  webLink: string;
  expires: string | null;
}

export interface AuditEntry {
  sequence: number;
  /** Wall clock, ISO 8601. */
  at: string;
  /** Ids of the grants from the root to the one that acted. */
  grants: string[];
  label: string;
  /** `redeem`, `share`, `revoke`, `configure`, `measure`, `detach`, ... */
  action: string;
  detail: Record<string, unknown>;
  /** SHA-256 over the entry before and this one. */
  hash: string;
}

export interface TaggerSummary { id: string; model: string; serial: string; state: TaggerState; channels: number[] }

export interface WhoAmI { grant: GrantInfo; station: string }

/** What a connection begins with. */
export interface Gate extends Disposable {
  hello(): Promise<Hello>;
  /** @throws `forbidden`, with one text for unknown, expired, used up and revoked secrets; `busy` after too many wrong ones */
  redeem(secret: string): Promise<Session>;
}

export interface Session extends Disposable {
  whoami(): Promise<WhoAmI>;
  info(): Promise<StationInfo>;
  taggers(): Promise<TaggerSummary[]>;
  /** The facet of the grant on this tagger. Without an id: the only one the grant reaches. */
  tagger(id?: string): Promise<TaggerControl>;
  /** Takes up a measurement that was detached under this grant or one made from it. */
  measurement(name: string): Promise<Measurement>;
  /** Ends the keeping of a detached measurement; its memory is freed when the last handle is disposed. */
  discard(name: string): Promise<void>;
  share(options: ShareOptions): Promise<Shared>;
  /** This grant and all made from it. */
  grants(): Promise<GrantInfo[]>;
  /** Ends a grant made from this one, and everything that was made with it. */
  revoke(id: string): Promise<void>;
  /** The newest entries of this grant and of all made from it, oldest first. */
  audit(options?: { limit?: number | undefined }): Promise<AuditEntry[]>;
}

/** `Session` of an `admin` grant. */
export interface AdminSession extends Session {
  admin(): Promise<StationAdmin>;
}

export interface StationAdmin extends Disposable {
  /** All grants of the station. */
  grants(): Promise<GrantInfo[]>;
  /** Ends any grant but the one in use. */
  revoke(id: string): Promise<void>;
  audit(options?: { limit?: number | undefined }): Promise<AuditEntry[]>;
  /** Checks the hash chain of the whole audit log. */
  verifyAudit(): Promise<{ entries: number; intact: boolean; detail: string }>;
  /** The user kernels on the station. */
  kernels(): Promise<KernelInfo[]>;
  /** Puts a kernel there, or another in its place; measurements that run the old one keep it. */
  installKernel(name: string, bytes: Uint8Array): Promise<KernelInfo>;
  removeKernel(name: string): Promise<void>;
}

export interface SharedMeasurementInfo {
  name: string;
  measurement: MeasurementName;
  config: CheckedConfig;
  taggerId: string;
  /** Label of the grant that keeps it. */
  owner: string;
  running: boolean;
}

export interface TaggerView extends Disposable {
  status(): Promise<TaggerStatus>;
  settings(): Promise<{ settings: Settings; revision: number }>;
  /** Mean rates over the last `windowMs` (default 1000). */
  rates(windowMs?: number): Promise<Rates>;
  /** Calls back every `everyMs`, with the newest rates only, one call at a time. */
  subscribeRates(callback: (rates: Rates) => unknown, everyMs?: number): Promise<Subscription>;
  /** Calls back when state, settings, loss or clock changed. A slow listener gets the newest event of each kind. */
  watch(callback: (event: StationEvent) => unknown): Promise<Subscription>;
  /** Detached measurements of this tagger whose channels the grant covers. */
  shared(): Promise<SharedMeasurementInfo[]>;
  sharedMeasurement(name: string): Promise<MeasurementReader>;
}

export interface MeasureOptions {
  /** Default true. */
  start?: boolean | undefined;
  /** Private delays by channel number, ps; positive = later. */
  delaysPs?: Readonly<Record<number, number>> | undefined;
  /** Virtual channels by number (1001 to 9999), made of the delayed channels: `{ 1001: { kind: 'coincidence', channels: [1, 2], windowPs: 1000 } }`. */
  virtual?: VirtualChannels | undefined;
  /**
   * What a change of a physical setting of one of its channels does: `continue` (default) marks the result as `mixed`, `stop`
   * ends it at the change, `split` keeps what was measured as a part and begins a new one from zero.
   */
  onSettingsChange?: OnSettingsChange | undefined;
}

export interface TaggerMeasure extends TaggerView {
  measure<N extends MeasurementName>(name: N, config: ConfigOf<N>, options?: MeasureOptions): Promise<Measurement<N>>;
  /** Several measurements that see exactly the same tags. */
  measureTogether(requests: readonly MeasurementRequest[], options?: MeasureOptions): Promise<Measurement[]>;
  /** Measurements that are started, stopped and cleared as one, at one place of the stream. */
  synchronized(): Promise<SynchronizedMeasurements>;
  /** A place behind every tag that the station has received; `alloc: false`: the one that was named last. */
  getFence(alloc?: boolean): Promise<number>;
  /**
   * True when every measurement has taken all tags in front of the fence, so that what is read later shows them; false
   * after `timeoutMs`; 0 only looks, -1 waits for ever.
   * @throws `device-lost` if the tagger left before it
   */
  waitForFence(fence: number, timeoutMs?: number): Promise<boolean>;
  /** Waits for a fence of this moment. */
  sync(timeoutMs?: number): Promise<boolean>;
}

/** Its members see exactly the same tags. Disposing it leaves them as they are. */
export interface SynchronizedMeasurements extends Disposable {
  /** Creates a measurement that waits for `start` and is registered. */
  measure<N extends MeasurementName>(name: N, config: ConfigOf<N>, options?: Omit<MeasureOptions, 'start'>): Promise<Measurement<N>>;
  /**
   * @param number what `number()` of a measurement of this tagger gives, made on this connection
   * @throws `not-found`; `usage` if it measures on another tagger; `conflict` if it is synchronized with others
   */
  register(number: number): Promise<void>;
  unregister(number: number): Promise<void>;
  start(): Promise<void>;
  startFor(durationPs: number, clear?: boolean): Promise<void>;
  /** Resolves when all have stopped. */
  stop(): Promise<void>;
  clear(): Promise<void>;
  isRunning(): Promise<boolean>;
  /** True when none runs; false after `timeoutMs`. -1 = wait for ever. */
  waitUntilFinished(timeoutMs?: number): Promise<boolean>;
}

export interface TaggerControl extends TaggerMeasure {
  /** @throws `conflict` if `revision` is given and no longer in force; `device-refused` */
  configure(change: Settings, options?: { revision?: number | undefined }): Promise<{ settings: Settings; revision: number }>;
}

/** A value on the wire: arrays above the limit of one message come in chunks. */
export type Wire<T> = T | Chunked | (T extends object ? { [K in keyof T]: T[K] | Chunked } : never);

export interface MeasurementConfiguration { name: MeasurementName; className: string; taggerId: string; config: CheckedConfig }

export interface SubscribeOptions {
  everyMs?: number | undefined;
  /** Default: the getter that a plot of this measurement shows. */
  getter?: string | undefined;
  args?: Record<string, unknown> | undefined;
}

export interface ReadOptions {
  /** `info.part` of a closed part; it answers with the default arguments of its getters. */
  part?: number | undefined;
}

/** The getters of the table by their own names. */
export type Getters<N extends MeasurementName> = { [G in GetterName<N>]: (args?: GetterArgs<N, G>) => Promise<Wire<ValueOf<N, G>>> };

interface Readable extends Disposable {
  isRunning(): Promise<boolean>;
  /** True when it is not running; false after `timeoutMs`. -1 = wait for ever. */
  waitUntilFinished(timeoutMs?: number): Promise<boolean>;
  /** Time since creation or clear during which it ran, ps. */
  getCaptureDuration(): Promise<number>;
  getConfiguration(): Promise<MeasurementConfiguration>;
  account(): Promise<ResultInfo>;
  /** Value and account of one consistent state, or of a part that a change of settings has closed. */
  read(getter: string, args?: Record<string, unknown>, options?: ReadOptions): Promise<{ value: Wire<unknown>; info: ResultInfo }>;
  /** The accounts of the parts that are kept, at most 16 closed ones and the one that goes on. */
  parts(): Promise<Parts>;
  /** Fraction of a recording that has been processed. */
  progress(): Promise<number | undefined>;
  subscribe(callback: (reading: { value: Wire<unknown>; info: ResultInfo }) => unknown, options?: SubscribeOptions): Promise<Subscription>;
}

interface Steerable extends Readable {
  start(): Promise<void>;
  /** Runs for `durationPs` of stream time and stops there exactly. */
  startFor(durationPs: number, clear?: boolean): Promise<void>;
  stop(): Promise<void>;
  clear(): Promise<void>;
  /** By which other objects of the same connection are told of this handle. */
  number(): Promise<number>;
  /** Keeps it on the grant under this name, beyond the connection. */
  detach(name: string): Promise<void>;
}

export type MeasurementReader<N extends MeasurementName = MeasurementName> = Readable & Getters<N>;
export type Measurement<N extends MeasurementName = MeasurementName> = Steerable & Getters<N>;

export interface Subscription extends Disposable {
  cancel(): Promise<void>;
}
