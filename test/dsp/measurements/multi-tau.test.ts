// test/dsp/measurements/multi-tau.test.ts - HistogramLogBins by multi-tau: its own definition in BigInt, and how far it is from exact.
import test from 'ava';
import { logEdges } from '../../../app/dsp/measurements/log-edges.ts';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch, type Tag } from './harness.ts';

const method = 'multi-tau';
const ranges = [
  { expStart: -12, expStop: -3, bins: 70 }, { expStart: -5.8, expStop: -4.5, bins: 9 }, { expStart: -7, expStop: -2.5, bins: 12 },
  { expStart: -9, expStop: -7, bins: 4 }, { expStart: -5, expStop: -4.98, bins: 3 },
];

/** Below 2^20 ps by definition; above, clicks and starts on the two grids of each octave, from the begin of the stretch. */
function everyPair(stretches: readonly Stretch[], click: number, start: number, edgesPs: readonly number[]): number[] {
  const counts = edgesPs.slice(1).map(() => 0), edges = edgesPs.map(BigInt), first = edges[0]!, last = edges.at(-1)!;
  for (const { tags, fromPs } of stretches) {
    for (const later of tags.filter(({ channel }) => channel === click)) {
      for (const earlier of tags.filter(({ channel }) => channel === start)) {
        const delay = later.timePs - earlier.timePs;
        if (delay >= first && delay < last && delay < 2n ** 20n) counts[edges.findLastIndex(edge => edge <= delay)]!++;
        for (let width = 2n ** 17n; 8n * width < last; width *= 2n) {
          const lag = (later.timePs - fromPs) / width - (earlier.timePs - fromPs + width / 2n) / width, edge = lag * width;
          if (lag >= 8n && lag < 16n && edge >= first && edge < last) counts[edges.findLastIndex(one => one <= edge)]!++;
        }
      }
    }
  }
  return counts;
}

test('edges of multi-tau are those of its own bins', t => {
  const edges = logEdges({ expStart: -9, expStop: -3, bins: 120, method });
  t.true(edges.filter(edge => edge >= 2 ** 20).every(edge => edge % 2 ** (Math.floor(Math.log2(edge)) - 3) === 0));
  t.deepEqual(edges.filter(edge => edge < 2 ** 20), logEdges({ expStart: -9, expStop: -3, bins: 120 }).filter(edge => edge < 2 ** 20));
  t.deepEqual(edges, edges.toSorted((a, b) => a - b));
});

/** The later part comes much later. */
function withSilence(random: Random, { tags, fromPs, toPs, end }: Stretch): Stretch {
  const first = random.integer(0, tags.length), laterPs = 2n ** BigInt(random.integer(28, 55)) + BigInt(random.integer(0, 2 ** 30));
  const late = tags.map((tag, i) => (i < first ? tag : { ...tag, timePs: tag.timePs + laterPs }));
  return { tags: late, fromPs, toPs: toPs + laterPs, end: { kind: 'pause', atPs: end.kind === 'lost' ? end.toPs + laterPs : toPs + laterPs } };
}

