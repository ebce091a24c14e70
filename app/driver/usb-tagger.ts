// driver/usb-tagger.ts - the life of a USB tagger: found, opened, streaming, unplugged, back again.
//
// A driver knows how to talk to a device that is there. This file makes a Tagger of it that stays valid while the device is away: what
// was missed is a flagged interval, the device's new clock is a new epoch, and the settings are applied again before the first tag.
import { TaggerError } from '../core/errors.ts';
import { checkSettings } from '../core/settings.ts';
import type { Settings, Tagger, TaggerInfo, TaggerPhase } from '../core/tagger.ts';
import type { TagSink } from '../core/tags.ts';
import { outlive, type Source } from './outlive.ts';
import { pause } from './pause.ts';
import type { UsbAccess, UsbBus, UsbIdentity } from './usb-access.ts';

/** What an operator may say about USB taggers. */
export interface UsbOptions {
  /** The driver to use where ids are ambiguous. */
  driver?: string | undefined;
  /** Folder with firmware files of the operator. */
  firmware?: string | undefined;
}

export interface UsbDriver {
  /** The name of its folder. */
  readonly id: string;
  /** What people call the device. */
  readonly model: string;
  /** How sure it is that this device is its own: 0 not at all, 1 by ids alone, more by what it says of itself. */
  score(identity: UsbIdentity): number;
  /** Its serial numbers are not: every copy has the same. The port is what tells two of them apart. */
  readonly isKnownByPort?: boolean;
  /** True if other devices have these ids too: nothing is opened on a guess. */
  isAmbiguous?(identity: UsbIdentity): boolean;
  /** Gives a bare device its firmware; it then leaves the bus and comes back as another. Absent: never needed. */
  upload?(access: UsbAccess, options: UsbOptions): Promise<void>;
  needsUpload?(identity: UsbIdentity): boolean;
  /**
   * Claims the device, asks what it is and brings it into a known state; no tag flows yet.
   * @throws {TaggerError} `protocol` if it is not what its ids say
   */
  open(access: UsbAccess, options: UsbOptions): Promise<UsbSession>;
}

/** A device that is there. */
export interface UsbSession extends AsyncDisposable {
  /** As the settings have it: a sample rate makes the tick. */
  readonly info: TaggerInfo;
  settings(): Settings;
  /** As `Tagger.configure`; the change was checked against `info`. */
  configure(change: Settings): Promise<Settings>;
  /**
   * Starts the device and hands on its tags, time 0 of the device being `originPs`, until `stopped` says so (resolves) or the device
   * is gone, silent or babbling (rejects with a TaggerError).
   */
  stream(sink: TagSink, signal: AbortSignal, stopped: () => boolean, originPs: bigint): Promise<void>;
  /** Every tag before this stream time has been handed on. */
  readonly positionPs: bigint;
  detail?(): string | undefined;
}

export class UsbTagger implements Tagger {
  #info: TaggerInfo;
  readonly #bus: UsbBus;
  readonly #driver: UsbDriver;
  readonly #options: UsbOptions;
  readonly #key: UsbIdentity;
  #session: UsbSession | undefined;
  #settings: Settings;
  #running = false;
  #open = true;
  readonly #closing = new AbortController();
  #away: string | undefined;
  #phase: TaggerPhase | undefined;

  constructor(bus: UsbBus, driver: UsbDriver, options: UsbOptions, key: UsbIdentity, session: UsbSession) {
    this.#bus = bus;
    this.#driver = driver;
    this.#options = options;
    this.#key = key;
    this.#session = session;
    this.#info = session.info;
    this.#settings = session.settings();
  }

