// emulate/tdc1.ts - the S-Fifteen TDC1 as its firmware behaves: text commands, words of 4 bytes, packets that leave when they are full or asked for.
//
// Time passes by the clock that is given, or on demand: then nothing is ever lost but by a fault. What happened is kept, so that a test can say
// what should have come. Only the timestamp mode measures; the counting modes are known by name.
import type { Setup } from '../driver/usb-access.ts';
import { cdc, dummyBit, inputs, mostLevelV, overflowBit, tick, timeShift, wrapTicks } from '../driver/tdc1/protocol.ts';
import { describe } from './descriptors.ts';
import { wallClock, type DeviceClock, type DeviceModel } from './device.ts';
import { Feed, type FeedOptions } from './feed.ts';

export interface Tdc1Faults {
  /** At these words of the stream one half, the lower (0) or the upper (1), is lost, or comes twice. */
  slips?: readonly { atWord: number; half: 0 | 1; isRepeated?: boolean }[];
  /** Every n-th word loses a half, the lower and the upper in turn. */
  slipsEvery?: number;
  /** Loses every n-th dummy. */
  dropsDummies?: number;
  /** Pattern of inputs that dummies carry. */
  dummyPattern?: number;
  /** Every n-th word is followed by a dummy that is so many ticks late. */
  staleDummies?: { every: number; ticks: number };
  /** From this word on its clock is so many ticks behind. */
  stepsBack?: { atWord: number; ticks: number };
  /** The FIFO overflows at this word and loses so many. */
  overflows?: { atWord: number; words: number };
  /** No word any more after so many. */
  silentAfterWords?: number;
  /** Sends so many bytes less in reply to `status?`. */
  shortStatus?: number;
  /** Does nothing at this command. */
  ignores?: string;
  /** Leaves the bus after so many packets. */
  diesAfterPackets?: number;
}
export interface Tdc1Options extends FeedOptions {
  clock?: DeviceClock | 'demand';
  /** Of its timer, so that a test meets wraps; below 2^27. */
  startTicks?: number;
  /** Words that find room while nobody reads: by default as many as the transfers that a host keeps under way. */
  fifoWords?: number;
  serial?: string;
  /** What happened is not kept: for streams without an end. */
  isForgetful?: boolean;
  faults?: Tdc1Faults;
}

const ports = { notify: 0x81, out: 0x02, in: 0x86 } as const;
const packetBytes = 512, buffers = 4;
/** A dummy comes after so long without a word: 137 ms. */
const dummyTicks = 68_500_000;
/** One step of its converter. */
const levelStepV = 2 * mostLevelV / 4096;

export class Tdc1Model implements DeviceModel {
  readonly descriptors;
  onLeave: ((next: DeviceModel | undefined) => void) | undefined;
  /** What happened at its inputs since the stream began: ticks of its timer, channel index. */
  ticks: number[] = [];
  channels: number[] = [];
  /** Words of the stream so far, and those that found no room. */
  words = 0;
  lost = 0;
  /** Commands, as they came. */
  readonly commands: string[] = [];
  levelV = -0.5;
  reference = 0;
  readonly #options: Tdc1Options;
  readonly #faults: Tdc1Faults;
  #feed: Feed;
  #mode = 0;
  #gateMs = 1000;
  #text = '';
  #isRunning = false;
  /** When its timer stood at `startTicks`, by its clock. */
  startedMs = 0;
  /** On demand: ps since the start that have passed. */
  #demandPs = 0;
  #overflow = 0;
  #lastTicks = 0;
  #dummies = 0;
  #tick = -1;
  #pattern = 0;
  #fifo: number[] = [];
  #head = 0;
  #halves = 0;
  #replies: string[] = [];
  #partial: number[] = [];
  #packets: Uint8Array[] = [];
  #isFlushed = false;
  #sent = 0;

  constructor(options: Tdc1Options = {}) {
    this.#options = options;
    this.#faults = options.faults ?? {};
    this.#feed = new Feed(options);
    // The ids of the real one are not published; these are for tests by their owner's rules.
    this.descriptors = describe({
      vendorId: 0x1209, productId: 0x0001, deviceClass: [0x02, 0, 0], manufacturer: 'S-Fifteen Instruments', product: 'USB Counter', serial: options.serial ?? 'TDC1-0019',
      interfaces: [
        { class: [0x02, 0x02, 0x01], extra: [5, 36, 0, 0x10, 0x01, 5, 36, 1, 0, 1, 4, 36, 2, 2, 5, 36, 6, 0, 1], endpoints: [{ address: ports.notify, type: 'interrupt', packetBytes: 16 }] },
        { class: [0x0a, 0, 0], endpoints: [{ address: ports.out, packetBytes }, { address: ports.in, packetBytes }] },
      ],
    });
  }

