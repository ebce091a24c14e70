// test/dsp/measurements/start-stop.test.ts - StartStop and TimeDifferences against plain BigInt code.
import test from 'ava';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch, type Tag } from './harness.ts';

/** Last start to first click; of tags at one time starts act first. With one channel: successive intervals. */
function everyStartStop(stretches: readonly Stretch[], click: number, start: number, binwidthPs: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { tags } of stretches) {
    let open: bigint | undefined;
    const rank = (tag: Tag): number => (tag.channel === start ? 0 : 1);
    const ordered = tags.toSorted((x, y) => (x.timePs < y.timePs ? -1 : x.timePs > y.timePs ? 1 : rank(x) - rank(y)));
    for (const { timePs, channel } of ordered) {
      if (channel === click && open !== undefined) {
        const edge = Number((timePs - open) / BigInt(binwidthPs)) * binwidthPs;
        counts.set(edge, (counts.get(edge) ?? 0) + 1);
        open = undefined;
      }
      if (channel === start) open = timePs;
    }
  }
  return counts;
}

test('StartStop equals its definition, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 150; seed++) {
    const random = new Random(seed), click = random.integer(0, 2), start = random.chance(0.3) ? click : random.integer(0, 2);
    const binwidthPs = random.pick([1, 3, 100, 2 ** 40]), stretches = randomStretches(random, { channels: 3 });
    const expected = [...everyStartStop(stretches, click, start, binwidthPs)].sort((x, y) => x[0] - y[0]);
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const config = { click, start: click === start && random.chance(0.5) ? undefined : start, binwidthPs };
        const beforeCall = (bench: Bench): void => { if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('startStop', config, stretches, { kind, cut, beforeCall, publishAfter: () => random.chance(0.2) });
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(config)}`;
        sameNumbers(t, bench.read('getData') as Float64Array, expected.flat(), note);
        sameNumbers(t, bench.read('getIndex') as Float64Array, expected.map(([edge]) => edge), note);
      }
    }
  }
});

test('StartStop with more bins than one message holds, and cleared again', t => {
  for (const kind of ['wasm', 'typescript'] as const) {
    const tags: Tag[] = [];
    let timePs = 0n;
    for (let i = 0; i < 20_000; i++) tags.push({ timePs: timePs += BigInt((i * 7919) % 20_011) * 2n ** 20n, channel: 0 });
    const stretch: Stretch = { tags, fromPs: 0n, toPs: timePs + 1n, end: { kind: 'pause', atPs: timePs + 1n } };
    const bench = measured('startStop', { click: 0, start: undefined, binwidthPs: 1 }, [stretch], { kind, cut: () => 3000, publishAfter: () => true });
    sameNumbers(t, bench.read('getData') as Float64Array, [...everyStartStop([stretch], 0, 0, 1)].sort((x, y) => x[0] - y[0]).flat(), kind);
    bench.measurement.clear(0n);
    bench.totals.clear();
    bench.publish();
    t.is((bench.read('getData') as Float64Array).length, 0);
  }
});

test('StartStop counts a delay that no double holds as dropped', t => {
  for (const kind of ['wasm', 'typescript'] as const) {
    const tags: Tag[] = [{ timePs: 0n, channel: 0 }, { timePs: 2n ** 53n - 1n, channel: 0 }, { timePs: 2n ** 54n, channel: 0 }];
    const stretch: Stretch = { tags, fromPs: 0n, toPs: 2n ** 54n + 1n, end: { kind: 'pause', atPs: 2n ** 54n + 1n } };
    const bench = measured('startStop', { click: 0, start: undefined, binwidthPs: 1 }, [stretch], { kind });
    t.deepEqual([...(bench.read('getData') as Float64Array)], [2 ** 53 - 1, 1]);
    t.is(bench.measurement.droppedStarts, 1);
  }
});

interface Steps {
  click: number; start: number; next: number | undefined; sync: number | undefined;
  bins: number; histograms: number; maxCounts: number; binwidthPs: number;
}

/** Tags act in stream order as sync, next, click, start; a pair counts when its later tag comes, into the histogram in use. */
function everyStep(stretches: readonly Stretch[], { click, start, next, sync, bins, histograms, maxCounts, binwidthPs }: Steps) {
  const counts = Array.from({ length: bins * histograms }, () => 0);
  const initial = sync !== undefined ? -2 : next !== undefined ? -1 : 0;
  let rounds = 0, histogram = initial, seen = 0;
  const isOwn = (tag: Tag): boolean => [click, start, next, sync].includes(tag.channel);
  for (const { tags } of stretches) {
    for (const [j, tag] of tags.entries()) {
      if (isOwn(tag)) seen++;
      if (tag.channel === sync) histogram = next === undefined ? 0 : -1;
      if (tag.channel === next && histogram > -2 && ++histogram === histograms) {
        histogram = sync === undefined ? 0 : -2;
        if (++rounds === maxCounts) return { counts, rounds, histogram, seen, atPs: tag.timePs };
      }
      if (histogram < 0) continue;
      for (const earlier of tags.slice(0, j)) {
        const asClick = tag.channel === click && earlier.channel === start;
        const asStart = click !== start && tag.channel === start && earlier.channel === click && earlier.timePs === tag.timePs;
        const bin = Number((tag.timePs - earlier.timePs) / BigInt(binwidthPs));
        if ((asClick || asStart) && bin < bins) counts[histogram * bins + bin]!++;
      }
    }
    histogram = initial;
  }
  return { counts, rounds, histogram, seen, atPs: undefined };
}

test('TimeDifferences equals its definition with any next and sync, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 200; seed++) {
    const random = new Random(seed), any = (): number => random.integer(0, 4);
    const steps: Steps = {
      click: any(), start: any(), next: random.chance(0.75) ? any() : undefined, sync: random.chance(0.5) ? any() : undefined,
      bins: random.pick([1, 5, 40]), histograms: random.integer(1, 4), maxCounts: random.pick([0, 0, 1, 3]), binwidthPs: random.pick([1, 10, 300]),
    };
    const stretches = randomStretches(random, { channels: 5, stretches: random.integer(1, 3) }), expected = everyStep(stretches, steps);
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(steps)}`;
        const bench = measured('timeDifferences', { ...steps }, stretches, { kind, cut });
        sameNumbers(t, bench.counts(), expected.counts, note);
        t.is(bench.read('getCounts'), expected.rounds, note);
        t.is(bench.read('getHistogramIndex'), expected.histogram, note);
        t.is(bench.read('ready'), steps.maxCounts > 0 && expected.rounds === steps.maxCounts, note);
        t.is(bench.measurement.done, bench.read('ready') === true, note);
        t.is(bench.measurement.tags, expected.seen, note);
        t.is(bench.measurement.doneAtPs, expected.atPs, note);
      }
    }
  }
});

test('TimeDifferences cleared after its last round measures again', t => {
  const tags: Tag[] = [1, 0, 1, 0].map((channel, i) => ({ timePs: BigInt(10 * i), channel }));
  const stretch: Stretch = { tags, fromPs: 0n, toPs: 40n, end: { kind: 'pause', atPs: 40n } };
  const bench = measured('timeDifferences', { click: 0, start: 1, next: 1, sync: undefined, bins: 4, histograms: 1, maxCounts: 1, binwidthPs: 10 }, [stretch]);
  t.true(bench.measurement.done);
  t.deepEqual(bench.counts(), [0, 1, 0, 0]);
  bench.measurement.clear(0n);
  bench.totals.clear();
  t.false(bench.measurement.done);
  bench.feed([stretch]);
  t.deepEqual(bench.counts(), [0, 1, 0, 0]);
});
