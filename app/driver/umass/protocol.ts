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

/** The decoder in plain TypeScript: fallback where wasm is missing, and its judge. */
export function umassTwin(memory: WebAssembly.Memory): UmassDecoder {
  const open = (stateAt: number): { view: DataView; all: DataView; u32: (field: keyof typeof umassState) => number; set: (field: keyof typeof umassState, value: number) => void } => {
    const view = new DataView(memory.buffer, stateAt, umassState.bytes);
    return { view, all: new DataView(memory.buffer), u32: field => view.getUint32(umassState[field], true), set: (field, value) => { view.setUint32(umassState[field], value, true); } };
  };
  const psOf = (view: DataView, ticks: bigint): bigint =>
    view.getBigInt64(umassState.base, true) + (ticks * BigInt(view.getUint32(umassState.num, true)) + BigInt(view.getUint32(umassState.rest, true))) / BigInt(view.getUint32(umassState.den, true));
  const recordAt = (all: DataView, at: number): { flags: number; ticks: number } => {
    const high = all.getUint16(at);
    return { flags: high >> 4, ticks: (high & 15) * word + all.getUint32(at + 2) };
  };

  return {
    decodeUmass(stateAt, rawAt, records, timesAt, channelsAt, room) {
      const { view, all, u32, set } = open(stateAt);
      let written = 0, i = 0;
      const send = (): boolean => {
        let mask = u32('pending');
        for (let index = 0; mask > 0 && written < room; index++) {
          if ((mask >> index & 1) === 0) continue;
          all.setBigInt64(timesAt + 8 * written, view.getBigInt64(umassState.lastPs, true), true);
          all.setUint8(channelsAt + written++, index);
          mask &= mask - 1;
        }
        set('pending', mask);
        return mask === 0;
      };
      set('status', 0);
      if (!send()) set('status', 1);
      while (i < records && u32('status') === 0) {
        const { flags, ticks } = recordAt(all, rawAt + recordBytes * i), hasWrap = (flags >> 10 & 1) > 0, isBack = BigInt(ticks) < view.getBigInt64(umassState.last, true);
        if (u32('isStarted') > 0) {
          const isLoss = (flags >> 11 & 1) > 0;
          if (u32('isPassed') === 0 && (isLoss || (isBack && !hasWrap))) {
            set('status', isLoss ? 2 : 3);
            set('isPassed', 1);
            break;
          }
          if (hasWrap || isBack) {
            const whole = wrapTicks * BigInt(u32('num')) + BigInt(u32('rest')), den = BigInt(u32('den'));
            view.setBigInt64(umassState.base, view.getBigInt64(umassState.base, true) + whole / den, true);
            set('rest', Number(whole % den));
          }
        }
        set('isStarted', 1);
        set('isPassed', 0);
        view.setBigInt64(umassState.last, BigInt(ticks), true);
        view.setBigInt64(umassState.lastPs, psOf(view, BigInt(ticks)), true);
        const mask = flags & 15;
        if ((flags >> 9 & 1) === 0) set('pending', mask << 4);
        else {
          const before = u32('levels'), falling = before & ~mask;
          set('levels', mask);
          set('pending', (mask & ~before) << 8 | (falling & 1) << 3 | (falling & 2) << 1 | (falling & 4) >> 1 | (falling & 8) >> 3);
        }
        i++;
        if (!send()) set('status', 1);
      }
      set('consumed', i);
      return written;
    },
    peekUmass(stateAt, rawAt, intoAt) {
      const { view, all } = open(stateAt), { flags, ticks } = recordAt(all, rawAt);
      const hasWrap = (flags >> 10 & 1) > 0 || BigInt(ticks) < view.getBigInt64(umassState.last, true);
      const by = hasWrap ? wrapTicks * BigInt(view.getUint32(umassState.num, true)) / BigInt(view.getUint32(umassState.den, true)) : 0n;
      all.setBigInt64(intoAt, psOf(view, BigInt(ticks)) + by, true);
    },
  };
}
