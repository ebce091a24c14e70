// test/dsp/measurements/counter.test.ts - Countrate and Counter against BigInt code, gaps and splits included.
import test from 'ava';
import type { CounterData } from '../../../app/core/measurements.ts';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch } from './harness.ts';

const channels = [1, 0];

/** Complete bins since the first moment: counts per channel, and whether the bin touched time that nobody saw. */
function everyBin(stretches: readonly Stretch[], binwidthPs: number): { counts: number[]; flagged: boolean }[] {
  const width = BigInt(binwidthPs), origin = stretches[0]!.fromPs, end = stretches.at(-1)!.toPs;
  const bins = Array.from({ length: Number((end - origin) / width) }, () => ({ counts: [0, 0], flagged: false }));
  const binOf = (timePs: bigint): number => Number((timePs - origin) / width);
  stretches.forEach(({ tags, toPs }, i) => {
    for (const { timePs, channel } of tags) {
      const column = channels.indexOf(channel), bin = bins[binOf(timePs)];
      if (bin && column >= 0) bin.counts[column]!++;
    }
    // The unseen interval [toPs, next fromPs); one of length zero touches the bin that holds its moment.
    const next = stretches[i + 1]?.fromPs;
    if (next === undefined) return;
    for (let k = binOf(toPs); k <= binOf(next > toPs ? next - 1n : toPs); k++) if (bins[k]) bins[k]!.flagged = true;
  });
  return bins;
}

function totalsOf(stretches: readonly Stretch[]): { received: number[]; missed: number[] } {
  const received = channels.map(channel => stretches.reduce((sum, { tags }) => sum + tags.filter(tag => tag.channel === channel).length, 0));
  const missed = channels.map(channel => stretches.reduce((sum, { end }) =>
    sum + (end.kind === 'lost' && end.grade === 'counted' ? end.missed?.find(one => one.channelIndex === channel)?.count ?? 0 : 0), 0));
  return { received, missed };
}

test('Counter equals the count of tags per bin, in both forms, kernels and sizes, however the tags are cut', t => {
  for (let seed = 0; seed < 120; seed++) {
    const random = new Random(seed), binwidthPs = random.pick([1, 7, 10, 100, 1000]), values = random.pick([1, 2, 5, 40, 6000]);
    const stretches = randomStretches(random, { channels: 3, meanPs: random.pick([1, 30, 200]), onGridPs: random.pick([1, binwidthPs]) });
    const bins = everyBin(stretches, binwidthPs), complete = bins.length, shown = Math.min(complete, values);
    const { received, missed } = totalsOf(stretches);
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const note = `seed ${seed}, ${name}, ${kind}, bins of ${binwidthPs}, ${values} values`;
        const bench = measured('counter', { channels, binwidthPs, values }, stretches, { kind, cut, publishAfter: () => random.chance(0.3) });
        for (const rolling of [true, false]) {
          const counts = channels.map(() => Array.from({ length: values }, () => 0)), rates = channels.map(() => Array.from({ length: values }, () => NaN));
          for (let bin = complete - shown; bin < complete; bin++) {
            const place = rolling ? values - complete + bin : bin % values;
            channels.forEach((_, column) => {
              counts[column]![place] = bins[bin]!.counts[column]!;
              if (!bins[bin]!.flagged) rates[column]![place] = (bins[bin]!.counts[column]! / binwidthPs) * 1e12;
            });
          }
          sameNumbers(t, bench.counts('getData', { rolling }), counts.flat(), `${note}, rolling ${rolling}`);
          sameNumbers(t, bench.read('getDataNormalized', { rolling }) as Float64Array, rates.flat(), `${note}, rolling ${rolling}`);
        }
        t.deepEqual(bench.counts('getDataTotalCounts'), received.map((count, i) => count + missed[i]!), note);
      }
    }
  }
});