  get info(): TaggerInfo { return this.#info; }

  settings(): Settings { return structuredClone(this.#settings); }

  async configure(change: Settings): Promise<Settings> {
    if (!this.#open) throw new TaggerError('closed', `Cannot configure the ${this.info.model}: it was closed.`);
    checkSettings(change, this.info);
    if (!this.#session) throw new TaggerError('device-lost', `Cannot configure the ${this.info.model}: it is unplugged.`, { hint: 'Plug it in again.' });
    const session = this.#session;
    this.#settings = await session.configure(change);
    this.#info = session.info;
    return this.settings();
  }

  detail(): string | undefined { return this.#away ?? this.#session?.detail?.(); }
  phase(): TaggerPhase | undefined { return this.#phase; }

  async run(sink: TagSink, signal: AbortSignal): Promise<void> {
    const { model } = this.info;
    if (!this.#open) throw new TaggerError('closed', `Cannot run the ${model}: it was closed.`);
    if (this.#running) throw new TaggerError('busy', `Cannot run the ${model}: it is running already.`);
    this.#running = true;
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    const stopped = (): boolean => ends.aborted || sink.stopped;
    try {
      await outlive(sink, stopped, this.#source(sink, ends, stopped));
    } finally {
      this.#running = false;
      if (!this.#open) await this.#letGo();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#closing.abort();
    if (!this.#running) await this.#letGo();
  }

  #source(sink: TagSink, signal: AbortSignal, stopped: () => boolean): Source {
    const session = (): UsbSession | undefined => this.#session;
    return {
      get positionPs() { return session()?.positionPs ?? 0n; },
      stream: async originPs => {
        if (!this.#session) throw new TaggerError('device-lost', `The ${this.info.model} is gone.`, { hint: 'Plug it in again.' });
        await this.#session.stream(sink, signal, stopped, originPs);
      },
      away: reason => {
        this.#away = reason;
        this.#phase = reason === undefined ? undefined : 'gone';
      },
      letGo: () => this.#letGo(),
      reopen: waitMs => this.#reopen(signal, stopped, waitMs),
    };
  }

  async #letGo(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session) await quietly(session);
  }

  /** Opens the device, if it is there, with the settings that it had. */
  async #reopen(signal: AbortSignal, stopped: () => boolean, waitMs: number): Promise<boolean> {
    const identity = await this.#wait(signal, stopped, waitMs);
    if (!identity) return false;
    this.#session = await openSession(this.#bus, this.#driver, identity, this.#options, signal, phase => { this.#phase = phase; });
    const { model, serial } = this.#session.info;
    if (serial !== this.info.serial || model !== this.info.model) {
      throw new TaggerError('conflict', `Another tagger, ${model} ${serial}, is plugged in where ${this.info.model} ${this.info.serial} was.`);
    }
    this.#settings = await this.#session.configure(this.#settings);
    return true;
  }

  /** The device when it is there, at the earliest after `waitMs`; undefined if it is not, so that the caller looks whether it shall go on. */
  async #wait(signal: AbortSignal, stopped: () => boolean, waitMs: number): Promise<UsbIdentity | undefined> {
    await pause(waitMs, signal);
    if (stopped()) return undefined;
    const arrived = Promise.withResolvers<void>();
    const unwatch = this.#bus.watch(arrived.resolve);
    try {
      const found = (await this.#bus.list()).find(identity => this.#isOurs(identity));
      if (!found) await Promise.race([arrived.promise, pause(1000, signal)]);
      return found;
    } finally {
      unwatch();
    }
  }

  /** By its serial number if it has one of its own, else by the port; a bare device that becomes ours with its firmware is ours too. */
  #isOurs(identity: UsbIdentity): boolean {
    if (this.#driver.score(identity) === 0) return false;
    return this.#driver.isKnownByPort !== true && this.#key.serial !== '' && identity.serial !== '' ? identity.serial === this.#key.serial : identity.port === this.#key.port;
  }
}

/**
 * Reads an endpoint until it has nothing more: what an earlier run has left there.
 * @throws {TaggerError} `protocol` if it goes on for ever
 */
export async function drain(access: UsbAccess, endpoint: number, mostTransfers = 200, quietMs = 10): Promise<void> {
  for (let transfers = 0; ; transfers++) {
    if ((await access.bulkIn(endpoint, 16 * 1024, quietMs)).length === 0) return;
    if (transfers === mostTransfers) {
      throw new TaggerError('protocol', `Cannot use the USB device at ${access.identity.port}: it sends without being asked.`, {
        hint: 'Unplug it and plug it in again; if that does not help, it is another device.',
      });
    }
  }
}

/** A device that is gone cannot be closed properly, and need not be. */
async function quietly(what: AsyncDisposable): Promise<void> {
  try {
    await what[Symbol.asyncDispose]();
  } catch { /* it is gone */ }
}

/** How long a device may take to come back after an upload. */
const renumerationMs = 3000;

/** Opens a device; one that needs firmware gets it first. */
export async function openSession(
  bus: UsbBus, driver: UsbDriver, identity: UsbIdentity, options: UsbOptions, signal: AbortSignal, onPhase: (phase: TaggerPhase) => void = () => {},
): Promise<UsbSession> {
  let present = identity;
  if (driver.needsUpload?.(identity)) {
    onPhase('uploading');
    {
      await using bare = await bus.open(identity);
      await driver.upload?.(bare, options);
    }
    onPhase('renumerating');
    present = await renumerated(bus, driver, identity, signal);
  }
  onPhase('probing');
  const access = await bus.open(present);
  try {
    return await driver.open(access, options);
  } catch (error) {
    await quietly(access);
    throw error;
  }
}

async function renumerated(bus: UsbBus, driver: UsbDriver, { port, address }: UsbIdentity, signal: AbortSignal): Promise<UsbIdentity> {
  const until = performance.now() + renumerationMs;
  while (performance.now() < until && !signal.aborted) {
    const back = (await bus.list()).find(each => each.port === port && each.address !== address && driver.score(each) > 0 && driver.needsUpload?.(each) !== true);
    if (back) return back;
    await pause(50, signal);
  }
  throw new TaggerError('device-lost', `The ${driver.model} at ${port} did not come back after its firmware was loaded.`, { hint: 'Unplug it and plug it in again.' });
}
