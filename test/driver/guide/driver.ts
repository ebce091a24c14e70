// test/driver/guide/driver.ts - the Clicker as a USB driver: what it is, how it is opened, and how its stream runs.
import { TaggerError } from '../../../app/core/errors.ts';
import type { Settings, TaggerInfo } from '../../../app/core/tagger.ts';
import type { TagSink } from '../../../app/core/tags.ts';
import { idOf, type UsbAccess } from '../../../app/driver/usb-access.ts';
import type { UsbDriver, UsbSession } from '../../../app/driver/usb-tagger.ts';
import { ClickerDecoder, endpoint, id, inputs, recordBytes, requests, tickPs, type Tags } from './protocol.ts';

const transfers = 16, transferBytes = 16 * 1024;
/** The device says what time it is every 100 ms; after five of them without a byte it is gone. */
const lookMs = 20, silenceMs = 500;

export const clicker: UsbDriver = {
  id: 'clicker', model: 'Clicker',
  score: identity => (idOf(identity) === id ? 1 : 0),
  open: access => ClickerSession.open(access),
};

class ClickerSession implements UsbSession {
  readonly info: TaggerInfo;
  positionPs = 0n;
  readonly #access: UsbAccess;
  #enabled = Array.from({ length: inputs }, () => true);

  static async open(access: UsbAccess): Promise<ClickerSession> {
    await access.claim(0);
    const who = await access.controlIn({ requestType: 0xc0, request: requests.who, value: 0, index: 0 }, 8);
    if (new TextDecoder().decode(who.subarray(0, 4)) !== 'CLK1') {
      throw new TaggerError('protocol', `Cannot use the device at ${access.identity.port} as a Clicker: it answers like another device.`, { hint: 'Another device has these ids.' });
    }
    const session = new ClickerSession(access);
    // A host that died has left it running.
    await session.#request(requests.run, 0);
    await session.#enable();
    return session;
  }

  private constructor(access: UsbAccess) {
    this.#access = access;
    this.info = {
      model: clicker.model, serial: access.identity.serial || `port ${access.identity.port}`, driver: clicker.id, source: 'live', tick: { num: tickPs, den: 1 },
      channels: Array.from({ length: inputs }, (_, i) => ({ number: i + 1, name: `Ch ${i + 1}` })),
      settings: [{ key: 'enabled', label: 'input', kind: 'boolean', unit: '', scope: 'channel', default: true }],
      overflowReport: 'flagged', freeRunning: true,
    };
  }

  settings(): Settings { return { tagger: {}, channels: Object.fromEntries(this.#enabled.map((enabled, i) => [i + 1, { enabled }])) }; }

  async configure(change: Settings): Promise<Settings> {
    const before = this.#enabled;
    this.#enabled = before.map((enabled, i) => (change.channels?.[i + 1]?.['enabled'] ?? enabled) === true);
    try {
      await this.#enable();
    } catch (error) {
      this.#enabled = before;
      throw error;
    }
    return this.settings();
  }

  async stream(sink: TagSink, signal: AbortSignal, stopped: () => boolean, originPs: bigint): Promise<void> {
    const decoder = new ClickerDecoder(originPs), tags: Tags = { timesPs: new BigInt64Array(4096), channels: new Uint8Array(4096), n: 0 };
    this.positionPs = originPs;
    await using source = this.#access.stream(endpoint, transfers, transferBytes);
    await this.#request(requests.run, 1);
    try {
      for (let quietMs = 0; !stopped();) {
        const data = await source.next(lookMs, signal);
        quietMs = data && data.length > 0 ? 0 : quietMs + lookMs;
        if (quietMs > silenceMs) throw new TaggerError('device-lost', `The Clicker has sent nothing for ${quietMs} ms.`, { hint: 'Unplug it and plug it in again.' });
        if (data) this.#take(data, decoder, tags, sink);
      }
    } finally {
      if (!this.#access.gone.aborted) await this.#request(requests.run, 0).catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.#access[Symbol.asyncDispose](); }

  #take(data: Uint8Array, decoder: ClickerDecoder, tags: Tags, sink: TagSink): void {
    if (data.length % recordBytes > 0) throw new TaggerError('protocol', `The Clicker sent ${data.length} bytes, which are no whole records.`);
    for (let at = 0; at < data.length;) {
      at += decoder.decode(data.subarray(at), tags);
      if (tags.n > 0) sink.write(tags.timesPs, tags.channels, tags.n);
      const { loss } = decoder;
      decoder.loss = undefined;
      if (loss) sink.lost({ grade: 'flagged', place: 'device', fromPs: loss.fromPs, toPs: loss.toPs, missedInAll: loss.count });
    }
    this.positionPs = decoder.lastPs;
    sink.heartbeat(decoder.lastPs);
  }

  #enable(): Promise<void> { return this.#request(requests.enable, this.#enabled.reduce((mask, enabled, i) => mask | (enabled ? 1 << i : 0), 0)); }

  #request(request: number, value: number): Promise<void> { return this.#access.controlOut({ requestType: 0x40, request, value, index: 0 }); }
}
