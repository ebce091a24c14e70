// test/dsp/measurements/frequency-stability.test.ts - FrequencyStability against the textbook, NIST's test suite and known slopes.
import test, { type ExecutionContext } from 'ava';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch, type Tag } from './harness.ts';

const getters = ['getTau', 'getADEV', 'getMDEV', 'getHDEV', 'getSTDD', 'getTDEV', 'getADEVScaled', 'getHDEVScaled', 'getCounts'] as const;
const traces = ['getTraceIndex', 'getTracePhase', 'getTraceFrequency', 'getTraceFrequencyAbsolute'] as const;

interface Config { channel: number; steps: number[]; average: number; traceLength: number }

function near(t: ExecutionContext, actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, note: string): void {
  t.is(actual.length, expected.length, note);
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!, e = expected[i]!;
    if (Number.isNaN(a) !== Number.isNaN(e) || Math.abs(a - e) > tolerance * Math.max(Math.abs(e), 1e-300)) t.fail(`[${i}] is ${a}, not ${e}: ${note}`);
  }
  t.pass();
}

/** average * the mean time of each group of `average` tags of a stretch; a group that is not full is not one. */
function meansOf(stretches: readonly Stretch[], { channel, average }: Config): bigint[][] {
  return stretches.map(({ tags }) => {
    const own = tags.filter(tag => tag.channel === channel);
    return Array.from({ length: Math.floor(own.length / average) }, (_, k) =>
      own.slice(k * average, (k + 1) * average).reduce((sum, { timePs }) => sum + timePs, 0n));
  });
}

/** By the formulas of SP 1065, in whole numbers up to the root. */
function textbook(stretches: readonly Stretch[], config: Config): Record<(typeof getters)[number] | 'getTracePhase', number[]> {
  const all = meansOf(stretches, config), periods = all.reduce((sum, x) => sum + Math.max(0, x.length - 1), 0);
  const samplePs = Number(all.reduce((sum, x) => sum + (x.length > 1 ? x.at(-1)! - x[0]! : 0n), 0n)) / config.average / periods;
  const rms = (values: bigint[], divisor: number): number =>
    (values.length > 0 ? Math.sqrt(Number(values.reduce((sum, value) => sum + value * value, 0n)) / (divisor * values.length)) / config.average : NaN);
  const tau = config.steps.map(m => m * samplePs);
  const over = (value: (x: bigint[], m: number) => bigint[], divisor: (m: number) => number): number[] =>
    config.steps.map((m, i) => rms(all.flatMap(x => value(x, m)), divisor(m)) / tau[i]!);
  const windows = (x: bigint[], length: number): number[] => Array.from({ length: Math.max(0, x.length - length) }, (_, i) => i);
  const second = (x: bigint[], m: number): bigint[] => windows(x, 2 * m).map(i => x[i + 2 * m]! - 2n * x[i + m]! + x[i]!);
  const adev = over(second, () => 2);
  const mdev = over((x, m) => windows(x, 3 * m - 1).map(j => second(x, m).slice(j, j + m).reduce((a, b) => a + b, 0n)), m => 2 * m * m);
  const hdev = over((x, m) => windows(x, 3 * m).map(i => x[i + 3 * m]! - 3n * x[i + 2 * m]! + 3n * x[i + m]! - x[i]!), () => 6);
  const stdd = config.steps.map((m, i) => {
    const d = all.flatMap(x => windows(x, m).map(k => x[k + m]! - x[k]!)), n = BigInt(d.length);
    const sum = d.reduce((a, b) => a + b, 0n), squares = d.reduce((a, b) => a + b * b, 0n);
    return n > 1n ? Math.sqrt(Number(n * squares - sum * sum) / Number(n) / Number(n - 1n)) / config.average / tau[i]! : NaN;
  });
  const last = all.at(-1) ?? [], shown = (last.length > 0 ? last : all.findLast(x => x.length > 0) ?? []).slice(-config.traceLength);
  const seconds = (deviation: number[], divisor: number): number[] => deviation.map((value, i) => value * tau[i]! * 1e-12 / Math.sqrt(divisor));
  return {
    getTau: tau.map(ps => ps * 1e-12), getADEV: adev, getMDEV: mdev, getHDEV: hdev, getSTDD: stdd, getTDEV: seconds(mdev, 3), getADEVScaled: seconds(adev, 3),
    getHDEVScaled: seconds(hdev, 10 / 3), getCounts: config.steps.map(m => all.reduce((sum, x) => sum + Math.max(0, x.length - 2 * m), 0)),
    getTracePhase: shown.map((x, i) => (periods > 0 ? i * samplePs : 0) * 1e-12 - Number(x - shown[0]!) / config.average * 1e-12),
  };
}

