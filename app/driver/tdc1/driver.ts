// driver/tdc1/driver.ts - the S-Fifteen TDC1: 4 inputs, 2 ns, over a serial line that anybody may have made, so it is asked what it is.
//
// Words and replies share one endpoint, so while words are streaming nothing can be asked: what its FIFO has lost is known only when a stream
// ends, and a change of settings interrupts the stream, which is a marked gap and a new epoch.
import { TaggerError } from '../../core/errors.ts';
import type { Settings, SettingValue, TaggerInfo } from '../../core/tagger.ts';
import type { TagSink } from '../../core/tags.ts';
import type { BulkSource, UsbAccess, UsbIdentity } from '../usb-access.ts';
import { drain, type UsbDriver, type UsbSession } from '../usb-tagger.ts';
import { Port } from './port.ts';
import {
  brokenStatusBytes, clockCommand, clockSources, defaults, flushCommand, inputs, mostLevelV, overflowBit, startCommand, statusAtEnd, statusBytes, stopCommand, thresholdCommand, thresholds,
  tick, type Tdc1Settings,
} from './protocol.ts';
import { Words } from './words.ts';

/** 65 ms at 4 M words a second, which is more than the device sustains. */
const transfers = 64, transferBytes = 16 * 1024;
/** What nobody asks for waits in the device until its packet is full; something undecided is decided sooner. */
const flushMs = 15, settleMs = 5;
/** A dummy comes every 140 ms at the latest; three of them missing is no accident. */
const silenceMs = 500;
/** The rest of a stream, its status included, has come when nothing more has for so long. */
const endMs = 20, mostEndMs = 2000, mostEndBytes = 16 * 1024 * 1024;
/** The level that a converter makes of a number is this near to it. */
const levelToleranceV = 0.05;
/** The host's clock tells when a stream was started again, to about this. */
const restartUncertaintyPs = 1e9;

export const tdc1: UsbDriver = {
  id: 'tdc1', model: 'S-Fifteen TDC1',
  score: scoreOf,
  open: async access => Session.open(access),
};

/** Its ids are not published: it is known by what it calls itself. */
function scoreOf({ manufacturer, product, serial }: UsbIdentity): number {
  if (/TDC1/i.test(product) || /^TDC1\b/i.test(serial)) return 3;
  return /S-?Fifteen/i.test(manufacturer) && /USB Counter/i.test(product) && !/TDC2/i.test(serial) ? 2 : 0;
}

interface Job { change: Settings; done: (applied: Settings) => void; failed: (error: unknown) => void }

class Session implements UsbSession {
  readonly info: TaggerInfo;
  positionPs = 0n;
  readonly #port: Port;
  #values: Tdc1Settings = { ...defaults };
  /** Changes that wait for the stream to be interrupted. */
  readonly #jobs: Job[] = [];
  #isStreaming = false;
  #taking: Promise<void> = Promise.resolve();

  static async open(access: UsbAccess): Promise<Session> {
    const port = await Port.open(access);
    await port.send('*RST');
    const identity = await port.ask('*IDN?');
    if (!/TDC1/i.test(identity)) {
      throw new TaggerError('protocol', `Cannot use the device at ${access.identity.port} as an S-Fifteen TDC1: it calls itself '${identity.slice(0, 60)}'.`, { hint: 'It is another device of that maker.' });
    }
    const session = new Session(port, identity);
    session.#values = await session.#apply(session.#values);
    return session;
  }

  private constructor(port: Port, identity: string) {
    const { serial, port: place } = port.access.identity;
    const level = { kind: 'number', unit: 'V', scope: 'tagger', min: -mostLevelV, max: mostLevelV } as const;
    this.#port = port;
    this.info = {
      model: tdc1.model, serial: serial || `port ${place}`, driver: tdc1.id, source: 'live', tick,
      channels: Array.from({ length: inputs }, (_, k) => ({ number: k + 1, name: `Ch ${k + 1}` })),
      settings: [
        { key: 'threshold', label: 'threshold', kind: 'choice', unit: '', scope: 'tagger', choices: thresholds, default: defaults.threshold },
        { key: 'negativeLevelV', label: 'level of negative pulses', ...level, default: defaults.negativeLevelV },
        { key: 'positiveLevelV', label: 'level of positive pulses', ...level, default: defaults.positiveLevelV },
        { key: 'clockSource', label: 'clock source', kind: 'choice', unit: '', scope: 'tagger', choices: clockSources, default: defaults.clockSource },
      ],
      firmware: identity.slice(0, 80), overflowReport: 'unknown', freeRunning: true, description: 'S-Fifteen TDC1, 4 inputs, 2 ns',
    };
  }

