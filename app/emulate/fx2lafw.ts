// emulate/fx2lafw.ts - a logic analyser with the fx2lafw firmware: it samples its lines until its buffer is full, and then is still.
//
// Each tag of the feed is a pulse on a line. Time passes by the clock that is given, or on demand: then the board is as far as somebody has
// read, and never stops. With a clock it stops as the real one does: without a word, and what was in its buffer is gone.
import { boards, requests, samplesEndpoint, startFlags } from '../driver/fx2lafw/protocol.ts';
import type { Setup } from '../driver/usb-access.ts';
import { describe } from './descriptors.ts';
import { wallClock, type DeviceClock, type DeviceModel } from './device.ts';
import { Feed, type FeedOptions } from './feed.ts';

export interface Fx2lafwFaults {
  /** Stops by itself after so many packets since each start. */
  haltsAfterPackets?: number;
  /** So many starts are not obeyed after the first one. */
  ignoresStarts?: number;
  /** Sends empty packets where it has nothing to send. */
  sendsEmpty?: boolean;
  /** Cuts so many bytes off each packet. */
  shortPackets?: number;
  diesAfterPackets?: number;
  stallsAfterPackets?: number;
  /** The answer to the question for its version. */
  version?: readonly number[];
  revision?: readonly number[];
  hasNoEndpoint?: boolean;
}
export interface Fx2lafwOptions extends FeedOptions {
  /** One of `boards`; default the Saleae clone. */
  id?: string;
  clock?: DeviceClock | 'demand';
  /** How long a line stays high; default 200 ns. */
  pulsePs?: number;
  /** Levels of the lines that no pulse has touched yet. */
  idleLevels?: number;
  /** At full speed: packets of 64 bytes. */
  isFullSpeed?: boolean;
  /** Its buffer. In one process nobody asks for packets as often as a host controller does, so with real time and high rates it must be larger. */
  fifoBytes?: number;
  faults?: Fx2lafwFaults;
}

export class Fx2lafwModel implements DeviceModel {
  readonly descriptors;
  onLeave: DeviceModel['onLeave'];
  /** Changes of lines between neighbouring samples that were handed out. */
  edges = 0;
  /** How often it has stopped because nobody fetched its samples. */
  halts = 0;
  starts = 0;
  /** Time of the last start, by its clock. */
  startedMs = 0;
  readonly #options: Fx2lafwOptions;
  readonly #packetBytes: number;
  readonly #isLow: Float64Array;
  #feed: Feed;
  #sampling = { rateHz: 0, bytes: 1 };
  #state: 'idle' | 'running' = 'idle';
  /** The start that waits until the samples stop: the firmware looks at it only then. */
  #waiting: Uint8Array | undefined;
  #samples = 0;
  #levels = 0;
  #sent = 0;
  #sentSinceStart = 0;

