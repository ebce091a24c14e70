// test/support/random.ts - numbers that follow from a seed, so that a failure can be repeated from its message.

/** SplitMix64 folded to 32-bit arithmetic: small, fast, good enough to make inputs. */
export class Random {
  readonly seed: number;
  #state: number;
  constructor(seed: number) {
    this.seed = seed;
    this.#state = (seed * 0x9e3779b1) >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  }

  /** Whole number in [from, to]. */
  integer(from: number, to: number): number { return from + Math.floor(this.next() * (to - from + 1)); }

  pick<T>(list: readonly T[]): T { return list[this.integer(0, list.length - 1)] as T; }

  chance(probability: number): boolean { return this.next() < probability; }

  /** Exponential with this mean. */
  exponential(mean: number): number { return -Math.log(1 - this.next()) * mean; }
}
