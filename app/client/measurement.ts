// client/measurement.ts - a measurement in the program that asked for it; its getters are those of the table, typed.
import { specOf } from '../core/arguments.ts';
import { measurementNames, type GetterArgs, type GetterName, type MeasurementName } from '../core/measurements.ts';
import type { Reading, ResultInfo } from '../core/results.ts';
import type { Parts } from '../core/station.ts';
import type { Measurement as Remote, MeasurementConfiguration, MeasurementReader as RemoteReader, ReadOptions } from '../rpc/api.ts';
import { Subscription, type Caller } from './calls.ts';
import type { ValueOf } from './counts.ts';

/** The getters of a measurement under their own names: `getData`, `getIndex`, ... */
export type MeasurementGetters<N extends MeasurementName> = { readonly [G in GetterName<N>]: (args?: GetterArgs<N, G>) => Promise<ValueOf<N, G>> };

/** A measurement that can be read and not steered. */
export type SharedMeasurement<N extends MeasurementName = MeasurementName> = ReadableMeasurement<N> & MeasurementGetters<N>;

/** A measurement of your own. */
export type Measurement<N extends MeasurementName = MeasurementName> = SteerableMeasurement<N> & MeasurementGetters<N>;

export interface UpdateOptions<N extends MeasurementName, G extends GetterName<N>> {
  /** At least 50, default 500. A slow callback is called less often and always with the newest value. */
  everyMs?: number;
  /** Default `getData`. */
  getter?: G;
  args?: GetterArgs<N, G>;
}

/** What every measurement can do without being changed. Any call can fail with `closed`. */
export class ReadableMeasurement<N extends MeasurementName> implements Disposable {
  readonly name: N;
  readonly #caller: Caller;
  readonly #stub: RemoteReader;

  /** @internal */
  constructor(name: N, caller: Caller, stub: RemoteReader) {
    this.name = name;
    this.#caller = caller;
    this.#stub = stub;
  }

