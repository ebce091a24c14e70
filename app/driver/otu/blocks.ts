// driver/otu/blocks.ts - bytes of an OTU tagger into the sink: the decoder writes the tags, what else a block says is told here.
//
// A loss lies between the last time that is known and the base of the block that tells of it; so does a block whose number is missing.
import { TaggerError } from '../../core/errors.ts';
import type { Loss, TagSink } from '../../core/tags.ts';
import { decodeExports } from '../decode/exports.ts';
import { otuState, otuTwin, stops, writeState, type OtuDecoder, type OtuStop } from './decoder.ts';
import { blockFlags, headerBytes, parseHeader, parseLost, type OtuInfo } from './protocol.ts';

/** What a breach of the protocol is for people. */
export const breaches: Record<Exclude<OtuStop, 'end' | 'room' | 'news'>, { what: string; section: string }> = {
  shape: { what: 'a block without the magic, or with more records than a block can hold', section: '4.1' },
  order: { what: 'a time that is earlier than one before it', section: '4.3' },
  record: { what: 'a record that it may not have', section: '4.2' },
  time: { what: 'a time too far ahead', section: '4.3' },
};

/** Sinks that were told of a lost reference and not yet of its return: the device may come back with it. */
const refLostIn = new WeakSet<TagSink>();

/** One run of a device. */
export class Blocks {
  isEnded = false;
  isRefLost = false;
  readonly #sink: TagSink;
  readonly #info: OtuInfo;
  readonly #originPs: bigint;
  readonly #decoder: OtuDecoder;
  readonly #stateAt: number;
  readonly #rawAt: number;
  readonly #state: DataView;
  readonly #all: DataView;
  readonly #most: number;
  #n = 0;
  /** Every tag before it was handed on. The decoder's times go round after 106 days, as the sink allows; this does not. */
  positionPs: bigint;

  constructor(sink: TagSink, info: OtuInfo, originPs: bigint, decoder?: OtuDecoder) {
    this.#sink = sink;
    this.#info = info;
    this.#originPs = this.positionPs = originPs;
    this.#decoder = decoder ?? decodeExports<OtuDecoder>(sink.memory) ?? otuTwin(sink.memory);
    this.#stateAt = sink.scratchAt;
    this.#rawAt = sink.scratchAt + otuState.bytes;
    this.#most = sink.scratchBytes - otuState.bytes;
    this.#state = new DataView(sink.memory.buffer, this.#stateAt, otuState.bytes);
    this.#all = new DataView(sink.memory.buffer);
    writeState(this.#state, info, originPs);
    this.isRefLost = refLostIn.has(sink);
    if (this.isRefLost) this.#state.setUint32(otuState.flags, blockFlags.refLost, true);
  }

  /** @throws {TaggerError} `protocol` at a breach; what came before it was handed on */
  take(data: Uint8Array): void {
    const bytes = new Uint8Array(this.#sink.memory.buffer);
    for (let at = 0; at < data.length && !this.isEnded;) {
      const piece = data.subarray(at, at + this.#most - this.#n);
      bytes.set(piece, this.#rawAt + this.#n);
      this.#n += piece.length;
      at += piece.length;
      const used = this.#decode();
      bytes.copyWithin(this.#rawAt, this.#rawAt + used, this.#rawAt + this.#n);
      this.#n -= used;
    }
  }

  /** @returns bytes of whole blocks */
  #decode(): number {
    for (let from = 0; ;) {
      const room = this.#sink.room();
      const written = this.#decoder.decodeOtu(this.#stateAt, this.#rawAt + from, this.#n - from, room.timesAt, room.channelsAt, room.tags);
      if (written > 0) this.#sink.commit(written);
      from += this.#state.getUint32(otuState.consumed, true);
      this.positionPs += BigInt.asIntN(64, this.#state.getBigInt64(otuState.lastPs, true) - this.positionPs);
      const stop = stops[this.#state.getUint32(otuState.status, true)]!;
      if (stop === 'room') continue;
      if (stop === 'end') {
        this.isEnded = (this.#state.getUint32(otuState.flags, true) & blockFlags.last) > 0;
        this.#sink.heartbeat(this.positionPs);
        return from;
      }
      if (stop !== 'news') throw broken(stop);
      this.#tell(this.#rawAt + from);
    }
  }

  /** What the header at `at` says besides tags; the decoder goes on with the records behind that. */
  #tell(at: number): void {
    const { seq, flags, base, records } = parseHeader(this.#all, at), { num, den } = this.#info.tick, expected = this.#state.getUint32(otuState.seq, true);
    const fromPs = this.positionPs, ps = this.#originPs + base * BigInt(num) / BigInt(den), hasGap = seq !== expected, hasLoss = hasGap || (flags & blockFlags.overflow) > 0;
    if (ps < fromPs || (hasLoss && ps === fromPs)) throw broken('order');
    if (ps > fromPs + 2n ** 62n) throw broken('time');
    let counts: ReturnType<typeof parseLost> = [];
    if ((flags & blockFlags.overflow) > 0) {
      counts = parseLost(this.#all, at + headerBytes, records, this.#info);
      if (!counts) throw broken('record');
    }
    if (hasLoss) this.#sink.lost({ place: hasGap ? 'usb' : 'device', fromPs, toPs: ps, ...gradeOf(counts, hasGap) });
    const isRefLost = (flags & blockFlags.refLost) > 0;
    if (isRefLost !== this.isRefLost) {
      this.#sink.clock(isRefLost ? 'lost' : 'locked', ps);
      if (isRefLost) refLostIn.add(this.#sink);
      else refLostIn.delete(this.#sink);
    }
    this.isRefLost = isRefLost;
    this.#state.setUint32(otuState.skip, counts.length, true);
    this.#state.setUint32(otuState.isPassed, 1, true);
  }
}

/** With a block missing, what the device counted is not all. */
function gradeOf(counts: readonly { channelIndex: number; count: number }[], hasGap: boolean): Pick<Loss, 'grade' | 'missed' | 'missedInAll'> {
  const isCounted = !hasGap && counts.length > 0 && counts.every(({ count }) => count > 0);
  if (!isCounted) return { grade: 'flagged' };
  if (counts.some(({ channelIndex }) => channelIndex < 0)) return { grade: 'flagged', missedInAll: counts.reduce((sum, { count }) => sum + count, 0) };
  const missed = new Map<number, number>();
  for (const { channelIndex, count } of counts) missed.set(channelIndex, (missed.get(channelIndex) ?? 0) + count);
  return { grade: 'counted', missed: [...missed].map(([channelIndex, count]) => ({ channelIndex, count })).toSorted((a, b) => a.channelIndex - b.channelIndex) };
}

function broken(stop: keyof typeof breaches): TaggerError {
  const { what, section } = breaches[stop];
  return new TaggerError('protocol', `The OTU tagger broke its protocol: it sent ${what}.`, { hint: `See docs/otu-v1.md, section ${section}.` });
}
