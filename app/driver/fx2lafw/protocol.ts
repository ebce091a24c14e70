// driver/fx2lafw/protocol.ts - logic analysers with the fx2lafw firmware on the wire: ids, requests, rates, and samples as tags.
//
// Facts: sigrok-firmware-fx2lafw (requests, ids) and libsigrok (order of starting). The board sends bare samples, bit n is line n, and nothing
// else: no header, no number, no word when it stops. The wasm form of the decoder is ../decode/edges.as.ts.
import type { Tick } from '../../core/tags.ts';
import type { UsbIdentity } from '../usb-access.ts';
import { idOf } from '../usb-access.ts';

export interface Fx2lafwBoard { readonly name: string; readonly inputs: 8 | 16; readonly firmware: string }

/** By the ids, which are the same before and after the upload. */
export const boards: Readonly<Record<string, Fx2lafwBoard>> = {
  '0925:3881': { name: 'Saleae Logic', inputs: 8, firmware: 'fx2lafw-saleae-logic.fw' },
  '04b4:8613': { name: 'Cypress FX2', inputs: 16, firmware: 'fx2lafw-cypress-fx2.fw' },
  '08a9:0014': { name: 'USBee AX', inputs: 8, firmware: 'fx2lafw-cwav-usbeeax.fw' },
  '08a9:0015': { name: 'USBee DX', inputs: 16, firmware: 'fx2lafw-cwav-usbeedx.fw' },
  '08a9:0009': { name: 'USBee SX', inputs: 8, firmware: 'fx2lafw-cwav-usbeesx.fw' },
  '08a9:0005': { name: 'USBee ZX', inputs: 8, firmware: 'fx2lafw-cwav-usbeezx.fw' },
  '16d0:0498': { name: 'Braintechnology USB-LPS', inputs: 16, firmware: 'fx2lafw-braintechnology-usb-lps.fw' },
  '1d50:608c': { name: 'sigrok FX2 8ch', inputs: 8, firmware: 'fx2lafw-sigrok-fx2-8ch.fw' },
  '1d50:608d': { name: 'sigrok FX2 16ch', inputs: 16, firmware: 'fx2lafw-sigrok-fx2-16ch.fw' },
};
/** Other devices have these too while they are bare. */
export const ambiguousId = '04b4:8613';

export function boardOf(identity: Pick<UsbIdentity, 'vendorId' | 'productId'>): Fx2lafwBoard | undefined { return boards[idOf(identity)]; }

/** The firmware calls itself so on every board; without it these strings are empty, or the maker's. */
export function hasFirmware({ manufacturer, product }: Pick<UsbIdentity, 'manufacturer' | 'product'>): boolean { return manufacturer === 'sigrok' && product === 'fx2lafw'; }

export const samplesEndpoint = 0x82;
export const requests = { start: 0xb1, version: 0xb0, revision: 0xb2 } as const;
export const startFlags = { wide: 0x20, clock48: 0x40 } as const;
/** What the board keeps of samples that nobody fetches: when that is full it stops. */
export const fifoBytes = 4096;

/** As they are called in the settings, in samples a second. */
export const sampleRates = {
  '20k': 20e3, '25k': 25e3, '50k': 50e3, '100k': 100e3, '200k': 200e3, '250k': 250e3, '500k': 500e3,
  '1M': 1e6, '2M': 2e6, '3M': 3e6, '4M': 4e6, '6M': 6e6, '8M': 8e6, '12M': 12e6, '16M': 16e6, '24M': 24e6,
} as const;
export type SampleRate = keyof typeof sampleRates;

/** What goes over the cable: 24 MB/s, and 1 MB/s where the port is a slow one. */
export function fits(rateHz: number, sampleBytes: number, packetBytes: number): boolean { return rateHz * sampleBytes <= (packetBytes < 512 ? 1e6 : 24e6); }

/** The data of the start request: flags and how many cycles of the base clock lie between two samples, less one. */
export function startCommand(rateHz: number, sampleBytes: number): Uint8Array {
  for (const [baseHz, flag] of [[48e6, startFlags.clock48], [30e6, 0]] as const) {
    const delay = baseHz / rateHz - 1;
    // The firmware refuses none at all, and counts to 6 * 256.
    if (Number.isInteger(delay) && delay > 0 && delay < 1536) return Uint8Array.of(flag | (sampleBytes === 2 ? startFlags.wide : 0), delay >> 8, delay & 255);
  }
  throw new RangeError(`no clock of the FX2 makes ${rateHz} samples a second`);
}

/** ps per sample, exact. */
export function tickOf(rateHz: number): Tick {
  let a = 1e12, b = rateHz;
  while (b > 0) [a, b] = [b, a % b];
  return { num: 1e12 / a, den: rateHz / a };
}

