// driver/bridge/decoder.ts - records of a bridge as tags: the state that both forms of the decoder share, and the form in plain TypeScript.
//
// The wasm form is ../decode/bridge.as.ts. 64-bit sums go by two words: BigInt has no place in a loop over tags.
import type { ChannelInfo } from '../../core/tagger.ts';

export const recordTypes = { tag: 0, error: 1, overflowBegin: 2, overflowEnd: 3, missed: 4 } as const;
export const recordBytes = { si16: 16, a1: 8, a1x: 8 } as const;

export const bridgeState = {
  bytes: 64 + 2048, base: 0, lastPs: 8, last: 16, pending: 24, consumed: 28, status: 32, isSwapped: 36, isStarted: 40, slips: 44, indexes: 64,
} as const;
export type BridgeStop = 'end' | 'room' | 'special' | 'back';
export const stops: readonly BridgeStop[] = ['end', 'room', 'special', 'back'];
export const noChannel = 255;

/** What both forms of the decoder have; each returns the tags written. */
export interface BridgeDecoder {
  decodeSi16(stateAt: number, rawAt: number, records: number, timesAt: number, channelsAt: number, room: number): number;
  decodeA1(stateAt: number, rawAt: number, words: number, timesAt: number, channelsAt: number, room: number): number;
}

/** @param basePs stream time of the device's time 0; in a1, of its first word */
export function writeState(view: DataView, channels: readonly ChannelInfo[], basePs: bigint, lastPs: bigint, isSwapped: boolean): void {
  for (let at = 0; at < bridgeState.indexes; at += 4) view.setUint32(at, 0, true);
  view.setBigInt64(bridgeState.base, basePs, true);
  view.setBigInt64(bridgeState.lastPs, lastPs, true);
  view.setUint32(bridgeState.isSwapped, isSwapped ? 1 : 0, true);
  for (let i = 0; i < 2048; i++) view.setUint8(bridgeState.indexes + i, noChannel);
  for (const [index, { number }] of channels.entries()) view.setUint8(bridgeState.indexes + number + 1024, index);
}

const word = 2 ** 32, half = 2 ** 53;

