// test/dsp/measurements/g2.test.ts - the normalised correlation: its definition, its error, and light that must come out as 1.
import test from 'ava';
import { Random } from '../../support/random.ts';
import { inOrder } from '../kernels/fixture.ts';
import { measured, randomStretches, type Stretch, type Tag } from './harness.ts';

interface Definition { a: number; b: number; below: number; binwidthPs: number; rates: string }

/** H(d) / (w * sum over stretches of r1 * r2 * max(T - |d|, 0)), |d| at the centre of the bin. */
function byDefinition(stretches: readonly Stretch[], counts: number[], { a, b, below, binwidthPs, rates }: Definition): number[] {
  const account = stretches.map(({ tags, fromPs, toPs }) => ({
    livePs: Number(toPs - fromPs), first: tags.filter(tag => tag.channel === a).length, second: tags.filter(tag => tag.channel === b).length,
  }));
  const sum = (value: (one: (typeof account)[number]) => number): number => account.reduce((total, one) => total + value(one), 0);
  const livePs = sum(one => one.livePs), r1 = sum(one => one.first) / livePs, r2 = sum(one => one.second) / livePs;
  return counts.map((count, k) => {
    const centrePs = Math.abs((k - below) * binwidthPs + (binwidthPs - 1) / 2);
    const product = (one: (typeof account)[number]): number => (rates === 'global' ? r1 * r2 : (one.first / one.livePs) * (one.second / one.livePs));
    const expected = binwidthPs * sum(one => product(one) * Math.max(one.livePs - centrePs, 0));
    return expected > 0 ? count / expected : NaN;
  });
}

test('g2 follows its definition over any number of stretches, with both kinds of rates', t => {
  for (let seed = 0; seed < 80; seed++) {
    const random = new Random(seed), stretches = randomStretches(random, { stretches: random.integer(1, 12), channels: 2, startPs: 0n });
    const binwidthPs = random.pick([1, 9, 200]), bins = random.integer(1, 60), name = random.pick(['histogram', 'correlation'] as const);
    const below = name === 'histogram' ? 0 : Math.floor(bins / 2);
    const config = name === 'histogram' ? { click: 0, start: 1, binwidthPs, bins } : { channel1: 0, channel2: 1, binwidthPs, bins };
    const bench = measured(name, config, stretches, { cut: () => 13 });
    for (const rates of ['global', 'segment']) {
      const expected = byDefinition(stretches, bench.counts(), { a: 0, b: 1, below, binwidthPs, rates });
      const got = bench.read('getDataNormalized', { rates }) as Float64Array, error = bench.read('getDataNormalizedError', { rates }) as Float64Array;
      for (const [k, value] of expected.entries()) {
        const note = `seed ${seed}, ${rates}, bin ${k}: ${got[k]} for ${value}`;
        t.true(Number.isNaN(value) ? Number.isNaN(got[k]) : Math.abs(got[k]! - value) <= 1e-9 * Math.abs(value), note);
        const count = bench.counts()[k]!;
        if (count > 0 && value > 0) t.true(Math.abs(error[k]! - got[k]! / Math.sqrt(count)) < 1e-9 * got[k]!, note);
      }
    }
  }
});

test('thousands of short stretches stay close to the definition', t => {
  const random = new Random(5), stretches = randomStretches(random, { stretches: 3000, tags: 6, channels: 2, meanPs: 40, startPs: 0n });
  const bench = measured('correlation', { channel1: 0, channel2: 1, binwidthPs: 20, bins: 40 }, stretches);
  const expected = byDefinition(stretches, bench.counts(), { a: 0, b: 1, below: 20, binwidthPs: 20, rates: 'segment' });
  const got = bench.read('getDataNormalized', { rates: 'segment' }) as Float64Array;
  expected.forEach((value, k) => t.true(Number.isNaN(value) || Math.abs(got[k]! - value) <= 0.02 * value, `bin ${k}: ${got[k]} for ${value}`));
});

test('uncorrelated light has g2 = 1 within five sigma, in one channel and between two', t => {
  const random = new Random(17), tags: Tag[] = [];
  let at = 0;
  while (tags.length < 60_000) tags.push({ timePs: BigInt(Math.floor(at += random.exponential(1000))), channel: random.integer(0, 1) });
  const toPs = BigInt(Math.ceil(at)) + 1n;
  const stretch: Stretch = { tags: tags.sort(inOrder), fromPs: 0n, toPs, end: { kind: 'pause', atPs: toPs } };
  for (const channel2 of [1, undefined]) {
    const bench = measured('correlation', { channel1: 0, channel2, binwidthPs: 400, bins: 40 }, [stretch], { cut: () => 5000 });
    const g2 = bench.read('getDataNormalized', { rates: 'global' }) as Float64Array;
    const error = bench.read('getDataNormalizedError', { rates: 'global' }) as Float64Array;
    g2.forEach((value, k) => t.true(Math.abs(value - 1) < 5 * error[k]!, `seed 17, ${channel2}, bin ${k}: ${value} +- ${error[k]}`));
  }
});

test('auto-correlation is not a number within the dead time', t => {
  const random = new Random(3), stretches = randomStretches(random, { channels: 1, stretches: 1, tags: 60, startPs: 0n });
  const bench = measured('correlation', { channel1: 0, channel2: undefined, binwidthPs: 10, bins: 10 }, stretches, { deadTimePs: 15 });
  const isNumber = Array.from(bench.read('getDataNormalized', { rates: 'global' }) as Float64Array, value => !Number.isNaN(value));
  t.deepEqual(isNumber, [true, true, true, false, false, false, false, true, true, true]);
});