/** Bytes of a transfer: 10 ms of samples in whole packets, as libsigrok has them. */
export function transferBytes(rateHz: number, sampleBytes: number): number { return Math.ceil(rateHz * sampleBytes / 100 / 512) * 512; }

/** Falling edges -n to -1, rising edges 1 to n. */
export function channelNumbers(inputs: number): number[] { return Array.from({ length: 2 * inputs }, (_, index) => (index < inputs ? index - inputs : index - inputs + 1)); }

export const edgesState = {
  bytes: 64, base: 0, pendingPs: 8, num: 16, den: 20, rest: 24, width: 28, mask: 32, inputs: 36, isStarted: 40, previous: 44, pending: 48, consumed: 52, isFull: 56,
} as const;

export interface Sampling { rateHz: number; sampleBytes: number; inputs: number; mask: number }

/** The next sample is the first: it says what the levels are, and its time is `originPs`. */
export function writeState(view: DataView, { rateHz, sampleBytes, inputs, mask }: Sampling, originPs: bigint): void {
  const { num, den } = tickOf(rateHz);
  for (let at = 0; at < edgesState.bytes; at += 4) view.setUint32(at, 0, true);
  view.setBigInt64(edgesState.base, originPs, true);
  for (const [at, value] of [[edgesState.num, num], [edgesState.den, den], [edgesState.width, sampleBytes], [edgesState.mask, mask], [edgesState.inputs, inputs]] as const) view.setUint32(at, value, true);
}

/** What both forms of the decoder have: see edges.as.ts. */
export interface EdgesDecoder { decodeEdges(stateAt: number, rawAt: number, samples: number, timesAt: number, channelsAt: number, room: number): number }

/** The decoder in plain TypeScript: fallback where wasm is missing, and its judge. */
export function edgesTwin(memory: WebAssembly.Memory): EdgesDecoder {
  const bytes = new Uint8Array(memory.buffer), words = new Uint32Array(memory.buffer), all = new DataView(memory.buffer);
  return {
    decodeEdges(stateAt, rawAt, samples, timesAt, channelsAt, room) {
      const state = new DataView(memory.buffer, stateAt, edgesState.bytes);
      const u32 = (field: keyof typeof edgesState): number => state.getUint32(edgesState[field], true);
      const set = (field: keyof typeof edgesState, value: number): void => { state.setUint32(edgesState[field], value >>> 0, true); };
      const width = u32('width'), lines = u32('mask'), inputs = u32('inputs'), num = u32('num'), den = u32('den'), rest = u32('rest');
      const base = state.getBigInt64(edgesState.base, true);
      const sampleAt = width === 2 ? (i: number): number => bytes[rawAt + 2 * i]! | bytes[rawAt + 2 * i + 1]! << 8 : (i: number): number => bytes[rawAt + i]!;
      let written = 0;
      const send = (): boolean => {
        let left = u32('pending');
        for (let index = 0; left !== 0 && written < room; index++) {
          if ((left >>> index & 1) === 0) continue;
          all.setBigInt64(timesAt + 8 * written, state.getBigInt64(edgesState.pendingPs, true), true);
          bytes[channelsAt + written++] = index;
          left &= ~(1 << index);
        }
        set('pending', left);
        return left === 0;
      };
      let isFull = !send(), i = 0;
      if (!isFull && samples > 0) {
        let before = u32('isStarted') > 0 ? u32('previous') : sampleAt(0);
        set('isStarted', 1);
        const perWord = 4 / width;
        for (; i < samples && !isFull; i++) {
          // Four bytes at once where nothing happens, which is nearly everywhere.
          if ((rawAt + width * i & 3) === 0) {
            const same = Math.imul(before, width === 2 ? 0x00010001 : 0x01010101) >>> 0;
            for (let at = rawAt + width * i >>> 2; i + perWord <= samples && words[at] === same; at++) i += perWord;
            if (i === samples) break;
          }
          const now = sampleAt(i), differ = (now ^ before) & lines;
          if (differ !== 0) {
            if (written === room) {
              isFull = true;
              break;
            }
            state.setBigInt64(edgesState.pendingPs, base + BigInt(Math.floor((i * num + rest) / den)), true);
            let indexes = 0;
            for (let line = 0; line < inputs; line++) if ((differ >>> line & 1) > 0) indexes |= 1 << ((now >>> line & 1) > 0 ? inputs + line : inputs - 1 - line);
            set('pending', indexes);
            isFull = !send();
          }
          before = now;
        }
        set('previous', before);
        state.setBigInt64(edgesState.base, base + BigInt(Math.floor((i * num + rest) / den)), true);
        set('rest', (i * num + rest) % den);
      }
      set('consumed', i);
      set('isFull', isFull ? 1 : 0);
      return written;
    },
  };
}
