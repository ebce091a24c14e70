// emulate/otu.ts - a tagger that speaks OTU v1 (docs/otu-v1.md): the reference for firmware, with faults on purpose.
//
// Tags become records of an open block; it is closed when it is full, when its first tag has waited for the latency, or when the state of
// the reference changes. A ring of closed blocks waits for USB; while it is full, tags are counted by channel and told by the next block.
// Channels of the signals: 1 to n are rising edges of the inputs, n+1 to 2n falling ones. The file is long because it is one device.
import { capsLimits } from '../driver/otu/caps.ts';
import {
  anyChannel, blockFlags, code32, headerBytes, heartbeatMs, identity, latencyMs, parseInfo, pingBytes, requests, type64, writeHeader, writeInfo, writeStatus, type OtuInfo,
} from '../driver/otu/protocol.ts';
import type { Setup } from '../driver/usb-access.ts';
import { describe } from './descriptors.ts';
import { wallClock, type DeviceClock, type DeviceModel } from './device.ts';
import { Feed, type FeedOptions } from './feed.ts';

export interface OtuFaults {
  diesAfterPackets?: number;
  stallsAfterPackets?: number;
  /** Blocks stay in the device so much longer; not where time passes on demand. */
  keepsBlocksMs?: number;
  /** Drops every n-th block, as a broken ring does: a number is missing. */
  dropsBlocks?: number;
  /** Sends no block any more after so many. */
  silentAfterBlocks?: number;
  /** Heartbeats so much rarer than they should be. */
  slowHeartbeats?: number;
  /** Tags wait so many times longer than the latency. */
  slowTags?: number;
  /** The reference is lost between these times of the stream. */
  refLostMs?: readonly [number, number];
  /** Counts what it loses, but not of which channels. */
  losesBlindly?: boolean;
  /** Every n-th block is wrong in this way. */
  breaks?: { every: number; what: 'magic' | 'order' | 'code' | 'base' | 'size' };
  /** Edges of one tick in the wrong order. */
  mixesTies?: boolean;
  /** No last block at STOP. */
  noLast?: boolean;
  /** SET is accepted and does nothing. */
  deafToSet?: boolean;
  /** GET answers this whatever was set. */
  answers?: number;
  /** Control requests are refused while tags flow. */
  deafWhileStreaming?: boolean;
  /** Sent in place of its own. */
  info?: Uint8Array;
  caps?: string;
}
export interface OtuOptions extends FeedOptions {
  clock?: DeviceClock | 'demand';
  inputs?: number;
  isE64?: boolean;
  hasFalling?: boolean;
  tickFs?: { num: number; den: number };
  blockBytes?: number;
  /** Closed blocks that it can keep. */
  ringBlocks?: number;
  /** Every block has its full length. */
  isPadded?: boolean;
  serial?: string;
  interfaceName?: string;
  faults?: OtuFaults;
}

interface Param { key: number; name: string; label: string; kind: 'number' | 'boolean' | 'choice'; scope: 'channel' | 'tagger'; default: number; min?: number; max?: number; step?: number; scale?: number; unit?: string; choices?: string[] }
const params: readonly Param[] = [
  { key: 1, name: 'triggerLevelV', label: 'trigger level', kind: 'number', unit: 'V', scope: 'channel', min: -2500, max: 2500, step: 1, scale: 0.001, default: 500 },
  { key: 2, name: 'deadTimePs', label: 'dead time', kind: 'number', unit: 'ps', scope: 'channel', min: 0, max: 1_000_000_000, step: 1000, default: 0 },
  { key: 3, name: 'enabled', label: 'input', kind: 'boolean', scope: 'channel', default: 1 },
  { key: 4, name: 'testSignal', label: 'test signal', kind: 'boolean', scope: 'tagger', default: 0 },
  { key: 5, name: 'clockSource', label: 'clock source', kind: 'choice', choices: ['internal', 'external'], scope: 'tagger', default: 0 },
];
const [triggerLevel, deadTime, enabled, testSignal, clockSource] = params.map(({ key }) => key) as [number, number, number, number, number];
/** Its converter has steps of 5 mV: what is asked for is not what is applied. */
const converterStep = 5;
/** From one tag of the test signal to the next, which is of another input. */
const testStepPs = 50_000_000;
const packetBytes = 512, dataEndpoint = 0x81;

interface Open { base: number; openedPs: number; offset: number; records: number[]; tags: number; flags: number }

