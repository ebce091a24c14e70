// driver/tdc1/protocol.ts - the S-Fifteen TDC1 on the wire: a serial line over USB, text commands, and its 4-byte words as tags.
//
// A word is little-endian: 27 bits of time in 2 ns, one bit for a dummy, the pattern of the four inputs. Nothing frames it, and nothing in
// the stream tells of a loss. The wasm form of the decoder is ../decode/tdc1.as.ts.
import type { Tick } from '../../core/tags.ts';
import type { UsbInterface } from '../usb-access.ts';

export const tick: Tick = { num: 2000, den: 1 };
export const inputs = 4;
export const wordBytes = 4;
export const wrapTicks = 2 ** 27;
/** Bits of a word below its time. */
export const timeShift = 5;
export const dummyBit = 16;
/** With no event a dummy comes at half of the period of time at the latest, about 140 ms; a longer step has lost one. */
export const mostStepTicks = 75_000_000;
/** A dummy so soon after a word is none: words that are made of two others look so. */
export const soonTicks = 2 ** 25;
/** `status?`: the FIFO of the device has overflowed since it was reset. */
export const overflowBit = 0x0010;

/** Requests of a communication device, to its control interface. */
export const cdc = { setLineCoding: 0x20, setControlLineState: 0x22, requestType: 0x21, bothLines: 3 } as const;
/** 115200 baud, one stop bit, no parity, 8 bits; the number means nothing to the device. */
export const lineCoding = Uint8Array.of(0x00, 0xc2, 0x01, 0x00, 0, 0, 8);

export interface SerialPort { control: number; data: number; out: number; in: number }

/** The serial line among the interfaces; undefined if there is none. */
export function serialPortOf(interfaces: readonly UsbInterface[]): SerialPort | undefined {
  const control = interfaces.find(each => each.class === 0x02 && each.subclass === 0x02);
  for (const { class: code, alternate, number, endpoints } of interfaces) {
    if (code !== 0x0a || alternate !== 0) continue;
    const bulk = endpoints.filter(({ type }) => type === 'bulk');
    const into = bulk.find(({ address }) => address >= 0x80), out = bulk.find(({ address }) => address < 0x80);
    if (control && into && out) return { control: control.number, data: number, out: out.address, in: into.address };
  }
  return undefined;
}

/** `auto`, `external`, `internal` are 0, 1, 2 on the wire. */
export const clockSources = ['auto', 'external', 'internal'] as const;
export const thresholds = ['NIM', 'TTL', 'negative', 'positive'] as const;
export const mostLevelV = 3.3;

export interface Tdc1Settings { threshold: typeof thresholds[number]; negativeLevelV: number; positiveLevelV: number; clockSource: typeof clockSources[number] }
export const defaults: Tdc1Settings = { threshold: 'NIM', negativeLevelV: -0.5, positiveLevelV: 0.5, clockSource: 'auto' };

export function thresholdCommand({ threshold, negativeLevelV, positiveLevelV }: Tdc1Settings): string {
  return threshold === 'negative' ? `NEG ${negativeLevelV}` : threshold === 'positive' ? `POS ${positiveLevelV}` : threshold;
}
export function clockCommand({ clockSource }: Tdc1Settings): string { return `REFCLK ${clockSources.indexOf(clockSource)}`; }
/** From any state to an endless stream of words. */
export function startCommand(settings: Tdc1Settings): string { return ['*RST', thresholdCommand(settings), clockCommand(settings), 'time 0', 'timestamp', 'counts?'].join(';'); }
/** The reply to `status?` is the last that comes, behind every word. */
export const stopCommand = 'abort;status?';
/** Sends what waits for a full packet. */
export const flushCommand = 'INPKT';

export function line(command: string): Uint8Array { return new TextEncoder().encode(`${command}\r\n`); }

export const statusBytes = 7;
/** The status at the end of these bytes: 4 hexadecimal digits, a space, CR, LF; undefined if they do not end so. */
export function statusAtEnd(bytes: Uint8Array): number | undefined {
  if (bytes.length < statusBytes) return undefined;
  const text = String.fromCharCode(...bytes.subarray(bytes.length - statusBytes));
  return /^[0-9a-f]{4} \r\n$/i.test(text) ? Number.parseInt(text.slice(0, 4), 16) : undefined;
}
/** How many bytes at the end can only be a piece of such a reply: none in front of a word of the stream. */
export function brokenStatusBytes(bytes: Uint8Array): number {
  return /[0-9a-f]{0,4} ?\r?\n?$/i.exec(String.fromCharCode(...bytes.subarray(-statusBytes)))![0].length;
}