test('multi-tau equals its definition, however the tags are cut, in both kernels', t => {
  let far = 0;
  for (let seed = 0; seed < 30; seed++) {
    const random = new Random(seed), click = random.integer(0, 2), start = random.chance(0.3) ? click : random.integer(0, 2);
    const range = random.pick(ranges);
    const config = { click, start, method, ...range }, meanPs = random.pick([900, 200_000, 3_000_000, 40_000_000]);
    const made = randomStretches(random, { channels: 3, meanPs, onGridPs: random.pick([1, 2 ** 16]) });
    const stretches = made.map(stretch => (random.chance(0.5) ? withSilence(random, stretch) : stretch)), expected = everyPair(stretches, click, start, logEdges(config));
    const edges = logEdges(config);
    far += expected.reduce((sum, count, k) => sum + (edges[k]! >= 2 ** 20 ? count : 0), 0);
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const beforeCall = (bench: Bench): void => { if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('histogramLogBins', config, stretches, { kind, cut, beforeCall, publishAfter: () => random.chance(0.2) });
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(config)}, mean ${meanPs}`;
        sameNumbers(t, bench.counts(), expected, note);
        t.is(bench.measurement.droppedStarts, 0, note);
      }
    }
  }
  t.true(far > 500, `${far} far pairs: the seeds test little`);
});

/** Tags at random, a fifth of those on channel 1 some 20 us after one on channel 0. */
function correlated(random: Random): Stretch {
  const tags: Tag[] = [];
  let at = 0;
  while (tags.length < 60_000) {
    at += random.exponential(500_000);
    tags.push({ timePs: BigInt(Math.floor(at)), channel: random.integer(0, 1) });
    if (random.chance(0.1)) tags.push({ timePs: BigInt(Math.floor(at + random.exponential(20e6))), channel: 1 });
  }
  tags.sort((x, y) => (x.timePs < y.timePs ? -1 : x.timePs > y.timePs ? 1 : x.channel - y.channel));
  const toPs = tags.at(-1)!.timePs + 1n;
  return { tags, fromPs: 0n, toPs, end: { kind: 'pause', atPs: toPs } };
}

test('multi-tau is within half a percent of exact, bin by bin, where pairs are many, and equal below 1 us', t => {
  const stretch = correlated(new Random(2)), config = { click: 1, start: 0, expStart: -8, expStop: -3, bins: 50, method };
  const edges = logEdges(config), both = [measured('histogramLogBins', config, [stretch]), measured('histogramLogBins', config, [stretch], { kind: 'typescript' })] as const;
  const counts = both[0].counts(), times = [0, 1].map(channel => Float64Array.from(stretch.tags.filter(tag => tag.channel === channel), ({ timePs }) => Number(timePs)));
  sameNumbers(t, both[1].counts(), counts, 'twin');
  const starts = times[0]!, placeOf = edges.map(() => 0), least = edges.map(() => 0);
  for (const click of times[1]!) {
    for (let k = 0; k < edges.length; k++) {
      while (placeOf[k]! < starts.length && click - starts[placeOf[k]!]! >= edges[k]!) placeOf[k]!++;
      least[k]! += placeOf[k]!;
    }
  }
  for (let k = 0; k < counts.length; k++) {
    const exact = least[k]! - least[k + 1]!;
    if (edges[k + 1]! <= 2 ** 20) t.is(counts[k], exact, `bin ${k}`);
    else if (exact > 10_000) t.true(Math.abs(counts[k]! / exact - 1) < 0.005 + 3 / Math.sqrt(exact), `bin ${k} at ${edges[k]} ps: ${counts[k]} and ${exact}`);
  }
  const g2 = both[0].read('getDataNormalizedG2') as Float64Array, late = g2.at(-1)!;
  t.true(Math.abs(late - 1) < 0.02, `g2 at 1 ms is ${late}`);
});

test('more clicks in a moment than a bin holds are dropped and counted; clear forgets what is open', t => {
  for (const kind of ['wasm', 'typescript'] as const) {
    const tags: Tag[] = [...Array.from({ length: 200 }, () => ({ timePs: 5n, channel: 0 })), ...Array.from({ length: 300 }, () => ({ timePs: 2n ** 22n, channel: 1 }))];
    const stretch: Stretch = { tags, fromPs: 0n, toPs: 2n ** 23n, end: { kind: 'pause', atPs: 2n ** 23n } };
    const config = { click: 1, start: 0, expStart: -5.8, expStop: -5, bins: 3, method };
    const bench = measured('histogramLogBins', config, [stretch], { kind });
    t.is(bench.measurement.droppedStarts, 73 + 45, kind);
    t.is(bench.counts().reduce((sum, count) => sum + count, 0), 127 * 255, kind);
    bench.call(tags, 0, 500, 0n, 2n ** 23n);
    bench.measurement.clear(0n);
    bench.totals.clear();
    bench.publish();
    t.is(bench.measurement.droppedStarts, 0);
    t.is(bench.counts().reduce((sum, count) => sum + count, 0), 0, kind);
  }
});
