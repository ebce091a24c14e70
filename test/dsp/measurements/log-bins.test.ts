// test/dsp/measurements/log-bins.test.ts - HistogramLogBins against plain BigInt code, its symmetries and Poisson light.
import test from 'ava';
import { logEdges } from '../../../app/dsp/measurements/log-edges.ts';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch, type Tag } from './harness.ts';

/** Every pair of one stretch, by the definition of the bins. */
function everyPair(stretches: readonly Stretch[], click: number, start: number, edgesPs: readonly number[]): number[] {
  const counts = edgesPs.slice(1).map(() => 0), edges = edgesPs.map(BigInt);
  for (const { tags } of stretches) {
    for (const later of tags) {
      for (const earlier of tags) {
        const delay = later.timePs - earlier.timePs;
        if (later.channel !== click || earlier.channel !== start || delay < edges[0]! || delay >= edges.at(-1)!) continue;
        counts[edges.findLastIndex(edge => edge <= delay)]!++;
      }
    }
  }
  return counts;
}

const ranges = [
  { expStart: -12, expStop: -9, bins: 40 }, { expStart: -11.5, expStop: -8, bins: 7 }, { expStart: -8, expStop: -5.5, bins: 3 },
  { expStart: -12, expStop: -4, bins: 25 }, { expStart: -5.5, expStop: -4, bins: 9 }, { expStart: -12, expStop: -11.9, bins: 5 },
];

test('edges are whole ps, ascend, and none is twice', t => {
  t.deepEqual(logEdges({ expStart: -12, expStop: -11, bins: 10 }), [1, 2, 3, 4, 5, 6, 8, 10]);
  t.deepEqual(logEdges({ expStart: -9, expStop: -6, bins: 3 }), [1000, 10_000, 100_000, 1_000_000]);
  t.deepEqual(logEdges({ expStart: -12, expStop: -11.95, bins: 4 }), [1, 2]);
});

