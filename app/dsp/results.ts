// dsp/results.ts - turns snapshots into values, on a thread off the data path.
//
// At most one snapshot of a measurement is under way, because a measurement reuses the buffer it handed over only when
// asked again. Requests that come meanwhile wait for the next one: whoever asks sees everything up to that moment.
// Equal requests of one batch are evaluated once.
import type { MessagePort } from 'node:worker_threads';
import { specOf } from '../core/arguments.ts';
import { TaggerError, toNote, type ErrorNote } from '../core/errors.ts';
import type { MeasurementName } from '../core/measurements.ts';
import type { ResultInfo } from '../core/results.ts';
import { loadKernels } from './kernels/load.ts';
import { viewsOf } from './memory.ts';
import type { MeasurementClasses, Totals } from './measurement.ts';
import { PartList } from './parts.ts';
import { board, type FixedInfo, type ResultsCommand, type ResultsReport, type ResultsSetup, type Snapshot } from './messages.ts';
import { Ring } from './ring.ts';

const describedKept = 32;
const pageBytes = 4096;
/**
 * A snapshot that takes longer than this is made half of the time at most: the memory that it is read from is as wide as that which the
 * workers count in.
 */
const unnoticedMs = 5;

interface Request { call: number; getter: string | undefined; args: Record<string, unknown>; part: number | 'parts' | undefined }

interface Entry {
  worker: { port: MessagePort; reader: number };
  /** Of each region: its bins, and of which generation and part they are. */
  slots: { totals: Totals; generation: number; part: number | undefined }[];
  boardAt: number;
  info: FixedInfo;
  /** By revision of the settings: what was measured may have been so under older ones. */
  described: { revision: number; info: FixedInfo }[];
  parts: PartList;
  /** Answered by the snapshot under way. */
  asked: Request[];
  /** Came after it was asked for. */
  waiting: Request[];
  /** The next snapshot is asked for no earlier than this, on the clock of this thread. */
  restsUntilMs: number;
  error: ErrorNote | undefined;
  /** Call of the main thread that wants to be told when this thread has let go. */
  forget: number | undefined;
}

export class Results {
  readonly #setup: ResultsSetup;
  readonly #classes: MeasurementClasses;
  readonly #report: (report: ResultsReport, transfer?: ArrayBuffer[]) => void;
  readonly #ring: Ring;
  readonly #kernels: ReturnType<typeof loadKernels>;
  readonly #workers = new Map<number, Entry['worker']>();
  readonly #entries = new Map<number, Entry>();

  constructor(setup: ResultsSetup, classes: MeasurementClasses, report: (report: ResultsReport, transfer?: ArrayBuffer[]) => void) {
    this.#setup = setup;
    this.#classes = classes;
    this.#report = report;
    this.#ring = new Ring(setup.memory, setup.layout);
    this.#kernels = loadKernels(setup.memory, setup.kernel);
  }

  obey(command: ResultsCommand): void {
    if (command.kind === 'worker') {
      const { port, reader } = command;
      port.on('message', (snapshot: Snapshot) => this.#take(snapshot));
      this.#workers.set(command.worker, { port, reader });
      return;
    }
    if (command.kind === 'scrub' || command.kind === 'touch') {
      for (const { at, bytes } of command.regions) {
        const { u8 } = viewsOf(this.#setup.memory, at + bytes);
        if (command.kind === 'scrub') u8.fill(0, at, at + bytes);
        // Changes nothing, whoever else writes there: the system makes the page.
        else for (let page = at; page < at + bytes; page += pageBytes) Atomics.or(u8, page, 0);
      }
      this.#report({ kind: 'done', call: command.call });
      return;
    }
    const entry = this.#entries.get(command.id);
    switch (command.kind) {
      case 'create': {
        const { placement } = command;
        const worker = this.#workers.get(command.worker)!;
        const slots = [placement, ...(command.spare ? [command.spare] : [])].map(({ at, bytes }) => ({
          totals: this.#classes[command.name].totals(command.config, { memory: this.#setup.memory, kernels: this.#kernels, at, bytes }), generation: 0, part: undefined,
        }));
        this.#entries.set(command.id, {
          worker, slots, boardAt: placement.boardAt, info: command.info, described: [{ revision: -1, info: command.info }], parts: new PartList(command.name),
          asked: [], waiting: [], restsUntilMs: 0, error: undefined, forget: undefined,
        });
        break;
      }
      case 'describe':
        if (entry) {
          entry.info = command.info;
          entry.described = [...entry.described, { revision: command.revision, info: command.info }].slice(-describedKept);
        }
        break;
      case 'read':
        if (!entry || entry.forget !== undefined) this.#refuse([command], closed());
        else if (entry.error) this.#refuse([command], entry.error);
        else {
          entry.waiting.push(command);
          this.#ask(command.id, entry);
        }
        break;
      case 'fail':
        if (!entry) break;
        // The worker is gone or has given the measurement up: nothing under way will be answered.
        entry.error = command.error;
        this.#refuse([...entry.asked, ...entry.waiting], command.error);
        entry.asked = [];
        entry.waiting = [];
        this.#letGo(command.id, entry);
        break;
      case 'forget':
        if (!entry) {
          this.#report({ kind: 'done', call: command.call });
          break;
        }
        entry.forget = command.call;
        this.#refuse(entry.waiting, closed());
        entry.waiting = [];
        this.#letGo(command.id, entry);
    }
  }

