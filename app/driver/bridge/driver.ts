// driver/bridge/driver.ts - a tagger whose vendor's library runs in another process: the user's program, beside tagd, that speaks docs/bridge.md.
//
// The child is a device that can be unplugged at any time: when it dies, babbles or falls silent, the gap is a flagged interval, the next child begins
// a new epoch, and the settings are applied again before its first tag.
import { TaggerError, isTaggerError } from '../../core/errors.ts';
import { checkSettings } from '../../core/settings.ts';
import type { Settings, Tagger, TaggerInfo } from '../../core/tagger.ts';
import type { TagSink } from '../../core/tags.ts';
import { outlive, type Source } from '../outlive.ts';
import { pause } from '../pause.ts';
import { BridgeChild } from './child.ts';
import { checkProgram, splitCommand } from './command.ts';
import { bridgeLimits, checkCapabilities, checkValues, type Capabilities, type RecordFormat } from './protocol.ts';
import { recordBytes } from './decoder.ts';
import { Records } from './records.ts';

export interface BridgeOptions {
  command: string;
  /** Words of the S-Fifteen tools and nothing else; absent: the bridge says what it is. */
  raw?: Exclude<RecordFormat, 'si16'> | undefined;
  /** Which decoder; by default the fastest that runs here. */
  decoder?: 'wasm' | 'typescript';
}

/** Between two looks at the flags of the sink. */
const lookMs = 20;
/** A bridge that promises a sign of life this often is silent when it has missed so many, and at least this long. */
const silence = { beats: 5, leastMs: 2000 } as const;

/** Starts the bridge and asks it what it is. @throws {TaggerError} what is wrong with the command, or with what came back */
export async function openBridge(options: BridgeOptions): Promise<BridgeTagger> {
  const words = splitCommand(options.command);
  checkProgram(words[0]!);
  if (options.raw) return new BridgeTagger(words, options, rawCapabilities(words[0]!, options.raw), undefined);
  const { child, capabilities } = await start(words, new AbortController().signal);
  return new BridgeTagger(words, options, capabilities, child);
}

/** What is known of a program that writes a1 words, without asking it. */
function rawCapabilities(program: string, format: RecordFormat): Capabilities {
  const channels = [1, 2, 3, 4].map(number => ({ number, name: `Ch ${number}` }));
  return {
    info: {
      model: 'S-Fifteen a1 stream', serial: program.split('/').at(-1)!, driver: 'bridge', source: 'live', tick: { num: 125, den: 32 }, channels, settings: [],
      overflowReport: 'unknown', freeRunning: true, description: `${format} words of a command`,
    },
    format, values: { tagger: {}, channels: {} }, heartbeatMs: undefined,
  };
}

