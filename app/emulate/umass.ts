// emulate/umass.ts - the UMass FPGA tagger as its gateware and firmware behave: registers, a FIFO of 2048 records, packets of a window.
//
// Time passes by the clock that is given, or on demand: then the board is always as far as somebody has read, and nothing is ever lost.
import type { Setup } from '../driver/usb-access.ts';
import { captureBits, endpoints, ids, recordBytes, register, requests, timeBits } from '../driver/umass/protocol.ts';
import { describe } from './descriptors.ts';
import { wallClock, type DeviceClock, type DeviceModel } from './device.ts';
import { Feed, type FeedOptions } from './feed.ts';

export interface UmassFaults {
  /** The board dies after so many packets of data. */
  diesAfterPackets?: number;
  /** Drops every n-th wrap record, as a full FIFO does. */
  dropsWraps?: number;
  /** Answers a command with so many bytes less. */
  shortReplies?: number;
  /** Stalls the data endpoint after so many packets. */
  stallsAfterPackets?: number;
}
export interface UmassOptions extends FeedOptions {
  clock?: DeviceClock | 'demand';
  /** Of its timer, so that a test meets wraps. */
  startTicks?: number;
  clockHz?: number;
  faults?: UmassFaults;
}

const fifoRecords = 2048, buffers = 3;
const wrapTicks = 2 ** timeBits;

export class UmassModel implements DeviceModel {
  readonly descriptors;
  onLeave: ((next: DeviceModel | undefined) => void) | undefined;
  /** Tags that were put into records, and those that found no room. */
  emitted = 0;
  lost = 0;
  readonly #options: UmassOptions;
  readonly #clockHz: number;
  #feed: Feed;
  #registers = new Map<number, number>();
  #window = 510;
  #startedMs: number | undefined;
  /** On demand: ps since the start that have passed. */
  #demandPs = 0;
  #fifo: Uint8Array[] = [];
  #packets: Uint8Array[] = [];
  #replies: Uint8Array[] = [];
  #partial: number[] = [];
  #hasLost = false;
  #lastTicks = -1;
  #wraps = 0;
  #sent = 0;

  constructor(options: UmassOptions = {}) {
    this.#options = options;
    this.#clockHz = options.clockHz ?? 128_000_000;
    this.#feed = new Feed(options);
    const [vendorId, productId] = ids.ready.split(':').map(text => Number.parseInt(text, 16)) as [number, number];
    this.descriptors = describe({
      vendorId, productId, deviceClass: [0xff, 0xff, 0xff],
      interfaces: [{ class: [0xff, 0xff, 0xff], endpoints: [{ address: 0x81, packetBytes: 64 }, ...Object.values(endpoints).map(address => ({ address, packetBytes: 512 }))] }],
    });
  }

