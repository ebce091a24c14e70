// driver/otu/driver.ts - any tagger that speaks OTU v1, our open USB protocol (docs/otu-v1.md): RP2350, FPGA, emulated.
//
// What it is and can be set to it says itself. A loss is told by the block behind it: lost records with counts, or the overflow flag
// alone; a number that is missing is a block that nobody has. A device that is silent longer than its heartbeat or breaks the
// protocol is started anew.
import { TaggerError } from '../../core/errors.ts';
import type { Settings, SettingValue, TaggerInfo } from '../../core/tagger.ts';
import type { TagSink } from '../../core/tags.ts';
import type { BulkSource, UsbAccess } from '../usb-access.ts';
import { drain, type UsbDriver, type UsbSession } from '../usb-tagger.ts';
import { Blocks } from './blocks.ts';
import { capsLimits, parseCaps, rawOf, valueOf, type OtuCaps, type OtuSetting } from './caps.ts';
import {
  channelNumbersOf, heartbeatMs, identity, infoBytes, interfaceOf, parseInfo, parseStatus, readFrom, requests, statusBytes, writeTo, type OtuInfo,
} from './protocol.ts';

/** Tags wait in the device as long as this at most. */
const latencyMs = 10;
/** A device that is nearly dark ends a transfer with each block, so many of them are under way; a fast one fills them. */
const transfers = 32, transferBytes = { slow: 16 * 1024, fast: 64 * 1024, above: 5e6 } as const;
const silenceMs = 10 * heartbeatMs, pollMs = 20;
/** After STOP: so long after the last block that came, and in all. */
const farewellMs = { quiet: 500, all: 2000 } as const;

export const otu: UsbDriver = {
  id: 'otu', model: 'OTU tagger',
  // A list of devices shows no interfaces, so the product string has the word; open() asks for the interface.
  score: ({ product }) => (new RegExp(`\\b${identity.word}\\b`).test(product) ? 2 : 0),
  open: access => OtuSession.open(access),
};

export class OtuSession implements UsbSession {
  readonly info: TaggerInfo;
  positionPs = 0n;
  readonly #access: UsbAccess;
  readonly #endpoint: number;
  readonly #device: OtuInfo;
  readonly #caps: OtuCaps;
  /** Raw values by key of the setting, then index: 0 for the whole tagger, 1 and on for inputs. */
  #raw = new Map<string, number>();
  #isRefLost = false;

  static async open(access: UsbAccess): Promise<OtuSession> {
    const found = interfaceOf(access.interfaces), { port, product } = access.identity;
    if (!found) throw new TaggerError('protocol', `Cannot use '${product}' at ${port} as an OTU tagger: it has no interface ff/4f/01 named ${identity.name} with a bulk IN endpoint.`, { hint: 'See docs/otu-v1.md, section 2.' });
    await access.claim(found.number, found.alternate);
    const device = parseInfo(await access.controlIn(readFrom(requests.info), infoBytes));
    const caps = parseCaps(await readCaps(access), device.inputs);
    // Somebody may have left it running.
    await access.controlOut(writeTo(requests.stop));
    await access.clearHalt(found.endpoint);
    await drain(access, found.endpoint);
    const session = new OtuSession(access, found.endpoint, device, caps);
    session.#raw = await session.#readAll();
    return session;
  }

  private constructor(access: UsbAccess, endpoint: number, device: OtuInfo, caps: OtuCaps) {
    const { identity: { serial, port, product, manufacturer } } = access;
    this.#access = access;
    this.#endpoint = endpoint;
    this.#device = device;
    this.#caps = caps;
    const name = (number: number): string => {
      const given = caps.inputs[Math.abs(number) - 1] || `Ch ${Math.abs(number)}`;
      return number < 0 ? `${given} falling` : given;
    };
    this.info = {
      model: product.trim() || otu.model, serial: serial || `port ${port}`, driver: otu.id, source: 'live', tick: device.tick,
      channels: channelNumbersOf(device).map(number => ({ number, name: name(number) })), settings: caps.settings.map(({ info }) => info), ...(caps.firmware !== undefined && { firmware: caps.firmware }),
      overflowReport: 'counted', freeRunning: true, description: `OTU v1${manufacturer === '' ? '' : `, ${manufacturer}`}, up to ${device.maxRate} tags/s`,
    };
  }

