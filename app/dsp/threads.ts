// dsp/threads.ts - the main thread's ends of the other threads of a line.
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { fromNote, TaggerError } from '../core/errors.ts';
import type { ResultInfo } from '../core/results.ts';
import { Calls } from './calls.ts';
import type { LineSetup, ResultsCommand, ResultsReport, WorkerCommand, WorkerReport, WorkerSetup } from './messages.ts';
import type { Ring } from './ring.ts';

/** The files of the engine's threads. Written out, because the build finds workers by exactly this form. */
export const workerFiles = { dsp: new URL('./dsp.worker.ts', import.meta.url), results: new URL('./results.worker.ts', import.meta.url) } as const;

/** One dsp worker. When it dies, whatever waited for it fails and `onDeath` is called, once. */
export class DspThread {
  readonly index: number;
  readonly reader: number;
  /** The other end of the worker's wire to the results thread. */
  readonly forResults: MessagePort;
  readonly #ring: Ring;
  readonly #worker: Worker;
  readonly #commands: MessagePort;
  readonly #calls = new Calls<void>();
  #dead: TaggerError | undefined;

  constructor(index: number, ring: Ring, url: URL, setup: Omit<WorkerSetup, 'commands' | 'results' | 'reader'>, on: {
    report: (report: Exclude<WorkerReport, { kind: 'done' }>) => void;
    death: (thread: DspThread, error: TaggerError) => void;
  }) {
    this.index = index;
    this.reader = index;
    this.#ring = ring;
    const commands = new MessageChannel();
    const results = new MessageChannel();
    this.#commands = commands.port1;
    this.forResults = results.port2;
    ring.attach(this.reader);
    const workerData: WorkerSetup = { ...setup, reader: this.reader, commands: commands.port2, results: results.port1 };
    this.#worker = new Worker(url, { workerData, transferList: [commands.port2, results.port1], name: `dsp ${index}` });
    this.#commands.on('message', (report: WorkerReport) => {
      if (report.kind === 'done') this.#calls.resolve(report.call, undefined);
      else on.report(report);
    });
    const die = (cause?: unknown): void => {
      if (this.#dead) return;
      this.#dead = new TaggerError('internal', 'The worker that ran this measurement has died; the stream of tags goes on.', { cause, hint: 'Create the measurement again.' });
      this.#commands.close();
      this.#ring.detach(this.reader);
      this.#calls.rejectAll(this.#dead);
      on.death(this, this.#dead);
    };
    this.#worker.on('error', error => {
      console.error('dsp worker:', error);
      die(error);
    });
    this.#worker.on('exit', () => die());
  }

  tell(command: WorkerCommand): void {
    this.#commands.postMessage(command, []);
    this.#ring.ringBell(this.reader);
  }

  /** Sends a command and waits until the worker has obeyed. */
  ask(make: (call: number) => WorkerCommand): Promise<void> {
    if (this.#dead) return Promise.reject(this.#dead);
    const { call, answer } = this.#calls.open();
    this.tell(make(call));
    return answer;
  }

  get dead(): boolean { return this.#dead !== undefined; }

  async terminate(): Promise<void> { await this.#worker.terminate(); }
}

/** The results thread. */
export class ResultsThread {
  readonly #worker: Worker;
  readonly #calls = new Calls<{ value: unknown; info: ResultInfo }>();
  readonly #done = new Calls<void>();
  #dead: TaggerError | undefined;

  constructor(setup: LineSetup, url: URL, onDeath: (error: TaggerError) => void) {
    this.#worker = new Worker(url, { workerData: setup, name: 'results' });
    this.#worker.on('message', (report: ResultsReport) => {
      switch (report.kind) {
        case 'value':
          for (const call of report.calls) this.#calls.resolve(call, { value: report.value, info: report.info });
          break;
        case 'error':
          for (const call of report.calls) this.#calls.reject(call, fromNote(report.error));
          break;
        case 'done': this.#done.resolve(report.call, undefined);
      }
    });
    const die = (cause?: unknown): void => {
      if (this.#dead) return;
      this.#dead = new TaggerError('internal', 'The thread that holds the results has died.', { cause, hint: 'Create the measurement again.' });
      this.#calls.rejectAll(this.#dead);
      this.#done.rejectAll(this.#dead);
      onDeath(this.#dead);
    };
    this.#worker.on('error', error => {
      console.error('results worker:', error);
      die(error);
    });
    this.#worker.on('exit', () => die());
  }

  tell(command: ResultsCommand, transfer: MessagePort[] = []): void { this.#worker.postMessage(command, transfer); }

  read(id: number, getter: string | undefined, args: Record<string, unknown>, part?: number | 'parts'): Promise<{ value: unknown; info: ResultInfo }> {
    if (this.#dead) return Promise.reject(this.#dead);
    const { call, answer } = this.#calls.open();
    this.tell({ kind: 'read', id, call, getter, args, part });
    return answer;
  }

  /** Resolves when the thread has let go of the measurement. */
  forget(id: number): Promise<void> { return this.#ask(call => ({ kind: 'forget', id, call })); }

  /** Zeroes memory, off the main thread because it may be hundreds of megabytes. */
  scrub(regions: readonly { at: number; bytes: number }[]): Promise<void> { return this.#ask(call => ({ kind: 'scrub', regions, call })); }
  /** Has the pages of memory made: the first write to each would stop whoever counts there. */
  touch(regions: readonly { at: number; bytes: number }[]): Promise<void> { return this.#ask(call => ({ kind: 'touch', regions, call })); }

  #ask(make: (call: number) => ResultsCommand): Promise<void> {
    if (this.#dead) return Promise.reject(this.#dead);
    const { call, answer } = this.#done.open();
    this.tell(make(call));
    return answer;
  }

  async terminate(): Promise<void> { await this.#worker.terminate(); }
}
