// driver/umass/driver.ts - the UMass FPGA tagger: 4 strobe inputs and 4 lines whose levels are followed, 7.8125 ns.
//
// The bare board has the ids of every FX2; the operator's firmware makes it a tagger. Packets leave the board when its window is full, so the
// window follows the rate; what the board dropped it says in the next record, and a counter says how many.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TaggerError } from '../../core/errors.ts';
import type { Settings, SettingValue, TaggerInfo } from '../../core/tagger.ts';
import type { TagSink } from '../../core/tags.ts';
import { decodeExports } from '../decode/exports.ts';
import { parseHex, uploadFx2 } from '../fx2.ts';
import { idOf, type BulkSource, type UsbAccess, type UsbIdentity } from '../usb-access.ts';
import { drain, type UsbDriver, type UsbSession } from '../usb-tagger.ts';
import {
  captureBits, channelNumbers, command, endpoints, ids, inputs, mostRecordsInPacket, recordBytes, register, requests, stops, tickOf, umassState, umassTwin, windowFor,
  writeState, type UmassDecoder,
} from './protocol.ts';

const firmwareFile = 'timetag-fx2.ihex';
const replyMs = 500, drainMs = 10;
/**
 * A window is shorter than a packet of USB, so each packet ends a transfer: 400 of them are 50 ms at the most that the board can send, on top of
 * the 3 ms of its FIFO.
 */
const transfers = 400, transferBytes = 512;
/** A tag waits in the board about as long as this, at any rate. */
const latencyMs = 20;
/** The timer of the board comes round after 537 s and says so; until then a dark board is silent, and is asked for a register instead. */
const silenceMs = 1000;

export const umass: UsbDriver = {
  id: 'umass', model: 'UMass FPGA tagger',
  score: identity => (idOf(identity) === ids.ready || isBare(identity) ? 1 : 0),
  isAmbiguous: isBare,
  needsUpload: isBare,
  upload: async (access, { firmware }) => { await uploadFx2(access, await readFirmware(firmware)); },
  open: access => UmassSession.open(access),
};

/** A board that runs the firmware of the logic analysers keeps the id of the bare chip, and says so. */
function isBare(identity: UsbIdentity): boolean { return idOf(identity) === ids.bare && identity.product !== 'fx2lafw'; }

/** The operator's file, with its SHA-256 in a file beside it, so that half a copy is not taken for firmware. */
async function readFirmware(folder: string | undefined): Promise<ReturnType<typeof parseHex>> {
  const path = join(folder ?? 'firmware', firmwareFile);
  let text: string, wanted: string;
  try {
    text = await readFile(path, 'utf8');
    wanted = (await readFile(`${path}.sha256`, 'utf8')).trim().split(/\s+/)[0]!.toLowerCase();
  } catch (error) {
    throw new TaggerError('unavailable', `Cannot load firmware into the UMass FPGA tagger: ${path} or its .sha256 is missing.`, {
      hint: `Build timetag-fx2, copy it to ${path}, and write its sum beside it: sha256sum ${firmwareFile} > ${firmwareFile}.sha256`, cause: error,
    });
  }
  const sum = createHash('sha256').update(text).digest('hex');
  if (sum !== wanted) throw new TaggerError('device-refused', `Cannot load firmware into the UMass FPGA tagger: the sum of ${path} is ${sum}, and ${wanted} is written beside it.`, { hint: 'Copy the file again.' });
  return parseHex(text, path);
}

class UmassSession implements UsbSession {
  readonly info: TaggerInfo;
  positionPs = 0n;
  readonly #access: UsbAccess;
  readonly #values: Record<number, Record<string, SettingValue>>;
  /** Commands are answered one by one. */
  #queue: Promise<unknown> = Promise.resolve();

  static async open(access: UsbAccess): Promise<UmassSession> {
    await access.claim(0);
    await access.controlOut(vendor(requests.setWindow, mostRecordsInPacket * recordBytes));
    // A host that died in the middle of a command has left up to 7 bytes of it, and perhaps an answer.
    await access.bulkOut(endpoints.commands, command(0, 0));
    await access.bulkOut(endpoints.commands, command(0, 0));
    await drain(access, endpoints.replies);
    const version = await ask(access, register.version), clockHz = await ask(access, register.clockHz);
    if (version < 1 || version > 255 || clockHz < 1e6 || clockHz > 1e9) {
      throw new TaggerError('protocol', `Cannot use the device at ${access.identity.port} as a UMass FPGA tagger: it calls itself version ${version} with a clock of ${clockHz} Hz.`, {
        hint: 'It is another device, or its FPGA is not loaded.',
      });
    }
    const session = new UmassSession(access, version, clockHz);
    await session.#apply();
    return session;
  }

