// tagctl/otu-stream.ts - a run of an OTU tagger looked at block by block: what the specification says of it, checked one by one.
//
// Unlike the driver it goes on behind a breach where it can, and remembers the first of each kind. Plain on purpose: it is a second
// reading of docs/otu-v1.md, so a mistake of the decoder is not repeated here.
import { blockFlags, blockMagic, headerBytes, mostTicks, parseHeader, type OtuInfo } from '../driver/otu/protocol.ts';

/** Kinds of breaches, each with its section. */
export const rules = {
  blocks: '4.1', numbers: '4.1', flags: '4.1', records: '4.2', order: '4.3', ties: '4.3', span: '4.3', loss: '4.4', latency: '4.5', heartbeat: '4.5', last: '3.5',
} as const;
export type Rule = keyof typeof rules;

export interface StreamFacts {
  blocks: number;
  tags: number;
  /** Told by lost records. */
  lost: number;
  /** Ticks that are known to have passed. */
  ticks: number;
  /** Tags by channel number. */
  channels: Map<number, number>;
  isEnded: boolean;
  /** Blocks with the flag test. */
  tests: number;
  /** Longest time of a device between what two blocks say, ms. */
  longestPauseMs: number;
}

export class StreamCheck implements StreamFacts {
  blocks = 0;
  tags = 0;
  lost = 0;
  ticks = 0;
  tests = 0;
  isEnded = false;
  longestPauseMs = 0;
  readonly channels = new Map<number, number>();
  /** First breach of each rule, as a sentence. */
  readonly breaches = new Map<Rule, string>();
  /** Nothing can be read any more: where a block ends is not known. */
  isLost = false;
  readonly #info: OtuInfo;
  readonly #latencyMs: number;
  #bytes = new Uint8Array(0);
  #seq = 0;

  constructor(info: OtuInfo, latencyMs: number) {
    this.#info = info;
    this.#latencyMs = latencyMs;
  }

