// driver/fx2lafw/driver.ts - logic analysers with an FX2 as coarse taggers: 8 or 16 lines, edges to 41.7 ns, for ten dollars.
//
// What such a tagger cannot do: it looks at its lines once a sample, so a pulse that is shorter than a sample can vanish without a trace, and no
// count of such pulses exists. An edge is stamped with the first sample that shows it, up to one sample late.
//
// The board sends samples until nobody fetches them for longer than its buffer lasts; then it stops without a word. So a stream that pauses has
// stopped: what is missing is a flagged gap from the last sample seen to the first one after another start, and that one begins a new epoch, placed
// by the clock of this computer. A change of the sample rate or of the sample's width stops the board on purpose and goes the same way; the tick
// of the tagger is that of the rate which is set. Inputs are switched on and off without a stop.
import { TaggerError } from '../../core/errors.ts';
import type { Settings, SettingInfo, SettingValue, TaggerInfo } from '../../core/tagger.ts';
import type { LossPlace, TagSink } from '../../core/tags.ts';
import { pause, yieldToMessages } from '../pause.ts';
import { uploadFx2 } from '../fx2.ts';
import { idOf, type BulkSource, type UsbAccess, type UsbIdentity } from '../usb-access.ts';
import type { UsbDriver, UsbSession } from '../usb-tagger.ts';
import { readFirmware } from './firmware.ts';
import { HostTime } from './host-time.ts';
import {
  ambiguousId, boardOf, channelNumbers, fifoBytes, fits, hasFirmware, requests, sampleRates, samplesEndpoint, startCommand, tickOf, transferBytes, type Fx2lafwBoard,
  type SampleRate, type Sampling,
} from './protocol.ts';
import { Samples } from './samples.ts';

/** Of 10 ms each: this computer may be busy elsewhere for 0.3 s. */
const transfers = 32;
/** A board that runs ends a transfer every 10 ms (25.6 ms at the lowest rate). Silent for so long and looked at so often, it has stopped. */
const stall = { ms: 120, looks: 5, eachMs: 20 } as const;
/** Started so often without a sample, something else is wrong. */
const mostSilentStarts = 3;
/** People are told of a stop for so long. */
const tellStallMs = 60_000;

export const fx2lafw: UsbDriver = {
  id: 'fx2lafw', model: 'FX2 logic analyser', isKnownByPort: true,
  score: identity => (boardOf(identity) === undefined ? 0 : hasFirmware(identity) ? 3 : 1),
  isAmbiguous: identity => isBare(identity) && idOf(identity) === ambiguousId,
  needsUpload: isBare,
  upload: async (access, { firmware }) => {
    const board = boardAt(access);
    await uploadFx2(access, await readFirmware(board.firmware, modelOf(board), firmware));
  },
  open: access => Fx2lafwSession.open(access),
};

function isBare(identity: UsbIdentity): boolean { return boardOf(identity) !== undefined && !hasFirmware(identity); }
function modelOf({ name }: Fx2lafwBoard): string { return `FX2 logic analyser (${name})`; }

function boardAt({ identity }: UsbAccess): Fx2lafwBoard {
  const board = boardOf(identity);
  if (!board) throw new TaggerError('protocol', `Cannot use the USB device at ${identity.port} as a logic analyser: its id ${idOf(identity)} is none of theirs.`);
  return board;
}

interface Change { resolve(): void; reject(error: unknown): void }
interface End { why: 'stopped' | 'changed' | 'stalled'; hasData: boolean }

class Fx2lafwSession implements UsbSession {
  positionPs = 0n;
  readonly #access: UsbAccess;
  readonly #board: Fx2lafwBoard;
  readonly #packetBytes: number;
  readonly #firmware: string;
  #tagger: { sampleRate: SampleRate; sampleBits: '8' | '16' };
  readonly #enabled: Record<number, boolean>;
  /** While samples flow. */
  #samples: Samples | undefined;
  /** Whoever waits for the board to be started with other settings. */
  readonly #changes: Change[] = [];
  /** A board that is no longer read fills its buffer, for so long, and hears nothing before that is full: from then on. */
  #bufferMs = 0;
  #haltedMs = 0;
  #stalls = 0;
  #stalledMs = -Infinity;

  static async open(access: UsbAccess): Promise<Fx2lafwSession> {
    const board = boardAt(access), { port } = access.identity;
    const refuse = (what: string, hint = 'Unplug it and plug it in again; if that does not help, it is another device.'): TaggerError =>
      new TaggerError('protocol', `Cannot use the device at ${port} as a logic analyser: ${what}.`, { hint });
    const endpoint = access.interfaces.find(({ number, alternate }) => number === 0 && alternate === 0)?.endpoints.find(({ address, type }) => address === samplesEndpoint && type === 'bulk');
    if (!endpoint) throw refuse('it has no endpoint for samples');
    await access.claim(0);
    const version = await access.controlIn({ requestType: 0xc0, request: requests.version, value: 0, index: 0 }, 2);
    if (version.length !== 2) throw refuse(`asked for its version it answered ${version.length} of 2 bytes`);
    if (version[0] !== 1) throw refuse(`its firmware is version ${version[0]}.${version[1]}, and only 1.x is known`, 'Unplug it, install sigrok-firmware-fx2lafw, and plug it in again.');
    const revision = await access.controlIn({ requestType: 0xc0, request: requests.revision, value: 0, index: 0 }, 1);
    if (revision.length !== 1) throw refuse('it does not say which chip it has');
    const session = new Fx2lafwSession(access, board, endpoint.packetBytes, `fx2lafw ${version[0]}.${version[1]}, ${revision[0] === 1 ? 'FX2LP' : `FX2 revision ${revision[0]}`}`);
    await session.#quieten(refuse);
    return session;
  }