  /** Of the board's own clock; NaN while it does not count. */
  get sinceStartMs(): number { return this.#startedMs === undefined ? NaN : this.#nowMs() - this.#startedMs; }

  clearHalt(): void { this.#sent = 0; }

  reset(): void {
    this.#registers = new Map([[register.version, 6], [register.clockHz, this.#clockHz], [0x21, this.#clockHz]]);
    this.#window = 510;
    this.#startedMs = undefined;
    this.#fifo = [];
    this.#packets = [];
    this.#replies = [];
    this.#partial = [];
    this.#sent = 0;
  }

  control({ requestType, request, value }: Setup): Uint8Array | undefined {
    if (requestType !== 0x40) return undefined;
    if (request === requests.setWindow) {
      if (value === 0 || value > 510 || value % recordBytes > 0) return undefined;
      this.#advance();
      this.#window = value;
      this.#commit(true);
    } else if (request === requests.discard) {
      this.#packets = [];
    } else return undefined;
    return new Uint8Array(0);
  }

  bulkOut(endpoint: number, data: Uint8Array): boolean {
    if (endpoint !== endpoints.commands) return false;
    for (const byte of data) {
      if (this.#partial.length === 0 && byte !== 0xaa) continue;
      this.#partial.push(byte);
      if (this.#partial.length < 8) continue;
      const view = new DataView(Uint8Array.from(this.#partial).buffer), address = view.getUint16(2, true);
      this.#partial = [];
      if (view.getUint8(1) === 1) this.#write(address, view.getUint32(4, true));
      const answer = new Uint8Array(4);
      new DataView(answer.buffer).setUint32(0, this.#read(address), true);
      this.#replies.push(answer.slice(0, 4 - (this.#options.faults?.shortReplies ?? 0)));
    }
    return true;
  }

  packet(endpoint: number): Uint8Array | undefined | 'stall' {
    if (endpoint === endpoints.replies) return this.#replies.shift();
    if (endpoint !== endpoints.data) return undefined;
    const { diesAfterPackets = Infinity, stallsAfterPackets = Infinity } = this.#options.faults ?? {};
    if (this.#sent >= diesAfterPackets) {
      this.onLeave?.(undefined);
      return undefined;
    }
    if (this.#sent >= stallsAfterPackets) return 'stall';
    this.#advance();
    this.#commit(false);
    const packet = this.#packets.shift();
    if (packet) this.#sent++;
    return packet;
  }

  /** On demand time goes on to the next record whenever somebody waits for one. */
  skip(endpoint: number): boolean {
    if (this.#options.clock !== 'demand' || endpoint !== endpoints.data || this.#startedMs === undefined) return false;
    const before = this.#fifo.length + this.#packets.length;
    this.#demandPs = Math.max(this.#demandPs, this.#feed.nextPs);
    this.#advance();
    this.#commit(false);
    return this.#fifo.length + this.#packets.length > before;
  }

  #read(address: number): number { return this.#registers.get(address) ?? 0; }

  #write(address: number, value: number): void {
    if (address === register.version || address === register.clockHz) return;
    if (address === register.records || address === register.lost) {
      this.#registers.set(address, 0);
      return;
    }
    this.#advance();
    this.#registers.set(address, value);
    const isCounting = (this.#read(register.capture) & 3) === 3 && (this.#read(register.capture) & captureBits.hold) === 0;
    if (address === register.fifo && (value & 1) > 0) this.#fifo = [];
    if (address !== register.capture) return;
    if (isCounting && this.#startedMs === undefined) this.#start();
    if (!isCounting) this.#startedMs = undefined;
  }

  #start(): void {
    this.#feed = new Feed(this.#options);
    this.#startedMs = this.#nowMs();
    this.#demandPs = 0;
    this.#lastTicks = -1;
    this.#wraps = 0;
    this.#hasLost = false;
    this.emitted = this.lost = 0;
    // Counting begins with a record of its own at time 0, whose wrap says nothing.
    this.#push(0, 0, true, false);
  }

  #nowMs(): number { return this.#options.clock === 'demand' ? this.#demandPs * 1e-9 : (this.#options.clock ?? wallClock).nowMs(); }

  /** Everything that happened until now becomes records. */
  #advance(): void {
    if (this.#startedMs === undefined) return;
    const untilPs = this.#options.clock === 'demand' ? this.#demandPs : (this.#nowMs() - this.#startedMs) * 1e9;
    const { startTicks = 0 } = this.#options, mask = this.#read(register.strobes);
    let ticks = -1, channels = 0;
    const flush = (): void => {
      if (channels > 0) this.#record(ticks, channels);
      channels = 0;
    };
    while (this.#feed.nextPs <= untilPs) {
      const at = startTicks + Math.floor(this.#feed.nextPs * this.#clockHz / 1e12), index = this.#feed.take();
      if (index < 0) continue;
      if (at !== ticks) flush();
      ticks = at;
      // One tag of a channel in one clock is all that a record can say.
      if (index < 4 && (mask >> index & 1) > 0 && ticks > this.#lastTicks) channels |= 1 << index;
    }
    flush();
  }

  #record(ticks: number, channels: number): void {
    this.#lastTicks = ticks;
    for (; ticks >= (this.#wraps + 1) * wrapTicks;) {
      this.#wraps++;
      if (this.#wraps % (this.#options.faults?.dropsWraps ?? Infinity) === 0) this.#hasLost = true;
      else this.#push(0, 0, true, this.#hasLost);
    }
    let tags = 0;
    for (let mask = channels; mask > 0; mask &= mask - 1) tags++;
    if (this.#push(ticks % wrapTicks, channels, false, this.#hasLost)) this.emitted += tags;
    else this.lost += tags;
  }

  /** False if there was no room. */
  #push(time: number, channels: number, isWrap: boolean, isLost: boolean): boolean {
    if (this.#options.clock !== 'demand') this.#commit(false);
    if (this.#fifo.length >= fifoRecords) {
      this.#hasLost = true;
      this.#registers.set(register.lost, this.#read(register.lost) + 1);
      return false;
    }
    const record = new Uint8Array(recordBytes), view = new DataView(record.buffer);
    view.setUint16(0, (isLost ? 0x8000 : 0) | (isWrap ? 0x4000 : 0) | channels << 4 | Math.floor(time / 2 ** 32));
    view.setUint32(2, time >>> 0);
    this.#hasLost = false;
    this.#fifo.push(record);
    this.#registers.set(register.records, this.#read(register.records) + 1);
    return true;
  }

  /** Whole windows become packets, as long as the buffers of the chip have room; `all`: the rest too. */
  #commit(all: boolean): void {
    const perPacket = this.#window / recordBytes, least = all ? 1 : perPacket;
    while (this.#packets.length < buffers && this.#fifo.length >= least) {
      const packet = new Uint8Array(Math.min(perPacket, this.#fifo.length) * recordBytes);
      this.#fifo.splice(0, packet.length / recordBytes).forEach((record, i) => { packet.set(record, i * recordBytes); });
      this.#packets.push(packet);
    }
  }
}
