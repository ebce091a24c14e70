// test/dsp/measurements/time-differences-nd.test.ts - TimeDifferencesND against plain BigInt code.
import test from 'ava';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch } from './harness.ts';

interface Grid { click: number; start: number; next: number[] | undefined; sync: number[] | undefined; histograms: number[]; bins: number; binwidthPs: number }

/** One tag acts as click on the starts before it, as sync of every axis, as next of every axis, and last as start. */
function everyStep(stretches: readonly Stretch[], { click, start, next, sync, histograms, bins, binwidthPs }: Grid) {
  const counts = Array.from({ length: histograms.reduce((a, b) => a * b, bins) }, () => 0);
  const first = (axis: number): number => (sync?.[axis] ? -2 : next?.[axis] ? -1 : 0);
  let positions = histograms.map((_, axis) => first(axis));
  for (const { tags } of stretches) {
    for (const [j, tag] of tags.entries()) {
      if (tag.channel === 0) continue;
      const add = (d: bigint): void => {
        const bin = Number(d / BigInt(binwidthPs));
        if (bin >= bins || positions.some(position => position < 0)) return;
        counts[positions.reduce((cell, position, axis) => cell * histograms[axis]! + position, 0) * bins + bin]!++;
      };
      if (tag.channel === click) for (const earlier of tags.slice(0, j)) if (earlier.channel === start) add(tag.timePs - earlier.timePs);
      positions = positions.map((position, axis) => (sync?.[axis] === tag.channel ? (next?.[axis] ? -1 : 0) : position));
      positions = positions.map((position, axis) => {
        if (next?.[axis] !== tag.channel || position === -2) return position;
        return position + 1 < histograms[axis]! ? position + 1 : sync?.[axis] ? -2 : 0;
      });
      if (tag.channel === start && click !== start) {
        for (const earlier of tags.slice(0, j)) if (earlier.channel === click && earlier.timePs === tag.timePs) add(0n);
      }
    }
    positions = histograms.map((_, axis) => first(axis));
  }
  return { counts, positions };
}

test('TimeDifferencesND equals its definition with any axes, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 150; seed++) {
    // Channel 0 means "none" in the lists, so tags of channel 0 are foreign.
    const random = new Random(seed), axes = random.integer(1, 3), any = (): number => random.integer(1, 5);
    const list = (): number[] => Array.from({ length: axes }, () => (random.chance(0.3) ? 0 : any()));
    const grid: Grid = {
      click: any(), start: any(), next: random.chance(0.9) ? list() : undefined, sync: random.chance(0.4) ? list() : undefined,
      histograms: Array.from({ length: axes }, () => random.integer(1, 4)), bins: random.pick([1, 5, 40, 3000]), binwidthPs: random.pick([1, 10, 300]),
    };
    const stretches = randomStretches(random, { channels: 6, stretches: random.integer(1, 3) }), expected = everyStep(stretches, grid);
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(grid)}`;
        const beforeCall = (bench: Bench): void => { if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('timeDifferencesND', { ...grid }, stretches, { kind, cut, beforeCall, publishAfter: () => random.chance(0.2) });
        sameNumbers(t, bench.counts(), expected.counts, note);
        sameNumbers(t, bench.read('getHistogramIndex') as Int32Array, expected.positions, note);
      }
    }
  }
});

test('TimeDifferencesND shows where its axes stand before a break, and begins anew after a clear', t => {
  const config = { click: 1, start: 2, next: [3, 4], sync: [0, 5], histograms: [2, 3], bins: 4, binwidthPs: 10 };
  for (const kind of ['wasm', 'typescript'] as const) {
    const bench = new Bench('timeDifferencesND', config, kind);
    const positions = (): number[] => [...(bench.read('getHistogramIndex') as Int32Array)];
    t.deepEqual(positions(), [-1, -2]);
    const tags = [3, 4, 5, 4, 4, 3, 2, 1].map((channel, i) => ({ timePs: BigInt(10 * i), channel }));
    bench.call(tags, 0, tags.length, 0n, 80n);
    bench.publish();
    t.deepEqual(positions(), [1, 1]);
    t.deepEqual(bench.counts().flatMap((count, i) => (count > 0 ? [[i, count]] : [])), [[(1 * 3 + 1) * 4 + 1, 1]]);
    bench.measurement.clear(0n);
    bench.totals.clear();
    bench.publish();
    t.deepEqual(positions(), [-1, -2]);
    t.true(bench.counts().every(count => count === 0));
  }
});
