// driver/otu/decoder.ts - the decoder of OTU blocks: layout of its state, and its twin in plain TypeScript.
//
// The wasm form is ../decode/otu.as.ts. Both take whole blocks only, so a byte stream may be cut anywhere.
import { blockFlags, blockMagic, code32, headerBytes, mostSpanPs, mostTicks, type OtuInfo } from './protocol.ts';

export const otuState = {
  bytes: 128, base: 0, originPs: 8, rest: 16, record: 20, offset: 24, last: 32, lastPs: 40, whole: 48, part: 52, den: 56, inputs: 60, recordBytes: 64, blockBytes: 68,
  hasFalling: 72, seq: 76, flags: 80, isIn: 84, isPassed: 88, skip: 92, consumed: 96, status: 100,
} as const;

/** `news`: in front of a block that says more than tags. The last four are breaches of the protocol. */
export type OtuStop = 'end' | 'room' | 'news' | 'shape' | 'order' | 'record' | 'time';
export const stops: readonly OtuStop[] = ['end', 'room', 'news', 'shape', 'order', 'record', 'time'];

export interface OtuDecoder {
  decodeOtu(stateAt: number, rawAt: number, bytes: number, timesAt: number, channelsAt: number, room: number): number;
}

export function writeState(view: DataView, info: Pick<OtuInfo, 'tick' | 'inputs' | 'recordBytes' | 'blockBytes' | 'hasFalling'>, originPs: bigint): void {
  for (let at = 0; at < otuState.bytes; at += 4) view.setUint32(at, 0, true);
  view.setBigInt64(otuState.originPs, originPs, true);
  view.setBigInt64(otuState.lastPs, originPs, true);
  const { num, den } = info.tick;
  const fields = { whole: Math.floor(num / den), part: num % den, den, inputs: info.inputs, recordBytes: info.recordBytes, blockBytes: info.blockBytes, hasFalling: info.hasFalling ? 1 : 0 };
  for (const [field, value] of Object.entries(fields)) view.setUint32(otuState[field as keyof typeof fields], value, true);
}

const word = 2 ** 32, half = 2 ** 24;

