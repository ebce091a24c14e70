// dsp/measurements/stretches.ts - the account of uninterrupted time that a normalisation needs.
//
// The number of pairs expected at delay d is a sum over stretches of r1 * r2 * max(T - |d|, 0). Stretches longer than any
// delay in range enter as sums; shorter ones are kept one by one, so that the sum is exact, up to a fixed number of them.
import type { Scalars, Segment } from '../measurement.ts';

/** One stretch, or several of nearly the same length: how many, their length, and the sum of N1 * N2 / T^2. */
export interface Stretches {
  livePs: number;
  counts: [number, number];
  /** Stretches at least as long as the range. */
  long: { number: number; sumPs: number; weight: number; weightPs: number };
  short: { lengthPs: number; number: number; weight: number }[];
}

const shortKept = 2048;

export class StretchAccount {
  readonly #rangePs: number;
  #closed: Stretches = none();
  #open = { lengthPs: 0, counts: [0, 0] as [number, number] };

  /** @param rangePs no delay in range is longer */
  constructor(rangePs: number) { this.#rangePs = rangePs; }

  add({ fromPs, toPs }: Pick<Segment, 'fromPs' | 'toPs'>, first: number, second: number): void {
    this.#open.lengthPs += Number(toPs - fromPs);
    this.#open.counts[0] += first;
    this.#open.counts[1] += second;
  }

  endSegment(): void {
    this.#closed = this.#withOpen();
    this.#open = { lengthPs: 0, counts: [0, 0] };
  }

  clear(): void {
    this.#closed = none();
    this.#open = { lengthPs: 0, counts: [0, 0] };
  }

  scalars(): Scalars { return toScalars(this.#withOpen()); }

  #withOpen(): Stretches {
    const { lengthPs, counts: [first, second] } = this.#open;
    const { livePs, counts, long, short } = this.#closed;
    if (lengthPs <= 0) return this.#closed;
    const weight = (first / lengthPs) * (second / lengthPs);
    const isLong = lengthPs >= this.#rangePs;
    return {
      livePs: livePs + lengthPs,
      counts: [counts[0] + first, counts[1] + second],
      long: isLong ? {
        number: long.number + 1, sumPs: long.sumPs + lengthPs, weight: long.weight + weight, weightPs: long.weightPs + weight * lengthPs,
      } : long,
      short: isLong ? short : withShort(short, lengthPs, weight),
    };
  }
}

/** When there are too many, one more joins the kept one nearest in length, which takes the mean length. */
function withShort(short: Stretches['short'], lengthPs: number, weight: number): Stretches['short'] {
  if (short.length < shortKept) return [...short, { lengthPs, number: 1, weight }];
  const distance = (i: number): number => Math.abs(short[i]!.lengthPs - lengthPs);
  let nearest = 0;
  for (let i = 1; i < short.length; i++) if (distance(i) < distance(nearest)) nearest = i;
  const joined = short[nearest]!, number = joined.number + 1;
  return short.with(nearest, { lengthPs: (joined.lengthPs * joined.number + lengthPs) / number, number, weight: joined.weight + weight });
}

export function none(): Stretches {
  return { livePs: 0, counts: [0, 0], long: { number: 0, sumPs: 0, weight: 0, weightPs: 0 }, short: [] };
}

function toScalars({ livePs, counts, long, short }: Stretches): Scalars {
  return {
    livePs, counts, long: [long.number, long.sumPs, long.weight, long.weightPs],
    short: short.flatMap(({ lengthPs, number, weight }) => [lengthPs, number, weight]),
  };
}

export function fromScalars(scalars: Scalars): Stretches {
  const list = (key: string): readonly number[] => scalars[key] as readonly number[];
  const [number = 0, sumPs = 0, weight = 0, weightPs = 0] = list('long');
  const short: Stretches['short'] = [], flat = list('short');
  for (let i = 0; i < flat.length; i += 3) short.push({ lengthPs: flat[i]!, number: flat[i + 1]!, weight: flat[i + 2]! });
  const [first = 0, second = 0] = list('counts');
  return { livePs: Number(scalars['livePs']), counts: [first, second], long: { number, sumPs, weight, weightPs }, short };
}

/**
 * A function of |d| (ps): the sum over stretches of r1 * r2 * max(T - |d|, 0), in pairs per ps of bin width.
 *
 * @param rates `global`: r1 and r2 over the whole live time; `segment`: of each stretch
 */
export function expectedPerPs(stretches: Stretches, rates: 'global' | 'segment'): (delayPs: number) => number {
  const { livePs, counts, long, short } = stretches;
  const global = (counts[0] / livePs) * (counts[1] / livePs);
  // From the longest down, with running sums: at most one comparison per short stretch and call.
  const sorted = short.toSorted((a, b) => b.lengthPs - a.lengthPs);
  const base = rates === 'global'
    ? { weight: global * long.number, weightPs: global * long.sumPs } : { weight: long.weight, weightPs: long.weightPs };
  let { weight, weightPs } = base;
  const steps = sorted.map(({ lengthPs, number, weight: own }) => {
    weight += rates === 'global' ? global * number : own;
    weightPs += (rates === 'global' ? global * number : own) * lengthPs;
    return { lengthPs, weight, weightPs };
  });
  return delayPs => {
    let low = 0, high = steps.length; // how many short stretches are longer than the delay
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (steps[middle]!.lengthPs > delayPs) low = middle + 1;
      else high = middle;
    }
    const sums = low > 0 ? steps[low - 1]! : base;
    return sums.weightPs - sums.weight * delayPs;
  };
}

/**
 * A function of a range of delays from 0 up: the sum over stretches of r1 * r2 * max(T - d, 0), over all d from `fromPs` to
 * `toPs`, in pairs. Exact where a range reaches over the end of a stretch.
 */
export function expectedPairs(stretches: Stretches, rates: 'global' | 'segment'): (fromPs: number, toPs: number) => number {
  const { livePs, counts, long, short } = stretches, global = (counts[0] / livePs) * (counts[1] / livePs), isGlobal = rates === 'global';
  const [weight, weightPs] = isGlobal ? [global * long.number, global * long.sumPs] : [long.weight, long.weightPs];
  return (fromPs, toPs) => {
    let pairs = (weightPs - weight * ((fromPs + toPs) / 2)) * (toPs - fromPs);
    for (const { lengthPs, number, weight: own } of short) {
      const endPs = Math.min(toPs, lengthPs);
      if (endPs > fromPs) pairs += (isGlobal ? global * number : own) * (lengthPs - (fromPs + endPs) / 2) * (endPs - fromPs);
    }
    return pairs;
  };
}
