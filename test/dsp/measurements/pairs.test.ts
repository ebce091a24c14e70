// test/dsp/measurements/pairs.test.ts - Histogram and Correlation against every pair in BigInt, and the laws that pairs obey.
import test from 'ava';
import { Random } from '../../support/random.ts';
import { cutsOf, floorDivide, measured, randomStretches, type Stretch, type Tag } from './harness.ts';

interface Range { a: number; b: number; below: number; bins: number; binwidthPs: number }

/** The definition: every pair of different tags of one stretch, d = t(a) - t(b); with one channel both signs, equal times once. */
function everyPair(stretches: readonly Stretch[], { a, b, below, bins, binwidthPs }: Range): number[] {
  const counts = Array.from({ length: bins }, () => 0);
  const add = (delayPs: bigint): void => {
    const k = Number(floorDivide(delayPs, BigInt(binwidthPs))) + below;
    if (k >= 0 && k < bins) counts[k]!++;
  };
  for (const { tags } of stretches) {
    tags.forEach((later, j) => {
      for (const earlier of tags.slice(0, j)) {
        const delayPs = later.timePs - earlier.timePs;
        if (a === b) {
          if (later.channel !== a || earlier.channel !== a) continue;
          add(delayPs);
          if (delayPs > 0n) add(-delayPs);
        } else if (later.channel === a && earlier.channel === b) add(delayPs);
        else if (later.channel === b && earlier.channel === a) add(-delayPs);
      }
    });
  }
  return counts;
}

interface Case { name: 'histogram' | 'correlation'; config: Record<string, number | undefined>; range: Range; stretches: Stretch[] }

function randomCase(random: Random, options: Parameters<typeof randomStretches>[1] = {}): Case {
  const binwidthPs = random.pick([1, 2, 3, 7, 16, 100, 1000, 2 ** 31 - 1, 2 ** 33 + 1]);
  const bins = random.pick([1, 2, 3, 10, 31, 400]), a = random.integer(0, 2), b = random.integer(0, 2);
  const name = random.pick(['histogram', 'correlation'] as const);
  const second = a === b && random.chance(0.5) ? undefined : b;
  const config = name === 'histogram' ? { click: a, start: second, binwidthPs, bins } : { channel1: a, channel2: second, binwidthPs, bins };
  const below = name === 'histogram' ? 0 : Math.floor(bins / 2);
  const stretches = randomStretches(random, { onGridPs: random.pick([1, 1, Math.min(binwidthPs, 1000)]), ...options });
  return { name, config, range: { a, b, below, bins, binwidthPs }, stretches };
}

test('histograms equal the count of every pair, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed), { name, config, range, stretches } = randomCase(random);
    const expected = everyPair(stretches, range);
    for (const { name: cutName, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const bench = measured(name, config, stretches, { kind, cut, counted: random.chance(0.5) });
        t.deepEqual(bench.counts(), expected, `seed ${seed}, ${cutName}, ${kind}, ${name} ${JSON.stringify(config)}`);
      }
    }
  }
});

test('a click at the time of its start counts in bin 0, whichever channel sorts first', t => {
  for (const [click, start] of [[0, 1], [1, 0]] as const) {
    for (const cut of [() => 1, () => 2]) {
      const tags: Tag[] = [{ timePs: 50n, channel: 0 }, { timePs: 50n, channel: 1 }];
      const stretch: Stretch = { tags, fromPs: 0n, toPs: 60n, end: { kind: 'pause', atPs: 60n } };
      t.deepEqual(measured('histogram', { click, start, binwidthPs: 10, bins: 2 }, [stretch], { cut }).counts(), [1, 0]);
      t.deepEqual(measured('correlation', { channel1: click, channel2: start, binwidthPs: 10, bins: 2 }, [stretch], { cut }).counts(), [0, 1]);
    }
  }
});