/** Fallback where wasm is missing, and its judge. */
export function otuTwin(memory: WebAssembly.Memory): OtuDecoder {
  return {
    decodeOtu(stateAt, rawAt, bytes, timesAt, channelsAt, room) {
      const state = new DataView(memory.buffer, stateAt, otuState.bytes), all = new DataView(memory.buffer), indexes = new Uint8Array(memory.buffer, channelsAt, room);
      const u32 = (field: keyof typeof otuState): number => state.getUint32(otuState[field], true);
      const set = (field: keyof typeof otuState, value: number): void => { state.setUint32(otuState[field], value, true); };
      const i64 = (field: keyof typeof otuState): bigint => state.getBigInt64(otuState[field], true);
      const set64 = (field: keyof typeof otuState, value: bigint): void => { state.setBigInt64(otuState[field], value, true); };
      const whole = u32('whole'), part = u32('part'), den = u32('den'), inputs = u32('inputs'), falls = u32('hasFalling'), recordBytes = u32('recordBytes'), blockBytes = u32('blockBytes');
      const tickPs = whole + part / den;
      let written = 0;

      const advance = (ticks: bigint): void => {
        const left = ticks * BigInt(part) + BigInt(u32('rest'));
        set64('originPs', i64('originPs') + ticks * BigInt(whole) + left / BigInt(den));
        set('rest', Number(left % BigInt(den)));
      };
      const enter = (next: bigint): OtuStop => {
        const by = next - state.getBigUint64(otuState.base, true);
        if (by < 0n || by < i64('last')) return 'order';
        if (by >> 56n > 0n || Number(by) * tickPs >= 2 ** 62) return 'time';
        advance(by - i64('offset'));
        state.setBigUint64(otuState.base, next, true);
        set64('offset', 0n);
        set64('last', 0n);
        set64('lastPs', i64('originPs'));
        return 'end';
      };
      /** floor((ticks * part + rest) / den) by halves, so that every product is exact. */
      const dividedOf = (ticks: number, rest: number): number => {
        const upper = Math.floor(ticks / half) * part, sum = upper % den * half + ticks % half * part + rest;
        return Math.floor(upper / den) * half + Math.floor(sum / den);
      };
      const recordsOf = (at: number, records: number): OtuStop => {
        let offset = Number(i64('offset')), last = Number(i64('last')), rest = u32('rest'), low = all.getUint32(stateAt + otuState.originPs, true), high = all.getInt32(stateAt + otuState.originPs + 4, true);
        let i = u32('record'), stop: OtuStop = 'end', isMoved = false;
        for (; i < records && stop === 'end'; i++) {
          const p = at + i * recordBytes, first = all.getUint32(p, true), second = recordBytes === 8 ? all.getUint32(p + 4, true) : 0;
          const code = recordBytes === 8 ? second >>> 28 : first >>> 27, ticks = recordBytes === 8 ? (second & 0xffff) * word + first : first & 0x7ffffff;
          if (recordBytes === 4 && code === code32.time) {
            const next = offset + ticks * 2 ** 27;
            if (ticks === 0) stop = 'record';
            else if (next >= mostTicks || next * tickPs >= mostSpanPs) stop = 'time';
            else {
              advance(BigInt(ticks) << 27n);
              offset = next;
              set64('offset', BigInt(offset));
              rest = u32('rest');
              low = all.getUint32(stateAt + otuState.originPs, true);
              high = all.getInt32(stateAt + otuState.originPs + 4, true);
              if (last < next) {
                last = next;
                set64('lastPs', i64('originPs'));
                isMoved = false;
              }
            }
            continue;
          }
          const input = recordBytes === 8 ? second >>> 20 & 255 : code >> 1, falling = recordBytes === 8 ? second >>> 19 & 1 : code & 1;
          if ((recordBytes === 8 && code !== 0) || input >= inputs || falling > falls) stop = 'record';
          else if (offset + ticks < last) stop = 'order';
          else if (recordBytes === 8 && (ticks >= mostTicks || ticks >= mostSpanPs / tickPs)) stop = 'time';
          else if (written === room) stop = 'room';
          else {
            const ps = low + ticks * whole + (ticks < 2 ** 28 ? Math.floor((ticks * part + rest) / den) : dividedOf(ticks, rest)), carry = Math.floor(ps / word);
            all.setUint32(timesAt + 8 * written, ps - carry * word, true);
            all.setInt32(timesAt + 8 * written + 4, high + carry | 0, true);
            indexes[written++] = falling ? inputs - 1 - input : (falls ? inputs : 0) + input;
            last = offset + ticks;
            isMoved = true;
          }
        }
        // The record that stopped it is still to come.
        set('record', stop === 'end' ? i : i - 1);
        set64('last', BigInt(last));
        if (isMoved) set64('lastPs', all.getBigInt64(timesAt + 8 * (written - 1), true));
        return stop;
      };

      let at = 0, stop: OtuStop = 'end';
      while (stop === 'end' && at + headerBytes <= bytes) {
        const header = rawAt + at, records = all.getUint16(header + 4, true), bits = all.getUint16(header + 6, true), used = headerBytes + records * recordBytes;
        const length = (bits & blockFlags.padded) > 0 ? blockBytes : used, seq = all.getUint16(header + 2, true);
        if (all.getUint16(header, true) !== blockMagic || used > blockBytes) {
          stop = 'shape';
          break;
        }
        if (at + length > bytes) break;
        if (u32('isIn') === 0) {
          const isNews = (bits & (blockFlags.overflow | blockFlags.last)) > 0 || ((bits ^ u32('flags')) & blockFlags.refLost) > 0 || seq !== u32('seq');
          stop = isNews && u32('isPassed') === 0 ? 'news' : enter(all.getBigUint64(header + 8, true));
          if (stop !== 'end') break;
          set('seq', seq + 1 & 0xffff);
          set('flags', bits);
          set('isIn', 1);
          set('isPassed', 0);
          set('record', u32('skip'));
          set('skip', 0);
        }
        stop = recordsOf(header + headerBytes, records);
        if (stop !== 'end') break;
        set('isIn', 0);
        at += length;
        // Behind the last block there is nothing.
        if ((bits & blockFlags.last) > 0) break;
      }
      set('consumed', at);
      set('status', stops.indexOf(stop));
      return written;
    },
  };
}