  settings(): Settings { return this.#settingsOf(this.#raw); }

  async configure(change: Settings): Promise<Settings> {
    const before = new Map(this.#raw), wanted = new Map<string, { setting: OtuSetting; index: number; raw: number }>();
    const want = (scope: 'tagger' | 'channel', index: number, values: Record<string, SettingValue>): void => {
      for (const [key, value] of Object.entries(values)) {
        const setting = this.#caps.settings.find(({ info }) => info.key === key && info.scope === scope);
        // Both edges of an input are one input of the device: of two that differ, the one that changes counts.
        if (setting && rawOf(setting, value) !== before.get(`${setting.key}/${index}`)) wanted.set(`${setting.key}/${index}`, { setting, index, raw: rawOf(setting, value) });
      }
    };
    want('tagger', 0, change.tagger ?? {});
    for (const [number, values] of Object.entries(change.channels ?? {})) want('channel', Math.abs(Number(number)), values);
    const next = new Map(before);
    try {
      for (const [place, { setting, index, raw }] of wanted) next.set(place, await this.#apply(setting, index, raw));
    } catch (error) {
      // The device keeps what it had; if it refuses that too, it is asked what it has.
      for (const { setting, index } of wanted.values()) await this.#apply(setting, index, before.get(`${setting.key}/${index}`)!).catch(() => {});
      throw error;
    }
    this.#raw = next;
    return this.settings();
  }

  async stream(sink: TagSink, signal: AbortSignal, stopped: () => boolean, originPs: bigint): Promise<void> {
    const { maxRate, recordBytes } = this.#device;
    this.positionPs = originPs;
    await this.#access.controlOut(writeTo(requests.stop));
    await this.#access.clearHalt(this.#endpoint);
    await drain(this.#access, this.#endpoint);
    await using source = this.#access.stream(this.#endpoint, transfers, maxRate * recordBytes > transferBytes.above ? transferBytes.fast : transferBytes.slow);
    await this.#access.controlOut(writeTo(requests.start, latencyMs));
    const blocks = new Blocks(sink, this.#device, originPs);
    let heardMs = performance.now();
    try {
      while (!stopped()) {
        const data = await source.next(pollMs, signal);
        if (data && data.length > 0) {
          heardMs = performance.now();
          blocks.take(data);
          this.positionPs = blocks.positionPs;
          this.#isRefLost = blocks.isRefLost;
          if (blocks.isEnded && !stopped()) throw new TaggerError('protocol', `The ${this.info.model} stopped its stream without being asked.`, { hint: 'See docs/otu-v1.md, section 3.5.' });
        } else if (performance.now() - heardMs > silenceMs && !stopped()) {
          throw new TaggerError('timeout', `The ${this.info.model} sent no block for ${silenceMs} ms, and one is due every ${heartbeatMs} ms.`, { hint: 'It is started anew; if that does not help, unplug it and plug it in again.' });
        }
      }
    } finally {
      if (!this.#access.gone.aborted) await this.#stop(source, blocks);
      this.positionPs = blocks.positionPs;
    }
  }

  detail(): string | undefined { return this.#isRefLost ? 'The reference clock is lost.' : undefined; }

  /** Its own counts since the last start. */
  async status(): Promise<ReturnType<typeof parseStatus>> { return parseStatus(await this.#access.controlIn(readFrom(requests.status), statusBytes)); }

  async [Symbol.asyncDispose](): Promise<void> { await this.#access[Symbol.asyncDispose](); }

  /** What it had until now comes with the last block. */
  async #stop(source: BulkSource, blocks: Blocks): Promise<void> {
    try {
      await this.#access.controlOut(writeTo(requests.stop));
      const sinceMs = performance.now();
      for (let heardMs = sinceMs; !blocks.isEnded && performance.now() < Math.min(heardMs + farewellMs.quiet, sinceMs + farewellMs.all);) {
        const data = await source.next(pollMs);
        if (!data || data.length === 0) continue;
        heardMs = performance.now();
        blocks.take(data);
      }
      await source.stop();
    } catch { /* It has gone while we said good-bye, or says what cannot be: what came before is delivered. */ }
  }

  async #apply({ key, info }: OtuSetting, index: number, raw: number): Promise<number> {
    const data = new Uint8Array(4);
    new DataView(data.buffer).setInt32(0, raw, true);
    await this.#access.controlOut(writeTo(requests.set, key, index), data);
    const setting = this.#caps.settings.find(each => each.key === key)!, applied = await this.#read(key, index);
    if (valueOf(setting, applied) === undefined) throw this.#wrong(info.key, index, applied);
    return applied;
  }

  async #read(key: number, index: number): Promise<number> {
    const answer = await this.#access.controlIn(readFrom(requests.get, key, index), 4);
    if (answer.length !== 4) throw new TaggerError('protocol', `Cannot read parameter ${key} of the ${this.info.model}: ${answer.length} bytes came in place of 4.`, { hint: 'See docs/otu-v1.md, section 3.3.' });
    return new DataView(answer.buffer, answer.byteOffset).getInt32(0, true);
  }

  async #readAll(): Promise<Map<string, number>> {
    const all = new Map<string, number>();
    for (const setting of this.#caps.settings) {
      const isChannel = setting.info.scope === 'channel';
      for (let index = isChannel ? 1 : 0; index <= (isChannel ? this.#device.inputs : 0); index++) {
        const raw = await this.#read(setting.key, index);
        if (valueOf(setting, raw) === undefined) throw this.#wrong(setting.info.key, index, raw);
        all.set(`${setting.key}/${index}`, raw);
      }
    }
    return all;
  }

  #wrong(name: string, index: number, raw: number): TaggerError {
    return new TaggerError('protocol', `Cannot use ${name} of ${index === 0 ? `the ${this.info.model}` : `input ${index}`}: the device says ${raw}, which its own range does not have.`, { hint: 'See docs/otu-v1.md, section 3.3.' });
  }

  #settingsOf(raw: ReadonlyMap<string, number>): Settings {
    const of = (scope: 'tagger' | 'channel', index: number): Record<string, SettingValue> => Object.fromEntries(this.#caps.settings
      .filter(({ info }) => info.scope === scope).map(setting => [setting.info.key, valueOf(setting, raw.get(`${setting.key}/${index}`)!)!]));
    return { tagger: of('tagger', 0), channels: Object.fromEntries(this.info.channels.map(({ number }) => [number, of('channel', Math.abs(number))])) };
  }
}

/** The JSON behind its length, in as many pieces as the device likes. */
export async function readCaps(access: UsbAccess): Promise<Uint8Array> {
  const refuse = (what: string): never => { throw new TaggerError('protocol', `Cannot read the capabilities of the OTU tagger: ${what}.`, { hint: 'See docs/otu-v1.md, section 3.2.' }); };
  const all: number[] = [];
  for (let length = 4; all.length < length;) {
    const wanted = Math.min(512, length - all.length), piece = await access.controlIn(readFrom(requests.caps, all.length), wanted);
    // Else a device that gives them byte by byte would keep us for long.
    if (piece.length < Math.min(capsLimits.piece, wanted)) refuse(`at offset ${all.length} came ${piece.length} bytes of ${wanted}`);
    all.push(...piece);
    if (length === 4 && all.length >= 4) {
      length = 4 + new DataView(Uint8Array.from(all).buffer).getUint32(0, true);
      if (length > 4 + capsLimits.bytes) refuse(`they have ${length - 4} bytes, and at most ${capsLimits.bytes} are read`);
    }
  }
  return Uint8Array.from(all.slice(4));
}
