// driver/bridge/records.ts - the bytes of a bridge into a sink: tags by the decoder, and what is not a tag as markers.
//
// Losses: between an overflow's begin and end the counts of its `missed` records are summed. With at least one of them the interval is counted, without
// it is flagged; channel 0 stands for all channels together, which makes it flagged with a number.
import { TaggerError } from '../../core/errors.ts';
import type { TaggerInfo } from '../../core/tagger.ts';
import type { TagSink } from '../../core/tags.ts';
import { decodeExports } from '../decode/exports.ts';
import { bridgeState, bridgeTwin, noChannel, recordBytes, recordTypes, stops, writeState, type BridgeDecoder } from './decoder.ts';
import { printable, type RecordFormat } from './protocol.ts';

/** A restart of the device's clock is placed by the clock of this computer, to about this. */
const uncertaintyPs = 1e9;
/** A recording has a few words out of order; with more than this, and that part of all, it is no a1. */
const slipsTolerated = 100, slipsPart = 4;
const rawOffset = bridgeState.bytes + 64;

/** An overflow that has begun, with what was counted since, per channel index and of no channel. */
interface Losing { fromPs: bigint; missed: Map<number, number>; inAll: number; isCounted: boolean }

export class Records {
  readonly #sink: TagSink;
  readonly #info: TaggerInfo;
  readonly #format: RecordFormat;
  readonly #decode: BridgeDecoder['decodeSi16'];
  readonly #stateAt: number;
  readonly #rawAt: number;
  readonly #rawBytes: number;
  readonly #state: DataView;
  /** Bytes of an unfinished record, in front of what comes next. */
  #kept = 0;
  #taken = 0;
  #losing: Losing | undefined;
  #lastMs = performance.now();

