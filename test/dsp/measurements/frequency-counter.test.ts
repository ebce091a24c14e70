// test/dsp/measurements/frequency-counter.test.ts - FrequencyCounter against least squares in whole numbers.
import test, { type ExecutionContext } from 'ava';
import type { FrequencyCounterData } from '../../../app/core/measurements.ts';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch, type Tag } from './harness.ts';

interface Config { channels: number[]; samplingIntervalPs: number; fittingWindowPs: number; values: number }
interface Sample { instantPs: bigint; stretch: number; fits: { cycles: number; perPs: number }[] }

/** Every window by its definition: whole inside one stretch, or broken (-1). */
function textbook(stretches: readonly Stretch[], { channels, samplingIntervalPs, fittingWindowPs }: Config): Sample[] {
  const samples: Sample[] = [], widthPs = BigInt(fittingWindowPs), endPs = stretches.at(-1)!.toPs;
  for (let beginPs = stretches[0]!.fromPs; beginPs + widthPs <= endPs; beginPs += BigInt(samplingIntervalPs)) {
    const stretch = stretches.findIndex(({ fromPs, toPs }) => fromPs <= beginPs && beginPs + widthPs <= toPs), instantPs = beginPs + widthPs / 2n;
    samples.push({ instantPs, stretch, fits: channels.map(channel => line(stretches[stretch]?.tags.filter(tag => tag.channel === channel) ?? [], beginPs, widthPs, instantPs)) });
  }
  return samples;
}

function line(tags: readonly Tag[], beginPs: bigint, widthPs: bigint, instantPs: bigint): { cycles: number; perPs: number } {
  const before = tags.filter(({ timePs }) => timePs < beginPs).length;
  const us = tags.filter(({ timePs }) => timePs >= beginPs && timePs < beginPs + widthPs).map(({ timePs }) => timePs - instantPs), n = BigInt(us.length);
  const sum = us.reduce((a, u) => a + u, 0n), slope = us.reduce((a, u, i) => a + (2n * BigInt(i) - n + 1n) * u, 0n);
  if (slope <= 0n) return { cycles: NaN, perPs: NaN };
  // Period 6 slope / (n (n^2 - 1)); the line meets the instant at cycle (n - 1) / 2 - mean / period.
  return { cycles: before + Number(n - 1n) / 2 - Number(sum * (n * n - 1n)) / Number(6n * slope), perPs: Number(n * (n * n - 1n)) / Number(6n * slope) };
}

function near(t: ExecutionContext, actual: number, expected: number, tolerance: number, note: string): void {
  if (Number.isNaN(actual) !== Number.isNaN(expected) || Math.abs(actual - expected) > tolerance) t.fail(`${actual}, not ${expected}: ${note}`);
}

const arrays = ['indexPs', 'periodsCount', 'periodsFraction', 'frequencyHz', 'frequencyInstantaneousHz', 'overflowMask'] as const;

