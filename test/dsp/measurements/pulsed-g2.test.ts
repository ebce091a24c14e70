// test/dsp/measurements/pulsed-g2.test.ts - PulsedG2 against plain BigInt code, and on sources whose g2(0) is known.
import test from 'ava';
import { combOf, fitPeriod } from '../../../app/dsp/measurements/period.ts';
import { Random } from '../../support/random.ts';
import { cutsOf, floorDivide, measured, randomStretches, sameNumbers, type Bench, type Stretch, type Tag } from './harness.ts';

const defaults = { sync: undefined, periodPs: 0, gatePs: 0, sidePeaks: 0, zeroPs: 0, rangePs: 200_000, binwidthPs: 16 };

test('PulsedG2 counts all pairs of its range and measures the period of sync, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(seed), rangePs = random.pick([40, 1000]), binwidthPs = random.pick([1, 7, 16]), zeroPs = random.pick([0, -30, 13]);
    const sync = random.pick([0, 2, 3]), config = { ...defaults, channel1: 1, channel2: 0, sync, rangePs, binwidthPs, zeroPs };
    const stretches = randomStretches(random, { channels: 4 });
    const half = Math.ceil(rangePs / binwidthPs), below = half - Math.round(zeroPs / binwidthPs), counts = Array.from({ length: 2 * half }, () => 0);
    let periods = 0, periodsPs = 0;
    for (const { tags } of stretches) {
      for (const a of tags.filter(tag => tag.channel === 1)) for (const b of tags.filter(tag => tag.channel === 0)) {
        const k = Number(floorDivide(a.timePs - b.timePs, BigInt(binwidthPs))) + below;
        if (k >= 0 && k < counts.length) counts[k]!++;
      }
      const times = tags.filter(tag => tag.channel === sync).map(tag => tag.timePs);
      if (times.length === 0) continue;
      periods += times.length - 1;
      periodsPs += Number(times.at(-1)! - times[0]!);
    }
    const own = stretches.flatMap(({ tags }) => tags).filter(({ channel }) => channel < 2 || channel === sync).length;
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(config)}`;
        const beforeCall = (bench: Bench): void => { if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('pulsedG2', config, stretches, { kind, cut, beforeCall, publishAfter: () => random.chance(0.2) });
        sameNumbers(t, bench.counts(), counts, note);
        t.is(bench.measurement.tags, own, note);
        if (periodsPs > 0) t.is(bench.read('getPeriod'), periodsPs / periods, note);
        else t.true(!((bench.read('getPeriod') as number) > 0), note);
      }
    }
  }
});

test('PulsedG2 sums whole bins around each peak; what is between gates is background', t => {
  // Peaks of period 100 at 3 + 100 k, each of 10 + |k| pairs in one bin; 2 pairs of background midway.
  const counts = (k: number): number => 10 + Math.abs(k);
  const delays: bigint[] = [];
  for (let k = -4; k <= 4; k++) {
    for (let i = 0; i < counts(k); i++) delays.push(BigInt(3 + 100 * k));
    delays.push(BigInt(3 + 100 * k + 50), BigInt(3 + 100 * k + 50));
  }
  const stretches = delays.map((delayPs, i): Stretch => {
    const fromPs = BigInt(10_000 * i), tags: Tag[] = [{ timePs: fromPs + 1000n, channel: 0 }, { timePs: fromPs + 1000n + delayPs, channel: 1 }];
    tags.sort((a, b) => (a.timePs < b.timePs ? -1 : 1));
    return { tags, fromPs, toPs: fromPs + 10_000n, end: { kind: 'epoch', atPs: fromPs + 10_000n } };
  });
  const bench = measured('pulsedG2', { ...defaults, channel1: 1, channel2: 0, periodPs: 100, gatePs: 20, rangePs: 420, binwidthPs: 1 }, stretches);
  sameNumbers(t, [...bench.read('getPeakIndex') as Int32Array], [-4, -3, -2, -1, 0, 1, 2, 3, 4], 'peaks');
  sameNumbers(t, bench.counts('getPeakCounts'), [14, 13, 12, 11, 10, 11, 12, 13, 14], 'counts');
  t.is(bench.read('getCentralCounts'), 10);
  t.is(bench.read('getSideMean'), 12.5);
  t.is(bench.read('getG2'), 10 / 12.5);
  // Between the outermost gates lie 8 gaps of 80 bins with 16 pairs: half a pair in 20 bins.
  t.is(bench.read('getBackground'), 0.5);
  t.is(bench.read('getG2Corrected'), 9.5 / 12);
  const few = measured('pulsedG2', { ...defaults, channel1: 1, channel2: 0, periodPs: 100, gatePs: 20, rangePs: 420, binwidthPs: 1, sidePeaks: 2, zeroPs: 205 }, stretches);
  sameNumbers(t, few.counts('getPeakCounts'), [10, 11, 12, 13, 14], 'two peaks on either side of another zero');
  t.is(few.read('getCentre'), bench.read('getCentre') as number + 200);
});

/** Each pulse: a photon on each detector with these chances, and none on both but with `both` of the chance that independent ones have. */
function pulses(random: Random, seconds: number, periodPs: number, chance: number, both: number): Stretch[] {
  const tags: Tag[] = [], jitter = (): number => 150 * (random.next() + random.next() + random.next() - 1.5);
  for (let k = 1; k * periodPs < seconds * 1e12; k++) {
    // Channel 0 with its chance; channel 1 less likely in the same pulse, and for the rest as often as it must.
    const first = random.chance(chance), second = random.chance(first ? chance * both : chance * (1 - chance * both) / (1 - chance));
    if (first) tags.push({ timePs: BigInt(Math.round(k * periodPs + jitter())), channel: 0 });
    if (second) tags.push({ timePs: BigInt(Math.round(k * periodPs + 700 + jitter())), channel: 1 });
  }
  tags.sort((a, b) => (a.timePs < b.timePs ? -1 : a.timePs > b.timePs ? 1 : a.channel - b.channel));
  return [{ tags, fromPs: 0n, toPs: BigInt(seconds * 1e12), end: { kind: 'pause', atPs: BigInt(seconds * 1e12) } }];
}

test('PulsedG2 finds the period and g2(0) of a pulsed source, against side peaks and against Poisson, within 5 sigma', t => {
  for (const [seed, periodPs, both] of [[1, 12_500.37, 1], [2, 12_500.37, 0.2], [3, 3333.3, 0.05], [4, 9999.9, 0]] as const) {
    const bench = measured('pulsedG2', { ...defaults, channel1: 1, channel2: 0 }, pulses(new Random(seed), 0.004, periodPs, 0.1, both));
    const figure = (getter: string): number => bench.read(getter) as number, note = `seed ${seed}, period ${figure('getPeriod')} +- ${figure('getPeriodError')}`;
    t.true(Math.abs(figure('getPeriod') - periodPs) < 5 * figure('getPeriodError') + 0.001, note);
    t.true(figure('getPeriodError') < 0.2, note);
    t.true(Math.abs(figure('getCentre') - 700) < 20, `${note}: centre ${figure('getCentre')}`);
    for (const getter of ['getG2', 'getG2Poisson']) {
      const value = figure(getter), sigma = figure(`${getter}Error`);
      t.true(Math.abs(value - both) < 5 * sigma && sigma < 0.1, `${note}: ${getter} is ${value} +- ${sigma}, not ${both}`);
    }
  }
});

test('fitPeriod() finds no period where there is none, and the comb of a clear one', t => {
  const delays = Float64Array.from({ length: 1000 }, (_, i) => i - 500);
  t.true(Number.isNaN(fitPeriod(new Float64Array(1000), delays, 1).value));
  t.true(Number.isNaN(fitPeriod(new Float64Array(1000).fill(5), delays, 1).value));
  const comb = Float64Array.from(delays, delay => ((delay + 1000) % 40 < 5 ? 10 : 0));
  t.true(Math.abs(fitPeriod(comb, delays, 1).value - 40) < 0.05);
  t.true(Math.abs(combOf(comb, delays, 40).phasePs - 2) < 0.1);
});
