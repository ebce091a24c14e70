// test/dsp/virtual/views.test.ts - virtual channels of every kind, alone and one made of the other, against their definitions.
import test from 'ava';
import { virtualKindNames, type VirtualKind } from '../../../app/core/virtual.ts';
import type { KernelSet } from '../../../app/dsp/kernels/kernels.ts';
import { Random } from '../../support/random.ts';
import { inOrder, randomTags, startTimesPs } from '../kernels/fixture.ts';
import { ViewBench } from './harness.ts';
import { randomDefinition, viewed, type Stretch } from './oracle.ts';

const kinds: readonly KernelSet['kind'][] = ['wasm', 'typescript'];
const physical = 4;

interface Case { definitions: Record<number, unknown>; stretches: Stretch[] }

function randomStretches(random: Random, scalePs: number, tags: number): Stretch[] {
  let fromPs = random.pick(startTimesPs);
  return Array.from({ length: random.integer(1, 3) }, () => {
    const made = randomTags(random, { n: random.integer(0, tags), channels: physical, meanPs: random.pick([1, scalePs, 6 * scalePs]), startPs: fromPs })
      .map(({ timePs, channel }) => ({ timePs, channel: channel + 1 }));
    const toPs = (made.at(-1)?.timePs ?? fromPs) + BigInt(random.integer(0, 20 * scalePs));
    const stretch = { tags: made, fromPs, toPs };
    fromPs = toPs + BigInt(random.integer(0, 3 * scalePs));
    return stretch;
  });
}

/** Feeds all stretches in calls of random size and compares with the definitions. */
function check(random: Random, { definitions, stretches }: Case, cutMode = random.pick(['one', 'few', 'all', 'random'])): string | undefined {
  const rebases = random.chance(0.3);
  const say = (what: string): string => `seed ${random.seed}: ${what}; ${JSON.stringify(definitions)}`;
  for (const kind of kinds) {
    const cuts = new Random(random.seed + 7), bench = new ViewBench(physical, definitions, kind);
    const rank = (channel: number): number => bench.numbers.indexOf(channel);
    for (const { tags, fromPs, toPs } of stretches) {
      let from = 0, coveredPs = fromPs;
      do {
        const left = tags.length - from, size = cutMode === 'one' ? 1 : cutMode === 'few' ? 7 : cutMode === 'all' ? left : cuts.integer(0, 40);
        const to = from + Math.min(left, size, 16_384), next = tags[to]?.timePs ?? toPs, last = tags[to - 1]?.timePs ?? coveredPs;
        const floor = last > coveredPs ? last : coveredPs;
        // The watermark is anywhere between the last tag and the next one.
        const untilPs = to === tags.length ? toPs : cuts.chance(0.3) ? floor : cuts.chance(0.5) ? next : floor + BigInt(cuts.integer(0, Number(next - floor)));
        if (rebases && cuts.chance(0.2)) bench.rebase(bench.originPs > 2n ** 61n ? -(2n ** 62n) : cuts.pick([2n ** 62n, 12_345n]));
        bench.segment(tags.slice(from, to), coveredPs, untilPs);
        from = to;
        coveredPs = untilPs;
      } while (from < tags.length || coveredPs < toPs);
      bench.end(cuts.chance(0.5) ? { kind: 'epoch', atPs: toPs } : { kind: 'lost', fromPs: toPs, toPs, grade: 'counted', missed: [] }, toPs, toPs);
    }
    const wanted = stretches.map(stretch => viewed(stretch, bench.virtual, rank)).filter(stretch => stretch !== undefined);
    for (const [i, stretch] of wanted.entries()) {
      const got = bench.stretches[i];
      if (got?.fromPs !== stretch.fromPs || got.toPs !== stretch.toPs) return say(`${kind}, stretch ${i} is ${got?.fromPs} to ${got?.toPs}, not ${stretch.fromPs} to ${stretch.toPs}`);
      const first = stretch.tags.findIndex((tag, j) => got.tags[j]?.timePs !== tag.timePs || got.tags[j].channel !== tag.channel);
      const show = (tags: typeof got.tags, at: number): string => tags.slice(Math.max(0, at - 2), at + 3).map(({ timePs, channel }) => `${timePs - stretch.fromPs}:${channel}`).join(' ');
      if (first >= 0 || got.tags.length !== stretch.tags.length) {
        const at = first < 0 ? stretch.tags.length : first;
        return say(`${kind}, stretch ${i}, tag ${at} of ${got.tags.length}/${stretch.tags.length}: ${show(got.tags, at)}, not ${show(stretch.tags, at)}`);
      }
    }
    if (bench.stretches.length !== wanted.length) return say(`${kind}, ${bench.stretches.length} stretches, not ${wanted.length}`);
  }
  return undefined;
}

for (const kind of virtualKindNames) {
  test(`${kind} is what its definition says, however the tags are cut`, t => {
    for (let seed = 1; seed <= 45; seed++) {
      const random = new Random(seed * 1009 + kind.length), scalePs = random.pick([2, 10, 300]);
      const definitions = { 1001: randomDefinition(random, kind, [1, 2, 3, 4], scalePs) };
      t.is(check(random, { definitions, stretches: randomStretches(random, scalePs, 70) }), undefined);
    }
  });
}