test('getDataObject with remove hands out every bin once, with its flag and rate, and says how many were overwritten before', t => {
  for (let seed = 500; seed < 560; seed++) {
    const random = new Random(seed), binwidthPs = random.pick([3, 10, 50]), values = random.pick([1, 3, 30, 9000]), kind = random.pick(['wasm', 'typescript'] as const);
    const stretches = randomStretches(random, { channels: 3, meanPs: 30 }), bins = everyBin(stretches, binwidthPs), { missed } = totalsOf(stretches);
    const bench = new Bench('counter', { channels, binwidthPs, values }, kind), note = `seed ${seed}, ${kind}, bins of ${binwidthPs}, ${values} values`;
    let taken = 0, inBins = channels.map(() => 0);
    const take = (): CounterData => {
      const before = taken, data = bench.read('getDataObject', { remove: true }) as CounterData, { size } = data;
      const places = Array.from({ length: size }, (_, i) => before + data.droppedBins + i);
      taken += data.droppedBins + size;
      t.is(data.droppedBins, Math.max(0, taken - values - before), note);
      sameNumbers(t, Array.from(data.counts, Number), channels.flatMap((_, column) => places.map(bin => bins[bin]!.counts[column]!)), note);
      sameNumbers(t, data.rateHz, channels.flatMap((_, column) =>
        places.map(bin => (bins[bin]!.flagged ? NaN : (bins[bin]!.counts[column]! / binwidthPs) * 1e12))), note);
      sameNumbers(t, data.overflowMask, places.map(bin => (bins[bin]!.flagged ? 1 : 0)), note);
      t.is(data.overflow, places.some(bin => bins[bin]!.flagged), note);
      sameNumbers(t, data.indexPs, places.map(bin => bin * binwidthPs), note);
      t.deepEqual([...data.timePs], places.map(bin => stretches[0]!.fromPs + BigInt(bin * binwidthPs)), note);
      t.deepEqual(data.channels, channels, note);
      inBins = channels.map((_, column) => bins.slice(0, taken).reduce((sum, bin) => sum + bin.counts[column]!, 0));
      // Bins that were dropped are in the totals; the open bin is not. Counted missed tags come at the end of their stretch.
      Array.from(data.totalCounts, Number).forEach((total, i) => t.true(total >= inBins[i]! && total <= inBins[i]! + missed[i]!, note));
      return data;
    };
    bench.feed(stretches, {
      cut: () => random.integer(0, 30) || 1,
      publishAfter: () => {
        if (!random.chance(0.4)) return false;
        bench.publish();
        take();
        return false;
      },
    });
    const last = take();
    t.is(taken, bins.length, note);
    t.deepEqual(Array.from(last.totalCounts, Number), inBins.map((count, i) => count + missed[i]!), note);
    t.is((bench.read('getDataObject', { remove: true }) as CounterData).size, 0, note);
    const kept = bench.read('getDataObject') as CounterData;
    t.deepEqual([kept.size, kept.droppedBins], [Math.min(values, bins.length), 0], `${note}: without remove all that is kept is shown again`);
  }
});

test('Counter goes on after a rebase and begins a new grid after a clear', t => {
  for (const kind of ['wasm', 'typescript'] as const) {
    const random = new Random(9), stretches = randomStretches(random, { channels: 2, stretches: 3, tags: 50, meanPs: 30, startPs: 2n ** 61n });
    const plain = measured('counter', { channels, binwidthPs: 10, values: 50 }, stretches, { kind });
    const beforeCall = (bench: Bench): void => { if (random.chance(0.2)) bench.rebase(2n ** 40n); };
    const rebased = measured('counter', { channels, binwidthPs: 10, values: 50 }, stretches, { kind, cut: () => 5, beforeCall });
    t.deepEqual(rebased.counts(), plain.counts());
    rebased.measurement.clear(0n);
    rebased.totals.clear();
    t.deepEqual(new Set(rebased.counts()), new Set([0]));
    rebased.feed(stretches.slice(1));
    t.deepEqual(rebased.counts(), measured('counter', { channels, binwidthPs: 10, values: 50 }, stretches.slice(1), { kind }).counts());
  }
});

test('a long dark time and a fine grid cost no time: ten hours of picosecond bins', t => {
  for (const kind of ['wasm', 'typescript'] as const) {
    const tags = [{ timePs: 5n, channel: 0 }, { timePs: 36_000_000_000_000_000n, channel: 0 }];
    const stretch: Stretch = { tags, fromPs: 0n, toPs: 36_000_000_000_000_002n, end: { kind: 'pause', atPs: 36_000_000_000_000_002n } };
    t.deepEqual(measured('counter', { channels: [0], binwidthPs: 1, values: 4 }, [stretch], { kind }).counts(), [0, 0, 1, 0]);
  }
});

test('Countrate gives tags over live time, its uncertainty and totals with counted missed tags', t => {
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(seed), stretches = randomStretches(random, { channels: 3 });
    const { received, missed } = totalsOf(stretches);
    const seconds = stretches.reduce((sum, { fromPs, toPs }) => sum + Number(toPs - fromPs), 0) / 1e12;
    for (const counted of [true, false]) {
      const bench = measured('countrate', { channels }, stretches, { cut: () => random.integer(1, 40), counted }), note = `seed ${seed}`;
      const near = (getter: string, expected: number[]): void => {
        const got = bench.read(getter) as Float64Array;
        expected.forEach((value, i) => t.true(Math.abs(got[i]! - value) <= 1e-9 * value, `${note}: ${getter} ${got[i]} for ${value}`));
      };
      near('getData', received.map(count => count / seconds));
      near('getUncertainty', received.map(count => Math.sqrt(count) / seconds));
      t.deepEqual(bench.counts('getCountsReceived'), received, note);
      t.deepEqual(bench.counts('getCountsTotal'), received.map((count, i) => count + missed[i]!), note);
      t.is(bench.measurement.tags, received[0]! + received[1]!, note);
    }
  }
});

test('Countrate before any live time is not a number', t => {
  const bench = new Bench('countrate', { channels });
  bench.publish();
  t.deepEqual([...(bench.read('getData') as Float64Array)], [NaN, NaN]);
});
