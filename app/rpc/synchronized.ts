// rpc/synchronized.ts - measurements that one client steers as one, so that they see exactly the same tags.
//
// It holds no measurement: a member belongs to the handle that the client has on it, and leaves with that handle. Members
// are named by the numbers of their handles, because a message never brings an object back; a number means something on its
// own connection only, so nobody can name what he does not hold.
import { RpcTarget } from 'capnweb';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { GroupPort, TaggerPort } from '../core/station.ts';
import type { Measurement, SynchronizedMeasurements } from './api.ts';
import type { Authority, NumberedHandle } from './authority.ts';
import { checkBoolean, checkInteger } from './checks.ts';
import { Lifetime } from './lifetime.ts';
import { longestWaitMs } from './measurement.ts';

/** Creates a measurement that does not run yet. */
type Create = (name: unknown, config: unknown, options: unknown) => Promise<Measurement>;

export class SynchronizedTarget extends RpcTarget implements SynchronizedMeasurements {
  readonly #authority: Authority;
  readonly #taggerId: string;
  readonly #group: GroupPort;
  readonly #create: Create;
  readonly #lifetime: Lifetime;
  /** Members, each with a function that stops listening for the end of its handle. */
  readonly #members = new Map<NumberedHandle, () => void>();

  constructor(authority: Authority, port: TaggerPort, create: Create) {
    super();
    const giveBack = authority.connection.takeGroup();
    this.#authority = authority;
    this.#taggerId = port.id;
    this.#create = create;
    this.#group = port.group();
    this.#lifetime = new Lifetime(authority.lifetime);
    this.#lifetime.onEnd(() => {
      giveBack();
      // They may be synchronized with others from now on.
      for (const handle of this.#members.keys()) this.#unregister(handle);
    });
  }

  measure(name: unknown, config: unknown, options?: unknown): Promise<never> {
    return this.#run(async () => {
      const handle = await this.#create(name, config, options);
      try {
        const number = await handle.number();
        this.#lifetime.check();
        this.#register(number);
      } catch (error) {
        handle[Symbol.dispose]();
        throw error;
      }
      return handle as never;
    });
  }

  register(number: unknown): Promise<void> { return this.#run(() => { this.#register(number); }); }

  unregister(number: unknown): Promise<void> { return this.#run(() => { this.#unregister(this.#handle('unregister', number)); }); }

  start(): Promise<void> { return this.#run(() => this.#group.start()); }

  startFor(durationPs: unknown, clear: unknown = true): Promise<void> {
    return this.#run(() => {
      const action = 'start synchronized measurements for a time';
      return this.#group.startFor(checkInteger(action, 'durationPs', durationPs, 1, limits.runPs), checkBoolean(action, 'clear', clear));
    });
  }

  stop(): Promise<void> { return this.#run(() => this.#group.stop()); }
  clear(): Promise<void> { return this.#run(() => this.#group.clear()); }
  isRunning(): Promise<boolean> { return this.#run(() => this.#group.isRunning()); }

  waitUntilFinished(timeoutMs: unknown = -1): Promise<boolean> {
    return this.#run(() => this.#group.waitUntilFinished(checkInteger('wait for synchronized measurements', 'timeoutMs', timeoutMs, -1, longestWaitMs)));
  }

  #register(number: unknown): void {
    const handle = this.#handle('register', number);
    const { held, lifetime } = handle;
    if (held.taggerId !== this.#taggerId) {
      throw new TaggerError('usage', `Cannot register a measurement of '${held.taggerId}' with those of '${this.#taggerId}': members belong to one tagger.`);
    }
    if (this.#members.has(handle)) return;
    this.#group.register(held.port);
    // Whoever gave his handle up steers it no more, even if the measurement is kept.
    this.#members.set(handle, lifetime.onEnd(() => { this.#unregister(handle); }));
  }

  #unregister(handle: NumberedHandle): void {
    this.#members.get(handle)?.();
    if (this.#members.delete(handle)) this.#group.unregister(handle.held.port);
  }

  #handle(action: string, number: unknown): NumberedHandle {
    const checked = checkInteger(`${action} a measurement`, 'its number', number, 1, Number.MAX_SAFE_INTEGER);
    const handle = this.#authority.connection.handle(checked);
    if (!handle) throw new TaggerError('not-found', `Cannot ${action} the measurement ${checked}: this connection holds none of this number.`);
    return handle;
  }

  async #run<T>(action: () => T | Promise<T>): Promise<T> { return await this.#authority.run(() => this.#lifetime.race(action())); }

  [Symbol.dispose](): void { this.#lifetime[Symbol.dispose](); }
}