export const tdc1State = {
  bytes: 64, base: 0, lastPs: 8, beforePs: 16, last: 24, limit: 28, isStarted: 32, pending: 36, consumed: 40, status: 44, isPassed: 48,
} as const;
export type Tdc1Stop = 'end' | 'room' | 'doubt';
export const stops: readonly Tdc1Stop[] = ['end', 'room', 'doubt'];

export function writeState(view: DataView, originPs: bigint): void {
  for (let at = 0; at < tdc1State.bytes; at += 4) view.setUint32(at, 0, true);
  for (const field of ['base', 'lastPs', 'beforePs'] as const) view.setBigInt64(tdc1State[field], originPs, true);
  view.setUint32(tdc1State.limit, mostStepTicks * 2 ** timeShift, true);
}

/** What both forms of the decoder have. */
export interface Tdc1Decoder {
  /** Decodes words from a 4-aligned address until one is in doubt: void, a dummy too soon, or further from the one before than `limit`. Returns tags written. */
  decodeTdc1(stateAt: number, rawAt: number, words: number, timesAt: number, channelsAt: number, room: number): number;
}

const word = 2 ** 32, soon = soonTicks * 2 ** timeShift, wrapPs = wrapTicks * tick.num;

/** The decoder in plain TypeScript: fallback where wasm is missing, and its judge. */
export function tdc1Twin(memory: WebAssembly.Memory): Tdc1Decoder {
  return {
    decodeTdc1(stateAt, rawAt, words, timesAt, channelsAt, room) {
      const u32 = new Uint32Array(memory.buffer), bytes = new Uint8Array(memory.buffer);
      const field = (name: Exclude<keyof typeof tdc1State, 'bytes'>): number => (stateAt + tdc1State[name]) >>> 2;
      const limit = u32[field('limit')]!, raw = rawAt >>> 2, times = timesAt >>> 2;
      let baseLow = u32[field('base')]!, baseHigh = u32[field('base') + 1]! | 0, last = u32[field('last')]!;
      let isStarted = u32[field('isStarted')] !== 0, isPassed = u32[field('isPassed')] !== 0, pending = u32[field('pending')]!;
      let low = u32[field('lastPs')]!, high = u32[field('lastPs') + 1]!, beforeLow = u32[field('beforePs')]!, beforeHigh = u32[field('beforePs') + 1]!;
      let written = 0, i = 0, status = 0;
      const send = (): boolean => {
        for (; pending !== 0 && written < room; pending &= pending - 1) {
          u32[times + 2 * written] = low;
          u32[times + 2 * written + 1] = high;
          bytes[channelsAt + written++] = 31 - Math.clz32(pending & -pending);
        }
        return pending === 0;
      };
      if (!send()) status = 1;
      for (; i < words && status === 0; i++) {
        const value = u32[raw + i]!, time = (value & ~31) >>> 0;
        const step = (time - last) >>> 0;
        if (!isPassed && ((value & 31) === 0 || (isStarted && (step > limit || ((value & dummyBit) !== 0 && step < soon))))) {
          status = 2;
          break;
        }
        if (isStarted && time < last) {
          const sum = baseLow + wrapPs;
          baseLow = sum >>> 0;
          baseHigh = (baseHigh + Math.floor(sum / word)) | 0;
        }
        isStarted = true;
        isPassed = false;
        last = time;
        const sum = baseLow + (time >>> 5) * tick.num;
        beforeLow = low;
        beforeHigh = high;
        low = sum >>> 0;
        high = (baseHigh + Math.floor(sum / word)) | 0;
        if ((value & dummyBit) !== 0) continue;
        const pattern = value & 15;
        if (written < room && (pattern & (pattern - 1)) === 0) {
          u32[times + 2 * written] = low;
          u32[times + 2 * written + 1] = high;
          bytes[channelsAt + written++] = 31 - Math.clz32(pattern);
          continue;
        }
        pending = pattern;
        if (!send()) status = 1;
      }
      const put = (name: Exclude<keyof typeof tdc1State, 'bytes'>, value: number): void => { u32[field(name)] = value; };
      put('consumed', i);
      put('status', status);
      put('last', last);
      put('isStarted', isStarted ? 1 : 0);
      put('isPassed', isPassed ? 1 : 0);
      put('pending', pending);
      for (const [name, lower, upper] of [['base', baseLow, baseHigh], ['lastPs', low, high], ['beforePs', beforeLow, beforeHigh]] as const) {
        u32[field(name)] = lower;
        u32[field(name) + 1] = upper;
      }
      return written;
    },
  };
}
