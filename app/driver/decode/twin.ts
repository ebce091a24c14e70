// driver/decode/twin.ts - the decoder of t2.as.ts in plain TypeScript: fallback where wasm is missing, and its judge.
//
// int64 times are two 32-bit halves; every product stays below 2^53, so a double holds it exactly and no BigInt is
// needed; `>>> 0` is the remainder modulo 2^32, much faster than `%`. State and results are those of the wasm module, byte
// by byte (layout.ts).
import {
  baseAt, remainderAt, limitAt, numAt, denAt, timeBitsAt, wrapAt, countedWrapsAt, inputsAt, consumedAt, statusAt, runPsAt,
  runCountAt, runSentAt, unknownPsAt, overflowsAt, unknownsAt, specialsAt, runChannelsAt, runCapacity, noChannel,
  stoppedAtEnd, stoppedByRoom, stoppedByLimit, stoppedByUnknown, stoppedByTime, latestPs,
} from './layout.ts';

/** The exports of the wasm module, and of its twin. */
export interface DecodeExports {
  decodeT2(stateAt: number, rawAt: number, records: number, timesAt: number, channelsAt: number, roomTags: number): number;
  flushRun(stateAt: number, timesAt: number, channelsAt: number, roomTags: number): number;
}

export function createTwin(memory: WebAssembly.Memory): DecodeExports {
  return {
    decodeT2: (stateAt, rawAt, records, timesAt, channelsAt, roomTags) =>
      new Twin(memory, stateAt, timesAt, channelsAt, roomTags).decode(rawAt, records),
    flushRun: (stateAt, timesAt, channelsAt, roomTags) => new Twin(memory, stateAt, timesAt, channelsAt, roomTags).flush(),
  };
}

const word = 2 ** 32;

/** One call: state is read once, kept in fields and written back at the end. */
class Twin {
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #state: number;
  readonly #num: number;
  readonly #den: number;
  readonly #timeBits: number;
  readonly #inputs: number;
  readonly #limitLow: number;
  readonly #limitHigh: number;
  readonly #timesWord: number;
  readonly #channels: number;
  readonly #room: number;
  #written = 0;
  #status = stoppedAtEnd;
  #baseLow: number;
  #baseHigh: number;
  #remainder: number;
  #runLow: number;
  #runHigh: number;
  #runCount: number;
  #runSent: number;
  // The time of the record in hand; set by #timeOf.
  #low = 0;
  #high = 0;

  constructor(memory: WebAssembly.Memory, stateAt: number, timesAt: number, channelsAt: number, roomTags: number) {
    const words = new Uint32Array(memory.buffer);
    const at = (offset: number): number => words[(stateAt + offset) >>> 2]!;
    this.#words = words;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#state = stateAt;
    this.#num = at(numAt);
    this.#den = at(denAt);
    this.#timeBits = at(timeBitsAt);
    this.#inputs = at(inputsAt);
    this.#limitLow = at(limitAt);
    this.#limitHigh = at(limitAt + 4) | 0;
    this.#timesWord = timesAt >>> 2;
    this.#channels = channelsAt;
    this.#room = roomTags;
    this.#baseLow = at(baseAt);
    this.#baseHigh = at(baseAt + 4) | 0;
    this.#remainder = new DataView(memory.buffer).getFloat64(stateAt + remainderAt, true);
    this.#runLow = at(runPsAt);
    this.#runHigh = at(runPsAt + 4) | 0;
    this.#runCount = at(runCountAt);
    this.#runSent = at(runSentAt);
  }

