// driver/tdc1/words.ts - bytes of the TDC1 into the sink: the decoder takes what is plain, and what is in doubt waits until it is decided.
//
// A word whose step is not usual at the present rate is not handed on before the words behind it confirm it, or before the device has nothing
// more to send: then its bytes must end with a whole word, which tells the alignment for certain. What was left out lies in a suspect loss.
import { TaggerError } from '../../core/errors.ts';
import type { TagSink } from '../../core/tags.ts';
import { decodeExports } from '../decode/exports.ts';
import { dummyBit, mostStepTicks, stops, tdc1State, tdc1Twin, tick, timeShift, wordBytes, wrapTicks, writeState, type Tdc1Decoder } from './protocol.ts';
import { firstMeanTicks, lookAhead, mostBackTicks, usualSteps, type Verdict } from './resync.ts';

const wrapPs = BigInt(wrapTicks * tick.num);
const leastLimitTicks = 4096;
/** Above this limit a word of a slipped stream passes too easily: there words wait until their batch is whole. */
const weakLimitTicks = 2 ** 22;
/** No word for so long although a dummy is due: one was lost, and perhaps a wrap with it. */
const dummyLateMs = 200;
/** A fault weighs as much as so many words; with more than `mostFaults` in excess it is not a TDC1 that is sending. */
const faultWeight = 64, mostFaults = 4096;

export class Words {
  readonly #sink: TagSink;
  readonly #decoder: Tdc1Decoder;
  readonly #stateAt: number;
  readonly #rawAt: number;
  readonly #room: number;
  readonly #state: DataView;
  readonly #raw: DataView;
  readonly #bytes: Uint8Array;
  /** Bytes that wait: from here behind `#rawAt`, so many. */
  #from = 0;
  #n = 0;
  #meanTicks = mostStepTicks / usualSteps;
  #isRated = false;
  #steps = usualSteps;
  /** Where the interval in doubt begins, while one is open, and bytes left out in it. */
  #doubtPs: bigint | undefined;
  #skipped = 0;
  #lostToPs: bigint;
  /** The last word at which the device had ended with a whole one. */
  #wholePs: bigint;
  /** A batch waits for the rest of its last word. */
  #isHeld = false;
  #quietTicks = 0;
  #faults = 0;
  /** Of this batch: steps that were believed after a look ahead, and jumps of the time. */
  #gaps = 0;
  #jumps = 0;

