// rpc/measurement.ts - measurements as a client holds them: one class per row of the table, with its getters as methods.
//
// A handle is one client's interest. Disposing it, or the end of its grant or connection, gives that interest up and
// nothing else. Every public name here is remote; state is in # fields, shared between base and subclass by `Grip`.
import { RpcTarget } from 'capnweb';
import { checkGetter, specOf } from '../core/arguments.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { measurementNames, type MeasurementName } from '../core/measurements.ts';
import type { ResultInfo } from '../core/results.ts';
import type { Parts } from '../core/station.ts';
import type { Measurement, MeasurementConfiguration, MeasurementReader, Wire } from './api.ts';
import type { Authority } from './authority.ts';
import { checkBoolean, checkCallback, checkInteger, checkName, checkRecord, isRecord } from './checks.ts';
import { intoChunks } from './chunks.ts';
import type { Held } from './kept.ts';
import { Lifetime } from './lifetime.ts';
import { subscribe, type SubscriptionTarget } from './updates.ts';

export const longestWaitMs = 2 ** 31 - 1;

/** One handle's hold on a measurement. */
class Grip {
  readonly authority: Authority;
  readonly held: Held;
  readonly lifetime: Lifetime;

  constructor(authority: Authority, held: Held, release: () => void) {
    this.authority = authority;
    this.held = held;
    this.lifetime = new Lifetime(authority.lifetime);
    this.lifetime.onEnd(release);
  }

  async run<T>(action: () => T | Promise<T>): Promise<T> {
    return await this.authority.run(() => this.lifetime.race(action()));
  }

  /** A value with its account, ready to leave. `taken` tells that the reader has everything. */
  async read(getter: string, args: Record<string, unknown>, taken: () => void, part?: number): Promise<Reading> {
    try {
      this.lifetime.check(); // The wait for a place may have been long.
      const { value, info } = await this.lifetime.race(this.held.port.read(getter, args, part));
      return { value: intoChunks(value, this.lifetime, taken) as Wire<unknown>, info };
    } catch (error) {
      taken();
      throw error;
    }
  }
}

interface Reading { value: Wire<unknown>; info: ResultInfo }

class ReaderTarget extends RpcTarget {
  readonly #grip: Grip;
  constructor(grip: Grip) {
    super();
    this.#grip = grip;
  }

  isRunning(): Promise<boolean> { return this.#grip.run(() => this.#grip.held.port.isRunning()); }

  waitUntilFinished(timeoutMs: unknown = -1): Promise<boolean> {
    return this.#grip.run(() => this.#grip.held.port.waitUntilFinished(checkInteger('wait for a measurement', 'timeoutMs', timeoutMs, -1, longestWaitMs)));
  }

  getCaptureDuration(): Promise<number> { return this.#grip.run(async () => (await this.#grip.held.port.account()).captureDurationPs); }

  getConfiguration(): Promise<MeasurementConfiguration> {
    return this.#grip.run(() => {
      const { port: { name, config }, taggerId } = this.#grip.held;
      return { name, className: specOf(name).className, taggerId, config };
    });
  }