test('FrequencyCounter equals least squares over every window, however the tags are cut, and both kernels agree bit by bit', t => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(seed), stretches = randomStretches(random, { channels: 3 }), intervalPs = random.pick([7, 50, 400, 3000]);
    const config: Config = {
      channels: random.pick([[1], [0, 2], [2, 1, 0]]), samplingIntervalPs: intervalPs, values: random.pick([1, 3, 40, 2000]),
      fittingWindowPs: Math.max(2, random.pick([intervalPs, Math.floor(intervalPs / 2), intervalPs - 1])),
    };
    const all = textbook(stretches, config), shown = all.slice(-config.values), skipped = all.length - shown.length;
    for (const { name, cut } of cutsOf(random)) {
      const both = (['wasm', 'typescript'] as const).map(kind => {
        const own = new Random(seed), note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(config)}`;
        const beforeCall = (bench: Bench): void => { if (own.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('frequencyCounter', { ...config }, stretches, { kind, cut, beforeCall, publishAfter: () => own.chance(0.2) });
        const data = bench.read('getDataObject', { eventDivider: 1, remove: false }) as FrequencyCounterData;
        t.is(data.size, shown.length, note);
        sameNumbers(t, data.overflowMask, shown.map(({ stretch }) => (stretch < 0 ? 1 : 0)), note);
        t.deepEqual([...data.timePs].map(timePs => timePs + bench.originPs), shown.map(({ instantPs }) => instantPs), note);
        config.channels.forEach((_, c) => shown.forEach((sample, i) => {
          const k = c * data.size + i, { cycles, perPs } = sample.fits[c]!, last = all[skipped + i - 1];
          const place = `sample ${i}, column ${c}, ${note}`, size = 1e-9 * (1 + Math.abs(cycles));
          near(t, data.periodsCount[k]! + data.periodsFraction[k]!, cycles, size, `phase, ${place}`);
          t.false(data.periodsFraction[k]! < 0 || data.periodsFraction[k]! >= 1, place);
          near(t, data.frequencyInstantaneousHz[k]!, perPs * 1e12, 1e-9 * perPs * 1e12, `slope, ${place}`);
          const change = last && last.stretch >= 0 && last.stretch === sample.stretch ? cycles - last.fits[c]!.cycles : NaN;
          near(t, data.frequencyHz[k]!, change / intervalPs * 1e12, (size + 1e-9 * Math.abs(change) + 1e-9 * Math.abs(last?.fits[c]!.cycles ?? 0)) / intervalPs * 1e12, `frequency, ${place}`);
        }));
        return data;
      });
      for (const key of arrays) sameNumbers(t, both[0]![key], both[1]![key], `seed ${seed}, ${name}, ${key}, twin`);
    }
  }
});

test('FrequencyCounter hands out every sample once with remove, or counts it as dropped', t => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(700 + seed), stretches = randomStretches(random, { channels: 2, tags: 120 });
    const config: Config = { channels: [0, 1], samplingIntervalPs: 60, fittingWindowPs: 45, values: random.pick([2, 10, 5000]) };
    const whole = measured('frequencyCounter', { ...config, values: 1_000_00 }, stretches).read('getDataObject') as FrequencyCounterData;
    const bench = new Bench('frequencyCounter', { ...config });
    const got: number[] = [], frequencies: number[] = [];
    const collect = (): void => {
      const data = bench.read('getDataObject', { eventDivider: 1, remove: true }) as FrequencyCounterData;
      got.push(...Array.from({ length: data.droppedSamples }, () => NaN), ...data.indexPs);
      frequencies.push(...Array.from({ length: data.droppedSamples }, () => Infinity), ...data.frequencyHz.subarray(0, data.size));
    };
    bench.feed(stretches, { cut: () => 9, publishAfter: () => {
      if (!random.chance(0.5)) return false;
      bench.publish();
      collect();
      return false;
    } });
    collect();
    t.is(got.length, whole.size, `seed ${seed}`);
    got.forEach((index, i) => { if (!Number.isNaN(index) && index !== whole.indexPs[i]) t.fail(`seed ${seed}: sample ${i} at ${index}`); });
    frequencies.forEach((value, i) => { if (value !== Infinity && !Object.is(value, whole.frequencyHz[i])) t.fail(`seed ${seed}: frequency ${i} is ${value}, not ${whole.frequencyHz[i]}`); });
    t.is((bench.read('getDataObject', { remove: true }) as FrequencyCounterData).size, 0);
  }
});

test('FrequencyCounter passes a silence of months at once, and knows a frequency to one part in 10^12', t => {
  const periodPs = 1_000_003, tags: Tag[] = Array.from({ length: 200_000 }, (_, i) => ({ timePs: BigInt(i * periodPs + (i * 7919) % 11), channel: 0 }));
  const quietPs = 2n ** 62n, config: Config = { channels: [0], samplingIntervalPs: 2e10, fittingWindowPs: 1e10, values: 8 };
  for (const kind of ['wasm', 'typescript'] as const) {
    const bench = new Bench('frequencyCounter', { ...config }, kind), endPs = tags.at(-1)!.timePs + 1n;
    for (let i = 0; i < tags.length; i += 50_000) bench.call(tags, i, i + 50_000, i === 0 ? 0n : tags[i]!.timePs, tags[i + 50_000]?.timePs ?? endPs);
    bench.publish();
    const data = bench.read('getDataObject', { eventDivider: 3 }) as FrequencyCounterData;
    const expectedHz = 3e12 / periodPs;
    t.true(Math.abs(data.frequencyHz.at(-1)! / expectedHz - 1) < 1e-9 && Math.abs(data.frequencyInstantaneousHz.at(-1)! / expectedHz - 1) < 1e-8, `${kind}: ${data.frequencyHz.at(-1)}`);
    const samples = data.indexPs.at(-1)!;
    bench.measurement.endSegment({ kind: 'lost', fromPs: endPs, toPs: quietPs, grade: 'flagged', missed: undefined });
    bench.call([{ timePs: quietPs + 5n, channel: 0 }], 0, 1, quietPs, quietPs + 10n ** 11n);
    bench.publish();
    const after = bench.read('getDataObject', { eventDivider: 1 }) as FrequencyCounterData;
    t.is(after.size, 8);
    t.deepEqual([...after.timePs], Array.from({ length: 8 }, (_, i) => {
      const last = (quietPs + 10n ** 11n - 10n ** 10n) / (2n * 10n ** 10n);
      return (last - 7n + BigInt(i)) * 2n * 10n ** 10n + 5n * 10n ** 9n;
    }), kind);
    t.true(after.indexPs[0]! > samples);
    t.deepEqual([...after.overflowMask], after.timePs.reduce<number[]>((mask, timePs) => [...mask, timePs - 5n * 10n ** 9n < quietPs ? 1 : 0], []));
  }
});