  take(data: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + data.length);
    all.set(this.#bytes);
    all.set(data, this.#bytes.length);
    const view = new DataView(all.buffer), { recordBytes, blockBytes } = this.#info;
    let at = 0;
    while (!this.isLost && at + headerBytes <= all.length) {
      const where = `block ${this.blocks}`, { records, flags } = parseHeader(view, at), used = headerBytes + records * recordBytes;
      if (this.isEnded) return this.#lose('last', `something comes behind the block with the flag last`);
      if (view.getUint16(at, true) !== blockMagic) return this.#lose('blocks', `${where} begins with ${hex(all.subarray(at, at + 4))} in place of d7 54`);
      if (used > blockBytes) return this.#lose('blocks', `${where} says ${records} records, and ${blockBytes} bytes hold ${Math.floor((blockBytes - headerBytes) / recordBytes)}`);
      const length = (flags & blockFlags.padded) > 0 ? blockBytes : used;
      if (at + length > all.length) break;
      this.#block(view, at);
      at += length;
    }
    this.#bytes = all.slice(at);
  }

  /** The stream is over. */
  end(): void {
    if (!this.isEnded) this.#breach('last', 'no block with the flag last came');
    if (this.#bytes.length > 0 && !this.isLost) this.#breach('blocks', `the stream ends in the middle of block ${this.blocks}`);
  }

  get msPerTick(): number { return this.#info.tick.num / this.#info.tick.den / 1e9; }

  #lose(rule: Rule, sentence: string): void {
    this.#breach(rule, sentence);
    this.isLost = true;
  }

  #breach(rule: Rule, sentence: string): void { if (!this.breaches.has(rule)) this.breaches.set(rule, sentence); }

  #block(view: DataView, at: number): void {
    const { seq, records, flags, base: wide } = parseHeader(view, at), { isE64, recordBytes, inputs, hasFalling } = this.#info, where = `block ${this.blocks}`;
    const base = Number(wide), before = this.ticks, isOverflow = (flags & blockFlags.overflow) > 0;
    if (seq !== this.#seq) this.#breach('numbers', `${where} has number ${seq}, and ${this.#seq} is due`);
    this.#seq = (seq + 1) & 0xffff;
    if (flags >> 5 > 0) this.#breach('flags', `${where} has the flags ${flags.toString(2)}, and only the lowest five are known`);
    if (base < before) this.#breach('order', `${where} has base ${base}, and tick ${before} was reached before`);
    if (isOverflow && base === before && this.blocks > 0) this.#breach('loss', `${where} tells of a loss, and its base ${base} is not later than what came before`);
    if (base > before + 3.6e6 / this.msPerTick) this.#breach('order', `${where} has base ${base}, more than an hour behind tick ${before}`);
    let offset = 0, ticks = base, number = -Infinity, mayLose = isOverflow, lost = 0, first = -1, n = 0;
    for (let i = 0; i < records; i++) {
      const low = view.getUint32(at + headerBytes + i * recordBytes, true), high = isE64 ? view.getUint32(at + headerBytes + i * recordBytes + 4, true) : 0, which = `record ${i} of ${where}`;
      const code = isE64 ? high >>> 28 : low >>> 27;
      if (isE64 ? code === 1 : code === 28) {
        if (!mayLose) this.#breach('records', `${which} is a lost record ${isOverflow ? 'behind another record' : 'in a block without the flag overflow'}`);
        const channel = isE64 ? high >>> 20 & 255 : low >>> 22 & 31;
        if (channel !== (isE64 ? 255 : 31) && (isE64 ? channel >= inputs : channel >> 1 >= inputs)) this.#breach('records', `${which} tells of a loss of channel ${channel}, which is not there`);
        lost += isE64 ? low : low & 0x3fffff;
        continue;
      }
      mayLose = false;
      if (!isE64 && code === 31) {
        if ((low & 0x7ffffff) === 0) this.#breach('records', `${which} is a time record with n = 0`);
        offset += (low & 0x7ffffff) * 2 ** 27;
        if (base + offset > ticks) number = -Infinity;
        ticks = Math.max(ticks, base + offset);
        continue;
      }
      const input = isE64 ? high >>> 20 & 255 : code >> 1, isFalling = isE64 ? (high >>> 19 & 1) > 0 : (code & 1) > 0;
      if ((isE64 && code !== 0) || input >= inputs || (isFalling && !hasFalling)) {
        this.#breach('records', `${which} is ${isE64 ? `${low.toString(16)} ${high.toString(16)}` : low.toString(16)} (hex), which is no tag of ${inputs} inputs ${hasFalling ? 'with' : 'without'} falling edges`);
        continue;
      }
      const time = isE64 ? base + (high & 0xffff) * 2 ** 32 + low : base + offset + (low & 0x7ffffff), channel = isFalling ? -1 - input : 1 + input;
      if (isE64 && (high >>> 16 & 7) > 0) this.#breach('records', `${which} has reserved bits 18 to 16 set`);
      if (time < ticks) this.#breach('order', `${which} is at tick ${time}, and ${ticks} was reached before`);
      else if (time === ticks && channel <= number) this.#breach('ties', `${which} is of channel ${channel}, behind channel ${number} at the same tick ${time}`);
      if (time - base >= mostTicks) this.#breach('span', `${which} is ${time - base} ticks behind the base`);
      number = channel;
      ticks = Math.max(ticks, time);
      if (first < 0) first = time;
      this.channels.set(channel, (this.channels.get(channel) ?? 0) + 1);
      n++;
    }
    const spanMs = n > 0 ? (ticks - first) * this.msPerTick : 0;
    if (spanMs > 1.1 * this.#latencyMs + 2) this.#breach('latency', `the tags of ${where} are ${spanMs.toFixed(1)} ms apart, and a tag may wait ${this.#latencyMs} ms`);
    const pauseMs = (base - before) * this.msPerTick;
    if (this.blocks > 0) this.longestPauseMs = Math.max(this.longestPauseMs, pauseMs);
    if (isOverflow) this.#breach('loss', lost > 0 ? `${where} tells of ${lost} lost edges` : `${where} tells of a loss`);
    this.lost += lost;
    this.tags += n;
    this.blocks++;
    this.tests += (flags & blockFlags.test) > 0 ? 1 : 0;
    this.isEnded = (flags & blockFlags.last) > 0;
    this.ticks = Math.max(ticks, before);
  }
}

export function hex(bytes: Uint8Array): string { return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(' '); }