  decode(rawAt: number, records: number): number {
    const words = this.#words, raw = rawAt >>> 2, timeBits = this.#timeBits;
    const timeMask = 2 ** timeBits - 1;
    let i = 0;
    for (; i < records; i++) {
      i = this.#plain(raw, i, records);
      if (i === records) break;
      const record = words[raw + i]!;
      const code = record >>> timeBits, ticks = record & timeMask;
      if (code < this.#inputs) {
        this.#timeOf(ticks);
        if (!this.#tag(code)) break;
      } else if (!this.#special(code, ticks)) break;
    }
    this.#save(i + (this.#status === stoppedByUnknown ? 1 : 0));
    return this.#written;
  }

  /** Takes tags of inputs while each has another time than the one before and none meets the limit; the next record. */
  #plain(raw: number, from: number, records: number): number {
    const words = this.#words, bytes = this.#bytes, timeBits = this.#timeBits, inputs = this.#inputs;
    const timeMask = 2 ** timeBits - 1;
    const num = this.#num, den = this.#den, remainder = this.#remainder, baseLow = this.#baseLow, baseHigh = this.#baseHigh;
    if (this.#runCount !== 1 || this.#runSent !== 0) return from;
    this.#timeOf(timeMask);
    if (!less(this.#low, this.#high, this.#limitLow, this.#limitHigh)) return from;
    let low = this.#runLow, high = this.#runHigh, channel = bytes[this.#state + runChannelsAt]!;
    let written = this.#written, at = this.#timesWord + 2 * written;
    const channels = this.#channels;
    const end = Math.min(records, from + this.#room - written);
    let i = from;
    for (; i < end; i++) {
      const record = words[raw + i]!;
      const code = record >>> timeBits;
      if (code >= inputs) break;
      const ticks = record & timeMask;
      const offset = den === 1 ? ticks * num : Math.floor((remainder + ticks) * num / den);
      const sum = baseLow + (offset >>> 0);
      const nextLow = sum >>> 0, nextHigh = (baseHigh + (offset < word ? 0 : Math.floor(offset / word)) + (sum >= word ? 1 : 0)) | 0;
      if (nextLow === low && nextHigh === high) break;
      // One behind: what is written is the tag before this one.
      words[at] = low;
      words[at + 1] = high;
      at += 2;
      bytes[channels + written++] = channel;
      low = nextLow;
      high = nextHigh;
      channel = code;
    }
    this.#written = written;
    this.#runLow = low;
    this.#runHigh = high;
    bytes[this.#state + runChannelsAt] = channel;
    return i;
  }

  flush(): number {
    this.#send();
    this.#save(0);
    return this.#written;
  }

  #special(code: number, ticks: number): boolean {
    if (this.#timeBits === 28) {
      if (code !== 15) return this.#skip(ticks);
      if ((ticks & 15) === 0) return this.#overflow(1);
      this.#timeOf(ticks | 15);
      const lastLow = this.#low, lastHigh = this.#high;
      this.#timeOf(ticks & ~15);
      // A PicoHarp marker lies somewhere in 16 ticks: the earliest of them that keeps the order.
      if (less(this.#low, this.#high, this.#runLow, this.#runHigh) && !less(lastLow, lastHigh, this.#runLow, this.#runHigh)) {
        this.#low = this.#runLow;
        this.#high = this.#runHigh;
      }
      return this.#marks(ticks & 15, ticks);
    }
    const special = code & 63;
    if (code < 64) return this.#skip(ticks);
    if (special === 63) return this.#overflow(this.#words[(this.#state + countedWrapsAt) >>> 2] !== 0 && ticks !== 0 ? ticks : 1);
    if (special > 15) return this.#skip(ticks);
    this.#timeOf(ticks);
    if (special > 0) return this.#marks(special, ticks);
    const sync = this.#bytes[this.#state + specialsAt]!;
    return sync === noChannel ? this.#skip(ticks) : this.#tag(sync);
  }

  #timeOf(ticks: number): void {
    const offset = Math.floor((this.#remainder + ticks) * this.#num / this.#den);
    const low = this.#baseLow + (offset >>> 0);
    this.#low = low >>> 0;
    this.#high = (this.#baseHigh + Math.floor(offset / word) + (low >= word ? 1 : 0)) | 0;
  }

  #marks(bits: number, ticks: number): boolean {
    const specials = this.#state + specialsAt;
    for (let bit = 1; bit < 16; bit <<= 1) if ((bits & bit) !== 0 && this.#bytes[specials + bit] === noChannel) return this.#skip(ticks);
    // Only the first of them may be refused, else it would come twice: the run must hold all four.
    if (this.#runCount + 4 > runCapacity && !this.#send()) return false;
    for (let bit = 1; bit < 16; bit <<= 1) if ((bits & bit) !== 0 && !this.#tag(this.#bytes[specials + bit]!)) return false;
    return true;
  }

  #tag(channel: number): boolean {
    const low = this.#low, high = this.#high;
    if (!less(low, high, this.#limitLow, this.#limitHigh)) {
      if (this.#send()) this.#status = stoppedByLimit;
      return false;
    }
    const count = this.#runCount, run = this.#state + runChannelsAt, bytes = this.#bytes;
    if (count !== 0 && low === this.#runLow && high === this.#runHigh && this.#runSent === 0 && count < runCapacity) {
      let at = run + count;
      for (; at > run && bytes[at - 1]! > channel; at--) bytes[at] = bytes[at - 1]!;
      bytes[at] = channel;
      this.#runCount = count + 1;
      return true;
    }
    if (!this.#send()) return false;
    this.#runLow = low;
    this.#runHigh = high;
    bytes[run] = channel;
    this.#runCount = 1;
    return true;
  }

  /** Writes the held run as far as there is room; true if nothing is held any more. */
  #send(): boolean {
    const run = this.#state + runChannelsAt, words = this.#words, bytes = this.#bytes;
    for (; this.#runSent < this.#runCount && this.#written < this.#room; this.#runSent++, this.#written++) {
      const at = this.#timesWord + 2 * this.#written;
      words[at] = this.#runLow;
      words[at + 1] = this.#runHigh;
      bytes[this.#channels + this.#written] = bytes[run + this.#runSent]!;
    }
    if (this.#runSent < this.#runCount) {
      this.#status = stoppedByRoom;
      return false;
    }
    this.#runCount = 0;
    this.#runSent = 0;
    return true;
  }

  #overflow(wraps: number): boolean {
    if (!this.#send()) return false;
    const ticks = this.#remainder + this.#words[(this.#state + wrapAt) >>> 2]! * wraps;
    const whole = Math.floor(ticks / this.#den);
    if (this.#baseHigh * word + this.#baseLow + whole * this.#num > latestPs) {
      this.#status = stoppedByTime;
      return false;
    }
    this.#remainder = ticks - whole * this.#den;
    this.#advance(whole);
    this.#count(overflowsAt);
    return true;
  }

  /** base += whole * num with whole < 2^50 and num <= 2^24, exactly: in two products below 2^53. */
  #advance(whole: number): void {
    const upper = Math.floor(whole / 2 ** 24) * this.#num;
    const lower = (whole % 2 ** 24) * this.#num;
    const low = this.#baseLow + (upper % 256) * 2 ** 24 + (lower >>> 0);
    this.#baseLow = low % word;
    this.#baseHigh += Math.floor(upper / 256) + Math.floor(lower / word) + Math.floor(low / word);
  }

  #skip(ticks: number): boolean {
    if (!this.#send()) return false;
    this.#timeOf(ticks);
    const at = (this.#state + unknownPsAt) >>> 2;
    this.#words[at] = this.#low;
    this.#words[at + 1] = this.#high;
    this.#count(unknownsAt);
    this.#status = stoppedByUnknown;
    return false;
  }

  #count(offset: number): void {
    const at = (this.#state + offset) >>> 2;
    this.#words[at] = this.#words[at]! + 1;
  }

  #save(consumed: number): void {
    const words = this.#words;
    const put = (offset: number, value: number): void => { words[(this.#state + offset) >>> 2] = value; };
    put(consumedAt, consumed);
    put(statusAt, this.#status);
    put(baseAt, this.#baseLow);
    put(baseAt + 4, this.#baseHigh);
    new DataView(words.buffer).setFloat64(this.#state + remainderAt, this.#remainder, true);
    put(runPsAt, this.#runLow);
    put(runPsAt + 4, this.#runHigh);
    put(runCountAt, this.#runCount);
    put(runSentAt, this.#runSent);
  }
}

function less(low: number, high: number, otherLow: number, otherHigh: number): boolean {
  return high < otherHigh || (high === otherHigh && low < otherLow);
}