  reset(): void {
    this.#restore();
    this.#text = '';
    this.#fifo = [];
    this.#head = 0;
    [this.#replies, this.#partial, this.#packets] = [[], [], []];
    this.#sent = 0;
  }

  control({ requestType, request }: Setup, data: Uint8Array): Uint8Array | undefined {
    if (requestType !== cdc.requestType) return undefined;
    const isKnown = request === cdc.setControlLineState || (request === cdc.setLineCoding && data.length === 7);
    return isKnown ? new Uint8Array(0) : undefined;
  }

  bulkOut(endpoint: number, data: Uint8Array): boolean {
    if (endpoint !== ports.out) return false;
    this.#advance();
    for (const byte of data) {
      const char = String.fromCharCode(byte);
      if (!';\r\n'.includes(char)) {
        this.#text += char;
        continue;
      }
      const command = this.#text.trim();
      this.#text = '';
      if (command !== '') this.#do(command);
    }
    this.#fill();
    return true;
  }

  packet(endpoint: number): Uint8Array | undefined {
    if (endpoint !== ports.in) return undefined;
    if (this.#sent >= (this.#faults.diesAfterPackets ?? Infinity)) {
      this.#isRunning = false;
      this.onLeave?.(undefined);
      return undefined;
    }
    this.#advance();
    this.#fill();
    const packet = this.#packets.shift();
    if (packet) this.#sent++;
    return packet;
  }

  /** On demand time goes on until a packet is full, whenever somebody waits for one. */
  skip(endpoint: number): boolean {
    if (this.#options.clock !== 'demand' || endpoint !== ports.in || !this.#isRunning) return false;
    while (this.#packets.length === 0 && !this.#isSilent) {
      this.#demandPs = Math.max(this.#demandPs + 1, this.#feed.nextPs);
      this.#advance();
      this.#fill();
    }
    return this.#packets.length > 0;
  }

  get #isSilent(): boolean { return this.words >= (this.#faults.silentAfterWords ?? Infinity); }

  #do(text: string): void {
    this.commands.push(text);
    const [name = '', argument = ''] = text.toLowerCase().split(/\s+/), value = Number(argument);
    if (name === this.#faults.ignores) return;
    switch (name) {
      case '*rst': this.#restore(); break;
      case '*idn?': this.#replies.push('USB Counter TDC1, S-Fifteen Instruments, firmware 1.7\r\n'); break;
      case 'singles': case 'pairs': case 'timestamp': this.#mode = { singles: 0, pairs: 1, timestamp: 3 }[name]; break;
      case 'mode?': this.#replies.push(`${this.#mode}\r\n`); break;
      case 'nim': this.levelV = -0.5; break;
      case 'ttl': this.levelV = 1.2; break;
      case 'neg': case 'pos': if (Math.abs(value) <= mostLevelV) this.levelV = Math.round(value / levelStepV) * levelStepV; break;
      case 'level?': this.#replies.push(`${this.levelV.toFixed(4)} V\r\n`); break;
      case 'time': if (value >= 0 && value < 65_536) this.#gateMs = value; break;
      // A fault of the firmware: 16 bits with a sign.
      case 'time?': this.#replies.push(`${this.#gateMs << 16 >> 16}\r\n`); break;
      case 'refclk': if (argument === '0' || argument === '1' || argument === '2') this.reference = value; break;
      case 'refclk?': this.#replies.push(`${this.reference}\r\n`); break;
      case 'eclock?': this.#replies.push('0\r\n'); break;
      case 'counts?': if (this.#mode === 3) this.#start(); break;
      case 'inpkt': this.#isFlushed = true; break;
      case 'abort': this.#stop(); break;
      case 'status?': {
        const status = `${this.#overflow.toString(16).padStart(4, '0')} \r\n`;
        this.#replies.push(status.slice(0, status.length - (this.#faults.shortStatus ?? 0)));
        break;
      }
      default: this.#replies.push('Unknown command\r\n');
    }
  }

  #restore(): void {
    this.#stop();
    this.#mode = this.#overflow = this.reference = 0;
    this.#gateMs = 1000;
    this.levelV = -0.5;
  }

  #start(): void {
    this.#feed = new Feed(this.#options);
    this.startedMs = this.#nowMs();
    this.#demandPs = this.words = this.lost = this.#dummies = this.#halves = this.#pattern = 0;
    this.#lastTicks = this.#options.startTicks ?? 0;
    this.#tick = -1;
    [this.ticks, this.channels] = [[], []];
    this.#isRunning = true;
  }

  #stop(): void {
    this.#flushTick();
    this.#isRunning = false;
  }

