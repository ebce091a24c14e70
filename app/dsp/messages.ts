// dsp/messages.ts - everything that crosses a thread inside a line. Tags never do: they lie in the ring.
import type { MessagePort } from 'node:worker_threads';
import type { ErrorNote } from '../core/errors.ts';
import type { LedgerSnapshot } from '../core/ledger.ts';
import type { CheckedConfig, MeasurementName } from '../core/measurements.ts';
import type { ResultInfo } from '../core/results.ts';
import type { OnSettingsChange, ReferenceClockState } from '../core/station.ts';
import type { Settings, TaggerInfo, TaggerSource, TaggerPhase } from '../core/tagger.ts';
import type { Loss, Tick } from '../core/tags.ts';
import type { KernelSet } from './kernels/kernels.ts';
import type { Payload } from './measurement.ts';
import type { RingLayout } from './ring.ts';
import type { ViewSetup } from './view.ts';

/** What every thread of a line is born with. */
export interface LineSetup {
  memory: WebAssembly.Memory;
  layout: RingLayout;
  kernel: KernelSet['kind'] | undefined;
}

export interface IngestSetup extends LineSetup {
  source: TaggerSource;
  /** `scratchBytes` for the driver, then `workBytes` for ingest itself. */
  scratchAt: number;
  maxBlockTags: number;
  freeRun: boolean;
}

export interface WorkerSetup extends LineSetup {
  reader: number;
  /** Commands of the main thread. */
  commands: MessagePort;
  /** Requests of the results thread. */
  results: MessagePort;
  scratchAt: number;
  channels: number[];
  tick: Tick;
}

export type ResultsSetup = LineSetup;

/** Where a measurement lies: `boardAt` 64 bytes that the main thread reads, then its own region. */
export interface Placement extends Region { boardAt: number }
export interface Region { at: number; bytes: number }

/**
 * Offsets on the board of a measurement: progress of a limited run as a double (else NaN); number of the command whose
 * fence was named last and that fence, both int32; number of the newest snapshot that the results thread has taken of the
 * region and of the spare one, both int32; room for one time; its cost in ns for each tag of the stream as a double.
 */
export const board = { progress: 0, named: 16, fence: 20, taken: 24, limit: 32, cost: 40 } as const;
export const boardBytes = 64;

export type IngestCommand =
  | { kind: 'go' }
  | { kind: 'stop' }
  | { kind: 'configure'; call: number; change: Settings; revision: number };

export type IngestReport =
  | { kind: 'ready'; info: TaggerInfo; settings: Settings; kernel: KernelSet['kind'] }
  | { kind: 'streaming' }
  | { kind: 'ledger'; ledger: LedgerSnapshot }
  /** What the driver says of its source, now and then while it runs. */
  | { kind: 'source'; progress: number | undefined; detail: string | undefined; phase: TaggerPhase | undefined; clock: ReferenceClockState | undefined }
  | { kind: 'loss'; grade: Loss['grade']; place: Loss['place']; intervals: number }
  | { kind: 'clock'; locked: boolean }
  /** The tick with them: a sample rate changes it. */
  | { kind: 'configured'; call: number; settings: Settings; tick: Tick }
  | { kind: 'refused'; call: number; error: ErrorNote }
  | { kind: 'ended'; ledger: LedgerSnapshot }
  | { kind: 'failed'; error: ErrorNote; ledger: LedgerSnapshot | undefined };

/**
 * The first block a command applies to. What is to act on several measurements at one place has only a number at first:
 * when all workers know of it the main thread writes the fence on all boards before any block can carry it.
 */
export type Fence = number | { named: number };

/** Main thread -> dsp worker. */
export type WorkerCommand =
  | {
    kind: 'create'; id: number; name: MeasurementName; config: CheckedConfig; placement: Placement; view: ViewSetup | undefined; unknownLoss: boolean;
    /** Numbers of its virtual channels, in the order of their indexes in the view. */
    virtual: readonly number[];
    onSettings: OnSettingsChange; spare: Region | undefined;
    /** Of a user kernel. */
    module?: Uint8Array<ArrayBuffer> | undefined;
  }
  | { kind: 'start'; id: number; run: number; fence: Fence; clear: boolean; durationPs: number | undefined; laterPs: number; generation: number; call: number }
  | { kind: 'clear'; id: number; fence: Fence; generation: number; call: number }
  /** Without a fence at once. */
  | { kind: 'stop'; id: number; fence: Fence | undefined; call: number }
  | { kind: 'dispose'; id: number; call: number }
  /** Answered when everything in front of the fence was taken. */
  | { kind: 'fence'; fence: number; call: number };

export type WorkerReport =
  | { kind: 'done'; call: number }
  | { kind: 'finished'; id: number; run: number }
  | { kind: 'failed'; id: number; error: ErrorNote };

/** What a measurement knows about its own completeness; the rest of `ResultInfo` does not change while tags flow. */
export type Account = Pick<ResultInfo,
  'startPs' | 'stopPs' | 'epoch' | 'captureDurationPs' | 'liveTimePs' | 'lossGrade' | 'lostIntervals' | 'missedTags' | 'tags' | 'epochs'
  | 'disorder' | 'droppedStarts' | 'settingsRevisions' | 'mixed' | 'kernel' | 'ended' | 'stoppedBy' | 'part' | 'costNsPerTag' | 'shedIntervals'>;
export type FixedInfo = Omit<ResultInfo, keyof Account>;

/** A measurement whose parts are kept has two regions: the next part counts in the other one while the last is taken. */
export type Slot = 0 | 1;

/** Results thread <-> dsp worker. */
export interface SnapshotRequest { id: number }
export type Snapshot =
  /** `slot`: of which region. A `closed` part comes without having been asked for. */
  | { id: number; generation: number; slot: Slot; sent: number; closed: boolean; payload: Payload; account: Account }
  | { id: number; error: ErrorNote };

/** Main thread -> results thread. */
export type ResultsCommand =
  /** A dsp worker was started. Its bell must be rung, because a worker that waits for tags hears no message. */
  | { kind: 'worker'; worker: number; port: MessagePort; reader: number }
  | { kind: 'create'; id: number; worker: number; name: MeasurementName; config: CheckedConfig; placement: Placement; spare: Region | undefined; info: FixedInfo }
  | { kind: 'describe'; id: number; revision: number; info: FixedInfo }
  /** Without a getter only the account is wanted; `parts` are the accounts of all. */
  | { kind: 'read'; id: number; call: number; getter: string | undefined; args: Record<string, unknown>; part: number | 'parts' | undefined }
  | { kind: 'fail'; id: number; error: ErrorNote }
  | { kind: 'forget'; id: number; call: number }
  /** Zeroes memory that nobody uses any more. */
  | { kind: 'scrub'; regions: readonly { at: number; bytes: number }[]; call: number }
  /** Has the pages of memory made that is about to be written all over. */
  | { kind: 'touch'; regions: readonly { at: number; bytes: number }[]; call: number };

export type ResultsReport =
  /** One value for all who asked for the same while it was made. */
  | { kind: 'value'; calls: number[]; value: unknown; info: ResultInfo }
  | { kind: 'error'; calls: number[]; error: ErrorNote }
  /** Answer to `forget`, `scrub` and `touch`. */
  | { kind: 'done'; call: number };
