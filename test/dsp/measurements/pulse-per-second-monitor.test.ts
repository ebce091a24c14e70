// test/dsp/measurements/pulse-per-second-monitor.test.ts - PulsePerSecondMonitor against its definition.
import test from 'ava';
import type { PulsePerSecondData } from '../../../app/core/measurements.ts';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch, type Tag } from './harness.ts';

interface Config { reference: number; signals: number[]; periodPs: number; values: number }
interface Row { timePs: bigint; reference: number; offsets: number[] }

/** The nearest pulse of each signal, by looking at all of them; what a break leaves open is NaN. */
function textbook(stretches: readonly Stretch[], { reference, signals, periodPs }: Config): Row[] {
  const half = BigInt(Math.floor(periodPs / 2)), period = BigInt(periodPs);
  return stretches.flatMap(({ tags, fromPs, toPs }) => {
    const timesOf = (channel: number): bigint[] => tags.filter(tag => tag.channel === channel).map(tag => tag.timePs);
    const references = [...new Set(timesOf(reference))];
    return references.map((timePs, i): Row => {
      const nextPs = references[i + 1], isCut = nextPs === undefined && toPs < timePs + period - half;
      const offsets = signals.map(signal => {
        const near = timesOf(signal).filter(t => (nextPs === undefined || t < nextPs)).map(t => Number(t - timePs)).filter(d => d >= -Number(half) && d < periodPs - Number(half));
        const nearest = near.reduce((best, d) => (Number.isNaN(best) || Math.abs(d) < Math.abs(best) ? d : best), NaN);
        const isOpen = nearest > Number(timePs - fromPs) || (isCut && Math.abs(nearest) > Number(toPs - timePs));
        return isOpen ? NaN : nearest;
      });
      return { timePs, reference: i === 0 ? NaN : Number(timePs - references[i - 1]! - period), offsets };
    });
  });
}

test('PulsePerSecondMonitor equals its definition, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed), stretches = randomStretches(random, { channels: 4 });
    const reference = random.integer(0, 3), others = [0, 1, 2, 3].filter(channel => channel !== reference);
    const config: Config = { reference, signals: random.pick([others, others.slice(1), [others[2]!, others[0]!]]), periodPs: random.pick([2, 3, 10, 101, 4000]), values: random.pick([1, 4, 500]) };
    const all = textbook(stretches, config), rows = all.slice(-config.values), originPs = all[0]?.timePs ?? 0n;
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const own = new Random(seed), note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(config)}`;
        const beforeCall = (bench: Bench): void => { if (own.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('pulsePerSecondMonitor', { ...config }, stretches, { kind, cut, beforeCall, publishAfter: () => own.chance(0.2) });
        sameNumbers(t, bench.read('getIndices') as Float64Array, rows.map((_, i) => all.length - rows.length + i), note);
        sameNumbers(t, bench.read('getIndex') as Float64Array, rows.map(({ timePs }) => Number(timePs - originPs)), note);
        t.deepEqual([...bench.read('getTime') as BigInt64Array].map(timePs => timePs + bench.originPs), rows.map(({ timePs }) => timePs), note);
        sameNumbers(t, bench.read('getReferenceOffsets') as Float64Array, rows.map(row => row.reference), note);
        sameNumbers(t, bench.read('getSignalOffsets') as Float64Array, config.signals.flatMap((_, s) => rows.map(({ offsets }) => offsets[s]!)), note);
        sameNumbers(t, bench.read('getStatus') as Int8Array, rows.map(({ offsets }) => (offsets.some(Number.isNaN) ? 0 : 1)), note);
      }
    }
  }
});

test('PulsePerSecondMonitor hands out every row once with remove, or counts it as dropped', t => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(300 + seed), stretches = randomStretches(random, { channels: 3, tags: 90 });
    const config: Config = { reference: 0, signals: [1, 2], periodPs: 50, values: random.pick([2, 7, 1000]) }, rows = textbook(stretches, config);
    const bench = new Bench('pulsePerSecondMonitor', { ...config }), got: number[] = [];
    const collect = (): void => {
      const data = bench.read('getDataObject', { remove: true }) as PulsePerSecondData;
      t.is(data.signalOffsetsPs.length, 2 * data.size);
      got.push(...Array.from({ length: data.droppedRows }, () => -1), ...data.indices);
    };
    bench.feed(stretches, { cut: () => 5, publishAfter: () => {
      if (random.chance(0.3)) {
        bench.publish();
        collect();
      }
      return false;
    } });
    collect();
    sameNumbers(t, got.map((index, i) => (index < 0 ? i : index)), rows.map((_, i) => i), `seed ${seed}`);
    t.is((bench.read('getDataObject', { remove: true }) as PulsePerSecondData).size, 0);
  }
});

test('PulsePerSecondMonitor is exact after days, and begins anew when cleared', t => {
  const dayPs = 86_400n * 10n ** 12n, tags: Tag[] = [0n, dayPs, 30n * dayPs].flatMap(timePs => [{ timePs: timePs + 100n, channel: 0 }, { timePs: timePs + 103n, channel: 1 }]);
  for (const kind of ['wasm', 'typescript'] as const) {
    const bench = new Bench('pulsePerSecondMonitor', { reference: 0, signals: [1], periodPs: 1e12, values: 5 }, kind);
    const stretch: Stretch = { tags, fromPs: 0n, toPs: 31n * dayPs, end: { kind: 'pause', atPs: 31n * dayPs } };
    for (let round = 0; round < 2; round++) {
      bench.feed([stretch]);
      t.deepEqual([...bench.read('getTime') as BigInt64Array], [100n, dayPs + 100n, 30n * dayPs + 100n]);
      t.deepEqual([...bench.read('getSignalOffsets') as Float64Array], [3, 3, 3]);
      bench.measurement.clear(0n);
      bench.totals.clear();
      bench.publish();
      t.is((bench.read('getIndices') as Float64Array).length, 0);
    }
  }
});