  private constructor(access: UsbAccess, board: Fx2lafwBoard, packetBytes: number, firmware: string) {
    this.#access = access;
    this.#board = board;
    this.#packetBytes = packetBytes;
    this.#firmware = firmware;
    this.#tagger = { sampleRate: this.#fastest(board.inputs / 8), sampleBits: board.inputs === 16 ? '16' : '8' };
    this.#enabled = Object.fromEntries(channelNumbers(board.inputs).map(number => [number, true]));
  }

  get info(): TaggerInfo {
    const { inputs } = this.#board, { port } = this.#access.identity, { sampleRate } = this.#tagger;
    const settings: SettingInfo[] = [
      { key: 'sampleRate', label: 'sample rate', kind: 'choice', unit: 'Hz', scope: 'tagger', choices: this.#rates(1), default: this.#fastest(inputs / 8) },
      ...(inputs === 16 ? [{ key: 'sampleBits', label: 'lines that are sampled', kind: 'choice', unit: '', scope: 'tagger', choices: ['8', '16'], default: '16' } as const] : []),
      { key: 'enabled', label: 'input', kind: 'boolean', unit: '', scope: 'channel', default: true },
    ];
    return {
      model: modelOf(this.#board), serial: `port ${port}`, driver: fx2lafw.id, source: 'live', tick: tickOf(sampleRates[sampleRate]),
      channels: channelNumbers(inputs).map(number => ({ number, name: `D${Math.abs(number) - 1} ${number < 0 ? 'falling' : 'rising'}` })),
      firmware: this.#firmware, settings, overflowReport: 'flagged', freeRunning: true,
      description: `${inputs} lines that are looked at once a sample: a pulse shorter than a sample (41.7 ns at 24M) can vanish without a trace${this.#packetBytes < 512 ? '; on a slow USB port' : ''}`,
    };
  }

  settings(): Settings {
    const { sampleRate, sampleBits } = this.#tagger;
    return {
      tagger: { sampleRate, ...(this.#board.inputs === 16 && { sampleBits }) },
      channels: Object.fromEntries(Object.entries(this.#enabled).map(([number, enabled]) => [number, { enabled } as Record<string, SettingValue>])),
    };
  }

  async configure(change: Settings): Promise<Settings> {
    const tagger = { ...this.#tagger, ...change.tagger }, { sampleRate, sampleBits } = tagger;
    if (!fits(sampleRates[sampleRate], Number(sampleBits) / 8, this.#packetBytes)) {
      throw new TaggerError('usage', `Cannot set the sample rate of the ${this.info.model} to ${sampleRate} with ${sampleBits} lines: that is more than its USB port carries.`, {
        hint: `With ${sampleBits} lines it has ${this.#rates(Number(sampleBits) / 8).join(', ')}.`,
      });
    }
    const isRestart = sampleRate !== this.#tagger.sampleRate || sampleBits !== this.#tagger.sampleBits;
    this.#tagger = tagger;
    for (const [number, { enabled }] of Object.entries(change.channels ?? {})) {
      // A line is looked at or not, whatever the edge.
      if (typeof enabled === 'boolean') this.#enabled[Number(number)] = this.#enabled[-Number(number)] = enabled;
    }
    if (!this.#samples) return this.settings();
    if (isRestart) {
      const restarted = Promise.withResolvers<void>();
      this.#changes.push(restarted);
      await restarted.promise;
    } else this.#samples.mask = this.#sampling().mask;
    return this.settings();
  }

  detail(): string | undefined {
    if (performance.now() - this.#stalledMs > tellStallMs) return undefined;
    return `The ${modelOf(this.#board)} has stopped ${this.#stalls} ${this.#stalls === 1 ? 'time' : 'times'}, since its samples were not fetched in time: lower the sample rate, or give it a USB port of its own.`;
  }

  async stream(sink: TagSink, signal: AbortSignal, stopped: () => boolean, originPs: bigint): Promise<void> {
    const samples = this.#samples = new Samples(sink), taken: Change[] = [];
    let host: HostTime | undefined, gap: { place: LossPlace; fromPs: bigint } | undefined;
    this.positionPs = originPs;
    try {
      for (let silentStarts = 0; !stopped();) {
        await pause(Math.max(0, this.#haltedMs - performance.now()), signal);
        if (stopped()) break;
        taken.push(...this.#changes.splice(0));
        const sampling = this.#sampling(), bytes = transferBytes(sampling.rateHz, sampling.sampleBytes);
        // The transfers wait before the first sample is there.
        await using source = this.#access.stream(samplesEndpoint, transfers, bytes);
        await this.#start(sampling);
        const startedPs = host && gap ? host.after(gap.fromPs) : originPs;
        host ??= new HostTime(originPs);
        samples.begin(sampling, startedPs);
        const end = await this.#read(source, samples, host, signal, stopped, async () => {
          if (gap) {
            sink.lost({ grade: 'flagged', ...gap, toPs: startedPs });
            sink.epoch(startedPs, bytes / sampling.sampleBytes / sampling.rateHz * 1e12);
          }
          gap = undefined;
          if (taken.length === 0) return;
          for (const { resolve } of taken.splice(0)) resolve();
          // Whoever waited for the change has a word before the next tag.
          await yieldToMessages();
        });
        if (end.why === 'stopped') break;
        silentStarts = end.hasData ? 0 : silentStarts + 1;
        if (silentStarts === mostSilentStarts) {
          throw new TaggerError('device-lost', `The ${modelOf(this.#board)} at ${this.#access.identity.port} sends nothing: it was started ${mostSilentStarts} times.`, { hint: 'Unplug it and plug it in again.' });
        }
        if (end.why === 'stalled') this.#stallSeen();
        if (gap === undefined) {
          gap = { place: end.why === 'stalled' ? 'device' : 'host', fromPs: this.positionPs };
          sink.losing(gap.fromPs, gap.place);
        }
      }
      if (host && gap) sink.lost({ grade: 'flagged', ...gap, toPs: host.after(gap.fromPs) });
      for (const { resolve } of [...taken, ...this.#changes.splice(0)]) resolve();
    } catch (error) {
      // The session is over; the settings that were in force before are applied to the next one.
      for (const { reject } of [...taken, ...this.#changes.splice(0)]) reject(error);
      throw error;
    } finally {
      this.#samples = undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.#access[Symbol.asyncDispose](); }

  async #start({ rateHz, sampleBytes }: Sampling): Promise<void> {
    await this.#access.controlOut({ requestType: 0x40, request: requests.start, value: 0, index: 0 }, startCommand(rateHz, sampleBytes));
    this.#bufferMs = 5 + fifoBytes / (rateHz * sampleBytes) * 1000;
  }

  /** Hands on what comes, until the stream is stopped, or has stopped, or is to begin with other settings. */
  async #read(source: BulkSource, samples: Samples, host: HostTime, signal: AbortSignal, stopped: () => boolean, begun: () => Promise<void>): Promise<End> {
    let hasData = false, looks = 0, seenMs = performance.now();
    const take = async (data: Uint8Array): Promise<void> => {
      if (!hasData) await begun();
      hasData = true;
      samples.take(data);
      this.positionPs = samples.positionPs;
      host.saw(this.positionPs);
    };
    try {
      for (;;) {
        if (stopped()) return { why: 'stopped', hasData };
        if (this.#changes.length > 0 && hasData) {
          // What was sampled before the change is handed on.
          await source.stop();
          for (let data; (data = await source.next(0)) !== undefined;) if (data.length > 0) await take(data);
          return { why: 'changed', hasData };
        }
        const data = await source.next(stall.eachMs, signal);
        if (data !== undefined && data.length > 0) {
          await take(data);
          looks = 0;
          seenMs = performance.now();
        } else if (++looks >= stall.looks && performance.now() - seenMs >= stall.ms) return { why: 'stalled', hasData };
      }
    } finally {
      await source.stop();
      this.#haltedMs = performance.now() + this.#bufferMs;
    }
  }

  #stallSeen(): void {
    this.#stalls++;
    this.#stalledMs = performance.now();
  }

  /** A process that died has perhaps left the board running. Unread, it stops as soon as its buffer is full, at the lowest rate after 0.2 s. */
  async #quieten(refuse: (what: string) => TaggerError): Promise<void> {
    const packetMs = 30;
    for (let tries = 0; (await this.#access.bulkIn(samplesEndpoint, 512, packetMs)).length > 0; tries++) {
      if (tries === 3) throw refuse('it sends without being asked');
      await pause(5 + fifoBytes / sampleRates['20k'] * 1000, this.#access.gone);
    }
  }

  #sampling(): Sampling {
    const { sampleRate, sampleBits } = this.#tagger, { inputs } = this.#board;
    let mask = 0;
    for (let line = 0; line < inputs; line++) if (this.#enabled[line + 1] === true) mask |= 1 << line;
    return { rateHz: sampleRates[sampleRate], sampleBytes: Number(sampleBits) / 8, inputs, mask };
  }

  #rates(sampleBytes: number): SampleRate[] { return (Object.keys(sampleRates) as SampleRate[]).filter(rate => fits(sampleRates[rate], sampleBytes, this.#packetBytes)); }
  #fastest(sampleBytes: number): SampleRate { return this.#rates(sampleBytes).at(-1)!; }
}