  settings(): Settings { return { tagger: { ...this.#values }, channels: Object.fromEntries(this.info.channels.map(({ number }) => [number, {}])) }; }

  async configure(change: Settings): Promise<Settings> {
    if (Object.keys(change.tagger ?? {}).every(key => (this.#values as unknown as Record<string, SettingValue>)[key] === change.tagger![key])) return this.settings();
    return new Promise((done, failed) => {
      this.#jobs.push({ change, done, failed });
      // Otherwise the stream takes them when it has stopped the device.
      if (!this.#isStreaming && this.#jobs.length === 1) this.#taking = this.#takeJobs();
    });
  }

  async stream(sink: TagSink, signal: AbortSignal, stopped: () => boolean, originPs: bigint): Promise<void> {
    this.positionPs = originPs;
    this.#isStreaming = true;
    await this.#taking;
    try {
      for (let fromPs = originPs; ;) {
        await this.#flow(sink, signal, stopped, fromPs);
        if (stopped()) return;
        const sincePs = this.positionPs, sinceMs = performance.now();
        sink.losing(sincePs, 'device');
        await this.#takeJobs();
        fromPs = sincePs + BigInt(Math.max(1, Math.round((performance.now() - sinceMs) * 1e9)));
        sink.lost({ grade: 'flagged', place: 'device', fromPs: sincePs, toPs: fromPs });
        sink.epoch(fromPs, restartUncertaintyPs);
        this.positionPs = fromPs;
      }
    } finally {
      this.#isStreaming = false;
      await this.#takeJobs();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.#port.access[Symbol.asyncDispose](); }

  /** Words into the sink, until that is stopped or a change of settings waits. */
  async #flow(sink: TagSink, signal: AbortSignal, stopped: () => boolean, originPs: bigint): Promise<void> {
    const { access, endpoint } = this.#port, words = new Words(sink, originPs);
    await drain(access, endpoint);
    await using source = access.stream(endpoint, transfers, transferBytes);
    await this.#port.send(startCommand(this.#values));
    let quietMs = 0, isAsked = false;
    try {
      while (!stopped() && this.#jobs.length === 0) {
        const waitMs = words.isHolding ? settleMs : flushMs;
        const data = await source.next(waitMs, signal);
        if (data && data.length > 0) {
          const isShort = data.length < transferBytes;
          words.take(data, isShort, quietMs);
          quietMs = 0;
          isAsked = isShort;
          this.positionPs = words.lastPs;
        } else if (!stopped()) {
          if (isAsked) words.settle();
          quietMs += waitMs;
          if (quietMs >= silenceMs) {
            throw new TaggerError('device-lost', `The S-Fifteen TDC1 has been silent for ${silenceMs} ms, although it sends a word every 140 ms at the latest.`, { hint: 'Unplug it and plug it in again.' });
          }
          await this.#port.send(flushCommand);
          isAsked = true;
        }
      }
    } finally {
      if (!access.gone.aborted) await this.#end(source, sink, words, originPs, stopped());
      this.positionPs = words.lastPs;
    }
  }

  /** Stops the stream, takes its last words unless nobody wants them any more, and tells what its status says of all of it. */
  async #end(source: BulkSource, sink: TagSink, words: Words, originPs: bigint, isUnwanted: boolean): Promise<void> {
    let status: number | undefined;
    try {
      await this.#port.send(stopCommand);
      const rest = await readRest(source);
      status = statusAtEnd(rest);
      const isWhole = status !== undefined, end = isUnwanted ? 0 : rest.length - (isWhole ? statusBytes : brokenStatusBytes(rest));
      for (let at = 0; at < end; at += transferBytes) words.take(rest.subarray(at, Math.min(at + transferBytes, end)), isWhole && at + transferBytes >= end);
      // In front of a status that came whole lie all the words there are.
      if (isWhole && !isUnwanted) words.settle();
      await this.#port.send('*RST');
    } catch { /* It has gone, or babbles, while we said good-bye. */ }
    // One that was pulled out says nothing; one that is there and does not say that all is well may have lost something.
    if (this.#port.access.gone.aborted) return;
    if (status === undefined || (status & overflowBit) > 0) {
      sink.lost({ grade: 'suspect', place: 'device', fromPs: originPs, toPs: words.lastPs > originPs ? words.lastPs : originPs + 1n });
    }
  }

  /** Every change that waits, one after the other; nothing is streaming. */
  async #takeJobs(): Promise<void> {
    for (let job; (job = this.#jobs[0]) !== undefined; this.#jobs.shift()) {
      try {
        this.#values = await this.#change({ ...this.#values, ...job.change.tagger });
        job.done(this.settings());
      } catch (error) {
        job.failed(error);
      }
    }
  }

  /** All of it, or all as it was. */
  async #change(wanted: Tdc1Settings): Promise<Tdc1Settings> {
    try {
      return await this.#apply(wanted);
    } catch (error) {
      if (!this.#port.access.gone.aborted) await this.#apply(this.#values).catch(() => {});
      throw error;
    }
  }

  /** @returns what the device has made of it */
  async #apply(wanted: Tdc1Settings): Promise<Tdc1Settings> {
    const applied = { ...wanted }, key = wanted.threshold === 'negative' ? 'negativeLevelV' : 'positiveLevelV';
    await this.#port.send(thresholdCommand(wanted));
    const levelV = await this.#port.number('LEVEL?');
    if (wanted.threshold === 'negative' || wanted.threshold === 'positive') {
      if (Math.abs(levelV - wanted[key]) > levelToleranceV) {
        throw new TaggerError('device-refused', `Cannot set the level of ${wanted.threshold} pulses of the S-Fifteen TDC1 to ${wanted[key]} V: it has ${levelV} V.`);
      }
      applied[key] = Math.min(mostLevelV, Math.max(-mostLevelV, levelV));
    }
    await this.#port.send(clockCommand(wanted));
    const clock = clockSources[await this.#port.number('REFCLK?')];
    if (clock !== wanted.clockSource) {
      throw new TaggerError('device-refused', `Cannot set the clock source of the S-Fifteen TDC1 to ${wanted.clockSource}: it stays at ${clock ?? 'an unknown one'}.`);
    }
    return applied;
  }
}

/** What still comes, up to the status; that may lie in a transfer of its own, or over two. */
async function readRest(source: BulkSource): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const until = performance.now() + mostEndMs;
  for (let bytes = 0; bytes < mostEndBytes && performance.now() < until;) {
    const data = await source.next(endMs);
    if (data === undefined) break;
    parts.push(data);
    bytes += data.length;
    if (data.length < transferBytes && statusAtEnd(Buffer.concat(parts.slice(-2))) !== undefined) break;
  }
  await source.stop();
  for (let data; (data = await source.next(0)) !== undefined;) parts.push(data);
  return Buffer.concat(parts);
}