/** A clock with jitter among tags of other channels. */
function clockStretches(random: Random, periodPs: number): Stretch[] {
  return randomStretches(random, { channels: 2, tags: 0, stretches: random.integer(1, 3) }).map((stretch, k) => {
    const fromPs = stretch.fromPs + BigInt(k) * 10n ** 9n, tags: Tag[] = [];
    const n = random.integer(0, 150);
    for (let i = 0; i < n; i++) {
      tags.push({ timePs: fromPs + BigInt(i * periodPs + random.integer(0, Math.floor(periodPs / 2))), channel: 1 });
      if (random.chance(0.3)) tags.push({ timePs: tags.at(-1)!.timePs + BigInt(random.integer(0, 1)), channel: random.pick([0, 2]) });
    }
    const toPs = fromPs + BigInt(n * periodPs);
    return { tags, fromPs, toPs, end: { kind: 'lost', fromPs: toPs, toPs: toPs + 1n, grade: 'flagged', missed: undefined } };
  });
}

test('FrequencyStability equals the textbook, however the tags are cut, and both kernels agree bit by bit', t => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(seed), stretches = random.chance(0.3) ? randomStretches(random, { channels: 3 }) : clockStretches(random, random.pick([20, 1000, 1e6]));
    const config: Config = { channel: 1, steps: [random.integer(1, 4), random.integer(1, 12), 40], average: random.pick([1, 1, 2, 5]), traceLength: random.pick([1, 3, 20, 500]) };
    const expected = textbook(stretches, config);
    for (const { name, cut } of cutsOf(random)) {
      const bits = (['wasm', 'typescript'] as const).map(kind => {
        const rebases = new Random(seed), note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(config)}`;
        const beforeCall = (bench: Bench): void => { if (rebases.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('frequencyStability', { ...config }, stretches, { kind, cut, beforeCall, publishAfter: () => rebases.chance(0.2) });
        for (const getter of getters) near(t, bench.read(getter) as Float64Array, expected[getter], getter === 'getSTDD' ? 1e-7 : 1e-10, `${getter}, ${note}`);
        const phase = bench.read('getTracePhase') as Float64Array;
        t.is(phase.length, expected.getTracePhase.length, note);
        phase.forEach((value, i) => { if (Math.abs(value - expected.getTracePhase[i]!) > 1e-15) t.fail(`phase [${i}] is ${value}, not ${expected.getTracePhase[i]}: ${note}`); });
        return [...getters, ...traces].map(getter => [...bench.read(getter, { frequencyHz: 0 }) as Float64Array]);
      });
      bits[0]!.forEach((values, i) => sameNumbers(t, values, bits[1]![i]!, `seed ${seed}, ${name}, getter ${i}, twin`));
    }
  }
});

/** @see Riley, NIST SP 1065, section 12.4: 1000 values of a relative frequency */
function nistStretch(): Stretch {
  const tauPs = 10n ** 10n, scale = 1e6;
  let n = 1234567890, timePs = 0n;
  const tags: Tag[] = [{ timePs, channel: 0 }];
  for (let i = 0; i < 1000; i++) {
    // A longer period is a lower frequency, and deviations have no sign.
    timePs += tauPs + BigInt(Math.round(n / 2147483647 * scale));
    tags.push({ timePs, channel: 0 });
    n = Number(BigInt(n) * 16807n % 2147483647n);
  }
  return { tags, fromPs: 0n, toPs: timePs + 1n, end: { kind: 'pause', atPs: timePs + 1n } };
}

test('FrequencyStability gives the published deviations of the test suite of NIST SP 1065', t => {
  const published = {
    getADEV: [2.922319e-1, 9.159953e-2, 3.241343e-2], getMDEV: [2.922319e-1, 6.172376e-2, 2.170921e-2], getHDEV: [2.943883e-1, 9.581083e-2, 3.237638e-2],
    getTDEV: [1.687202e-1, 3.563623e-1, 1.253382],
  };
  for (const kind of ['wasm', 'typescript'] as const) {
    const bench = measured('frequencyStability', { channel: 0, steps: [1, 10, 100], average: 1, traceLength: 10 }, [nistStretch()], { kind });
    // The suite has tau = 1 s and frequencies of order 1; here a period is 10 ms and longer by up to 1 us.
    const periodS = (bench.read('getTau') as Float64Array)[0]!;
    for (const [getter, values] of Object.entries(published)) {
      const factor = getter === 'getTDEV' ? 1e6 * 1e-12 : 1e6 * 1e-12 / periodS;
      near(t, (bench.read(getter) as Float64Array).map(value => value / factor), values, 2e-6, `${getter}, ${kind}`);
    }
  }
});

test('FrequencyStability has the slopes of white phase, white frequency and random walk noise', t => {
  const steps = [1, 2, 4, 8, 16, 32, 64], periodPs = 1e9, n = 40_000;
  const slopes = { 'white phase': [-1, -1.5], 'white frequency': [-0.5, -0.5], 'random walk': [0.5, 0.5] };
  for (const [noise, [adev, mdev]] of Object.entries(slopes)) {
    const random = new Random(7), white = (): number => (random.next() + random.next() + random.next() + random.next() - 2) * 3000;
    let phase = 0, rate = 0;
    const tags = Array.from({ length: n }, (_, i): Tag => {
      if (noise === 'white phase') phase = white();
      else if (noise === 'white frequency') phase += white();
      else phase += rate += white() / 100;
      return { timePs: BigInt(Math.round(i * periodPs + phase + 1e9)), channel: 0 };
    });
    const toPs = tags.at(-1)!.timePs + 1n;
    const bench = measured('frequencyStability', { channel: 0, steps, average: 1, traceLength: 10 }, [{ tags, fromPs: 0n, toPs, end: { kind: 'pause', atPs: toPs } }]);
    for (const [getter, expected] of [['getADEV', adev], ['getMDEV', mdev]] as const) {
      const y = [...bench.read(getter) as Float64Array].map(Math.log2).slice(2), mean = y.reduce((a, b) => a + b) / y.length;
      const slope = y.reduce((sum, value, i) => sum + (i - (y.length - 1) / 2) * (value - mean), 0) / y.reduce((sum, _, i) => sum + (i - (y.length - 1) / 2) ** 2, 0);
      t.true(Math.abs(slope - expected!) < 0.1, `${noise}, ${getter}: slope ${slope}`);
    }
  }
});

test('FrequencyStability loses no digits after days, and forgets everything when cleared', t => {
  const random = new Random(3), periodPs = 10_000_000n, startPs = 2n ** 62n - 5n;
  const early = Array.from({ length: 4000 }, (_, i) => BigInt(i) * periodPs + BigInt(random.integer(0, 9)));
  const stretchAt = (basePs: bigint): Stretch => {
    const tags = early.map((timePs): Tag => ({ timePs: basePs + timePs, channel: 0 })), toPs = tags.at(-1)!.timePs + 1n;
    return { tags, fromPs: basePs, toPs, end: { kind: 'pause', atPs: toPs } };
  };
  const config = { channel: 0, steps: [1, 100], average: 4, traceLength: 50 };
  const expected = measured('frequencyStability', config, [stretchAt(0n)]), late = new Bench('frequencyStability', config);
  late.feed([stretchAt(2n ** 40n)]);
  late.measurement.clear(startPs);
  late.totals.clear();
  late.feed([stretchAt(startPs)]);
  for (const getter of [...getters, ...traces]) {
    const args = { frequencyHz: 0 };
    sameNumbers(t, late.read(getter, args) as Float64Array, measured('frequencyStability', config, [stretchAt(0n)]).read(getter, args) as Float64Array, getter);
  }
  t.true((expected.read('getADEV') as Float64Array)[0]! > 0);
});