  #ask(id: number, entry: Entry): void {
    const { worker } = entry;
    if (entry.asked.length > 0 || entry.waiting.length === 0) return;
    const restMs = entry.restsUntilMs - performance.now();
    if (restMs > 0) {
      setTimeout(() => { if (this.#entries.get(id) === entry) this.#ask(id, entry); }, restMs);
      return;
    }
    entry.asked = entry.waiting;
    entry.waiting = [];
    worker.port.postMessage({ id }, []);
    this.#ring.ringBell(worker.reader);
  }

  #take(snapshot: Snapshot): void {
    const entry = this.#entries.get(snapshot.id);
    if (!entry) return;
    if ('payload' in snapshot && snapshot.closed) {
      this.#evaluate(entry, [], snapshot);
      return;
    }
    const { asked } = entry;
    entry.asked = [];
    const sinceMs = performance.now();
    if ('error' in snapshot) this.#refuse(asked, snapshot.error);
    else this.#evaluate(entry, asked, snapshot);
    const tookMs = performance.now() - sinceMs;
    if (tookMs > unnoticedMs) entry.restsUntilMs = sinceMs + 2 * tookMs;
    this.#letGo(snapshot.id, entry);
    this.#ask(snapshot.id, entry);
  }

  #evaluate(entry: Entry, asked: readonly Request[], snapshot: Extract<Snapshot, { payload: unknown }>): void {
    const slot = entry.slots[snapshot.slot]!;
    const { totals } = slot;
    const info: ResultInfo = { ...describedAt(entry, snapshot.account.settingsRevisions.at(-1)), ...snapshot.account };
    try {
      if (snapshot.generation !== slot.generation || info.part !== slot.part) {
        totals.clear();
        slot.generation = snapshot.generation;
        slot.part = info.part;
      }
      totals.take(snapshot.payload);
      entry.parts.of(snapshot.generation);
      if (snapshot.closed) entry.parts.add(totals, info);
    } catch (error) {
      console.error('results:', error);
      this.#refuse(asked, toNote(error));
      return;
    }
    for (const same of batches(info.name, asked)) {
      const [{ getter, args, part }] = same;
      try {
        const calls = same.map(({ call }) => call);
        if (part === 'parts') this.#report({ kind: 'value', calls, value: entry.parts.list(info), info });
        else if (part !== undefined && part !== (info.part ?? 0)) this.#report({ kind: 'value', calls, ...entry.parts.read(part, getter ?? '', args) });
        else {
          const value = getter === undefined ? undefined : totals.evaluate(getter, args, info);
          this.#report({ kind: 'value', calls, value, info }, buffersIn(value));
        }
      } catch (error) {
        if (toNote(error).code === 'internal') console.error('results:', error);
        this.#refuse(same, toNote(error));
      }
    }
    // Whatever lies in shared memory was read: the worker may use the region again.
    Atomics.store(viewsOf(this.#setup.memory, entry.boardAt + 64).i32, (entry.boardAt + board.taken + 4 * snapshot.slot) / 4, snapshot.sent);
  }

  #refuse(requests: readonly Request[], error: ErrorNote): void {
    if (requests.length > 0) this.#report({ kind: 'error', calls: requests.map(({ call }) => call), error });
  }

  /** The region may be given back once no snapshot is under way. */
  #letGo(id: number, entry: Entry): void {
    if (entry.forget === undefined || entry.asked.length > 0) return;
    this.#entries.delete(id);
    this.#report({ kind: 'done', call: entry.forget });
  }
}

/** What stood beside results under this revision; the oldest that is kept if it was longer ago. */
function describedAt({ described, info }: Entry, revision: number | undefined): FixedInfo {
  return revision === undefined ? info : (described.findLast(each => each.revision <= revision) ?? described[0])?.info ?? info;
}

/** Requests by getter and arguments; one that takes away what it reads is never shared. */
function batches(name: MeasurementName, requests: readonly Request[]): [Request, ...Request[]][] {
  const { getters } = specOf(name);
  const groups = new Map<string, [Request, ...Request[]]>();
  for (const request of requests) {
    const takes = getters[request.getter ?? '']?.takes;
    const key = takes === true || (takes !== undefined && request.args[takes] === true) ? `call ${request.call}` : JSON.stringify([request.getter, request.args, request.part]);
    const group = groups.get(key);
    if (group) group.push(request);
    else groups.set(key, [request]);
  }
  return [...groups.values()];
}

function buffersIn(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
  if (typeof value !== 'object' || value === null) return [];
  return [...new Set(Object.values(value).flatMap(item => (ArrayBuffer.isView(item) && item.buffer instanceof ArrayBuffer ? [item.buffer] : [])))];
}

function closed(): ErrorNote { return toNote(new TaggerError('closed', 'Cannot read the measurement: it was disposed.')); }
