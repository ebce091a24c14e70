// test/dsp/measurements/first-stops.test.ts - Histogram2D and HistogramND against plain BigInt code.
import test from 'ava';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch, type Tag } from './harness.ts';

interface Axis { stop: number; bins: number; binwidthPs: number }

/** For each start, what comes before the next one: the first stop on every axis, looked up start by start. */
function everyStart(stretches: readonly Stretch[], start: number, axes: readonly Axis[]): number[] {
  const counts = Array.from({ length: axes.reduce((product, { bins }) => product * bins, 1) }, () => 0);
  for (const { tags } of stretches) {
    const starts = [...new Set(tags.filter(tag => tag.channel === start).map(tag => tag.timePs))];
    for (const [i, from] of starts.entries()) {
      const next = starts[i + 1];
      const delays = axes.map(({ stop }) => {
        const isOwn = stop === start;
        const first = tags.find(({ channel, timePs }) => channel === stop && (isOwn ? timePs > from && (next === undefined || timePs <= next)
          : timePs >= from && (next === undefined || timePs < next)));
        return first === undefined ? undefined : first.timePs - from;
      });
      const cells = delays.map((delay, a) => (delay === undefined ? -1n : delay / BigInt(axes[a]!.binwidthPs)));
      if (cells.some((cell, a) => cell < 0n || cell >= BigInt(axes[a]!.bins))) continue;
      counts[cells.reduce((place, cell, a) => place * axes[a]!.bins + Number(cell), 0)]!++;
    }
  }
  return counts;
}

test('HistogramND equals its definition, however the tags are cut, in both kernels', t => {
  let total = 0;
  for (let seed = 0; seed < 160; seed++) {
    const random = new Random(seed), start = random.integer(0, 4);
    const axes = Array.from({ length: random.integer(1, 4) }, () => ({ stop: random.integer(0, 4), bins: random.pick([1, 3, 10]), binwidthPs: random.pick([1, 10, 700, 2 ** 45]) }));
    const config = { start, stop: axes.map(({ stop }) => stop), bins: axes.map(({ bins }) => bins), binwidthPs: axes.map(({ binwidthPs }) => binwidthPs) };
    const stretches = randomStretches(random, { channels: random.pick([3, 5]), onGridPs: random.pick([1, 10]) }), expected = everyStart(stretches, start, axes);
    total += expected.reduce((sum, count) => sum + count, 0);
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const beforeCall = (bench: Bench): void => { if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('histogramND', config, stretches, { kind, cut, beforeCall, counted: random.chance(0.5), publishAfter: () => random.chance(0.2) });
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(config)}`;
        sameNumbers(t, bench.counts(), expected, note);
        axes.forEach(({ bins, binwidthPs }, dim) => sameNumbers(t, bench.read('getIndex', { dim }) as Float64Array, Array.from({ length: bins }, (_, k) => k * binwidthPs), note));
        t.is((bench.read('getIndex', { dim: 6 }) as Float64Array).length, 0);
      }
    }
  }
  t.true(total > 250, `${total} counts: the seeds test little`);
});

test('Histogram2D is HistogramND of two axes, with indexes on both', t => {
  for (let seed = 0; seed < 40; seed++) {
    const random = new Random(seed), stretches = randomStretches(random, { channels: 3 });
    const axes = [1, 2].map(stop => ({ stop, bins: random.integer(1, 7), binwidthPs: random.pick([1, 30]) })), [first, second] = axes as [Axis, Axis];
    const config = { start: 0, stop1: 1, stop2: 2, binwidth1Ps: first.binwidthPs, binwidth2Ps: second.binwidthPs, bins1: first.bins, bins2: second.bins };
    for (const kind of ['wasm', 'typescript'] as const) {
      const bench = measured('histogram2D', config, stretches, { kind });
      sameNumbers(t, bench.counts(), everyStart(stretches, 0, axes), `seed ${seed}, ${kind}`);
      const mesh = bench.read('getIndex') as Float64Array, along = [bench.read('getIndex1'), bench.read('getIndex2')] as [Float64Array, Float64Array];
      sameNumbers(t, mesh, Array.from(along[0], x => Array.from(along[1], y => [x, y])).flat(2), `seed ${seed}`);
    }
  }
});

test('many cells go by buffers that are handed over in turn, and clear forgets the open start', t => {
  for (const kind of ['wasm', 'typescript'] as const) {
    const tags: Tag[] = [];
    for (let i = 0; i < 3000; i++) tags.push({ timePs: BigInt(1000 * i), channel: 0 }, { timePs: BigInt(1000 * i + (i % 150)), channel: 1 }, { timePs: BigInt(1000 * i + 200 + (i % 90)), channel: 2 });
    const stretch: Stretch = { tags, fromPs: 0n, toPs: 3_000_000n, end: { kind: 'pause', atPs: 3_000_000n } };
    const axes = [{ stop: 1, bins: 200, binwidthPs: 1 }, { stop: 2, bins: 300, binwidthPs: 1 }];
    const config = { start: 0, stop1: 1, stop2: 2, binwidth1Ps: 1, binwidth2Ps: 1, bins1: 200, bins2: 300 };
    const bench = measured('histogram2D', config, [stretch], { kind, cut: () => 700, publishAfter: () => true });
    sameNumbers(t, bench.counts(), everyStart([stretch], 0, axes), kind);
    bench.call(tags, 0, 2, 0n, 2n);
    bench.measurement.clear(2n);
    bench.totals.clear();
    bench.call(tags, 2, 3, 2n, 900n);
    bench.publish();
    t.is(bench.counts().reduce((sum, count) => sum + count, 0), 0);
  }
});
