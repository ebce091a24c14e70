// rpc/tagger.ts - a tagger as a client holds it, one class per facet; each facet has the methods of the one before.
//
// A grant that names channels sees and reaches only those: other channels are left out of status, settings and rates, and
// are refused in measurements, delays and changes.
import { RpcTarget } from 'capnweb';
import { channelsOf, checkRequest, specOf } from '../core/arguments.ts';
import { checkVirtual, definitionsOf, physicalOf, virtualNumbers, type CheckedVirtual } from '../core/virtual.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { MeasurementRequest } from '../core/measurements.ts';
import { settingsChanges, type CreateOptions, type Rates, type StationEvent, type TaggerPort, type TaggerStatus } from '../core/station.ts';
import type { Settings } from '../core/tagger.ts';
import type { Facet, Measurement, MeasurementReader, SharedMeasurementInfo, TaggerControl, TaggerMeasure, TaggerView } from './api.ts';
import type { Authority } from './authority.ts';
import { checkBoolean, checkCallback, checkChoice, checkInteger, checkList, checkName, checkRecord, isRecord } from './checks.ts';
import { Held } from './kept.ts';
import { Lifetime } from './lifetime.ts';
import { handleOf, longestWaitMs, readerOf } from './measurement.ts';
import { Reach } from './reach.ts';
import { checkSettings } from './settings.ts';
import { SynchronizedTarget } from './synchronized.ts';
import { subscribe, type SubscriptionTarget } from './updates.ts';

/** One handle's hold on a tagger. */
class Grip {
  readonly authority: Authority;
  readonly port: TaggerPort;
  readonly reach: Reach;
  readonly lifetime: Lifetime;

  constructor(authority: Authority, port: TaggerPort) {
    this.authority = authority;
    this.port = port;
    this.reach = new Reach(authority.grant.channels);
    this.lifetime = new Lifetime(authority.lifetime);
  }

  async run<T>(action: () => T | Promise<T>): Promise<T> { return await this.authority.run(() => this.lifetime.race(action())); }
}

class TaggerViewTarget extends RpcTarget implements TaggerView {
  readonly #grip: Grip;
  constructor(grip: Grip) {
    super();
    this.#grip = grip;
  }

  status(): Promise<TaggerStatus> { return this.#grip.run(() => this.#grip.reach.status(this.#grip.port.status())); }

  settings(): Promise<{ settings: Settings; revision: number }> {
    return this.#grip.run(() => {
      const { settings, revision } = this.#grip.reach.status(this.#grip.port.status());
      return { settings, revision };
    });
  }

  rates(windowMs: unknown = 1000): Promise<Rates> {
    return this.#grip.run(() => this.#grip.reach.rates(this.#grip.port.rates(checkInteger('read rates', 'windowMs', windowMs, 1, 3_600_000))));
  }

  subscribeRates(callback: unknown, everyMs: unknown = 1000): Promise<SubscriptionTarget> {
    return this.#grip.run(() => {
      const action = 'subscribe to rates';
      const checkedMs = checkInteger(action, 'everyMs', everyMs, limits.fastestUpdateMs, 3_600_000);
      const { reach, port, authority: { connection, desk } } = this.#grip;
      return subscribe({
        connection, parent: this.#grip.lifetime, clock: desk.clock, callback: checkCallback<(rates: Rates) => unknown>(action, callback), everyMs: checkedMs,
        produce: async () => ({ value: reach.rates(port.rates(checkedMs)) }),
      });
    });
  }

  watch(callback: unknown): Promise<SubscriptionTarget> {
    return this.#grip.run(() => {
      const { port, lifetime, authority: { connection, desk } } = this.#grip;
      const callbackOf = checkCallback<(event: StationEvent) => unknown>('watch a tagger', callback);
      const newest = new Map<string, StationEvent>();
      let awake = Promise.withResolvers<void>();
      const stop = desk.station.watch(event => {
        if (event.taggerId !== port.id) return;
        newest.set(event.kind, event);
        awake.resolve();
      });
      const produce = async (subscription: Lifetime): Promise<{ value: StationEvent }> => {
        while (newest.size === 0) {
          awake = Promise.withResolvers();
          await subscription.race(awake.promise);
        }
        const [kind, event] = newest.entries().next().value as [string, StationEvent];
        newest.delete(kind);
        return { value: event };
      };
      try {
        return subscribe({ connection, parent: lifetime, clock: desk.clock, callback: callbackOf, everyMs: 0, produce, onEnd: stop });
      } catch (error) {
        stop();
        throw error;
      }
    });
  }

  shared(): Promise<SharedMeasurementInfo[]> {
    return this.#grip.run(() => this.#shared().map(({ name, held: { port, taggerId }, owner }) =>
      ({ name, measurement: port.name, config: port.config, taggerId, owner, running: port.isRunning() })));
  }

  sharedMeasurement(name: unknown): Promise<MeasurementReader> {
    return this.#grip.run(() => {
      const checked = checkName('read a shared measurement', name);
      const kept = this.#shared().find(each => each.name === checked);
      if (!kept) throw new TaggerError('not-found', `Cannot read the shared measurement '${checked}': there is none of this name on this tagger.`);
      return readerOf(this.#grip.authority, kept.held);
    });
  }

  #shared() {
    const { authority: { desk }, port, reach } = this.#grip;
    return desk.kept.all().filter(({ held }) => held.taggerId === port.id && held.channels.every(channel => reach.has(channel)));
  }

  [Symbol.dispose](): void { this.#grip.lifetime[Symbol.dispose](); }
}