export class OtuModel implements DeviceModel {
  readonly descriptors;
  readonly info: OtuInfo;
  onLeave: ((next: DeviceModel | undefined) => void) | undefined;
  /** Tags in blocks that were sent, tags that found no room and were counted, tags in blocks that a fault dropped. */
  emitted = 0;
  lost = 0;
  dropped = 0;
  readonly #options: OtuOptions;
  readonly #faults: OtuFaults;
  readonly #caps: Uint8Array;
  readonly #values = new Map<string, number>();
  #feed: Feed;
  #startedMs: number | undefined;
  #demandPs = 0;
  #latencyPs = 0;
  #lastTicks: number[] = [];
  #open: Open | undefined;
  #ring: { bytes: Uint8Array; closedPs: number }[] = [];
  #out = new Uint8Array(0);
  #owesEmpty = false;
  #missed = new Map<number, number>();
  #lastLostTicks = -1;
  #lastBlockPs = 0;
  #blocks = 0;
  #sent = 0;

  constructor(options: OtuOptions = {}) {
    const { inputs = 4, isE64 = false, hasFalling = false, tickFs = { num: 20_000_000, den: 3 }, blockBytes = 1024, faults = {} } = options;
    this.#options = options;
    this.#faults = faults;
    this.info = parseInfo(writeInfo({ inputs, isE64, hasFalling, hasReference: true, hasTestSignal: true, timeBits: 48, tickFs, blockBytes, maxRate: 200_000 }));
    const json = new TextEncoder().encode(faults.caps ?? JSON.stringify({ firmware: 'emulated 1', testRateHz: 1e12 / testStepPs, inputs: Array.from({ length: inputs }, (_, k) => `In ${k + 1}`), settings: params }));
    this.#caps = new Uint8Array(4 + json.length);
    new DataView(this.#caps.buffer).setUint32(0, json.length, true);
    this.#caps.set(json, 4);
    this.#feed = new Feed(options);
    this.descriptors = describe({
      vendorId: 0x1209, productId: 0x0001, manufacturer: 'tagd', product: `Emulated tagger ${identity.word}`, serial: options.serial ?? 'OTU-EMU-1',
      interfaces: [{ class: [identity.class, identity.subclass, identity.protocol], name: options.interfaceName ?? identity.name, endpoints: [{ address: dataEndpoint, packetBytes }] }],
    });
    this.reset();
  }

  reset(): void {
    for (const { key, scope, default: value } of params) {
      for (let index = scope === 'channel' ? 1 : 0; index <= (scope === 'channel' ? this.info.inputs : 0); index++) this.#values.set(`${key}/${index}`, value);
    }
    this.#startedMs = undefined;
    this.#clear();
    this.#sent = 0;
  }

  control({ requestType, request, value, index }: Setup, data: Uint8Array, length: number): Uint8Array | undefined {
    const isIn = requestType === 0xc0, isRunning = this.#startedMs !== undefined;
    if (!isIn && requestType !== 0x40) return undefined;
    if (this.#faults.deafWhileStreaming && isRunning && request !== requests.stop) return undefined;
    this.#advance();
    switch (isIn ? request : -request) {
      case requests.info: return this.#faults.info ?? writeInfo(this.info);
      // A small buffer is enough for a device: it answers as much as it likes.
      case requests.caps: return value < this.#caps.length ? this.#caps.slice(value, value + Math.min(length, 200)) : new Uint8Array(0);
      case requests.get: return this.#get(value, index);
      case -requests.set: return this.#set(value, index, data);
      case -requests.start: return this.#start(value);
      case -requests.stop: return this.#stop();
      case requests.status: return writeStatus({
        tags: this.emitted + this.dropped + (this.#open?.tags ?? 0), lost: this.lost, blocks: this.#blocks, isRunning, isRefLost: this.#isRefLost(this.#nowPs), isTest: this.#param(testSignal) === 1, celsius: 36.6,
      });
      case requests.ping: {
        const answer = new Uint8Array(pingBytes), view = new DataView(answer.buffer);
        view.setUint16(0, value, true);
        view.setUint16(2, index, true);
        view.setBigUint64(8, BigInt(isRunning ? this.#ticksOf(this.#nowPs) : 0), true);
        return answer;
      }
      default: return undefined;
    }
  }

  bulkOut(): boolean { return false; }

  clearHalt(): void { if (this.#sent >= (this.#faults.stallsAfterPackets ?? Infinity)) this.#sent = 0; }

  packet(endpoint: number): Uint8Array | undefined | 'stall' {
    if (endpoint !== dataEndpoint) return undefined;
    if (this.#sent >= (this.#faults.diesAfterPackets ?? Infinity)) {
      this.onLeave?.(undefined);
      return undefined;
    }
    if (this.#sent >= (this.#faults.stallsAfterPackets ?? Infinity)) return 'stall';
    this.#advance();
    const keptPs = this.#options.clock === 'demand' || this.#startedMs === undefined ? Infinity : this.#nowPs - (this.#faults.keepsBlocksMs ?? 0) * 1e9;
    while (this.#out.length < packetBytes && this.#ring.length > 0 && this.#ring[0]!.closedPs <= keptPs) {
      const block = this.#ring.shift()!.bytes, joined = new Uint8Array(this.#out.length + block.length);
      joined.set(this.#out);
      joined.set(block, this.#out.length);
      this.#out = joined;
    }
    if (this.#out.length === 0 && !this.#owesEmpty) return undefined;
    const packet = this.#out.slice(0, packetBytes);
    this.#out = this.#out.subarray(packet.length);
    // A transfer of the host ends with a short packet only: one that happens to be full is followed by an empty one.
    this.#owesEmpty = packet.length === packetBytes && this.#out.length === 0;
    this.#sent++;
    return packet;
  }

  /** On demand time goes on until a block is ready. */
  skip(endpoint: number): boolean {
    if (this.#options.clock !== 'demand' || endpoint !== dataEndpoint || this.#startedMs === undefined || this.#isSilent) return false;
    for (let steps = 0; this.#ring.length === 0 && steps < 100_000; steps++) {
      const next = Math.min(this.#feed.nextPs, this.#deadlinePs);
      this.#demandPs = Math.max(this.#demandPs, this.#feed.nextPs <= this.#deadlinePs ? next + Math.ceil(this.info.tick.num / this.info.tick.den) + 1 : next);
      this.#advance();
    }
    return this.#ring.length > 0;
  }

  #param(key: number, index = 0): number { return this.#values.get(`${key}/${index}`) ?? 0; }

  #get(key: number, index: number): Uint8Array | undefined {
    const value = this.#values.get(`${key}/${index}`);
    if (value === undefined) return undefined;
    const answer = new Uint8Array(4);
    new DataView(answer.buffer).setInt32(0, this.#faults.answers ?? value, true);
    return answer;
  }

  #set(key: number, index: number, data: Uint8Array): Uint8Array | undefined {
    const param = params.find(each => each.key === key);
    if (!param || !this.#values.has(`${key}/${index}`) || data.length !== 4) return undefined;
    const wanted = new DataView(data.buffer, data.byteOffset).getInt32(0, true), { min = 0, max = param.choices ? param.choices.length - 1 : 1 } = param;
    if (wanted < min || wanted > max) return undefined;
    // What a block's flags say holds for the whole of it.
    if (key === testSignal || key === clockSource) this.#close(this.#nowPs);
    if (!this.#faults.deafToSet) this.#values.set(`${key}/${index}`, key === triggerLevel ? Math.round(wanted / converterStep) * converterStep : wanted);
    if (key === testSignal) this.#takeFeed();
    return new Uint8Array(0);
  }

  /** The signals, or the test signal: all inputs, one after the other. What lies in the past is passed. */
  #takeFeed(): void {
    const signals = Array.from({ length: this.info.inputs }, (_, k) => ({ kind: 'periodic' as const, channel: k + 1, periodPs: this.info.inputs * testStepPs, phasePs: k * testStepPs }));
    this.#feed = new Feed(this.#param(testSignal) === 1 ? { signals } : this.#options);
    if (this.#startedMs !== undefined) while (this.#feed.nextPs <= this.#nowPs) this.#feed.take();
  }

  #clear(): void {
    this.#open = undefined;
    this.#ring = [];
    this.#out = new Uint8Array(0);
    this.#owesEmpty = false;
    this.#missed.clear();
    this.#lastLostTicks = -1;
    this.#lastBlockPs = 0;
    this.#demandPs = 0;
    this.#lastTicks = [];
  }

  #start(latency: number): Uint8Array | undefined {
    if (this.#startedMs !== undefined || (latency !== 0 && (latency < latencyMs.least || latency > latencyMs.most))) return undefined;
    this.#clear();
    this.emitted = this.lost = this.dropped = this.#blocks = 0;
    this.#latencyPs = (latency === 0 ? 10 : latency) * 1e9 * (this.#faults.slowTags ?? 1);
    this.#takeFeed();
    this.#startedMs = this.#clockMs();
    return new Uint8Array(0);
  }

  #stop(): Uint8Array {
    if (this.#startedMs === undefined) return new Uint8Array(0);
    if (!this.#faults.noLast) {
      this.#open ??= this.#opened(this.#ticksOf(this.#nowPs), this.#nowPs);
      this.#open.flags |= blockFlags.last;
    }
    this.#close(this.#nowPs);
    this.#startedMs = undefined;
    return new Uint8Array(0);
  }

  #clockMs(): number { return this.#options.clock === 'demand' ? 0 : (this.#options.clock ?? wallClock).nowMs(); }
  get #nowPs(): number { return this.#options.clock === 'demand' || this.#startedMs === undefined ? this.#demandPs : Math.round((this.#clockMs() - this.#startedMs) * 1e9); }
  get #isSilent(): boolean { return this.#blocks >= (this.#faults.silentAfterBlocks ?? Infinity); }
  #ticksOf(ps: number): number { return Math.floor(ps * this.info.tick.den / this.info.tick.num); }

  #isRefLost(atPs: number): boolean {
    const [from, to] = this.#faults.refLostMs ?? [Infinity, Infinity];
    return atPs >= from * 1e9 && atPs < to * 1e9;
  }

  /** When a block must be closed though no tag comes. */
  get #deadlinePs(): number {
    if (this.#isSilent) return Infinity;
    const beatPs = this.#lastBlockPs + heartbeatMs / 2 * 1e9 * (this.#faults.slowHeartbeats ?? 1);
    const changesPs = (this.#faults.refLostMs ?? []).map(ms => ms * 1e9).filter(ps => ps > this.#lastBlockPs);
    return Math.min(this.#open ? this.#open.openedPs + this.#latencyPs : Infinity, beatPs, ...changesPs);
  }

  /** Everything that happened until now, in its order. */
  #advance(): void {
    if (this.#startedMs === undefined) return;
    for (const untilPs = this.#nowPs; ;) {
      const tagPs = this.#feed.nextPs, deadlinePs = this.#deadlinePs;
      if (Math.min(tagPs, deadlinePs) > untilPs) return;
      if (deadlinePs < tagPs) {
        this.#due(deadlinePs);
        continue;
      }
      // All edges of one tick go together, in the order of their channel numbers.
      const ticks = this.#ticksOf(tagPs), sources: number[] = [];
      if (ticks >= this.#ticksOf(untilPs)) return;
      while (this.#ticksOf(this.#feed.nextPs) === ticks) sources.push(this.#feed.take());
      const { inputs } = this.info, numberOf = (source: number): number => (source < inputs ? source + 1 : inputs - source - 1);
      sources.sort((a, b) => (this.#faults.mixesTies ? -1 : 1) * (numberOf(a) - numberOf(b)));
      for (const source of sources) this.#tag(tagPs, ticks, source);
    }
  }

  #due(atPs: number): void {
    this.#lastBlockPs = atPs;
    if (!this.#open) {
      if (this.#isFull) return;
      this.#open = this.#opened(this.#ticksOf(atPs), atPs);
    }
    this.#close(atPs);
  }

  /** A real ring is of a size; where time passes on demand nobody is ever late. */
  get #isFull(): boolean { return this.#options.clock !== 'demand' && this.#ring.length >= (this.#options.ringBlocks ?? 16); }

  #tag(ps: number, ticks: number, source: number): void {
    const { info: { inputs, hasFalling, isE64, blockBytes } } = this, input = source % inputs, isFalling = source >= inputs;
    if (source < 0 || source >= (hasFalling ? 2 * inputs : inputs) || this.#param(enabled, input + 1) === 0) return;
    const code = 2 * input + (isFalling ? 1 : 0), before = this.#lastTicks[code] ?? -Infinity;
    // One edge per tick is all that a record can say.
    if (ticks === before || (ticks - before) * this.info.tick.num / this.info.tick.den < this.#param(deadTime, input + 1)) return;
    this.#lastTicks[code] = ticks;
    if (this.#isSilent) return;
    if (!this.#open && (this.#isFull || ticks === this.#lastLostTicks)) {
      this.lost++;
      this.#lastLostTicks = ticks;
      this.#missed.set(code, (this.#missed.get(code) ?? 0) + 1);
      return;
    }
    this.#open ??= this.#opened(ticks, ps);
    const open = this.#open;
    if (isE64) open.records.push((ticks - open.base) % 2 ** 32, (input << 20 | (isFalling ? 1 : 0) << 19 | Math.floor((ticks - open.base) / 2 ** 32)) >>> 0);
    else {
      const wraps = Math.floor((ticks - open.base - open.offset) / 2 ** 27);
      if (wraps > 0) {
        open.records.push((code32.time << 27 | wraps) >>> 0);
        open.offset += wraps * 2 ** 27;
      }
      open.records.push((code << 27 | ticks - open.base - open.offset) >>> 0);
    }
    open.tags++;
    // A tag may need a time record before it.
    if (headerBytes + 4 * (open.records.length + 2) > blockBytes) this.#close(ps);
  }

  /** A block that begins now; what was lost since the last one is its first word. */
  #opened(base: number, openedPs: number): Open {
    const { isE64, blockBytes, recordBytes } = this.info, records: number[] = [];
    const tell = (channel: number, edge: number, count: number): void => {
      if (isE64) records.push(count, (type64.lost << 28 | channel << 20 | edge << 19) >>> 0);
      else for (let left = count; left > 0; left -= 0x3fffff) records.push((code32.lost << 27 | channel << 22 | Math.min(left, 0x3fffff)) >>> 0);
    };
    const overflow = this.#missed.size > 0 ? blockFlags.overflow : 0, isTooMuch = headerBytes + recordBytes * (this.#missed.size + 4) > blockBytes;
    if (overflow > 0 && (this.#faults.losesBlindly || isTooMuch)) tell(isE64 ? anyChannel.e64 : anyChannel.e32, 0, [...this.#missed.values()].reduce((a, b) => a + b, 0));
    else for (const [code, count] of this.#missed) tell(isE64 ? code >> 1 : code, code & 1, count);
    this.#missed.clear();
    this.#lastLostTicks = -1;
    const flags = overflow | (this.#isRefLost(openedPs) ? blockFlags.refLost : 0) | (this.#param(testSignal) === 1 ? blockFlags.test : 0) | (this.#options.isPadded ? blockFlags.padded : 0);
    return { base, openedPs, offset: 0, records, tags: 0, flags };
  }

  #close(atPs: number): void {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    const { blockBytes, recordBytes } = this.info, seq = this.#blocks++ & 0xffff, used = headerBytes + 4 * open.records.length;
    const block = new Uint8Array(this.#options.isPadded ? blockBytes : used), view = new DataView(block.buffer);
    writeHeader(view, 0, { seq, records: 4 * open.records.length / recordBytes, flags: open.flags, base: BigInt(open.base) });
    open.records.forEach((record, i) => { view.setUint32(headerBytes + 4 * i, record, true); });
    this.#lastBlockPs = Math.max(this.#lastBlockPs, atPs);
    this.#break(view, open);
    if (this.#blocks % (this.#faults.dropsBlocks ?? Infinity) === 0) {
      this.dropped += open.tags;
      return;
    }
    this.emitted += open.tags;
    this.#ring.push({ bytes: block, closedPs: atPs });
  }

  #break(view: DataView, { records, base }: Open): void {
    const { every = Infinity, what } = this.#faults.breaks ?? {};
    if (this.#blocks % every !== 0) return;
    const lastAt = headerBytes + 4 * records.length - this.info.recordBytes;
    if (what === 'magic') view.setUint16(0, 0xd754, true);
    if (what === 'base') view.setBigUint64(8, BigInt(Math.floor(base / 2)), true);
    if (what === 'size') view.setUint16(4, 0xffff, true);
    if (what === 'code' && records.length > 0) view.setUint32(this.info.isE64 ? lastAt + 4 : lastAt, 0xf0000000, true);
    if (what === 'order' && records.length > 2) view.setUint32(lastAt, this.info.isE64 ? 0 : records.at(-1)! & 0xf8000000, true);
  }
}

/** Larger than any that a host reads. */
export const tooLargeCaps = `"${'x'.repeat(capsLimits.bytes)}"`;
