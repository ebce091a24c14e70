// test/dsp/measurements/pairs.test.ts - Histogram and Correlation against every pair in BigInt, and the laws that pairs obey.
import test from 'ava';
import { Random } from '../../support/random.ts';
import { inOrder } from '../kernels/fixture.ts';
import { cutsOf, floorDivide, measured, randomStretches, sameNumbers, type Stretch, type Tag } from './harness.ts';

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
  for (let seed = 0; seed < 150; seed++) {
    // Every third one is longer than the 64 tags that the sparse kernel takes at a time.
    const random = new Random(seed), long = { tags: 200, meanPs: random.pick([30, 3000, 300_000]) };
    const { name, config, range, stretches } = randomCase(random, seed % 3 === 0 ? long : {});
    const expected = everyPair(stretches, range);
    for (const { name: cutName, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const bench = measured(name, config, stretches, { kind, cut, counted: random.chance(0.5) });
        sameNumbers(t, bench.counts(), expected, `seed ${seed}, ${cutName}, ${kind}, ${name} ${JSON.stringify(config)}`);
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

test('windows longer than the tail of a block are exact in every mixture of calls', t => {
  for (let seed = 0; seed < 6; seed++) {
    const random = new Random(1000 + seed);
    // Far more than 4096 tags, in turns dense and sparse, so that the way to count changes and the tail covers only at times.
    const tags: Tag[] = [];
    let timePs = random.pick([0n, 2n ** 53n - 4_000_000n, 2n ** 62n]);
    const fromPs = timePs;
    while (tags.length < 12_000) {
      const meanPs = random.pick([1, 30, 4000]);
      for (let n = random.integer(1, 5000); n > 0; n--) {
        timePs += BigInt(Math.round(random.exponential(meanPs)));
        tags.push({ timePs, channel: random.integer(0, 60) });
      }
    }
    tags.sort(inOrder);
    const stretch: Stretch = { tags, fromPs, toPs: timePs + 1n, end: { kind: 'pause', atPs: timePs + 1n } };
    const ours = [stretch].map(one => ({ ...one, tags: one.tags.filter(tag => tag.channel < 2) }));
    for (const [a, b] of [[0, 1], [1, 0], [0, 0]] as const) {
      const range: Range = { a, b, below: 20, bins: 41, binwidthPs: random.pick([50, 700, 9001]) };
      const expected = everyPair(ours, range), config = { channel1: a, channel2: b, binwidthPs: range.binwidthPs, bins: 41 };
      const cuts = [(left: number) => left, () => 100, (left: number) => Math.min(left, random.pick([1, 5, 50, 1000, 5000])), () => 4097, () => 1];
      for (const [i, cut] of cuts.entries()) {
        const kind = (seed + i) % 3 === 0 ? 'typescript' : 'wasm';
        const bench = measured('correlation', config, [stretch], { cut, kind });
        sameNumbers(t, bench.counts(), expected, `seed ${1000 + seed}, cut ${i}, ${kind}, ${JSON.stringify(config)}`);
        t.is(bench.measurement.droppedStarts, 0);
      }
    }
  }
});

test('more open starts than there is room for are counted as dropped', t => {
  const n = 20_000;
  const tags = Array.from({ length: n }, (_, i): Tag => ({ timePs: BigInt(i % n === n - 1 ? 1 : 0), channel: i === n - 1 ? 1 : 0 }));
  const stretch: Stretch = { tags, fromPs: 0n, toPs: 2n, end: { kind: 'pause', atPs: 2n } };
  for (const kind of ['wasm', 'typescript'] as const) {
    const bench = measured('histogram', { click: 1, start: 0, binwidthPs: 1, bins: 10 }, [stretch], { cut: () => 1000, kind });
    const [, counted = 0] = bench.counts();
    // The list keeps 4096; the last call brought 999 more starts and the click.
    t.is(counted, 4096 + 999, kind);
    t.is(bench.measurement.droppedStarts, n - 1 - 4096, kind);
  }
});

test('many bins travel as differences: any number of hand-overs gives the same total, and clear forgets them', t => {
  for (let seed = 0; seed < 12; seed++) {
    const random = new Random(2000 + seed), { name, config, range, stretches } = randomCase(random, { meanPs: 900, tags: 60 });
    const large = { ...config, bins: 20_000, binwidthPs: 1 };
    const expected = everyPair(stretches, { ...range, bins: 20_000, binwidthPs: 1, below: name === 'histogram' ? 0 : 10_000 });
    const bench = measured(name, large, stretches, { cut: () => random.integer(1, 20), publishAfter: () => random.chance(0.5) });
    sameNumbers(t, bench.counts(), expected, `seed ${2000 + seed}, ${name} ${JSON.stringify(large)}`);
    // A buffer that was handed out and never taken must not come back after a clear.
    const { tags, fromPs, toPs } = stretches[0]!;
    bench.call(tags, 0, tags.length, fromPs, toPs);
    bench.measurement.publish();
    bench.measurement.clear(0n);
    bench.totals.clear();
    t.is(bench.measurement.tags, 0);
    bench.feed(stretches, { publishAfter: () => random.chance(0.5) });
    sameNumbers(t, bench.counts(), expected, `seed ${2000 + seed}, after clear`);
  }
});

test('a rebase between calls loses no pair', t => {
  for (let seed = 0; seed < 40; seed++) {
    const random = new Random(3000 + seed), { name, config, range, stretches } = randomCase(random);
    const expected = everyPair(stretches, range);
    for (const kind of ['wasm', 'typescript'] as const) {
      const bench = measured(name, config, stretches, {
        kind, cut: () => random.integer(1, 9),
        beforeCall: one => { if (random.chance(0.3)) one.rebase(random.pick([1n, -1n, 2n ** 40n, -(2n ** 40n), 2n ** 61n]) - one.originPs); },
      });
      sameNumbers(t, bench.counts(), expected, `seed ${3000 + seed}, ${kind}, ${name} ${JSON.stringify(config)}`);
    }
  }
});

test('laws of pairs: shift in time, exchange of channels, renaming, disjoint windows', t => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(4000 + seed), note = `seed ${4000 + seed}`;
    const stretches = randomStretches(random, { startPs: 0n }), binwidthPs = random.pick([1, 5, 40]), bins = 2 * random.integer(1, 40);
    const correlate = (list: Stretch[], a: number, b: number, w = binwidthPs, n = bins): number[] =>
      measured('correlation', { channel1: a, channel2: b, binwidthPs: w, bins: n }, list, { cut: () => 11 }).counts();
    const straight = correlate(stretches, 0, 1);
    const moved = (byPs: bigint): Stretch[] => stretches.map(one => ({
      ...one, fromPs: one.fromPs + byPs, toPs: one.toPs + byPs, tags: one.tags.map(tag => ({ ...tag, timePs: tag.timePs + byPs })),
    }));
    t.deepEqual(correlate(moved(2n ** 40n), 0, 1), straight, `shifted, ${note}`);
    t.deepEqual(correlate(moved(2n ** 53n - 20n), 0, 1), straight, `shifted across 2^53, ${note}`);
    // Bins are half-open, so the mirror image is exact for single picoseconds: d -> -d.
    const fine = correlate(stretches, 0, 1, 1, 2 * bins + 1), mirrored = correlate(stretches, 1, 0, 1, 2 * bins + 1);
    t.deepEqual(mirrored, fine.toReversed(), `exchanged, ${note}`);
    const renamed = stretches.map(one => ({
      ...one, tags: one.tags.map(tag => ({ ...tag, channel: [9, 4, 7][tag.channel]! })).sort(inOrder),
    }));
    t.deepEqual(correlate(renamed, 9, 4), straight, `renamed, ${note}`);
    const forward = measured('histogram', { click: 0, start: 1, binwidthPs, bins }, stretches).counts();
    t.deepEqual(straight.slice(bins / 2), forward.slice(0, bins / 2), `upper half is the histogram, ${note}`);
  }
});
