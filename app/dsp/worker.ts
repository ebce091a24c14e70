// dsp/worker.ts - the loop of a dsp worker: takes blocks from the ring and hands them to its measurements.
//
// It sleeps on its bell, never on its event loop: messages are drained between blocks, so a request is answered at the
// next block border. A measurement that throws fails alone.
import { receiveMessageOnPort } from 'node:worker_threads';
import { channelsOf, specOf } from '../core/arguments.ts';
import { toNote, TaggerError } from '../core/errors.ts';
import { loadKernels } from './kernels/load.ts';
import type { KernelSet } from './kernels/kernels.ts';
import { viewsOf } from './memory.ts';
import type { Measurement, MeasurementClasses } from './measurement.ts';
import type { Region, Snapshot, SnapshotRequest, WorkerCommand, WorkerReport, WorkerSetup } from './messages.ts';
import { isPast, type Block, Ring, RingReader } from './ring.ts';
import { Running } from './running.ts';
import { SharedWork } from './shared-work.ts';
import { lapped, stepsOf, type Step } from './steps.ts';
import { View } from './view.ts';
import { madeTags } from './virtual/stage.ts';

const countsBytes = 256 * 4;
/** Memory of one worker: u32[256] for any measurement's use during a call, then what is shared. */
export const scratchBytes = countsBytes + SharedWork.bytes(madeTags);

/** A bell may be missed only by a fault; then the worker looks by itself. */
const longestSleepMs = 100;
/** The sink moves the origin of time by this much. */
const rebaseStepPs = 2n ** 62n;

/** State of the stream behind the last block taken, to tell what happened in blocks that were overwritten. */
interface Behind { sequence: number; toPs: bigint; losses: number; epoch: number; rebases: number; totals: Float64Array }

export class DspWorker {
  readonly #setup: WorkerSetup;
  readonly #classes: MeasurementClasses;
  readonly #ring: Ring;
  readonly #reader: RingReader;
  readonly #kernels: KernelSet;
  readonly #shared: SharedWork;
  readonly #running = new Map<number, Running>();
  readonly #failed = new Map<number, Snapshot>();
  readonly #views = new Map<string, { view: View; users: number }>();
  #behind: Behind | undefined;
  /** Fences that somebody waits for. */
  #fences: { fence: number; call: number }[] = [];
  #stopped = false;

  constructor(setup: WorkerSetup, classes: MeasurementClasses) {
    this.#setup = setup;
    this.#classes = classes;
    this.#ring = new Ring(setup.memory, setup.layout);
    this.#reader = new RingReader(this.#ring, setup.reader);
    this.#kernels = loadKernels(setup.memory, setup.kernel);
    viewsOf(setup.memory, setup.scratchAt + scratchBytes);
    this.#shared = new SharedWork(setup.memory, this.#kernels, setup.scratchAt + countsBytes, madeTags);
  }