  constructor(sink: TagSink, info: TaggerInfo, format: RecordFormat, basePs: bigint, originPs: bigint, kind?: 'wasm' | 'typescript') {
    const decoder = (kind === 'typescript' ? undefined : decodeExports<BridgeDecoder>(sink.memory)) ?? bridgeTwin(sink.memory);
    this.#sink = sink;
    this.#info = info;
    this.#format = format;
    this.#decode = format === 'si16' ? decoder.decodeSi16 : decoder.decodeA1;
    this.#stateAt = sink.scratchAt;
    this.#rawAt = sink.scratchAt + rawOffset;
    this.#rawBytes = sink.scratchBytes - rawOffset;
    this.#state = new DataView(sink.memory.buffer, this.#stateAt, bridgeState.bytes);
    writeState(this.#state, info.channels, basePs, originPs, format === 'a1x');
  }

  /** Stream time of the last record. */
  get lastPs(): bigint { return this.#state.getBigInt64(bridgeState.lastPs, true); }
  /** Whole records so far. */
  get taken(): number { return this.#taken; }

  /** @throws {TaggerError} `protocol` if a record is none */
  take(data: Uint8Array): void {
    const size = recordBytes[this.#format];
    for (let from = 0; from < data.length;) {
      const bytes = new Uint8Array(this.#sink.memory.buffer);
      const part = Math.min(data.length - from, this.#rawBytes - this.#kept);
      bytes.set(data.subarray(from, from + part), this.#rawAt + this.#kept);
      from += part;
      const n = this.#kept + part, whole = Math.floor(n / size);
      this.#records(whole);
      this.#kept = n - whole * size;
      bytes.copyWithin(this.#rawAt, this.#rawAt + whole * size, this.#rawAt + n);
    }
    this.#lastMs = performance.now();
    this.#sink.heartbeat(this.lastPs);
  }

  /** The stream ends here: an overflow that has not ended is told as far as it is known. */
  finish(): void {
    const losing = this.#losing;
    this.#losing = undefined;
    if (losing) this.#sink.lost({ grade: 'flagged', place: 'device', fromPs: losing.fromPs, toPs: largest(losing.fromPs, this.lastPs) });
  }

  #records(count: number): void {
    const size = recordBytes[this.#format];
    for (let done = 0; ;) {
      const room = this.#sink.room();
      const written = this.#decode(this.#stateAt, this.#rawAt + done * size, count - done, room.timesAt, room.channelsAt, room.tags);
      if (written > 0) this.#sink.commit(written);
      const used = this.#state.getUint32(bridgeState.consumed, true), stop = stops[this.#state.getUint32(bridgeState.status, true)];
      done += used;
      this.#taken += used;
      if (stop === 'end') return;
      if (stop === 'back') this.#slip();
      else if (stop === 'special') {
        this.#special(this.#rawAt + done * size);
        done++;
        this.#taken++;
      }
    }
  }

  #slip(): void {
    const slips = this.#state.getUint32(bridgeState.slips, true);
    if (slips > slipsTolerated && slips > this.#taken / slipsPart) {
      throw new TaggerError('protocol', `Cannot read the bridge any further: ${slips} of its first ${this.#taken} words go back in time, so they are no ${this.#format} words.`, {
        hint: 'The command must write the 64-bit words of the S-Fifteen tools: readevents7 -a1; with -X use bridge-a1x.',
      });
    }
    this.#sink.timeSlip(this.lastPs);
  }

  #special(at: number): void {
    const view = new DataView(this.#sink.memory.buffer, at, recordBytes.si16);
    const type = view.getUint8(0), missed = view.getUint16(2, true), number = view.getInt32(4, true), devicePs = view.getBigInt64(8, true);
    const basePs = this.#state.getBigInt64(bridgeState.base, true), fromPs = this.lastPs;
    const index = Math.abs(number) < 1024 ? this.#state.getUint8(bridgeState.indexes + 1024 + number) : noChannel;
    const isOurs = index !== noChannel || (number === 0 && type !== recordTypes.tag) || (type !== recordTypes.tag && type !== recordTypes.missed);
    if (type > recordTypes.missed || view.getUint8(1) !== 0 || !isOurs) throw this.#notARecord(at);
    // A marker is never earlier than what came before it: what is known is that it comes behind that.
    const atPs = largest(BigInt.asIntN(64, basePs + devicePs), fromPs);
    if (type === recordTypes.error) {
      this.#restart(devicePs, basePs, fromPs);
      return;
    }
    this.#state.setBigInt64(bridgeState.lastPs, atPs, true);
    if (type === recordTypes.overflowBegin) {
      if (this.#losing) return;
      this.#losing = { fromPs: atPs, missed: new Map(), inAll: 0, isCounted: false };
      this.#sink.losing(atPs, 'device');
    } else if (type === recordTypes.overflowEnd) this.#end(atPs);
    else if (missed > 0) {
      const losing = this.#losing ?? { fromPs, missed: new Map<number, number>(), inAll: 0, isCounted: false };
      if (number === 0) losing.inAll += missed;
      else losing.missed.set(index, (losing.missed.get(index) ?? 0) + missed);
      losing.isCounted = number !== 0 || losing.isCounted;
      if (!this.#losing) this.#tell(losing, atPs);
    }
  }

  #end(atPs: bigint): void {
    const losing = this.#losing;
    if (!losing) return;
    this.#losing = undefined;
    this.#tell(losing, atPs);
  }

  #tell({ fromPs, missed, inAll, isCounted }: Losing, toPs: bigint): void {
    const counts = [...missed].toSorted(([a], [b]) => a - b).map(([channelIndex, count]) => ({ channelIndex, count }));
    if (isCounted && inAll === 0) this.#sink.lost({ grade: 'counted', place: 'device', fromPs, toPs, missed: counts });
    else this.#sink.lost({ grade: 'flagged', place: 'device', fromPs, toPs, ...(inAll > 0 && { missedInAll: counts.reduce((sum, { count }) => sum + count, inAll) }) });
  }

  /** The clock of the device began anew: stream time goes on, by the device's clock if it went forward, else by that of this computer. */
  #restart(devicePs: bigint, basePs: bigint, fromPs: bigint): void {
    const claimedPs = basePs + devicePs, elapsedPs = BigInt(Math.max(1, Math.round((performance.now() - this.#lastMs) * 1e9)));
    const toPs = claimedPs > fromPs ? claimedPs : fromPs + elapsedPs, sincePs = this.#losing?.fromPs ?? fromPs;
    this.#losing = undefined;
    this.#sink.losing(sincePs, 'device');
    this.#sink.lost({ grade: 'flagged', place: 'device', fromPs: sincePs, toPs });
    this.#sink.epoch(toPs, uncertaintyPs);
    this.#state.setBigInt64(bridgeState.base, BigInt.asIntN(64, toPs - devicePs), true);
    this.#state.setBigInt64(bridgeState.lastPs, toPs, true);
  }

  #notARecord(at: number): TaggerError {
    const bytes = new Uint8Array(this.#sink.memory.buffer).slice(at, at + recordBytes.si16), view = new DataView(bytes.buffer);
    const text = bytes.filter(byte => (byte >= 32 && byte < 127) || byte === 10 || byte === 13);
    const seen = text.length >= 12 ? `it wrote text: '${printable(String.fromCharCode(...text))}'` : `type ${bytes[0]}, channel ${view.getInt32(4, true)}`;
    return new TaggerError('protocol', `Cannot read the bridge of the ${this.#info.model} any further: what it sent as record ${this.#taken + 1} is none, ${seen}.`, {
      hint: 'Only records may go to standard output; text for people goes to standard error.',
    });
  }
}

function largest(a: bigint, b: bigint): bigint { return a > b ? a : b; }