test('HistogramLogBins equals every pair by definition, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(seed), click = random.integer(0, 2), start = random.chance(0.3) ? click : random.integer(0, 2);
    const range = random.pick(ranges), meanPs = random.pick([3, 40, 900, 200_000, 5_000_000]);
    const config = { click, start: click === start && random.chance(0.5) ? undefined : start, ...range };
    const stretches = randomStretches(random, { channels: 3, meanPs, onGridPs: random.pick([1, 1, 10, 1000]) }), expected = everyPair(stretches, click, start, logEdges(config));
    const own = stretches.flatMap(({ tags }) => tags).filter(tag => tag.channel === click || tag.channel === start).length;
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const beforeCall = (bench: Bench): void => { if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('histogramLogBins', config, stretches, { kind, cut, beforeCall, counted: random.chance(0.5), publishAfter: () => random.chance(0.2) });
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(config)}, mean ${meanPs}`;
        sameNumbers(t, bench.counts(), expected, note);
        t.is(bench.measurement.tags, own, note);
        t.is(bench.measurement.droppedStarts, 0, note);
      }
    }
  }
});

test('HistogramLogBins up to the longest delay that a double holds', t => {
  const random = new Random(1), config = { click: 1, start: 0, expStart: -12, expStop: 3.9, bins: 64 };
  const stretches = randomStretches(random, { channels: 2, meanPs: 1e14, tags: 60, stretches: 2, startPs: 2n ** 60n });
  for (const kind of ['wasm', 'typescript'] as const) sameNumbers(t, measured('histogramLogBins', config, stretches, { kind, cut: () => 7 }).counts(), everyPair(stretches, 1, 0, logEdges(config)), kind);
});

test('HistogramLogBins: tags exactly on edges, and lists longer than one portion', t => {
  const config = { click: 1, start: 0, expStart: -9, expStop: -5, bins: 24 }, edges = logEdges(config);
  const tags: Tag[] = [{ timePs: 0n, channel: 0 }];
  for (const edge of edges) for (const off of [-1, 0, 1]) tags.push({ timePs: BigInt(edge + off), channel: 1 });
  for (const kind of ['wasm', 'typescript'] as const) {
    const stretch: Stretch = { tags, fromPs: 0n, toPs: 2n ** 40n, end: { kind: 'pause', atPs: 2n ** 40n } };
    t.deepEqual(measured('histogramLogBins', config, [stretch], { kind }).counts(), Array.from({ length: 24 }, () => 3), kind);

    const random = new Random(5), many: Tag[] = [];
    let timePs = 0n;
    for (let i = 0; i < 60_000; i++) many.push({ timePs: timePs += BigInt(random.integer(0, 3000)), channel: random.integer(0, 1) });
    const long: Stretch = { tags: many, fromPs: 0n, toPs: timePs + 1n, end: { kind: 'pause', atPs: timePs + 1n } };
    const reference = new Bench('histogram', { click: 1, start: 0, binwidthPs: 1, bins: 1_000_000 }, 'wasm');
    reference.feed([long], { cut: () => 50_000 });
    const each = reference.counts(), bench = measured('histogramLogBins', { ...config, expStop: -6 }, [long], { kind, cut: () => 40_000 });
    const own = logEdges({ ...config, expStop: -6 });
    sameNumbers(t, bench.counts(), own.slice(1).map((edge, k) => each.slice(own[k], edge).reduce((sum, count) => sum + count, 0)), kind);
  }
});

test('HistogramLogBins: a shift changes nothing, thinned starts give their part, mirrored time swaps the channels', t => {
  for (let seed = 0; seed < 40; seed++) {
    const random = new Random(seed), config = { click: 1, start: 0, expStart: -11, expStop: -6, bins: 30 };
    const [stretch] = randomStretches(random, { channels: 2, stretches: 1, tags: 80, meanPs: 2000 }) as [Stretch];
    const counts = (tags: Tag[], own = config): number[] => measured('histogramLogBins', own, [{ ...stretch, tags, fromPs: tags[0]!.timePs, toPs: tags.at(-1)!.timePs + 1n }]).counts();
    const all = counts(stretch.tags), turned = stretch.tags.map(tag => ({ ...tag, timePs: -tag.timePs })).reverse();
    sameNumbers(t, counts(stretch.tags.map(tag => ({ ...tag, timePs: tag.timePs + 2n ** 40n + 77n }))), all, `shift, seed ${seed}`);
    turned.sort((x, y) => (x.timePs < y.timePs ? -1 : x.timePs > y.timePs ? 1 : x.channel - y.channel));
    sameNumbers(t, counts(turned, { ...config, click: 0, start: 1 }), all, `mirror, seed ${seed}`);
    const isKept = stretch.tags.map(tag => tag.channel === 1 || random.chance(0.5));
    const kept = counts(stretch.tags.filter((_, i) => isKept[i])), rest = counts(stretch.tags.filter((tag, i) => tag.channel === 1 || !isKept[i]));
    sameNumbers(t, all.map((_, k) => kept[k]! + rest[k]!), all, `thinning, seed ${seed}`);
  }
});

/** Independent Poisson tags on two channels in stretches of one length. */
function poisson(random: Random, stretches: number, lengthPs: number, meanPs: number): Stretch[] {
  return Array.from({ length: stretches }, (_, k) => {
    const fromPs = BigInt(k) * BigInt(lengthPs * 2), toPs = fromPs + BigInt(lengthPs), tags: Tag[] = [];
    let at = 0;
    for (;;) {
      at += -Math.log(1 - random.next()) * meanPs;
      if (at >= lengthPs) break;
      tags.push({ timePs: fromPs + BigInt(Math.floor(at)), channel: random.integer(0, 1) });
    }
    return { tags, fromPs, toPs, end: { kind: 'lost' as const, fromPs: toPs, toPs: toPs + BigInt(lengthPs), grade: 'flagged' as const, missed: undefined } };
  });
}

test('g2 of Poisson light is 1 within 5 sigma at every lag, in one stretch and in stretches of 20 ms', t => {
  for (const [stretches, lengthPs] of [[1, 1e12], [50, 2e10]] as const) {
    const light = poisson(new Random(11), stretches, lengthPs, 1e7);
    const config = { click: 1, start: 0, expStart: -7, expStop: -1.5, bins: 40 };
    const bench = measured('histogramLogBins', config, light, { cut: () => 5000 });
    for (const rates of ['global', 'segment']) {
      const g2 = bench.read('getDataNormalizedG2', { rates }) as Float64Array, error = bench.read('getDataNormalizedG2Error', { rates }) as Float64Array;
      const edges = logEdges(config), counts = bench.counts();
      for (let k = 0; k < g2.length; k++) {
        if (edges[k]! >= lengthPs) t.true(Number.isNaN(g2[k]), `bin ${k} at ${edges[k]} ps lies beyond every stretch`);
        else if (counts[k]! > 20) {
          // Pairs that share a tag add to sqrt(pairs): for each of N tags the partners vary together.
          const shared = counts[k]! * Math.sqrt(2 / bench.measurement.tags) * 2;
          t.true(Math.abs(g2[k]! - 1) < 5 * Math.hypot(error[k]!, (shared / counts[k]!)), `${rates}, ${stretches} stretches, bin ${k}: ${g2[k]} +- ${error[k]}`);
        }
      }
    }
    const perPs = bench.read('getDataNormalizedCountsPerPs') as Float64Array, edges = bench.read('getBinEdges') as Float64Array;
    sameNumbers(t, perPs.map((value, k) => Math.round(value * (edges[k + 1]! - edges[k]!))), bench.counts(), 'counts per ps');
  }
});

test('g2 below the dead time and before any tag is no number', t => {
  const config = { click: 0, start: undefined, expStart: -9, expStop: -6, bins: 3 };
  const [light] = poisson(new Random(3), 1, 1e10, 1e7);
  const g2 = measured('histogramLogBins', config, [light!], { deadTimePs: 5000 }).read('getDataNormalizedG2') as Float64Array;
  t.deepEqual(Array.from(g2, Number.isNaN), [true, false, false]);
  t.true((new Bench('histogramLogBins', config).read('getDataNormalizedG2') as Float64Array).every(Number.isNaN));
});