  /** Runs until the line is taken down; the thread does nothing else. */
  loop(): void {
    while (!this.#stopped) {
      const seen = this.#reader.bell;
      this.#drain();
      // Asked before the ring is looked at: what was published before the end is still taken.
      const { ended, fenced } = this.#ring;
      const block = this.#reader.take();
      if (block) {
        this.#take(block);
        this.#reader.release();
        continue;
      }
      for (const running of this.#running.values()) this.#guard(running, () => ended === 'no' ? running.settle(fenced) : running.sourceEnded(ended));
      this.#passFences(ended === 'no' ? fenced : undefined);
      this.#reader.wait(seen, longestSleepMs);
    }
  }

  #drain(): void {
    for (let note; (note = receiveMessageOnPort(this.#setup.commands));) this.#obey(note.message as WorkerCommand);
    for (let note; (note = receiveMessageOnPort(this.#setup.results));) this.#answer(note.message as SnapshotRequest);
  }

  #take(block: Block): void {
    this.#passFences(block.fence);
    const missed = this.#missedBefore(block);
    this.#rebaseTo(block);
    // What was overwritten belongs to those who ran then, and to nobody who begins now.
    if (missed.length > 0) this.#apply(missed);
    for (const running of this.#running.values()) this.#guard(running, () => running.openAt(block));
    this.#apply([...stepsOf(block)]);
    this.#remember(block);
  }

  #apply(steps: readonly Step[]): void {
    for (const step of steps) {
      this.#shared.begin();
      for (const running of this.#running.values()) if (!running.view) this.#guard(running, () => running.apply(step));
    }
    for (const { view } of this.#views.values()) this.#takeView(view, steps);
  }

  /** Everything in front of `passed` was taken; `undefined`: everything there will ever be. */
  #passFences(passed: number | undefined): void {
    this.#fences = this.#fences.filter(({ fence, call }) => {
      if (passed !== undefined && !isPast(passed, fence)) return true;
      this.#report({ kind: 'done', call });
      return false;
    });
  }

  #takeView(view: View, steps: readonly Step[]): void {
    const users = [...this.#running.values()].filter(running => running.view === view);
    if (users.every(({ idle }) => idle)) {
      view.reset();
      return;
    }
    for (const step of steps) {
      for (const derived of view.derive(step)) {
        this.#shared.begin();
        for (const user of users) this.#guard(user, () => user.apply(derived));
      }
    }
  }

  /** The lost interval in front of a block if blocks before it were overwritten. */
  #missedBefore(block: Block): Step[] {
    const behind = this.#behind;
    if (!behind || behind.sequence + 1 === block.sequence) return [];
    const fromPs = behind.toPs - BigInt(block.rebases - behind.rebases) * rebaseStepPs;
    const { f64 } = viewsOf(this.#setup.memory);
    const missed = this.#setup.channels.map((_, channelIndex) => ({ channelIndex, count: f64[block.beforeAt / 8 + channelIndex]! - behind.totals[channelIndex]! }));
    // Other losses in between belong to the same interval, and of those the blocks that told are gone.
    const known = block.losses === behind.losses && block.losingFromPs === undefined;
    const steps = [lapped(fromPs, block.fromPs, known ? missed : undefined)];
    for (let epoch = behind.epoch; epoch < block.epoch; epoch++) steps.push({ kind: 'end', fromPs: block.fromPs, toPs: block.fromPs, end: { kind: 'epoch', atPs: block.fromPs } });
    if (block.losingFromPs !== undefined) steps.push({ kind: 'losing', fromPs: block.fromPs });
    return steps;
  }

  #rebaseTo(block: Block): void {
    const moves = block.rebases - (this.#behind?.rebases ?? 0);
    if (moves === 0) return;
    const byPs = BigInt(moves) * rebaseStepPs;
    for (const running of this.#running.values()) this.#guard(running, () => running.rebase(byPs));
    for (const { view } of this.#views.values()) view.rebase(byPs);
  }

  #remember(block: Block): void {
    const { f64, u32 } = viewsOf(this.#setup.memory);
    const { length } = this.#setup.channels;
    const totals = this.#behind?.totals ?? new Float64Array(length);
    for (let i = 0; i < length; i++) totals[i] = f64[block.beforeAt / 8 + i]! + u32[block.countsAt / 4 + i]!;
    let { losses, epoch } = block;
    for (const { kind } of block.markers) {
      if (kind === 'lost' || kind === 'slip') losses++;
      else if (kind === 'epoch') epoch++;
    }
    this.#behind = { sequence: block.sequence, toPs: block.toPs, losses, epoch, rebases: block.rebases, totals };
  }

  /** A measurement that throws is taken out; the others never notice. */
  #guard(running: Running, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(running.id, error);
    }
  }

  #fail(id: number, error: unknown): void {
    console.error(`dsp: measurement ${id} failed:`, error);
    this.#remove(id);
    const note = toNote(error);
    this.#failed.set(id, { id, error: note });
    this.#report({ kind: 'failed', id, error: note });
  }

  #obey(command: WorkerCommand): void {
    if (command.kind === 'fence') {
      this.#fences.push(command);
      return;
    }
    const running = this.#running.get(command.id);
    try {
      switch (command.kind) {
        case 'create':
          this.#running.set(command.id, this.#create(command));
          return;
        case 'start':
          running?.start(command.run, command.fence, command.clear, command.durationPs, command.laterPs, command.generation);
          break;
        case 'clear':
          running?.clear(command.fence, command.generation);
          break;
        case 'stop':
          running?.stop(command.fence);
          break;
        case 'dispose':
          this.#remove(command.id);
          this.#failed.delete(command.id);
      }
    } catch (error) {
      this.#fail(command.id, error);
    }
    if (command.kind !== 'create') this.#report({ kind: 'done', call: command.call });
  }

  #create({ id, name, config, placement, view: viewSetup, virtual, unknownLoss, onSettings, spare, module }: Extract<WorkerCommand, { kind: 'create' }>): Running {
    const { memory, scratchAt, channels, tick } = this.#setup;
    const inView = [...channels, ...virtual];
    const indexOf = (channel: number): number => inView.indexOf(channel);
    const make = ({ at, bytes }: Region): Measurement => this.#classes[name].create(config, {
      kernels: this.#kernels, memory, at, bytes, scratchAt, shared: this.#shared, indexOf, tick, module,
    });
    const measurement = make(placement);
    let shared = viewSetup && this.#views.get(viewSetup.key);
    if (viewSetup && !shared) {
      shared = { view: new View(viewSetup, memory, this.#kernels), users: 0 };
      this.#views.set(viewSetup.key, shared);
    }
    if (shared) shared.users++;
    return new Running({
      id, measurement, spare: spare && make(spare), onPart: snapshot => this.#hand(snapshot), view: shared?.view, channels: channelsOf(specOf(name).parameters, config).map(indexOf), unknownLoss, placement, memory,
      kernels: this.#kernels, onSettings,
      onFinished: run => this.#report({ kind: 'finished', id, run }),
    });
  }

  #remove(id: number): void {
    const view = this.#running.get(id)?.view;
    this.#running.delete(id);
    const shared = view && this.#views.get(view.key);
    if (shared && --shared.users === 0) this.#views.delete(shared.view.key);
  }

  #answer({ id }: SnapshotRequest): void {
    const running = this.#running.get(id);
    let snapshot: Snapshot = this.#failed.get(id) ?? { id, error: toNote(new TaggerError('closed', 'Cannot read the measurement: it was disposed.')) };
    if (running) {
      try {
        snapshot = running.publish();
      } catch (error) {
        this.#fail(id, error);
        snapshot = { id, error: toNote(error) };
      }
    }
    this.#hand(snapshot);
  }

  #hand(snapshot: Snapshot): void {
    const transfer = 'payload' in snapshot && snapshot.payload.kind === 'copy' ? [snapshot.payload.data] : [];
    this.#setup.results.postMessage(snapshot, transfer);
  }

  #report(message: WorkerReport): void { this.#setup.commands.postMessage(message, []); }
}
