// driver/umass/protocol.ts - the UMass FPGA tagger on the wire: registers, commands, and its 6-byte records as tags.
//
// Protocol: bgamari/timetag-fpga (docs/registers, docs/timetag-format) and timetag-fx2. A record is big-endian: lost, wrap, type (0 strobe,
// 1 levels of the delta lines), five zeros, four channels, 36 bits of time. The wasm form of the decoder is ../decode/umass.as.ts.
import type { Tick } from '../../core/tags.ts';

export const ids = { bare: '04b4:8613', ready: '04b4:1004' } as const;
export const endpoints = { commands: 0x02, data: 0x86, replies: 0x88 } as const;
export const requests = { setWindow: 0x01, discard: 0x02 } as const;
export const register = { version: 0x01, clockHz: 0x02, capture: 0x03, strobes: 0x04, deltas: 0x05, records: 0x06, lost: 0x07, fifo: 0x08, sequencer: 0x20, outputs: 0x28 } as const;
export const captureBits = { capture: 1, count: 2, hold: 4 } as const;
export const recordBytes = 6;
/** Of a packet of 512 bytes; also the largest window. */
export const mostRecordsInPacket = 85;
export const timeBits = 36;

/** Index of each channel: falling delta lines -8 to -5, strobes 1 to 4, rising delta lines 5 to 8. */
export const channelNumbers = [-8, -7, -6, -5, 1, 2, 3, 4, 5, 6, 7, 8] as const;
export const inputs = 4;

/** Reads a register, or writes `value` to it; either is answered with 4 bytes, the value it has then. */
export function command(address: number, value?: number): Uint8Array {
  const bytes = new Uint8Array(8), view = new DataView(bytes.buffer);
  bytes.set([0xaa, value === undefined ? 0 : 1, address & 255, address >> 8]);
  view.setUint32(4, value ?? 0, true);
  return bytes;
}

/** ps per count of a clock. */
export function tickOf(clockHz: number): Tick {
  let a = 1e12, b = clockHz;
  while (b > 0) [a, b] = [b, a % b];
  return { num: 1e12 / a, den: clockHz / a };
}

/** Records that are committed together, so that a packet waits about `latencyMs` at this rate. */
export function windowFor(recordsPerSecond: number, latencyMs: number): number {
  return Math.min(mostRecordsInPacket, Math.max(1, Math.floor(recordsPerSecond * latencyMs / 1000)));
}

export const umassState = {
  bytes: 64, base: 0, rest: 8, num: 12, den: 16, shift: 20, isStarted: 24, levels: 28, last: 32, lastPs: 40, pending: 48, consumed: 52, status: 56, isPassed: 60,
} as const;
export type UmassStop = 'end' | 'room' | 'loss' | 'back';
export const stops: readonly UmassStop[] = ['end', 'room', 'loss', 'back'];

export function writeState(view: DataView, tick: Tick, originPs: bigint): void {
  for (let at = 0; at < umassState.bytes; at += 4) view.setUint32(at, 0, true);
  view.setBigInt64(umassState.base, originPs, true);
  view.setBigInt64(umassState.lastPs, originPs, true);
  view.setUint32(umassState.num, tick.num, true);
  view.setUint32(umassState.den, tick.den, true);
  const shift = Math.log2(tick.den);
  view.setUint32(umassState.shift, Number.isInteger(shift) ? shift : 255, true);
}

/** What both forms of the decoder have. */
export interface UmassDecoder {
  decodeUmass(stateAt: number, rawAt: number, records: number, timesAt: number, channelsAt: number, room: number): number;
  /** Writes the stream time of the record at `rawAt` to the i64 at `intoAt`, as if it came next. */
  peekUmass(stateAt: number, rawAt: number, intoAt: number): void;
}

const word = 2 ** 32, wrapTicks = 2n ** 36n;

/**
 * The decoder in plain TypeScript: fallback where wasm is missing, and its judge. Times are two words; within a wrap every product stays
 * below 2^53, so doubles hold them. Only a wrap, once in minutes, reckons in BigInt.
 */