async function start(words: readonly string[], signal: AbortSignal): Promise<{ child: BridgeChild; capabilities: Capabilities }> {
  const child = new BridgeChild({ words, isRaw: false });
  try {
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => {});
    const onAbort = (): void => aborted.reject(new TaggerError('closed', 'The bridge was not waited for.'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const fields = await Promise.race([child.capabilities, aborted.promise]).finally(() => signal.removeEventListener('abort', onAbort));
    return { child, capabilities: checkCapabilities(fields) };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

export class BridgeTagger implements Tagger {
  readonly info: TaggerInfo;
  readonly #words: readonly string[];
  readonly #options: BridgeOptions;
  readonly #format: RecordFormat;
  #heartbeatMs: number | undefined;
  #child: BridgeChild | undefined;
  #settings: Settings;
  #running = false;
  #open = true;
  readonly #closing = new AbortController();
  #away: string | undefined;
  #positionPs = 0n;

  constructor(words: readonly string[], options: BridgeOptions, { info, format, values, heartbeatMs }: Capabilities, child: BridgeChild | undefined) {
    this.info = info;
    this.#words = words;
    this.#options = options;
    this.#format = format;
    this.#heartbeatMs = heartbeatMs;
    this.#child = child;
    this.#settings = values;
  }

  settings(): Settings { return structuredClone(this.#settings); }

  async configure(change: Settings): Promise<Settings> {
    if (!this.#open) throw new TaggerError('closed', `Cannot configure the ${this.info.model}: it was closed.`);
    checkSettings(change, this.info);
    if (this.info.settings.length === 0) return this.settings();
    if (!this.#child || this.#child.fault) throw new TaggerError('device-lost', `Cannot configure the ${this.info.model}: its bridge is not there.`, { hint: this.#away ?? this.#child?.fault?.message });
    await this.#configure(this.#child, change);
    return this.settings();
  }

  detail(): string | undefined { return this.#away ?? this.#child?.fault?.message ?? this.#child?.warning; }

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
      // A program without a protocol cannot be told to stop, only to leave.
      if (!this.#open || this.#options.raw) await this.#letGo();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#closing.abort();
    if (!this.#running) await this.#letGo();
  }

  #source(sink: TagSink, signal: AbortSignal, stopped: () => boolean): Source {
    const positionPs = (): bigint => this.#positionPs;
    return {
      get positionPs() { return positionPs(); },
      stream: async originPs => {
        this.#positionPs = originPs;
        if (!this.#child || this.#child.fault) await this.#restart(signal);
        await this.#records(this.#child!, sink, signal, stopped, originPs);
      },
      away: reason => { this.#away = reason; },
      letGo: () => this.#letGo(),
      reopen: async waitMs => {
        await pause(waitMs, signal);
        if (stopped()) return false;
        await this.#restart(signal);
        return true;
      },
    };
  }

  async #records(child: BridgeChild, sink: TagSink, signal: AbortSignal, stopped: () => boolean, originPs: bigint): Promise<void> {
    const { raw } = this.#options;
    child.ended = undefined;
    if (!raw && !child.isQuiet) {
      const error = new TaggerError('protocol', `The bridge of the ${this.info.model} sends without being asked: records may come behind start only, and none behind the answer to stop.`);
      child.fail(error);
      throw error;
    }
    const basePs = originPs - (raw ? 0n : timeOf((await child.ask('start'))['fromPs']));
    const records = new Records(sink, this.info, this.#format, this.#format === 'si16' ? basePs : originPs, originPs, this.#options.decoder);
    let heardMs = performance.now();
    const take = (data: Uint8Array): void => {
      heardMs = performance.now();
      try {
        records.take(data);
      } catch (error) {
        if (isTaggerError(error)) child.fail(error);
        throw error;
      } finally {
        this.#positionPs = records.lastPs;
      }
    };
    try {
      while (!stopped()) {
        const data = await child.next(lookMs, signal);
        if (data) take(data);
        else if (child.isOver || (child.ended !== undefined && records.taken >= child.ended)) break;
        else this.#checkSilence(child, performance.now() - heardMs, records.taken);
      }
      if (!raw) await this.#stop(child, records, sink, take);
    } finally {
      records.finish();
    }
  }

  #checkSilence(child: BridgeChild, quietMs: number, taken: number): void {
    if (child.ended !== undefined && quietMs > bridgeLimits.stopMs) throw new TaggerError('protocol', `The bridge of the ${this.info.model} says that its source ended after ${child.ended} records, and ${taken} came.`);
    if (this.#heartbeatMs === undefined || quietMs < Math.max(silence.leastMs, silence.beats * this.#heartbeatMs)) return;
    const error = new TaggerError('device-lost', `The bridge of the ${this.info.model} has sent nothing for ${(quietMs / 1000).toFixed(1)} s, and promised a record every ${this.#heartbeatMs} ms.`, { hint: 'It is started again.' });
    child.fail(error);
    throw error;
  }

  /** The answer says how many records it wrote: when they are here, nothing of this run is left in the pipe. */
  async #stop(child: BridgeChild, records: Records, sink: TagSink, take: (data: Uint8Array) => void): Promise<void> {
    const never = new AbortController().signal, size = recordBytes[this.#format];
    const answer: { total?: number; failure?: TaggerError } = {};
    const answered = child.ask('stop', {}, bridgeLimits.stopMs).then(({ records: count }) => { answer.total = typeof count === 'number' ? count : 0; }, (error: unknown) => { answer.failure = error as TaggerError; });
    for (let dropped = 0, late = Infinity; answer.failure === undefined; ) {
      const came = records.taken + Math.floor(dropped / size), { total } = answer;
      if (total !== undefined && came >= total) break;
      if (total !== undefined && late === Infinity) late = performance.now() + bridgeLimits.stopMs;
      if (performance.now() > late) answer.failure = new TaggerError('protocol', `The bridge of the ${this.info.model} says that it wrote ${total} records, and ${came} came.`);
      const data = await child.next(lookMs, never);
      // A sink that is taken down wants no more; what comes after the end is of no run.
      if (data && sink.stopped) dropped += data.length;
      else if (data) take(data);
    }
    await answered;
    // One that does not stop would go on into the next run.
    if (answer.failure) child.fail(answer.failure);
  }

  async #configure(child: BridgeChild, change: Settings): Promise<void> {
    const { settings } = await child.ask('configure', { change });
    try {
      this.#settings = checkValues(settings, this.info);
    } catch (error) {
      if (isTaggerError(error)) child.fail(error);
      throw error;
    }
  }

  /** A new child with the settings that the last one had. */
  async #restart(signal: AbortSignal): Promise<void> {
    await this.#letGo();
    if (this.#options.raw) {
      this.#child = new BridgeChild({ words: this.#words, isRaw: true });
      return;
    }
    const { child, capabilities: { info, heartbeatMs } } = await start(this.#words, signal);
    this.#child = child;
    this.#heartbeatMs = heartbeatMs;
    if (!isSame(info, this.info)) {
      throw new TaggerError('conflict', `Another tagger is behind the bridge: ${info.model} ${info.serial}, where ${this.info.model} ${this.info.serial} was.`, { hint: 'Connect the old one again, or restart tagd.' });
    }
    if (info.settings.length > 0) await this.#configure(child, this.#settings);
  }

  async #letGo(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await child?.[Symbol.asyncDispose]();
  }
}

/** Device time at which the stream begins. */
function timeOf(fromPs: unknown): bigint {
  if (fromPs === undefined) return 0n;
  if (typeof fromPs !== 'string' || !/^-?\d{1,19}$/.test(fromPs)) throw new TaggerError('protocol', 'Cannot use the bridge: fromPs is no text of a whole number.', { hint: 'See docs/bridge.md, "Commands".' });
  return BigInt(fromPs);
}

function isSame(a: TaggerInfo, b: TaggerInfo): boolean {
  const list = ({ channels, settings }: TaggerInfo): string => JSON.stringify([channels.map(({ number }) => number), settings.map(({ key, scope, kind }) => [key, scope, kind])]);
  return a.model === b.model && a.serial === b.serial && list(a) === list(b);
}