  constructor(sink: TagSink, originPs: bigint) {
    this.#sink = sink;
    this.#decoder = decodeExports<Tdc1Decoder>(sink.memory) ?? tdc1Twin(sink.memory);
    this.#stateAt = sink.scratchAt;
    this.#rawAt = sink.scratchAt + tdc1State.bytes;
    this.#room = sink.scratchBytes - tdc1State.bytes;
    this.#state = new DataView(sink.memory.buffer, this.#stateAt, tdc1State.bytes);
    this.#raw = new DataView(sink.memory.buffer, this.#rawAt, this.#room);
    this.#bytes = new Uint8Array(sink.memory.buffer, this.#rawAt, this.#room);
    this.#lostToPs = this.#wholePs = originPs;
    writeState(this.#state, originPs);
  }

  get lastPs(): bigint { return this.#state.getBigInt64(tdc1State.lastPs, true); }
  /** Something waits for more bytes, or for `settle`. */
  get isHolding(): boolean { return this.#n > 0; }

  /**
   * @param isShort the device has sent all it had
   * @param quietMs for how long nothing had come before
   */
  take(data: Uint8Array, isShort: boolean, quietMs = 0): void {
    if (this.#n + data.length > this.#room) throw new TaggerError('protocol', `The S-Fifteen TDC1 sent ${data.length} bytes at once.`);
    if (this.#from > 0) this.#bytes.copyWithin(0, this.#from, this.#from + this.#n);
    this.#from = 0;
    this.#bytes.set(data, this.#n);
    this.#n += data.length;
    if (quietMs >= dummyLateMs && this.#started) this.#quietTicks = quietMs * 1e9 / tick.num;
    if (!this.#isRated) this.#rate();
    const isWhole = this.#n % wordBytes === 0;
    if (isShort && !isWhole && this.#isWeak) {
      // It may be the other half of a word that is missing, or one that never comes: the next bytes tell.
      if (this.#isHeld) this.#keepLast();
      else this.#isHeld = true;
      return;
    }
    this.#isHeld = false;
    this.#run(isShort && isWhole);
    if (isShort && this.#n === 0) this.#wholePs = this.lastPs;
  }

  /** The device has nothing more: what waits is decided. */
  settle(): void {
    if (this.#n === 0) return;
    // Where steps tell nothing, the half word at the end may be any of them: none of this batch is certain.
    if (!this.#isWeak || this.#n % wordBytes === 0) this.#run(true);
    if (this.#n > 0) {
      // It ends with half a word, and no step has told where it slipped: all since the last end that was whole is in doubt.
      this.#doubtPs ??= this.#wholePs > this.#lostToPs ? this.#wholePs : this.#lostToPs;
      this.#leaveOut(this.#n);
    }
    this.#wholePs = this.lastPs;
  }

  get #started(): boolean { return this.#state.getUint32(tdc1State.isStarted, true) > 0; }
  get #last(): number { return this.#state.getUint32(tdc1State.last, true); }
  get #limitTicks(): number { return Math.min(mostStepTicks, Math.max(leastLimitTicks, Math.ceil(this.#steps * this.#meanTicks))); }
  get #isWeak(): boolean { return this.#limitTicks >= weakLimitTicks; }

  #run(isSettled: boolean): void {
    const fromPs = this.lastPs, { room: full, doubt } = { room: stops.indexOf('room'), doubt: stops.indexOf('doubt') };
    let words = 0;
    this.#gaps = this.#jumps = 0;
    if (this.#quietTicks > 0 && this.#doubtPs === undefined && this.#n >= wordBytes) this.#afterSilence();
    // The first word of all has none in front of it that could speak for it.
    for (let isDecided = (this.#started && this.#doubtPs === undefined) || this.#decide(isSettled); isDecided;) {
      this.#state.setUint32(tdc1State.limit, this.#limitTicks * 2 ** timeShift, true);
      const room = this.#sink.room();
      const written = this.#decoder.decodeTdc1(this.#stateAt, this.#rawAt + this.#from, Math.floor(this.#n / wordBytes), room.timesAt, room.channelsAt, room.tags);
      if (written > 0) this.#sink.commit(written);
      const used = this.#state.getUint32(tdc1State.consumed, true), status = this.#state.getUint32(tdc1State.status, true);
      words += used;
      this.#from += used * wordBytes;
      this.#n -= used * wordBytes;
      if (status === full) continue;
      isDecided = status === doubt && this.#decide(isSettled);
    }
    this.#faults = Math.max(0, this.#faults - words);
    if (this.#started) this.#sink.heartbeat(this.lastPs);
    if (words > 0 && this.#jumps === 0) this.#adapt(words, Number(this.lastPs - fromPs) / tick.num);
  }

  /** In front of a word that is in doubt. @returns false: it has to wait */
  #decide(isSettled: boolean): boolean {
    for (;;) {
      const verdict = this.#verdict(isSettled);
      if (!verdict) return false;
      if (verdict.skip > 0) this.#leaveOut(verdict.skip);
      if (verdict.isWord) {
        this.#believe();
        return true;
      }
      if (this.#n === 0) return false;
    }
  }

  #verdict(isSettled: boolean): Verdict | undefined {
    const last = this.#started ? this.#last : undefined;
    // A dummy that is a little late says nothing but a time that has passed.
    if (this.#n >= wordBytes && last !== undefined && this.#doubtPs === undefined) {
      const value = this.#raw.getUint32(this.#from, true);
      if ((value & dummyBit) > 0 && this.#stepTo(value) >= wrapTicks - mostBackTicks) return { skip: wordBytes, isWord: false };
    }
    return lookAhead(this.#raw, this.#from, this.#n, { last, meanTicks: this.#meanTicks, isSettled });
  }

  #leaveOut(bytes: number): void {
    const beforePs = this.#state.getBigInt64(tdc1State.beforePs, true);
    // The word in front of the doubt may be the first wrong one, that looked right by chance.
    this.#doubtPs ??= beforePs > this.#lostToPs ? beforePs : this.#lostToPs;
    this.#skipped += bytes;
    this.#fault();
    // The decoder reads whole words from whole addresses.
    this.#bytes.copyWithin(0, this.#from + bytes, this.#from + this.#n);
    this.#from = 0;
    this.#n -= bytes;
  }

  /** Of a batch that has slipped where steps tell nothing, only the last word is certain: it ends with the batch. */
  #keepLast(): void {
    this.#isHeld = false;
    this.#leaveOut(this.#n < wordBytes ? this.#n : this.#n - wordBytes);
    if (this.#n === wordBytes) this.#run(true);
  }

  /** The next word is right, whatever its step; what that step means for the time is told. */
  #believe(wraps = 0): void {
    const value = this.#raw.getUint32(this.#from, true), step = this.#started ? this.#stepTo(value) : 0;
    const isBack = step >= wrapTicks - mostBackTicks;
    const hidden = (isBack ? -1 : wraps);
    const basePs = this.#state.getBigInt64(tdc1State.base, true) + BigInt(hidden) * wrapPs;
    const toPs = basePs + BigInt((value >>> timeShift) * tick.num) + (this.#started && (value & ~31) >>> 0 < this.#last ? wrapPs : 0n);
    const hasJumped = isBack || wraps > 0 || step > mostStepTicks || this.#quietTicks > 0 || this.#skipped / wordBytes * this.#meanTicks > wrapTicks / 2;
    this.#state.setBigInt64(tdc1State.base, basePs, true);
    this.#state.setUint32(tdc1State.isPassed, 1, true);
    if (this.#doubtPs !== undefined) this.#markDoubt(this.#doubtPs, toPs);
    if (hasJumped) {
      this.#sink.timeSlip(toPs);
      this.#jumps++;
      this.#fault();
    }
    if (this.#doubtPs === undefined && !hasJumped) this.#gaps++;
    else this.#lostToPs = toPs;
    this.#doubtPs = undefined;
    this.#skipped = this.#quietTicks = 0;
  }

  #markDoubt(sincePs: bigint, toPs: bigint): void {
    let fromPs = sincePs;
    if (toPs <= this.lastPs) {
      // A wrong word or two looked right and ran ahead: what is missing lies in front of the word that is right now.
      const earlierPs = toPs - BigInt(Math.round(16 * this.#meanTicks * tick.num));
      if (earlierPs < fromPs) fromPs = earlierPs > this.#lostToPs ? earlierPs : this.#lostToPs;
    }
    this.#sink.lost({ grade: 'suspect', place: 'device', fromPs, toPs: toPs > this.lastPs ? toPs : this.lastPs + 1n });
  }

  /** A dummy was due and did not come, so its wrap may be missing; the time that passed here tells how many, to half a wrap. */
  #afterSilence(): void {
    const step = this.#stepTo(this.#raw.getUint32(this.#from, true));
    this.#believe(Math.max(0, Math.round((this.#quietTicks - step) / wrapTicks)));
  }

  #stepTo(value: number): number { return (((value & ~31) - this.#last) >>> 0) >>> timeShift; }

  #fault(): void {
    this.#faults += faultWeight;
    if (this.#faults > faultWeight * mostFaults) {
      throw new TaggerError('protocol', 'The S-Fifteen TDC1 sends what no TDC1 sends: its words make no sense in any alignment.', { hint: 'Unplug it and plug it in again.' });
    }
  }

  #rate(): void {
    const meanTicks = firstMeanTicks(this.#raw, this.#from, this.#n);
    if (meanTicks === undefined) return;
    this.#isRated = true;
    this.#meanTicks = Math.min(meanTicks, mostStepTicks);
  }

  #adapt(words: number, ticks: number): void {
    const weight = Math.min(1, words / 64);
    this.#meanTicks = Math.max(1, this.#meanTicks + (Math.min(ticks / words, mostStepTicks) - this.#meanTicks) * weight);
    // Bunches of tags: their pauses need no look ahead each time.
    this.#steps = this.#gaps > 16 + words / 100 ? Math.min(4 * this.#steps, 2 ** 20) : Math.max(usualSteps, this.#steps / 2);
  }
}