  constructor(options: Fx2lafwOptions = {}) {
    const { id = '0925:3881', isFullSpeed = false, faults = {} } = options, board = boards[id];
    if (!board) throw new RangeError(`no logic analyser has the id ${id}`);
    this.#options = options;
    this.#packetBytes = isFullSpeed ? 64 : 512;
    this.#isLow = new Float64Array(board.inputs).fill(-1);
    this.#feed = new Feed(options);
    const [vendorId, productId] = id.split(':').map(text => Number.parseInt(text, 16)) as [number, number];
    this.descriptors = describe({
      vendorId, productId, deviceClass: [0xff, 0xff, 0xff], manufacturer: 'sigrok', product: 'fx2lafw', serial: board.name,
      interfaces: [{ class: [0xff, 0xff, 0xff], endpoints: faults.hasNoEndpoint === true ? [] : [{ address: samplesEndpoint, packetBytes: this.#packetBytes }] }],
    });
  }

  reset(): void {
    this.#state = 'idle';
    this.#waiting = undefined;
    this.#sent = this.starts = this.halts = this.edges = 0;
  }

  control({ requestType, request }: Setup, data: Uint8Array): Uint8Array | undefined {
    const { version = [1, 4], revision = [1] } = this.#options.faults ?? {};
    if (requestType === 0xc0 && request === requests.version) return Uint8Array.from(version);
    if (requestType === 0xc0 && request === requests.revision) return Uint8Array.from(revision);
    if (requestType !== 0x40 || request !== requests.start || data.length !== 3) return undefined;
    // A larger buffer stands for a host controller that reads ahead; where nobody reads any more it is as small as it is.
    this.#advance(2048);
    // On demand no time passes in which its buffer could fill.
    if (this.#state === 'running' && this.#options.clock !== 'demand') this.#waiting = data;
    else this.#start(data);
    return new Uint8Array(0);
  }

  bulkOut(): boolean { return false; }

  packet(endpoint: number): Uint8Array | undefined | 'stall' {
    if (endpoint !== samplesEndpoint) return undefined;
    const { haltsAfterPackets = Infinity, diesAfterPackets = Infinity, stallsAfterPackets = Infinity, sendsEmpty = false, shortPackets = 0 } = this.#options.faults ?? {};
    if (this.#sent >= diesAfterPackets) {
      this.onLeave?.(undefined);
      return undefined;
    }
    if (this.#sent >= stallsAfterPackets) return 'stall';
    this.#advance();
    if (this.#sentSinceStart >= haltsAfterPackets) this.#halt();
    const bytes = this.#packetBytes - shortPackets, samples = bytes / this.#sampling.bytes;
    if (this.#state === 'idle' || this.#produced() < this.#samples + samples) return sendsEmpty ? new Uint8Array(0) : undefined;
    this.#sent++;
    this.#sentSinceStart++;
    return this.#packet(Math.floor(samples), bytes);
  }

  /** Stops; what is in the buffer is thrown away. */
  #halt(): void {
    if (this.#state === 'running') this.halts++;
    this.#state = 'idle';
    if (this.#waiting) this.#start(this.#waiting);
  }

  #start(data: Uint8Array): void {
    this.#waiting = undefined;
    this.#state = 'idle';
    this.starts++;
    const delay = data[1]! << 8 | data[2]!;
    if (delay === 0 || data[1]! >= 6 || (this.starts > 1 && this.starts <= 1 + (this.#options.faults?.ignoresStarts ?? 0))) return;
    this.#sampling = { rateHz: ((data[0]! & startFlags.clock48) > 0 ? 48e6 : 30e6) / (delay + 1), bytes: (data[0]! & startFlags.wide) > 0 ? 2 : 1 };
    this.#state = 'running';
    this.#samples = this.#sentSinceStart = 0;
    this.#levels = this.#options.idleLevels ?? 0;
    this.#isLow.fill(-1);
    this.startedMs = this.#nowMs();
    this.#feed = new Feed(this.#options);
  }

  #nowMs(): number { return this.#options.clock === 'demand' ? 0 : (this.#options.clock ?? wallClock).nowMs(); }

  /** Samples since the start, fetched or not. */
  #produced(): number { return this.#options.clock === 'demand' ? Infinity : Math.floor((this.#nowMs() - this.startedMs) * this.#sampling.rateHz / 1000); }

  #advance(fifoBytes = this.#options.fifoBytes ?? 2048): void {
    const { clock } = this.#options;
    if (this.#state === 'running' && clock !== 'demand' && (this.#produced() - this.#samples) * this.#sampling.bytes > fifoBytes + this.#packetBytes) this.#halt();
  }

  /** The next samples: each line is high from its pulse on, for as long as that is. */
  #packet(samples: number, bytes: number): Uint8Array {
    const { rateHz, bytes: width } = this.#sampling, { pulsePs = 200_000 } = this.#options;
    const packet = new Uint8Array(bytes), last = this.#samples + samples;
    const sampleOf = (ps: number): number => Math.ceil(ps * rateHz / 1e12);
    let before = this.#levels;
    const isFirst = this.#samples === 0;
    for (let at = this.#samples; at < last;) {
      // What happens until this sample.
      while (sampleOf(this.#feed.nextPs) <= at) {
        const ps = this.#feed.nextPs, line = this.#feed.take();
        if (line < 0 || line >= this.#isLow.length) continue;
        this.#isLow[line] = ps + pulsePs;
      }
      let next = Math.min(last, sampleOf(this.#feed.nextPs)), levels = this.#options.idleLevels ?? 0;
      for (const [line, untilPs] of this.#isLow.entries()) {
        if (untilPs < 0) continue;
        const low = sampleOf(untilPs);
        levels = low > at ? levels | 1 << line : levels & ~(1 << line);
        if (low > at) next = Math.min(next, low);
      }
      if (width === 1) levels &= 0xff;
      if (!(isFirst && at === 0)) for (let differ = levels ^ before; differ !== 0; differ &= differ - 1) this.edges++;
      before = levels;
      const from = (at - this.#samples) * width, to = (next - this.#samples) * width;
      if (width === 1) packet.fill(levels, from, to);
      else for (let i = from; i < to; i += 2) packet.set([levels & 255, levels >> 8], i);
      at = next;
    }
    this.#levels = before;
    this.#samples = last;
    return packet;
  }
}
