// test/dsp/measurements/coincidence-rates.test.ts - CoincidenceRates against plain BigInt code, and against Poisson statistics.
import test from 'ava';
import { Random } from '../../support/random.ts';
import { cutsOf, measured, randomStretches, sameNumbers, type Bench, type Stretch, type Tag } from './harness.ts';

interface Setup { groups: number[][]; windowPs: number; shiftPs: number }

/** By the definition: whenever a tag completes a set of latest unused tags within the window, they are a coincidence and used up. */
function coincidences(tags: readonly Tag[], group: readonly number[], windowPs: number): number {
  const unused = new Map<number, bigint>();
  let found = 0;
  for (const { channel, timePs } of tags) {
    if (!group.includes(channel)) continue;
    unused.set(channel, timePs);
    const times = group.map(each => unused.get(each));
    if (!times.every(each => each !== undefined && timePs - each <= BigInt(windowPs))) continue;
    found++;
    unused.clear();
  }
  return found;
}

function expectedOf(stretches: readonly Stretch[], { groups, windowPs, shiftPs }: Setup) {
  const channels = [...new Set(groups.flat())], window = BigInt(windowPs);
  const delayOf = (channel: number): bigint => BigInt(channels.indexOf(channel) * shiftPs);
  const zeros = groups.map(() => 0), prompt = [...zeros], shifted = [...zeros], shiftedPs = [...zeros], heralds = groups.map(() => [0, 0, 0, 0]);
  for (const { tags, fromPs, toPs } of stretches) {
    const later = tags.filter(({ channel }) => channels.includes(channel)).map(({ channel, timePs }) => ({ channel, timePs: timePs + delayOf(channel) }))
      .sort((a, b) => (a.timePs < b.timePs ? -1 : a.timePs > b.timePs ? 1 : channels.indexOf(a.channel) - channels.indexOf(b.channel)));
    groups.forEach((group, g) => {
      prompt[g]! += coincidences(tags, group, windowPs);
      shifted[g]! += coincidences(later, group, windowPs);
      const delays = group.map(channel => Number(delayOf(channel)));
      shiftedPs[g]! += Math.max(0, Number(toPs - fromPs) - (Math.max(...delays) - Math.min(...delays)));
      if (group.length !== 3) return;
      for (const { channel, timePs } of tags) {
        if (channel !== group[0] || timePs - window < fromPs || timePs + window >= toPs) continue;
        const near = (place: number): boolean => tags.some(other => other.channel === group[place] && other.timePs >= timePs - window && other.timePs <= timePs + window);
        heralds[g]![0]!++;
        if (near(1)) heralds[g]![1]!++;
        if (near(2)) heralds[g]![2]!++;
        if (near(1) && near(2)) heralds[g]![3]!++;
      }
    });
  }
  return { channels, prompt, shifted, shiftedPs, heralds };
}

const possible = [[0, 1], [2, 0], [0, 1, 2], [3, 1, 0], [0, 1, 2, 3], [1, 2], [2, 3, 0]];