test('virtual channels are made of virtual channels, in layers', t => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new Random(seed), scalePs = random.pick([2, 10, 300]), inputs = [1, 2, 3, 4], definitions: Record<number, unknown> = {};
    for (let i = 0; i < random.integer(2, 6); i++) {
      const kind: VirtualKind = random.pick(virtualKindNames), number = 1000 + 100 * (i + 1);
      definitions[number] = randomDefinition(random, kind, inputs, scalePs);
      inputs.push(number);
    }
    const stretches = randomStretches(random, scalePs, 40);
    t.is(check(random, { definitions, stretches }), undefined);
  }
});

test('whole blocks, more tags under way than one call gives out, and many kernels in one layer', t => {
  const coincidences = Object.fromEntries([[1, 2], [2, 3], [3, 4]].map((pair, i) => [1100 + i, { kind: 'coincidence', channels: pair, windowPs: 30, timestamp: ['last', 'first', 'average'][i] }]));
  const combiners = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [1200 + i, { kind: 'combiner', channels: i % 2 === 0 ? [1, 2, 3, 4] : [1 + i % 4] }]));
  const cases: [number, Record<number, unknown>][] = [
    [30_000, { ...coincidences, 1001: { kind: 'coincidence', channels: [1, 2, 3, 4], windowPs: 150 } }], [20_000, combiners],
    [30_000, { 1001: { kind: 'delayed', channel: 1, delayPs: 2_000_000 }, 1002: { kind: 'delayed', channel: 2, delayPs: -200_000 }, 1003: { kind: 'delayed', channel: 3, delayPs: 1_900_000 } }],
    [1500, { 1001: { kind: 'frequencyMultiplier', channel: 1, multiplier: 100 }, 1002: { kind: 'eventGenerator', trigger: 2, patternPs: Array.from({ length: 50 }, (_, i) => 7 * i) } }],
  ];
  for (const [i, [n, definitions]] of cases.entries()) {
    const random = new Random(700 + i), fromPs = 2n ** 53n - 100_000n;
    const tags = randomTags(random, { n, channels: physical, meanPs: 40, startPs: fromPs }).map(({ timePs, channel }) => ({ timePs, channel: channel + 1 }));
    t.is(check(random, { definitions, stretches: [{ tags, fromPs, toPs: tags.at(-1)!.timePs + 5_000_000n }] }, 'all'), undefined);
  }
});

test('tags under way that come due all at once are given out in parts', t => {
  for (const kind of kinds) {
    const bench = new ViewBench(1, { 1001: { kind: 'delayed', channel: 1, delayPs: 1_000_000_000 } }, kind), n = 60_000, atOnce = 15_000;
    for (let from = 0; from < n; from += atOnce) {
      bench.segment(Array.from({ length: atOnce }, (_, i) => ({ timePs: BigInt(10 * (from + i)), channel: 1 })), BigInt(10 * from), BigInt(10 * (from + atOnce)));
    }
    bench.segment([], 10n * BigInt(n), 2_000_000_000n);
    t.deepEqual([bench.ends.length, bench.stretches[0]?.tags.length], [0, n], kind);
  }
});

test('rates at the very edges of the band and tags at the very edges of windows', t => {
  for (const kind of kinds) {
    // Above is 3 tags in a window of 10 ps or more, below 1 or fewer.
    const bench = new ViewBench(1, { 1001: { kind: 'triggerOnCountrate', channel: 1, referenceRateHz: 2e11, hysteresisHz: 1e11, timeWindowPs: 10 } }, kind);
    const timesPs = [0, 5, 9, 10, 19, 20, 30, 31, 39, 50, 51, 59, 80, 80, 80, 90, 91];
    for (const [i, timePs] of timesPs.entries()) bench.segment([{ timePs: BigInt(timePs), channel: 1 }], BigInt(timesPs[i - 1] ?? 0), BigInt(timePs));
    bench.segment([], 91n, 120n);
    const changes = bench.stretches[0]!.tags.filter(({ channel }) => channel > 1000).map(({ timePs, channel }) => [Number(timePs), channel]);
    t.deepEqual(changes, [[10, 1001], [30, 1002], [40, 1001], [50, 1002], [60, 1001], [70, 1002], [90, 1001], [110, 1002]], kind);
  }
});

test('equal times are in the order of the channels, wherever they came from', t => {
  const bench = new ViewBench(2, { 1001: { kind: 'combiner', channels: [1, 2] }, 1002: { kind: 'delayed', channel: 1, delayPs: 0 } }, 'wasm');
  bench.segment([{ timePs: 5n, channel: 1 }], 0n, 5n);
  bench.segment([{ timePs: 5n, channel: 2 }], 5n, 9n);
  t.deepEqual(bench.stretches[0]?.tags.map(({ channel }) => channel), [1, 2, 1001, 1001, 1002]);
  t.deepEqual([...bench.stretches[0]!.tags].sort(inOrder), bench.stretches[0]!.tags);
});

test('what a loss took of a virtual channel is not known, although its inputs were counted', t => {
  const bench = new ViewBench(2, { 1001: { kind: 'combiner', channels: [1, 2] } }, 'wasm');
  bench.segment([], 0n, 10n);
  bench.end({ kind: 'lost', fromPs: 10n, toPs: 20n, grade: 'counted', missed: [{ channelIndex: 0, count: 3 }] }, 10n, 20n);
  t.deepEqual(bench.ends.map(({ end }) => end), [{ kind: 'lost', fromPs: 10n, toPs: 20n, grade: 'flagged', missed: undefined }]);
});