class TaggerMeasureTarget extends TaggerViewTarget implements TaggerMeasure {
  readonly #grip: Grip;
  constructor(grip: Grip) {
    super(grip);
    this.#grip = grip;
  }

  measure(name: unknown, config: unknown, options?: unknown): Promise<never> {
    return this.#grip.run(async () => (await create(this.#grip, [{ name, config }], options))[0] as never);
  }

  measureTogether(requests: unknown, options?: unknown): Promise<Measurement[]> {
    return this.#grip.run(async () => {
      const action = 'measure together';
      const list = checkList(action, 'the measurements', requests, limits.measurementsPerSession, item => {
        if (!isRecord(item)) throw new TaggerError('usage', `Cannot ${action}: each measurement must be an object with name and config.`);
        return checkRecord(action, item, ['name', 'config']);
      });
      if (list.length === 0) throw new TaggerError('usage', `Cannot ${action}: the list is empty.`);
      return await create(this.#grip, list, options);
    });
  }

  synchronized(): Promise<SynchronizedTarget> {
    return this.#grip.run(() => {
      const { authority, port } = this.#grip;
      return new SynchronizedTarget(authority, port, async (name, config, options) => {
        // Its own lifetime is another; it lives on when this handle is disposed, as a measurement does.
        const made = await create(this.#grip, [{ name, config }], { ...checkRecord('create a measurement', options, ['delaysPs', 'virtual', 'onSettingsChange']), start: false });
        return made[0]!;
      });
    });
  }

  getFence(alloc: unknown = true): Promise<number> { return this.#grip.run(() => this.#grip.port.getFence(checkBoolean('name a fence', 'alloc', alloc))); }

  waitForFence(fence: unknown, timeoutMs: unknown = -1): Promise<boolean> {
    return this.#grip.run(() => {
      const action = 'wait for a fence';
      return this.#grip.port.waitForFence(checkInteger(action, 'fence', fence, 0, 2 ** 32 - 1), checkInteger(action, 'timeoutMs', timeoutMs, -1, longestWaitMs));
    });
  }

  sync(timeoutMs: unknown = -1): Promise<boolean> {
    return this.#grip.run(() => {
      const checkedMs = checkInteger('wait for all tags', 'timeoutMs', timeoutMs, -1, longestWaitMs);
      return this.#grip.port.waitForFence(this.#grip.port.getFence(), checkedMs);
    });
  }
}

class TaggerControlTarget extends TaggerMeasureTarget implements TaggerControl {
  readonly #grip: Grip;
  constructor(grip: Grip) {
    super(grip);
    this.#grip = grip;
  }

  configure(change: unknown, options?: unknown): Promise<{ settings: Settings; revision: number }> {
    return this.#grip.run(async () => {
      const { port, reach, authority } = this.#grip;
      const action = `change the settings of ${port.id}`;
      const { revision } = checkRecord(action, options, ['revision']);
      const status = port.status();
      const checked = checkSettings(action, change, status.info, reach);
      const seen = revision === undefined ? undefined : checkInteger(action, 'revision', revision, 0, Number.MAX_SAFE_INTEGER);
      const applied = await port.configure(checked, seen);
      authority.note('configure', { tagger: port.id, change: checked, before: before(status.settings, checked), revision: applied.revision });
      return { settings: reach.settings(applied.settings), revision: applied.revision };
    });
  }
}

