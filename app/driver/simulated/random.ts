// driver/simulated/random.ts - numbers that follow from a seed: uniform words, Gauss and Poisson variates.
//
// The stream of one generator is never shared: each signal and each channel has its own, so that adding one leaves the
// others as they were. sfc32 is used because its period (at least 2^32, on average 2^127) outlasts any simulation.

export class Generator {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  #spare = NaN;

  /** @param stream tells generators of one seed apart */
  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = stream | 0;
    for (let i = 0; i < 16; i++) this.word();
  }

  /** Uniform in [0, 2^32). */
  word(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** Uniform words into `into[from..to)`: `word()` with its state in local variables. */
  fill(into: Uint32Array, from: number, to: number): void {
    let a = this.#a, b = this.#b, c = this.#c, counter = this.#counter;
    for (let i = from; i < to; i++) {
      const sum = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = ((c << 21) | (c >>> 11)) + sum | 0;
      into[i] = sum;
    }
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#counter = counter;
  }

  /** Uniform in (0, 1), 53 bits. */
  unit(): number { return ((this.word() >>> 5) * 2 ** 26 + (this.word() >>> 6) + 0.5) / 2 ** 53; }

  /** Standard normal, cut off at six sigma so that a tag has a latest time. */
  gauss(): number {
    if (!Number.isNaN(this.#spare)) {
      const spare = this.#spare;
      this.#spare = NaN;
      return spare;
    }
    for (;;) {
      const x = this.word() / 2 ** 31 - 1, y = this.word() / 2 ** 31 - 1, s = x * x + y * y;
      if (s >= 1 || s === 0) continue;
      const factor = Math.sqrt(-2 * Math.log(s) / s);
      this.#spare = clip(y * factor);
      return clip(x * factor);
    }
  }

  /** Failures before the next success of this probability, (0, 1]. */
  misses(probability: number): number {
    return probability >= 1 ? 0 : Math.floor(Math.log(this.unit()) / Math.log1p(-probability));
  }
}

function clip(sigma: number): number { return Math.max(-6, Math.min(6, sigma)); }

/** Draws from a Poisson distribution of fixed mean by its cumulative table, +-10 sigma wide. */
export class Poisson {
  readonly #first: number;
  readonly #cumulative: Float64Array;

  constructor(mean: number) {
    const reach = 10 * Math.sqrt(mean) + 25;
    const first = Math.max(0, Math.floor(mean - reach));
    const weights = new Float64Array(Math.ceil(mean + reach) - first + 1);
    const mode = Math.floor(mean) - first;
    weights[mode] = 1;
    for (let i = mode + 1; i < weights.length; i++) weights[i] = weights[i - 1]! * mean / (first + i);
    for (let i = mode - 1; i >= 0; i--) weights[i] = weights[i + 1]! * (first + i + 1) / mean;
    for (let i = 1; i < weights.length; i++) weights[i]! += weights[i - 1]!;
    this.#first = first;
    this.#cumulative = weights;
  }

  draw(generator: Generator): number {
    const table = this.#cumulative;
    const wanted = generator.unit() * table[table.length - 1]!;
    let low = 0, high = table.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (table[middle]! > wanted) high = middle;
      else low = middle + 1;
    }
    return this.#first + low;
  }
}
