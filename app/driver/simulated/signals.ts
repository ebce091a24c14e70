// driver/simulated/signals.ts - the sources of light and clocks: each fills a slice with its clicks, in any order.
//
// The first slice ends at stream time 0; of what is made there only what falls behind its end is ever seen.
// Jitter and delays may be negative, so a source works `lead` ahead of the slice: a click never comes too late for it.
// Input delays are added here too: a constant per channel changes neither its dead time nor its divider.
import type { SimulatedSignal } from '../../core/tagger.ts';
import { Generator, Poisson } from './random.ts';
import { slicePs, type Slice } from './slice.ts';

/** How far before its nominal time a click may come: largest jitter (6 sigma of 50 us), delay and input delay together. */
export const leadPs = 1_400_000_000;
export const bounds = { jitterPs: 50_000_000, delayPs: 1_000_000_000, inputDelayPs: 100_000_000, periodPs: 1e15, rateHz: 2e8 } as const;

export interface Source {
  /** Adds the clicks whose nominal time is within the slice, moved ahead by `leadPs`. `delaysPs`: by channel index. */
  generate(slice: Slice, delaysPs: Float64Array): void;
}

export function createSource(signal: SimulatedSignal, seed: number, stream: number): Source {
  switch (signal.kind) {
    case 'poisson': return new PoissonSource(signal.channel - 1, signal.rateHz, new Generator(seed, stream));
    case 'pairs': return new PairSource(signal, new Generator(seed, stream));
    case 'periodic': {
      const { channel, periodPs, jitterPs = 0, phasePs = 0 } = signal;
      return new PulsedSource([{ index: channel - 1, periodPs, probability: 1, jitterPs, phasePs }], seed, stream);
    }
    case 'pulsed': {
      const { channels, periodPs, probability, jitterPs = 0, delayPs = [] } = signal;
      return new PulsedSource(channels.map((channel, i) => ({ index: channel - 1, periodPs, probability, jitterPs, phasePs: delayPs[i] ?? 0 })), seed, stream);
    }
  }
}

/** Clicks that know nothing of each other. Given their number in a slice, their times are uniform. */
class PoissonSource implements Source {
  readonly #index: number;
  readonly #counts: Poisson;
  readonly #generator: Generator;

  constructor(index: number, rateHz: number, generator: Generator) {
    this.#index = index;
    this.#counts = new Poisson(rateHz * slicePs * 1e-12);
    this.#generator = generator;
  }

  generate(slice: Slice): void {
    // A uniform process looks the same however it is delayed: nothing to add.
    const count = this.#counts.draw(this.#generator);
    slice.reserve(count);
    this.#generator.fill(slice.times, slice.n, slice.n + count);
    slice.channels.fill(this.#index, slice.n, slice.n + count);
    slice.n += count;
  }
}

/** Pairs and larger families: a mother at a random time, a click on each channel with some probability. */
class PairSource implements Source {
  readonly #signal: Extract<SimulatedSignal, { kind: 'pairs' }>;
  readonly #counts: Poisson;
  readonly #generator: Generator;

  constructor(signal: Extract<SimulatedSignal, { kind: 'pairs' }>, generator: Generator) {
    this.#signal = signal;
    this.#counts = new Poisson(signal.rateHz * slicePs * 1e-12);
    this.#generator = generator;
  }

  generate(slice: Slice, delaysPs: Float64Array): void {
    const { channels, efficiency = 1, jitterPs = 0, delayPs = [] } = this.#signal;
    const generator = this.#generator;
    for (let left = this.#counts.draw(generator); left > 0; left--) {
      const mother = generator.word() + leadPs;
      for (let i = 0; i < channels.length; i++) {
        if (efficiency < 1 && generator.unit() >= efficiency) continue;
        const index = channels[i]! - 1;
        const jitter = jitterPs > 0 ? generator.gauss() * jitterPs : 0;
        slice.add(Math.floor(mother + (delayPs[i] ?? 0) + delaysPs[index]! + jitter), index);
      }
    }
  }
}

export interface Train {
  index: number;
  periodPs: number;
  probability: number;
  jitterPs: number;
  /** Time of one of the pulses; the train has neither beginning nor end. */
  phasePs: number;
}

/** A clock or a pulsed laser: clicks near whole multiples of a period, each with some probability. */
export class PulsedSource implements Source {
  readonly #trains: (Train & { generator: Generator; nextPs: number })[];

  constructor(trains: readonly Train[], seed: number, stream: number) {
    this.#trains = trains.map((train, i) => {
      const { periodPs, probability, phasePs } = train;
      const generator = new Generator(seed, stream + (i + 1) * 2 ** 16);
      const first = leadPs + modulo(phasePs + slicePs - leadPs, periodPs);
      return { ...train, generator, nextPs: first + generator.misses(probability) * periodPs };
    });
  }

  generate(slice: Slice, delaysPs: Float64Array): void {
    const end = slicePs + leadPs;
    for (const train of this.#trains) {
      const { index, periodPs, probability, jitterPs, generator } = train;
      const delay = delaysPs[index & 0x7f]!;
      let next = train.nextPs;
      for (; next < end; next += (1 + generator.misses(probability)) * periodPs) {
        slice.add(Math.floor(next + delay + (jitterPs > 0 ? generator.gauss() * jitterPs : 0)), index);
      }
      // Counted from the slice that is filled next.
      train.nextPs = next - slicePs;
    }
  }
}

function modulo(a: number, b: number): number { return ((a % b) + b) % b; }