test('CoincidenceRates counts by the definition, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 120; seed++) {
    const random = new Random(seed), windowPs = random.pick([0, 1, 5, 60, 900]), shiftPs = 2 * windowPs + random.pick([1, 7, 300]);
    const groups = possible.filter(() => random.chance(0.4)), setup = { groups: groups.length > 0 ? groups : [[0, 1]], windowPs, shiftPs };
    const stretches = randomStretches(random, { channels: 4 }), expected = expectedOf(stretches, setup);
    const livePs = stretches.reduce((sum, { fromPs, toPs }) => sum + Number(toPs - fromPs), 0);
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(setup)}`;
        const beforeCall = (bench: Bench): void => { if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('coincidenceRates', { ...setup }, stretches, { kind, cut, beforeCall, publishAfter: () => random.chance(0.2) });
        sameNumbers(t, bench.counts('getCoincidences'), expected.prompt, note);
        sameNumbers(t, bench.read('getHeralds') as Float64Array,
          expected.heralds.flatMap((each, g) => (setup.groups[g]!.length === 3 ? each : each.map(() => NaN))), note);
        // Measured accidentals come as a rate: back to counts.
        const rates = bench.read('getAccidentalsShifted') as Float64Array;
        expected.shifted.forEach((count, g) => {
          if (expected.shiftedPs[g] === 0 || livePs === 0) t.true(Number.isNaN(rates[g]), note);
          else t.true(Math.abs(rates[g]! / 1e12 * expected.shiftedPs[g]! - count) < 1e-6, `${rates[g]! / 1e12 * expected.shiftedPs[g]!} is not ${count}: ${note}`);
        });
        const singles = expected.channels.map(channel => stretches.reduce((sum, { tags }) => sum + tags.filter(tag => tag.channel === channel).length, 0));
        sameNumbers(t, bench.counts('getSingles'), singles, note);
      }
    }
  }
});

test('CoincidenceRates forgets everything at clear, and nothing else', t => {
  for (let seed = 0; seed < 30; seed++) {
    const random = new Random(seed), setup = { groups: [[0, 1], [0, 1, 2]], windowPs: 50, shiftPs: 120 };
    const stretches = randomStretches(random, { channels: 3, tags: 60 });
    const once = measured('coincidenceRates', setup, stretches), twice = measured('coincidenceRates', setup, stretches);
    twice.measurement.clear(0n);
    twice.livePs = 0;
    twice.feed(stretches);
    for (const getter of ['getCoincidences', 'getSingles', 'getAccidentalsShifted', 'getHeralds']) {
      sameNumbers(t, Array.from(twice.read(getter) as Float64Array, Number), Array.from(once.read(getter) as Float64Array, Number), `seed ${seed}, ${getter}`);
    }
  }
});

/** Independent channels, and pairs or triples on top: `together` of each second on all channels of a list at once. */
function source(random: Random, seconds: number, rates: readonly number[], together: { channels: number[]; rateHz: number }[] = []): Stretch[] {
  const tags: Tag[] = [];
  const put = (channels: number[], rateHz: number): void => {
    for (let t = random.exponential(1e12 / rateHz); t < seconds * 1e12; t += random.exponential(1e12 / rateHz)) {
      for (const channel of channels) tags.push({ timePs: BigInt(Math.floor(t)), channel });
    }
  };
  rates.forEach((rateHz, channel) => put([channel], rateHz));
  for (const { channels, rateHz } of together) put(channels, rateHz);
  tags.sort((a, b) => (a.timePs < b.timePs ? -1 : a.timePs > b.timePs ? 1 : a.channel - b.channel));
  const toPs = BigInt(seconds * 1e12);
  return [{ tags, fromPs: 0n, toPs, end: { kind: 'pause', atPs: toPs } }];
}

const figure = (bench: Bench, getter: string, g: number, args = {}): number => (bench.read(getter, args) as Float64Array)[g]!;

test('accidentals of two independent channels are 2 * W * r1 * r2 within 5 sigma: counted, by formula, and shifted', t => {
  for (const seed of [1, 2, 3]) {
    const bench = measured('coincidenceRates', { groups: [[0, 1]], windowPs: 2000, shiftPs: 10_000 }, source(new Random(seed), 0.2, [1e6, 5e5])), hz = 2 * 2e-9 * 1e6 * 5e5;
    for (const [getter, error] of [['getData', 'getDataError'], ['getAccidentals', 'getAccidentalsError'], ['getAccidentalsShifted', 'getAccidentalsShiftedError']] as const) {
      const value = figure(bench, getter, 0), sigma = figure(bench, error, 0);
      t.true(Math.abs(value - hz) < 5 * sigma && sigma < 0.07 * hz, `seed ${seed}, ${getter}: ${value} +- ${sigma} Hz, not ${hz}`);
    }
  }
});

test('accidentals of three independent channels are 3 * W^2 * r1 * r2 * r3; heralded g2 is 1', t => {
  for (const seed of [1, 2]) {
    const bench = measured('coincidenceRates', { groups: [[0, 1, 2]], windowPs: 20_000, shiftPs: 100_000 }, source(new Random(seed), 0.1, [1e6, 5e5, 5e5]));
    const hz = 3 * 2e-8 ** 2 * 1e6 * 5e5 * 5e5;
    for (const [getter, error] of [['getData', 'getDataError'], ['getAccidentals', 'getAccidentalsError'], ['getAccidentalsShifted', 'getAccidentalsShiftedError']] as const) {
      const value = figure(bench, getter, 0), sigma = figure(bench, error, 0);
      t.true(Math.abs(value - hz) < 5 * sigma + 1e-9, `seed ${seed}, ${getter}: ${value} +- ${sigma} Hz, not ${hz}`);
    }
    const g2 = figure(bench, 'getHeraldedG2', 0), sigma = figure(bench, 'getHeraldedG2Error', 0);
    t.true(Math.abs(g2 - 1) < 5 * sigma && sigma < 0.3, `seed ${seed}: heralded g2 ${g2} +- ${sigma}`);
  }
});

test('pairs of a known source: net rate, CAR, Klyshko efficiencies and a heralded g2 far below 1', t => {
  // 100 kHz of pairs with each arm, and noise: 300 kHz on every channel, so that each efficiency is a third.
  const pairs = [{ channels: [0, 1], rateHz: 1e5 }, { channels: [0, 2], rateHz: 1e5 }];
  const bench = measured('coincidenceRates', { groups: [[0, 1], [0, 2], [0, 1, 2]], windowPs: 1000, shiftPs: 0 }, source(new Random(7), 0.2, [1e5, 2e5, 2e5], pairs));
  for (const accidentals of ['formula', 'shifted']) {
    const net = figure(bench, 'getNet', 0, { accidentals }), sigma = figure(bench, 'getNetError', 0, { accidentals });
    t.true(Math.abs(net - 1e5) < 5 * sigma, `${accidentals}: net ${net} +- ${sigma}`);
    for (const [member, truth] of [[0, 1 / 3], [1, 1 / 3]] as const) {
      const eta = figure(bench, 'getEfficiency', member, { accidentals }), error = figure(bench, 'getEfficiencyError', member, { accidentals });
      t.true(Math.abs(eta - truth) < 5 * error && error < 0.01, `${accidentals}: efficiency ${member} ${eta} +- ${error}`);
    }
    const car = figure(bench, 'getCAR', 0, { accidentals }), carError = figure(bench, 'getCARError', 0, { accidentals });
    t.true(Math.abs(car - (1e5 + 2 * 1e-9 * 3e5 * 3e5) / (2 * 1e-9 * 3e5 * 3e5)) < 5 * carError, `${accidentals}: CAR ${car} +- ${carError}`);
  }
  const g2 = figure(bench, 'getHeraldedG2', 2);
  t.true(g2 < 0.05, `heralded g2 ${g2}`);
});