  #nowMs(): number { return this.#options.clock === 'demand' ? 0 : (this.#options.clock ?? wallClock).nowMs(); }

  /** Everything that happened until now becomes words. */
  #advance(): void {
    if (!this.#isRunning) return;
    const untilPs = this.#options.clock === 'demand' ? this.#demandPs : (this.#nowMs() - this.startedMs) * 1e9, { startTicks = 0 } = this.#options;
    for (let nextPs = this.#feed.nextPs; nextPs <= untilPs; nextPs = this.#feed.nextPs) {
      const at = startTicks + Math.floor(nextPs / tick.num), index = this.#feed.take();
      if (at !== this.#tick) this.#flushTick();
      if (index < 0 || index >= inputs) continue;
      this.#tick = at;
      this.#pattern |= 1 << index;
    }
    const now = startTicks + Math.floor(untilPs / tick.num);
    if (now > this.#tick) this.#flushTick();
    this.#dummiesUntil(now);
  }

  #flushTick(): void {
    if (this.#pattern === 0) return;
    this.#dummiesUntil(this.#tick);
    for (let index = 0; index < inputs; index++) {
      if ((this.#pattern >> index & 1) === 0 || this.#options.isForgetful === true) continue;
      this.ticks.push(this.#tick);
      this.channels.push(index);
    }
    this.#word(this.#tick, this.#pattern);
    this.#pattern = 0;
  }

  #dummiesUntil(ticks: number): void {
    while (ticks - this.#lastTicks > dummyTicks) {
      const at = this.#lastTicks + dummyTicks;
      if (++this.#dummies % (this.#faults.dropsDummies ?? Infinity) === 0) this.#lastTicks = at;
      else this.#word(at, dummyBit | (this.#faults.dummyPattern ?? 0));
    }
  }

  #word(ticks: number, flags: number): void {
    this.#lastTicks = ticks;
    if (this.#isSilent) return;
    const { staleDummies, stepsBack, overflows } = this.#faults, at = this.words++;
    const time = (ticks - (stepsBack && at >= stepsBack.atWord ? stepsBack.ticks : 0)) % wrapTicks;
    const isLost = this.#fifo.length - this.#head >= (this.#options.fifoWords ?? 65_536) || (overflows && at >= overflows.atWord && at < overflows.atWord + overflows.words);
    if (isLost) {
      this.#overflow |= overflowBit;
      this.lost++;
      return;
    }
    this.#fifo.push((time << timeShift | flags) >>> 0);
    if (staleDummies && at % staleDummies.every === 0) this.#fifo.push((Math.max(0, time - staleDummies.ticks) << timeShift | dummyBit) >>> 0);
  }

  /** Words become packets as long as the chip has room; what was asked for goes out though its packet is not full, replies always. */
  #fill(): void {
    while (this.#packets.length < buffers) {
      if (this.#head < this.#fifo.length) this.#halve(this.#fifo[this.#head++]!);
      else if (this.#replies.length > 0) {
        for (const char of this.#replies.shift()!) this.#partial.push(char.charCodeAt(0));
        this.#isFlushed = true;
      } else if (this.#isFlushed && this.#partial.length > 0) {
        this.#packets.push(Uint8Array.from(this.#partial.splice(0, packetBytes)));
        continue;
      } else break;
      if (this.#partial.length >= packetBytes) this.#packets.push(Uint8Array.from(this.#partial.splice(0, packetBytes)));
    }
    if (this.#partial.length + this.#fifo.length - this.#head === 0) this.#isFlushed = false;
    if (this.#head > 100_000 || this.#head === this.#fifo.length) {
      this.#fifo.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #halve(word: number): void {
    const at = this.#halves++, { slips, slipsEvery = Infinity } = this.#faults, slip = slips?.find(each => each.atWord === at);
    const lost = (at + 1) % slipsEvery === 0 ? Math.floor(at / slipsEvery) % 2 : undefined;
    for (const half of [0, 1] as const) {
      for (let times = slip?.half === half ? (slip.isRepeated === true ? 2 : 0) : lost === half ? 0 : 1; times > 0; times--) this.#partial.push(word >>> 16 * half & 255, word >>> 16 * half + 8 & 255);
    }
  }
}