  private constructor(access: UsbAccess, version: number, clockHz: number) {
    const { identity: { serial, port } } = access;
    const channels = channelNumbers.map(number => ({ number, name: number < 0 ? `Line ${-number - inputs} falling` : number > inputs ? `Line ${number - inputs} rising` : `Ch ${number}` }));
    this.#access = access;
    this.#values = Object.fromEntries(channelNumbers.map(number => [number, { enabled: true }]));
    this.info = {
      model: umass.model, serial: serial || `port ${port}`, driver: umass.id, source: 'live', tick: tickOf(clockHz), channels, firmware: `version ${version}`,
      settings: [{ key: 'enabled', label: 'input', kind: 'boolean', unit: '', scope: 'channel', default: true }],
      overflowReport: 'counted', freeRunning: true, description: `UMass FPGA tagger, clock ${clockHz / 1e6} MHz`,
    };
  }

  settings(): Settings { return { tagger: {}, channels: structuredClone(this.#values) }; }

  async configure(change: Settings): Promise<Settings> {
    const before = structuredClone(this.#values);
    for (const [number, values] of Object.entries(change.channels ?? {})) {
      // Both edges of a line are one input of the board.
      for (const each of Math.abs(Number(number)) > inputs ? [Number(number), -Number(number)] : [Number(number)]) Object.assign(this.#values[each]!, values);
    }
    try {
      await this.#apply();
    } catch (error) {
      Object.assign(this.#values, before);
      throw error;
    }
    return this.settings();
  }

  async stream(sink: TagSink, signal: AbortSignal, stopped: () => boolean, originPs: bigint): Promise<void> {
    this.positionPs = originPs;
    await this.#reset();
    await using source = this.#access.stream(endpoints.data, transfers, transferBytes);
    await this.#register(register.capture, captureBits.capture | captureBits.count);
    const records = new Records(sink, this.info, originPs);
    let window = mostRecordsInPacket, lost = 0, quietMs = 0, since = performance.now(), taken = 0;
    const setWindow = async (next: number): Promise<void> => {
      window = next;
      await this.#access.controlOut(vendor(requests.setWindow, next * recordBytes));
    };
    await setWindow(1);
    try {
      while (!stopped()) {
        const data = await source.next(latencyMs, signal);
        if (data && data.length > 0) {
          quietMs = 0;
          taken += data.length / recordBytes;
          for (let has = records.take(data); has; has = records.goOn()) lost = await this.#tellLoss(sink, records, lost);
          this.positionPs = records.lastPs;
        } else quietMs += latencyMs;
        const spentMs = performance.now() - since;
        if (spentMs >= 5 * latencyMs) {
          const next = windowFor(taken / spentMs * 1000, latencyMs);
          // Setting it sends what waits, so a board that is nearly dark is asked each time.
          if (next !== window || next === 1) await setWindow(next);
          since = performance.now();
          taken = 0;
        }
        if (quietMs >= silenceMs) {
          await this.#register(register.version);
          quietMs = 0;
        }
      }
    } finally {
      if (!this.#access.gone.aborted) await this.#stop(sink, source, records, lost);
      this.positionPs = records.lastPs;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.#access[Symbol.asyncDispose](); }

  /** How many records the board has dropped by now; what it and the records say is told. */
  async #tellLoss(sink: TagSink, records: Records, known: number): Promise<number> {
    const dropped = await this.#register(register.lost), more = dropped - known;
    for (const [i, { fromPs, toPs }] of records.losses.entries()) {
      sink.lost({ grade: 'flagged', place: 'device', fromPs, toPs, ...(i === records.losses.length - 1 && { missedInAll: more }) });
    }
    // Dropped behind the last record that there is: no record says when.
    if (records.losses.length === 0 && more > 0) sink.lost({ grade: 'flagged', place: 'device', fromPs: records.lastPs, toPs: records.lastPs + 1n, missedInAll: more });
    records.losses.length = 0;
    return dropped;
  }

  async #reset(): Promise<void> {
    await this.#register(register.capture, captureBits.hold);
    await this.#register(register.capture, 0);
    await this.#register(register.records, 0);
    await this.#register(register.lost, 0);
    await this.#register(register.fifo, 1);
    await this.#register(register.fifo, 0);
    await this.#access.clearHalt(endpoints.data);
    await this.#access.controlOut(vendor(requests.discard, 0));
    await drain(this.#access, endpoints.data);
  }

  async #stop(sink: TagSink, source: BulkSource, records: Records, known: number): Promise<void> {
    let lost = known;
    const take = async (data: Uint8Array): Promise<void> => {
      for (let has = records.take(data); has; has = records.goOn()) lost = await this.#tellLoss(sink, records, lost);
    };
    try {
      await this.#register(register.capture, 0);
      // The line is being taken down: nobody wants what is still under way.
      if (sink.stopped) return await source.stop();
      // Each time it is set the window sends what waits in the chip; behind that there may be more in the FIFO.
      for (let bytes = 1; bytes > 0;) {
        bytes = 0;
        await this.#access.controlOut(vendor(requests.setWindow, mostRecordsInPacket * recordBytes));
        for (let data; (data = await source.next(drainMs)) !== undefined; bytes += data.length) await take(data);
      }
      await source.stop();
      for (let data; (data = await source.next(0)) !== undefined;) await take(data);
      await this.#tellLoss(sink, records, lost);
    } catch { /* It has gone while we said good-bye. */ }
  }

  async #apply(): Promise<void> {
    const mask = (first: number): number => Array.from({ length: inputs }, (_, k) => (this.#values[first + k]!['enabled'] === true ? 1 << k : 0)).reduce((a, b) => a | b);
    await this.#register(register.strobes, mask(1));
    await this.#register(register.deltas, mask(1 + inputs));
  }

  #register(address: number, value?: number): Promise<number> {
    const answer = this.#queue.then(() => ask(this.#access, address, value));
    this.#queue = answer.catch(() => {});
    return answer;
  }
}

/** Bytes of the board into the sink. */
class Records {
  /** Told by the records, not yet to the sink. */
  readonly losses: { fromPs: bigint; toPs: bigint }[] = [];
  readonly #sink: TagSink;
  readonly #decoder: UmassDecoder;
  readonly #stateAt: number;
  readonly #rawAt: number;
  readonly #state: DataView;
  readonly #all: DataView;
  readonly #room: number;
  /** Bytes that wait: from here, so many. */
  #from = 0;
  #n = 0;

  constructor(sink: TagSink, info: TaggerInfo, originPs: bigint) {
    this.#sink = sink;
    this.#decoder = decodeExports<UmassDecoder>(sink.memory) ?? umassTwin(sink.memory);
    this.#stateAt = sink.scratchAt;
    this.#rawAt = sink.scratchAt + umassState.bytes + 64;
    this.#room = sink.scratchBytes - umassState.bytes - 64 - 16;
    this.#state = new DataView(sink.memory.buffer, this.#stateAt, umassState.bytes);
    this.#all = new DataView(sink.memory.buffer);
    writeState(this.#state, info.tick, originPs);
  }

  get lastPs(): bigint { return this.#state.getBigInt64(umassState.lastPs, true); }

  /** @returns true if it stands in front of a record that tells of a loss; `goOn` takes what is behind */
  take(data: Uint8Array): boolean {
    if (this.#n + data.length > this.#room) throw new TaggerError('protocol', `The UMass FPGA tagger sent ${data.length} bytes at once.`);
    const bytes = new Uint8Array(this.#sink.memory.buffer);
    if (this.#from > 0) bytes.copyWithin(this.#rawAt, this.#rawAt + this.#from, this.#rawAt + this.#from + this.#n);
    this.#from = 0;
    bytes.set(data, this.#rawAt + this.#n);
    this.#n += data.length;
    return this.goOn();
  }

  goOn(): boolean {
    for (;;) {
      const room = this.#sink.room(), whole = Math.floor(this.#n / recordBytes), at = this.#rawAt + this.#from;
      const written = this.#decoder.decodeUmass(this.#stateAt, at, whole, room.timesAt, room.channelsAt, room.tags);
      if (written > 0) this.#sink.commit(written);
      const used = this.#state.getUint32(umassState.consumed, true) * recordBytes, stop = stops[this.#state.getUint32(umassState.status, true)];
      this.#from += used;
      this.#n -= used;
      if (stop === 'end') {
        this.#sink.heartbeat(this.lastPs);
        return this.losses.length > 0;
      }
      if (stop === 'room') continue;
      const fromPs = this.lastPs;
      this.#decoder.peekUmass(this.#stateAt, this.#rawAt + this.#from, this.#rawAt - 16);
      const toPs = this.#all.getBigInt64(this.#rawAt - 16, true);
      // A wrap that was dropped is a loss like any other; its time is inferred.
      this.losses.push({ fromPs, toPs: toPs > fromPs ? toPs : fromPs + 1n });
      return true;
    }
  }
}

async function ask(access: UsbAccess, address: number, value?: number): Promise<number> {
  await access.bulkOut(endpoints.commands, command(address, value));
  let answer = new Uint8Array(0);
  for (const until = performance.now() + replyMs; answer.length < 4 && performance.now() < until;) {
    const more = await access.bulkIn(endpoints.replies, 512, replyMs);
    answer = Uint8Array.from([...answer, ...more]);
  }
  if (answer.length < 4) throw new TaggerError('device-lost', `The UMass FPGA tagger does not answer: register ${address} gave ${answer.length} of 4 bytes.`, { hint: 'Unplug it and plug it in again.' });
  return new DataView(answer.buffer).getUint32(answer.length - 4, true);
}

function vendor(request: number, value: number) { return { requestType: 0x40, request, value, index: 0 }; }