  async isRunning(): Promise<boolean> { return await this.#caller.call(() => this.#stub.isRunning()); }

  /**
   * Waits until it does not run: `startFor` is over, it was stopped, or the source has ended.
   *
   * @param timeoutMs -1 waits for ever
   * @returns false if it still runs after `timeoutMs`
   */
  async waitUntilFinished(timeoutMs = -1): Promise<boolean> { return await this.#caller.call(() => this.#stub.waitUntilFinished(timeoutMs)); }

  /** Time since creation or `clear` during which it ran, ps. */
  async getCaptureDuration(): Promise<number> { return await this.#caller.call(() => this.#stub.getCaptureDuration()); }

  /** Name, class, tagger and complete arguments. */
  async getConfiguration(): Promise<MeasurementConfiguration> { return await this.#caller.call(() => this.#stub.getConfiguration()); }

  /** Live time, loss, delays and settings of what was measured so far. */
  async account(): Promise<ResultInfo> { return await this.#caller.call(() => this.#stub.account()); }

  /** A value and the account of exactly this value: `const { value, info } = await m.read('getData')`. */
  async read<G extends GetterName<N>>(getter: G, args?: GetterArgs<N, G>, options?: ReadOptions): Promise<Reading<ValueOf<N, G>>> {
    return await this.#caller.call(() => this.#stub.read(getter, args as Record<string, unknown> | undefined, options)) as Reading<ValueOf<N, G>>;
  }

  /**
   * The accounts of its parts, where each change of settings begins a new one (`onSettingsChange: 'split'`); the last is the one
   * that goes on. `read(getter, undefined, { part: info.part })` gives their values.
   */
  async parts(): Promise<Parts> { return await this.#caller.call(() => this.#stub.parts()); }

  /** Fraction of a recording that has been processed; `undefined` if nobody knows. */
  async progress(): Promise<number | undefined> { return await this.#caller.call(() => this.#stub.progress()); }

  /** Calls back with the newest value and its account, one call at a time, until cancelled. */
  async onUpdate<G extends GetterName<N> = 'getData' & GetterName<N>>(
    listener: (reading: Reading<ValueOf<N, G>>) => unknown, { everyMs, getter, args }: UpdateOptions<N, G> = {},
  ): Promise<Subscription> {
    const callback = this.#caller.callback(listener);
    return new Subscription(await this.#caller.call(() =>
      this.#stub.subscribe(callback, { everyMs, getter: getter ?? 'getData', args: args as Record<string, unknown> | undefined })));
  }

  /** Gives up this handle. The measurement ends with its last handle, unless it was detached. */
  dispose(): void { this.#stub[Symbol.dispose](); }

  [Symbol.dispose](): void { this.dispose(); }
}

/** What the owner of a measurement can do. */
export class SteerableMeasurement<N extends MeasurementName> extends ReadableMeasurement<N> {
  readonly #caller: Caller;
  readonly #stub: Remote;

  /** @internal */
  constructor(name: N, caller: Caller, stub: Remote) {
    super(name, caller, stub);
    this.#caller = caller;
    this.#stub = stub;
  }

  /** @internal */
  static async numberOn(measurement: unknown, caller: Caller): Promise<number | undefined> {
    if (typeof measurement !== 'object' || measurement === null || !(#stub in measurement) || measurement.#caller !== caller) return undefined;
    return await caller.call(() => measurement.#stub.number());
  }

  /** Goes on from where it stood. */
  async start(): Promise<void> { await this.#caller.call(() => this.#stub.start()); }

  /**
   * Runs for exactly this much of the tagger's time and stops.
   *
   * @param durationPs 2e12 are 2 s
   * @param clear begin from zero
   */
  async startFor(durationPs: number, clear = true): Promise<void> { await this.#caller.call(() => this.#stub.startFor(durationPs, clear)); }

  async stop(): Promise<void> { await this.#caller.call(() => this.#stub.stop()); }
  async clear(): Promise<void> { await this.#caller.call(() => this.#stub.clear()); }

  /**
   * Keeps it on the station under this name, beyond this connection; `session.measurement(name)` takes it up again,
   * `session.discard(name)` ends it.
   *
   * @throws {TaggerError} `conflict` if the name is taken
   */
  async detach(name: string): Promise<void> { await this.#caller.call(() => this.#stub.detach(name)); }
}

/**
 * The number of a measurement on its connection; `undefined` if it is not one of this connection that can be steered.
 *
 * @internal
 */
export async function numberOn(measurement: unknown, caller: Caller): Promise<number | undefined> { return await SteerableMeasurement.numberOn(measurement, caller); }

type Base = new (name: MeasurementName, caller: Caller, stub: Remote) => ReadableMeasurement<MeasurementName>;

/** A class for each measurement with exactly the getters that the table lists. */
function classesOf(base: Base): Record<MeasurementName, Base> {
  return Object.fromEntries(measurementNames.map(name => {
    const Class = class extends base {};
    for (const getter of Object.keys(specOf(name).getters)) {
      Object.defineProperty(Class.prototype, getter, {
        value: async function get(this: ReadableMeasurement<MeasurementName>, args?: never): Promise<unknown> { return (await this.read(getter as never, args)).value; },
      });
    }
    return [name, Class];
  })) as unknown as Record<MeasurementName, Base>;
}

const readers = classesOf(ReadableMeasurement as unknown as Base);
const handles = classesOf(SteerableMeasurement as Base);

/** @internal */
export function sharedMeasurement<N extends MeasurementName>(name: N, caller: Caller, stub: RemoteReader): SharedMeasurement<N> {
  return new readers[name](name, caller, stub as Remote) as unknown as SharedMeasurement<N>;
}

/** @internal */
export function ownMeasurement<N extends MeasurementName>(name: N, caller: Caller, stub: Remote): Measurement<N> {
  return new handles[name](name, caller, stub) as unknown as Measurement<N>;
}
