// driver/tdc1/resync.ts - where the words are, when one of them cannot be: the likeliest path through the next halves of words.
//
// The device moves its words as two halves of 16 bits, and at high rates a half can get lost. From there on every word is made of two others;
// its time is as good as random. So each step has a price: nothing up to what is usual at the present rate, its logarithm above that, and a
// fine for what no TDC1 sends or for leaving out a half. The cheapest path through the halves ahead says where the next word is.
import { dummyBit, mostStepTicks, soonTicks, timeShift, wordBytes, wrapTicks } from './protocol.ts';

/** Halves that are looked at. */
const halves = 27, halfBytes = 2;
export const bytesAhead = halves * halfBytes;
/** What it costs, in bits, to leave out so many halves here, or at the start of the stream. A whole word is left out only where its step is impossible and the way back is far. */
const leaveOut = [0, 6, 40, 46] as const, leaveOutFirst = [0, 30, 40, 46] as const;
/** A half that is left out later. */
const leaveLater = 30;
/** A word that says nothing; a step that is longer than the device is ever silent; a small step back, as from a wrong word that looked right; one far above the usual. */
const isVoid = 58, impossible = 38, isBack = 30, isFar = 12;
/** A dummy though a word has just come. */
const isSoon = 8;
/** Of a path that does not end where the device has ended: certain while few words are left, but each further slip turns it round. */
const oddEnd = { few: 400, many: 20 } as const, fewBytes = 64 * wordBytes;
/** No path with a higher price is believed, unless every step of it is possible. */
const believed = 144;

/** A step is usual up to so many mean steps; Poisson exceeds that once in 22,000, which costs a look ahead. */
export const usualSteps = 10;
/** So far back it is a step back, and not one forward over a wrap. */
export const mostBackTicks = 2 ** 22;

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
  const first = cheapest(raw, from, outlook, outlook.isSettled ? { half: Math.floor(bytes / halfBytes) % 2, price: bytes <= fewBytes ? oddEnd.few : oddEnd.many } : undefined);
  // Slipped among the first words: two halves of zeros and little else make a word that looks right, so the one behind it begins the stream.
  if (outlook.last === undefined && first !== undefined && first > 0) return { skip: first * halfBytes + wordBytes, isWord: false };
  return first === undefined ? { skip: halfBytes, isWord: false } : { skip: first * halfBytes, isWord: true };
}

/** Few bytes, but no more are coming: they are whole words, or the last of them may be half a word and nothing is certain. */
function fromTheEnd(raw: DataView, from: number, bytes: number): Verdict {
  if (bytes % wordBytes > 0) return { skip: bytes, isWord: false };
  return (raw.getUint32(from, true) & 31) === 0 ? { skip: wordBytes, isWord: false } : { skip: 0, isWord: true };
}

const prices = new Float64Array(halves), firsts = new Uint8Array(halves), fines = new Uint8Array(halves);

/** @param end words begin at this half, 0 or 1, seen from the end, and what it costs if they do not @returns how many halves in front of the next word are left out; undefined: no path can be right */
function cheapest(raw: DataView, from: number, { last, meanTicks }: Outlook, end: { half: number; price: number } | undefined): number | undefined {
  const usual = Math.log2(meanTicks);
  const valueAt = (half: number): number => raw.getUint32(from + half * halfBytes, true);
  const priceOf = (previous: number | undefined, value: number): number => {
    if ((value & 31) === 0) return isVoid;
    const step = previous === undefined ? 0 : (((value & ~31) - (previous & ~31)) >>> 0) >>> timeShift;
    if (step > mostStepTicks) return step >= wrapTicks - mostBackTicks ? isBack : impossible;
    const odd = (value & dummyBit) > 0 && step < soonTicks ? isSoon : 0;
    return odd + (step <= meanTicks ? 0 : Math.log2(step + 1) - usual + (step > usualSteps * meanTicks ? isFar : 0));
  };
  let best: number | undefined, lowest = Infinity;
  for (let half = 0; half < halves - 1; half++) {
    const value = valueAt(half), margin = (last === undefined ? leaveOutFirst : leaveOut)[half];
    prices[half] = margin === undefined || (value & 31) === 0 ? Infinity : margin + priceOf(last, value);
    firsts[half] = half;
    fines[half] = 0;
    for (const [back, price] of [[2, 0], [3, leaveLater]] as const) {
      if (half < back) continue;
      const step = priceOf(valueAt(half - back), value), total = prices[half - back]! + price + step;
      if (total >= prices[half]!) continue;
      prices[half] = total;
      firsts[half] = firsts[half - back]!;
      fines[half] = fines[half - back]! + (step >= isBack ? 1 : 0);
    }
    // The last three places are the ends of all paths.
    if (half < halves - 4 || (prices[half]! >= believed && fines[half]! > 0)) continue;
    const total = prices[half]! + (end === undefined || half % 2 === end.half ? 0 : end.price);
    if (total >= lowest) continue;
    lowest = total;
    best = firsts[half];
  }
  return best;
}

/** Ticks from word to word of a stream that has just begun and may have slipped already; undefined if there are too few words to tell. */
export function firstMeanTicks(raw: DataView, from: number, bytes: number): number | undefined {
  const n = Math.min(64, Math.floor((bytes - halfBytes) / wordBytes)) - 1;
  if (n < 8) return undefined;
  const stepsAt = (start: number): number[] => Array.from({ length: n }, (_, i) => {
    const time = (k: number): number => raw.getUint32(start + k * wordBytes, true) & ~31;
    return ((time(i + 1) - time(i)) >>> 0) >>> timeShift;
  });
  const straight = stepsAt(from), slipped = stepsAt(from + halfBytes), place = (steps: number[], part: number): number => steps.toSorted((a, b) => a - b)[Math.floor(part * n)]!;
  const least = place(straight, 0.1), most = place(straight, 0.9), middle = place(straight, 0.5), other = place(slipped, 0.5);
  // Of a stream in one piece nearly all steps are alike.
  const isWhole = most <= 16 * middle && middle <= 64 * least && most <= mostStepTicks;
  // One that slipped with its first word looks so too at high rates, but 2^16 times slower, and its words have any flags.
  const oddness = (start: number): number => straight.reduce((sum, _, i) => {
    const flags = raw.getUint32(start + i * wordBytes, true) & 31;
    // It may have slipped in front of any of the first ones.
    if (i < n / 4) return sum;
    return sum + (flags === 0 || flags >= dummyBit ? 10 : (flags & (flags - 1)) > 0 ? 1 : 0);
  }, 0);
  const isSlow = middle > 2 ** 16 && other < middle / 2 ** 10 && oddness(from) > oddness(from + halfBytes);
  const ticks = isWhole ? (isSlow ? other : middle) : place(straight.map((step, i) => Math.min(step, slipped[i]!)), 0.5);
  return Math.max(1, ticks * Math.LOG2E);
}