/** The old values of exactly what was changed. */
function before(settings: Settings, change: Settings): Settings {
  const pick = (from: Record<string, unknown> | undefined, keys: object): Record<string, never> =>
    Object.fromEntries(Object.keys(keys).map(key => [key, from?.[key] ?? null])) as Record<string, never>;
  return {
    ...(change.tagger ? { tagger: pick(settings.tagger, change.tagger) } : {}),
    ...(change.channels ? { channels: Object.fromEntries(Object.entries(change.channels).map(([channel, values]) => [channel, pick(settings.channels?.[Number(channel)], values)])) } : {}),
  };
}

/** What the engine made belongs to handles before anybody can lose it, even if the grant ended while it worked. */
async function create(grip: Grip, requests: readonly { name?: unknown; config?: unknown }[], options: unknown): Promise<Measurement[]> {
  const { authority, port, reach } = grip;
  const channels = port.status().info.channels.map(({ number }) => number);
  const { virtual, ...checkedOptions } = checkCreateOptions(options, channels, reach);
  const known = [...channels, ...virtualNumbers(virtual)];
  const checked = requests.map(request => {
    const { name, config } = checkRequest({ config: {}, ...request } as MeasurementRequest, known);
    reach.check(`create a ${name}`, physicalOf(channelsOf(specOf(name).parameters, config), virtual));
    return { name, config };
  });
  if (virtual.length > 0) Object.assign(checkedOptions, { virtual: definitionsOf(virtual) } satisfies CreateOptions);
  const places = checked.map(() => authority.connection.takeMeasurements(1));
  let ports;
  try {
    ports = await port.createMeasurements(checked, checkedOptions);
  } catch (error) {
    for (const giveBack of places) giveBack();
    throw error;
  }
  if (authority.lifetime.ended) {
    for (const made of ports) made.dispose();
    for (const giveBack of places) giveBack();
    authority.lifetime.check();
  }
  return ports.map((made, i) => handleOf(authority, new Held(made, port.id), places[i] as () => void));
}

function checkCreateOptions(options: unknown, channels: readonly number[], reach: Reach): Omit<CreateOptions, 'virtual'> & { virtual: readonly CheckedVirtual[] } {
  const action = 'create a measurement';
  const { start, delaysPs, onSettingsChange, virtual: given } = checkRecord(action, options, ['start', 'delaysPs', 'onSettingsChange', 'virtual']);
  const virtual = checkVirtual(given, channels);
  for (const { number, inputs } of virtual) reach.check(`make virtual channel ${number}`, physicalOf(inputs, virtual));
  const checked = {
    virtual,
    ...(start === undefined ? {} : { start: checkBoolean(action, 'start', start) }),
    ...(onSettingsChange === undefined ? {} : { onSettingsChange: checkChoice(action, 'onSettingsChange', onSettingsChange, settingsChanges) }),
  };
  if (delaysPs === undefined) return checked;
  if (!isRecord(delaysPs)) throw new TaggerError('usage', `Cannot ${action}: delaysPs must be an object of channel: ps.`);
  const delays: Record<number, number> = {};
  for (const [key, value] of Object.entries(delaysPs)) {
    const channel = Number(key);
    if (!channels.includes(channel)) throw new TaggerError('not-found', `Cannot ${action} with a delay of channel '${key.slice(0, 20)}': there is no such channel.`);
    reach.check(action, [channel]);
    delays[channel] = checkInteger(action, `delaysPs of channel ${channel}`, value, -limits.windowPs, limits.windowPs);
  }
  return { ...checked, delaysPs: delays };
}

export const taggerClasses = { view: TaggerViewTarget, measure: TaggerMeasureTarget, control: TaggerControlTarget } as const;

/** The facet of the grant on this tagger. */
export function taggerOf(authority: Authority, port: TaggerPort): TaggerView & RpcTarget {
  const facet: Exclude<Facet, 'admin'> = authority.grant.facet === 'admin' ? 'control' : authority.grant.facet;
  return new taggerClasses[facet](new Grip(authority, port));
}