/** The decoder in plain TypeScript: fallback where wasm is missing, and its judge. */
export function bridgeTwin(memory: WebAssembly.Memory): BridgeDecoder {
  let words = new Uint32Array(0), bytes = new Uint8Array(0);
  const look = (): void => {
    if (words.buffer === memory.buffer) return;
    words = new Uint32Array(memory.buffer);
    bytes = new Uint8Array(memory.buffer);
  };
  return {
    decodeSi16(stateAt, rawAt, records, timesAt, channelsAt, room) {
      look();
      const state = stateAt >>> 2, times = timesAt >>> 2, table = stateAt + bridgeState.indexes + 1024;
      const zeroLow = words[state]!, zeroHigh = words[state + 1]!, most = Math.min(records, room);
      let lastLow = words[state + 2]!, lastHigh = words[state + 3]!, i = 0, stop: BridgeStop = most < records ? 'room' : 'end';
      for (; i < most; i++) {
        const at = (rawAt >>> 2) + 4 * i, number = words[at + 1]! | 0;
        const index = (words[at]! & 0xffff) !== 0 || number < -1024 || number > 1023 ? noChannel : bytes[table + number]!;
        if (index === noChannel) {
          stop = 'special';
          break;
        }
        const sum = words[at + 2]! + zeroLow, low = sum >>> 0, high = (words[at + 3]! + zeroHigh + (sum >= word ? 1 : 0)) >>> 0;
        words[times + 2 * i] = low;
        words[times + 2 * i + 1] = high;
        let k = channelsAt + i;
        if (low === lastLow && high === lastHigh) {
          const earlier = (n: number): boolean => words[times + 2 * n] === low && words[times + 2 * n + 1] === high;
          for (; k > channelsAt && earlier(k - channelsAt - 1) && bytes[k - 1]! > index; k--) bytes[k] = bytes[k - 1]!;
        }
        bytes[k] = index;
        lastLow = low;
        lastHigh = high;
      }
      words[state + 2] = lastLow;
      words[state + 3] = lastHigh;
      words[(stateAt + bridgeState.consumed) >>> 2] = i;
      words[(stateAt + bridgeState.status) >>> 2] = stops.indexOf(stop);
      return i;
    },

    decodeA1(stateAt, rawAt, count, timesAt, channelsAt, room) {
      look();
      const field = (name: keyof typeof bridgeState): number => (stateAt + bridgeState[name]) >>> 2;
      const swapped = words[field('isSwapped')]!, raw = rawAt >>> 2, times = timesAt >>> 2;
      let mask = words[field('pending')]!, low = words[field('lastPs')]!, high = words[field('lastPs') + 1]!, zeroLow = words[field('base')]!, zeroHigh = words[field('base') + 1]!;
      // The last time in its upper 22 bits and those of the lower word, so that a difference is exact as far as it matters.
      let lastLow = words[field('last')]!, lastHigh = words[field('last') + 1]!, written = 0, i = 0, stop: BridgeStop = 'end';
      const addZero = (addLow: number, addHigh: number): void => {
        const sum = zeroLow + (addLow >>> 0);
        zeroLow = sum >>> 0;
        zeroHigh = (zeroHigh + addHigh + (sum >= word ? 1 : 0)) >>> 0;
      };
      for (;;) {
        for (; mask > 0 && written < room; mask &= mask - 1, written++) {
          words[times + 2 * written] = low;
          words[times + 2 * written + 1] = high;
          bytes[channelsAt + written] = 31 - Math.clz32(mask & -mask);
        }
        if (mask > 0) {
          stop = 'room';
          break;
        }
        if (i === count) break;
        const wordLow = words[raw + 2 * i + (swapped ? 1 : 0)]!, wordHigh = words[raw + 2 * i + (swapped ? 0 : 1)]!;
        if (wordLow === 0 && wordHigh === 0) {
          i++;
          continue;
        }
        // Its 54 bits as two words, and the same in ps: 125/32 of it, the upper part in whole steps of 2^24 * 125.
        const timeLow = ((wordHigh << 22) | (wordLow >>> 10)) >>> 0, timeHigh = wordHigh >>> 10;
        const whole = timeHigh * 2 ** 27 + (timeLow >>> 5), upper = Math.floor(whole / 2 ** 24) * 125;
        const small = (upper % 256) * 2 ** 24 + (whole % 2 ** 24) * 125 + ((timeLow & 31) * 125 >>> 5);
        const psLow = small % word, psHigh = Math.floor(upper / 256) + Math.floor(small / word);
        let isBack = false;
        if (words[field('isStarted')] === 0) {
          words[field('isStarted')] = 1;
          addZero(-psLow, -psHigh - (psLow > 0 ? 1 : 0));
        } else {
          const step = (timeHigh - lastHigh) * word + (timeLow - lastLow);
          isBack = (step < 0 && step > -half) || step >= half;
          // A round is 2^49 * 125 ps: a whole number of upper words.
          if (step <= -half) addZero(0, 2 ** 17 * 125);
          else if (step >= half) addZero(0, -(2 ** 17) * 125);
        }
        lastLow = timeLow;
        lastHigh = timeHigh;
        const sum = zeroLow + psLow;
        low = sum >>> 0;
        high = (zeroHigh + psHigh + (sum >= word ? 1 : 0)) >>> 0;
        if (isBack) {
          words[field('slips')] = words[field('slips')]! + 1;
          stop = 'back';
          break;
        }
        mask = (wordLow & 16) > 0 ? 0 : wordLow & 15;
        i++;
      }
      words[field('pending')] = mask;
      words[field('lastPs')] = low;
      words[field('lastPs') + 1] = high;
      words[field('last')] = lastLow;
      words[field('last') + 1] = lastHigh;
      words[field('base')] = zeroLow;
      words[field('base') + 1] = zeroHigh;
      words[field('consumed')] = i;
      words[field('status')] = stops.indexOf(stop);
      return written;
    },
  };
}
