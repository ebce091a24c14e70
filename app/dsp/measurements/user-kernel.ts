// dsp/measurements/user-kernel.ts - runs a module of the user: hands tags in, takes doubles out.
//
// The module has a memory of its own and sees copies; times count from the start of the measurement, so that it never meets a
// moved origin. The thread it runs in has nothing else to do, and ends if a call does not return: `calls` in the region tells the
// main thread which call is under way. A trap ends the measurement with the words of the engine.
import { checkKernelModule, kernelAbi, type KernelFunctions } from '../../core/kernel-module.ts';
import { TaggerError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { CheckedConfig } from '../../core/measurements.ts';
import { pickPlan, writePickPlan } from '../kernels/layouts.ts';
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Totals, Workspace } from '../measurement.ts';
import { blockTags } from '../ring.ts';
import { channelsOf, listOf } from './config.ts';
import { RegionPlan } from './region.ts';
import { Tally } from './tally.ts';

const region = new RegionPlan();
/** i32: the number of the call that is under way, 0 between calls. First in the region, where the main thread looks. */
const callPart = region.part(64);
const planPart = region.part(pickPlan.bytes), timesPart = region.part(8 * (blockTags + 1)), placesPart = region.part(blockTags + 1);

export const callWordOffset = callPart.offset;

class UserKernelMeasurement implements Measurement {
  readonly done = false;
  readonly droppedStarts = 0;
  readonly #workspace: Workspace;
  readonly #views: () => Views;
  readonly #tally: Tally;
  readonly #name: string;
  readonly #kernel: KernelFunctions;
  readonly #room: number;
  readonly #capacity: number;
  readonly #resultCount: number;
  #calls = 0;

  constructor(config: CheckedConfig, workspace: Workspace) {
    this.#workspace = workspace;
    this.#views = viewsOf(workspace.memory);
    const indexes = channelsOf(config).map(channel => workspace.indexOf(channel));
    writePickPlan(workspace.memory, workspace.at + planPart.offset, { channels: indexes });
    this.#tally = new Tally(workspace, indexes);
    this.#name = String(config['module']);
    this.#kernel = this.#instantiate(listOf(config, 'arguments'));
    const { abi, room, capacity, resultCount } = this.#kernel;
    const version = this.#call('abi', abi);
    if (version !== kernelAbi) throw this.#fault(`it follows version ${version} of the agreement, this daemon version ${kernelAbi}`);
    this.#room = this.#call('room', room);
    this.#capacity = this.#call('capacity', capacity);
    this.#resultCount = this.#call('resultCount', resultCount);
    if (!(this.#capacity >= 1 && this.#capacity <= blockTags)) throw this.#fault(`capacity() is ${this.#capacity}, not 1 to ${blockTags}`);
    if (!(this.#resultCount >= 1 && this.#resultCount <= limits.kernelResults)) throw this.#fault(`resultCount() is ${this.#resultCount}, not 1 to ${limits.kernelResults}`);
    if (this.#room % 8 !== 0 || !this.#holds(this.#room, 9 * this.#capacity)) throw this.#fault('room() is no place for its tags in its memory');
  }

  process(segment: Segment): void {
    const { kernels, at } = this.#workspace;
    this.#tally.add(segment);
    for (let done = 0; done < segment.n; done += blockTags) {
      const n = Math.min(blockTags, segment.n - done);
      const picked = kernels.pickTags(
        segment.timesAt + 8 * done, segment.channelsAt + done, n, at + planPart.offset, at + timesPart.offset, at + placesPart.offset);
      for (let from = 0; from < picked; from += this.#capacity) this.#hand(from, Math.min(this.#capacity, picked - from));
    }
  }

  endSegment(): void { this.#call('gap', this.#kernel.gap); }

  clear(atPs: bigint): void {
    this.#tally.clear();
    this.#views().i64[(this.#workspace.at + planPart.offset + pickPlan.origin) / 8] = atPs;
    this.#call('clear', this.#kernel.clear);
  }

  rebase(byPs: bigint): void { this.#views().i64[(this.#workspace.at + planPart.offset + pickPlan.origin) / 8]! -= byPs; }

  publish(): Payload {
    const at = this.#call('results', this.#kernel.results);
    if (at % 8 !== 0 || !this.#holds(at, 8 * this.#resultCount)) throw this.#fault('results() is no place for its results in its memory');
    return { kind: 'copy', data: new Float64Array(this.#kernel.memory.buffer, at, this.#resultCount).slice().buffer, scalars: {} };
  }

  get tags(): number { return this.#tally.tags; }

  /** Copies n tags into the module. Its memory may have grown, so views are made anew. */
  #hand(from: number, n: number): void {
    const { i64, u8 } = this.#views(), { buffer } = this.#kernel.memory;
    const times = (this.#workspace.at + timesPart.offset) / 8 + from, places = this.#workspace.at + placesPart.offset + from;
    new BigInt64Array(buffer, this.#room, n).set(i64.subarray(times, times + n));
    new Uint8Array(buffer, this.#room + 8 * this.#capacity, n).set(u8.subarray(places, places + n));
    this.#call('process', () => this.#kernel.process(n));
  }

  #holds(at: number, bytes: number): boolean { return at >= 0 && at + bytes <= this.#kernel.memory.buffer.byteLength; }

  #instantiate(given: readonly number[]): KernelFunctions {
    const { module: bytes } = this.#workspace;
    if (!bytes) throw new Error('a user kernel was created without its module');
    checkKernelModule(`run the kernel '${this.#name}'`, bytes);
    const imports = {
      env: { abort: () => { throw new Error('the kernel called abort()'); } },
      tagd: { parameter: (i: number) => given[i] ?? NaN },
    };
    return this.#call('its start', () => new WebAssembly.Instance(new WebAssembly.Module(bytes), imports)).exports as unknown as KernelFunctions;
  }

  /** Calls into the module; while it lasts the main thread can see which call it is. */
  #call<T>(what: string, call: () => T): T {
    const { i32 } = this.#views(), word = (this.#workspace.at + callPart.offset) / 4;
    this.#calls = (this.#calls + 1) & 0x7fffffff || 1;
    Atomics.store(i32, word, this.#calls);
    try {
      return call();
    } catch (cause) {
      throw this.#fault(`${what}${what.includes(' ') ? '' : '()'} failed: ${cause instanceof Error ? cause.message : 'unknown'}`, cause);
    } finally {
      Atomics.store(i32, word, 0);
    }
  }

  #fault(reason: string, cause?: unknown): TaggerError {
    return new TaggerError('usage', `Cannot run the kernel '${this.#name}': ${reason}.`, { cause, hint: 'The fault is in the kernel; other measurements are not affected. Mend it and install it again.' });
  }
}

class UserKernelTotals implements Totals {
  #values = new Float64Array(0);

  take(payload: Payload): void { if (payload.kind === 'copy') this.#values = new Float64Array(payload.data); }
  clear(): void { this.#values = new Float64Array(0); }

  evaluate(getter: string): unknown {
    switch (getter) {
      case 'getData': return this.#values.slice();
      case 'getIndex': return this.#values.map((_, i) => i);
      default: throw new Error(`no getter ${getter}`);
    }
  }
}

export const userKernel: MeasurementClass = {
  bytes: () => region.bytes,
  create: (config, workspace) => new UserKernelMeasurement(config, workspace),
  totals: () => new UserKernelTotals(),
};
