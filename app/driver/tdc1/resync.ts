// driver/tdc1/resync.ts - where the words are, when one of them cannot be: a look ahead in both alignments of a stream without frames.
//
// The device moves its words as two halves of 16 bits, and at high rates a half can get lost. From there on every word is made of two others;
// its time is as good as random. So each step has a price: nothing up to what is usual at the present rate, its logarithm above that, and a
// fine for what no TDC1 sends. The alignment that is cheapest over the next words is right, and leaving the present one must be worth it.
import { mostStepTicks, timeShift, wordBytes } from './protocol.ts';

/** Words that are looked at in each alignment. */
const ahead = 12;
/** Bytes to leave out, and how much cheaper, in bits, that must be. A whole word (4) is left out only where its step is impossible and the way back is far. */
const choices = [{ skip: 0, margin: 0 }, { skip: 2, margin: 6 }, { skip: 4, margin: 55 }, { skip: 6, margin: 61 }] as const;
export const bytesAhead = choices.at(-1)!.skip + ahead * wordBytes;
/** Price of a step that is longer than the device is ever silent, or goes back; and of a word that says nothing. */
const impossible = 47, isVoid = 67;
/** Of a choice that does not end where the device has ended. */
const oddEnd = 200;
/** No alignment with a higher price is believed, unless every step of it is possible. */
const believed = 12 * ahead;

export interface Outlook {
  /** Time bits of the last word that is believed, in place; undefined at the start. */
  last: number | undefined;
  /** Ticks from word to word at the present rate. */
  meanTicks: number;
  /** The device has nothing more: what is here ends with a whole word. */
  isSettled: boolean;
}

/** So many bytes are left out; then comes a word, or what has to be looked at again. */
export interface Verdict { skip: number; isWord: boolean }

/** @returns undefined: more bytes are needed */
export function lookAhead(raw: DataView, from: number, bytes: number, outlook: Outlook): Verdict | undefined {
  if (bytes < bytesAhead) return outlook.isSettled ? fromTheEnd(raw, from, bytes) : undefined;
  let best: Verdict = { skip: 2, isWord: false }, lowest = Infinity;
  for (const { skip, margin } of choices) {
    const { price, isPossible } = priceOf(raw, from + skip, outlook);
    if (price >= believed && !isPossible) continue;
    const total = price + margin + (outlook.isSettled && (bytes - skip) % wordBytes > 0 ? oddEnd : 0);
    if (total < lowest) {
      best = { skip, isWord: true };
      lowest = total;
    }
  }
  return best;
}

/** Few bytes, but no more are coming: the last word ends with the last byte. */
function fromTheEnd(raw: DataView, from: number, bytes: number): Verdict {
  const skip = bytes % wordBytes;
  if (bytes < wordBytes) return { skip, isWord: false };
  return (raw.getUint32(from + skip, true) & 31) === 0 ? { skip: skip + wordBytes, isWord: false } : { skip, isWord: true };
}

function priceOf(raw: DataView, from: number, { last, meanTicks }: Outlook): { price: number; isPossible: boolean } {
  const usual = Math.log2(meanTicks);
  let price = 0, isPossible = true, previous = last;
  for (let at = from; at < from + ahead * wordBytes; at += wordBytes) {
    const value = raw.getUint32(at, true), time = (value & ~31) >>> 0;
    const step = previous === undefined ? 0 : ((time - previous) >>> 0) >>> timeShift;
    const fine = (value & 31) === 0 ? isVoid : step > mostStepTicks ? impossible : 0;
    if (fine > 0 && at > from) isPossible = false;
    price += fine > 0 ? fine : Math.max(0, Math.log2(step + 1) - usual);
    previous = time;
  }
  return { price, isPossible };
}

/** Ticks from word to word of a stream that has just begun; undefined if there are too few words to tell. */
export function firstMeanTicks(raw: DataView, from: number, bytes: number): number | undefined {
  const n = Math.min(64, Math.floor((bytes - 2) / wordBytes));
  if (n < 8) return undefined;
  const stepsAt = (start: number): number[] => Array.from({ length: n - 1 }, (_, i) => {
    const time = (k: number): number => raw.getUint32(start + k * wordBytes, true) & ~31;
    return ((time(i + 1) - time(i)) >>> 0) >>> timeShift;
  }).sort((a, b) => a - b);
  const straight = stepsAt(from);
  // Many impossible steps: it has slipped among the first words already, and the other alignment tells.
  const steps = straight[Math.floor(0.8 * n)]! > mostStepTicks ? stepsAt(from + 2) : straight;
  return Math.max(1, steps[n >> 1]! * Math.LOG2E);
}