  account(): Promise<ResultInfo> { return this.#grip.run(() => this.#grip.held.port.account()); }

  parts(): Promise<Parts> { return this.#grip.run(() => this.#grip.held.port.parts()); }

  read(getter: unknown, args: unknown = {}, options?: unknown): Promise<Reading> {
    return this.#grip.run(async () => {
      const { part } = checkRecord('read a measurement', options, ['part']);
      const checkedPart = part === undefined ? undefined : checkInteger('read a measurement', 'part', part, 0, Number.MAX_SAFE_INTEGER);
      if (!isRecord(args)) throw new TaggerError('usage', `Cannot read '${String(getter).slice(0, 40)}': its arguments must be an object.`);
      const checked = checkGetter(this.#grip.held.port.name, getter, args);
      const taken = await this.#grip.authority.connection.takeReading();
      return await this.#grip.read(checked.getter, checked.args, taken, checkedPart);
    });
  }

  progress(): Promise<number | undefined> { return this.#grip.run(() => this.#grip.held.port.progress()); }

  subscribe(callback: unknown, options?: unknown): Promise<SubscriptionTarget> {
    return this.#grip.run(() => {
      const action = 'subscribe to a measurement';
      const { name } = this.#grip.held.port;
      const checked = checkCallback<(reading: Reading) => unknown>(action, callback);
      const { everyMs = 500, getter = specOf(name).plot.getter, args = {} } = checkRecord(action, options, ['everyMs', 'getter', 'args']);
      if (!isRecord(args)) throw new TaggerError('usage', `Cannot ${action}: args must be an object.`);
      const asked = checkGetter(name, getter, args);
      const { connection, desk } = this.#grip.authority;
      return subscribe({
        connection, parent: this.#grip.lifetime, clock: desk.clock, callback: checked,
        everyMs: checkInteger(action, 'everyMs', everyMs, limits.fastestUpdateMs, 3_600_000),
        produce: async () => {
          const taken = await connection.takeReading();
          return { value: await this.#grip.read(asked.getter, asked.args, taken), taken };
        },
      });
    });
  }

  [Symbol.dispose](): void { this.#grip.lifetime[Symbol.dispose](); }
}

class HandleTarget extends ReaderTarget {
  readonly #grip: Grip;
  readonly #number: number;
  constructor(grip: Grip) {
    super(grip);
    this.#grip = grip;
    this.#number = grip.authority.connection.enter(grip);
  }

  number(): Promise<number> { return this.#grip.run(() => this.#number); }

  start(): Promise<void> { return this.#grip.run(() => this.#grip.held.port.start()); }

  startFor(durationPs: unknown, clear: unknown = true): Promise<void> {
    return this.#grip.run(() => {
      const action = `start a ${specOf(this.#grip.held.port.name).className} for a time`;
      return this.#grip.held.port.startFor(checkInteger(action, 'durationPs', durationPs, 1, limits.runPs), checkBoolean(action, 'clear', clear));
    });
  }

  stop(): Promise<void> { return this.#grip.run(() => this.#grip.held.port.stop()); }
  clear(): Promise<void> { return this.#grip.run(() => this.#grip.held.port.clear()); }

  detach(name: unknown): Promise<void> {
    return this.#grip.run(() => {
      const { desk, grant } = this.#grip.authority;
      const checked = checkName('keep a measurement', name);
      desk.kept.keep(checked, this.#grip.held, grant.id, grant.label);
      this.#grip.authority.note('detach', { name: checked, measurement: this.#grip.held.port.name, tagger: this.#grip.held.taggerId });
    });
  }
}

type TargetClass<T> = new (grip: Grip) => T;

/** A class of its own for each measurement: what a class of the table does not have cannot be called. */
function classesOf<T extends typeof ReaderTarget>(base: T): Record<MeasurementName, T> {
  return Object.fromEntries(measurementNames.map(name => {
    const Class = class extends (base as typeof ReaderTarget) {};
    for (const getter of Object.keys(specOf(name).getters)) {
      Object.defineProperty(Class.prototype, getter, {
        value: async function get(this: ReaderTarget, args: unknown = {}): Promise<Wire<unknown>> { return (await this.read(getter, args)).value; },
      });
    }
    return [name, Class];
  })) as unknown as Record<MeasurementName, T>;
}

const readers = classesOf(ReaderTarget);
const handles = classesOf(HandleTarget);

/** Reading only. It does not keep the measurement: whose it is decides how long it lives. */
export function readerOf(authority: Authority, held: Held): MeasurementReader & RpcTarget {
  const Class = readers[held.port.name] as unknown as TargetClass<MeasurementReader & RpcTarget>;
  return new Class(new Grip(authority, held, () => {}));
}

/** Reading and steering. `onRelease` is called when the handle has ended. */
export function handleOf(authority: Authority, held: Held, onRelease: () => void): Measurement & RpcTarget {
  const Class = handles[held.port.name] as unknown as TargetClass<Measurement & RpcTarget>;
  const release = held.hold();
  return new Class(new Grip(authority, held, () => {
    release();
    onRelease();
  }));
}

/** For tests that walk over every method. */
export const measurementClasses = { readers, handles } as const;