export function umassTwin(memory: WebAssembly.Memory): UmassDecoder {
  const views = { words: new Uint32Array(memory.buffer), signed: new Int32Array(memory.buffer), bytes: new Uint8Array(memory.buffer) };
  /** The memory may have grown. */
  const look = (): typeof views => {
    if (views.bytes.buffer !== memory.buffer) Object.assign(views, { words: new Uint32Array(memory.buffer), signed: new Int32Array(memory.buffer), bytes: new Uint8Array(memory.buffer) });
    return views;
  };
  const ticksAt = (bytes: Uint8Array, at: number): number => (bytes[at + 1]! & 15) * word + (bytes[at + 2]! * 2 ** 24 + (bytes[at + 3]! << 16 | bytes[at + 4]! << 8 | bytes[at + 5]!));
  const flagsAt = (bytes: Uint8Array, at: number): number => bytes[at]! << 4 | bytes[at + 1]! >> 4;
  /** Writes base + floor((ticks * num + rest) / den) to the words at `into`. */
  const writePs = ({ words, signed }: typeof views, state: number, ticks: number, into: number): void => {
    const offset = Math.floor((ticks * words[state + umassState.num / 4]! + words[state + umassState.rest / 4]!) / words[state + umassState.den / 4]!);
    const high = Math.floor(offset / word), low = words[state]! + (offset - high * word);
    words[into] = low;
    signed[into + 1] = signed[state + 1]! + high + (low >= word ? 1 : 0);
  };
  const wrap = (stateAt: number): void => {
    const view = new DataView(memory.buffer, stateAt, umassState.bytes), den = BigInt(view.getUint32(umassState.den, true));
    const whole = wrapTicks * BigInt(view.getUint32(umassState.num, true)) + BigInt(view.getUint32(umassState.rest, true));
    view.setBigInt64(umassState.base, view.getBigInt64(umassState.base, true) + whole / den, true);
    view.setUint32(umassState.rest, Number(whole % den), true);
  };

  return {
    decodeUmass(stateAt, rawAt, records, timesAt, channelsAt, room) {
      const all = look(), { words, bytes } = all, state = stateAt / 4;
      const pending = state + umassState.pending / 4, status = state + umassState.status / 4, lastPs = state + umassState.lastPs / 4, last = state + umassState.last / 4;
      const isStarted = state + umassState.isStarted / 4, isPassed = state + umassState.isPassed / 4, levels = state + umassState.levels / 4;
      let written = 0, i = 0;
      const send = (): boolean => {
        let mask = words[pending]!;
        for (; mask > 0 && written < room; mask &= mask - 1) {
          words[timesAt / 4 + 2 * written] = words[lastPs]!;
          words[timesAt / 4 + 2 * written + 1] = words[lastPs + 1]!;
          bytes[channelsAt + written++] = 31 - Math.clz32(mask & -mask);
        }
        words[pending] = mask;
        return mask === 0;
      };
      words[status] = send() ? 0 : 1;
      while (i < records && words[status] === 0) {
        const at = rawAt + recordBytes * i, flags = flagsAt(bytes, at), ticks = ticksAt(bytes, at);
        if (words[isStarted]! > 0) {
          const isLoss = (flags & 0x800) > 0, hasWrap = (flags & 0x400) > 0, isBack = ticks < words[last + 1]! * word + words[last]!;
          if (words[isPassed] === 0 && (isLoss || (isBack && !hasWrap))) {
            words[status] = isLoss ? 2 : 3;
            words[isPassed] = 1;
            break;
          }
          if (hasWrap || isBack) wrap(stateAt);
        }
        words[isStarted] = 1;
        words[isPassed] = 0;
        words[last] = ticks % word;
        words[last + 1] = Math.floor(ticks / word);
        writePs(all, state, ticks, lastPs);
        const mask = flags & 15;
        if ((flags & 0x200) === 0) words[pending] = mask << 4;
        else {
          const before = words[levels]!, falling = before & ~mask;
          words[levels] = mask;
          words[pending] = (mask & ~before) << 8 | (falling & 1) << 3 | (falling & 2) << 1 | (falling & 4) >> 1 | (falling & 8) >> 3;
        }
        i++;
        if (!send()) words[status] = 1;
      }
      words[state + umassState.consumed / 4] = i;
      return written;
    },
    peekUmass(stateAt, rawAt, intoAt) {
      const all = look(), { words, bytes } = all, state = stateAt / 4, last = state + umassState.last / 4, ticks = ticksAt(bytes, rawAt);
      writePs(all, state, ticks, intoAt / 4);
      if ((flagsAt(bytes, rawAt) & 0x400) === 0 && ticks >= words[last + 1]! * word + words[last]!) return;
      const view = new DataView(memory.buffer);
      const by = wrapTicks * BigInt(words[state + umassState.num / 4]!) / BigInt(words[state + umassState.den / 4]!);
      view.setBigInt64(intoAt, view.getBigInt64(intoAt, true) + by, true);
    },
  };
}
