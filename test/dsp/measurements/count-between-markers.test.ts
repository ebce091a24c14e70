// test/dsp/measurements/count-between-markers.test.ts - CountBetweenMarkers against plain BigInt code.
import test from 'ava';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, measured, randomStretches, sameNumbers, type Stretch, type Tag } from './harness.ts';

interface Bin { beginPs: bigint; endPs: bigint; clicks: number; flagged: boolean }
interface Markers { click: number; begin: number; end: number | undefined; values: number }

/**
 * By the definition, from lists of times: a bin is [begin, end), its end the first end marker behind its begin (or the next
 * begin), and the next bin begins at the first begin at or behind that end. What breaks off is flagged, a pause gives it up.
 */
function everyBin(stretches: readonly Stretch[], { click, begin, end, values }: Markers): Bin[] {
  const bins: Bin[] = [];
  for (const { tags, toPs, end: why } of stretches) {
    const timesOf = (channel: number): bigint[] => tags.filter(tag => tag.channel === channel).map(tag => tag.timePs);
    const begins = timesOf(begin), ends = end === undefined ? begins : timesOf(end), clicks = timesOf(click);
    let beginPs = begins[0];
    while (beginPs !== undefined && bins.length < values) {
      const fromPs: bigint = beginPs, found = ends.find(timePs => timePs > fromPs);
      const endPs = found ?? toPs, isBroken = found === undefined;
      // Tags at the very end of the stretch are seen by nobody else.
      if (!(isBroken && why.kind === 'pause')) {
        bins.push({ beginPs: fromPs, endPs, clicks: clicks.filter(t => t >= fromPs && (isBroken || t < endPs)).length, flagged: isBroken });
      }
      beginPs = isBroken ? undefined : begins.find(timePs => timePs >= endPs);
    }
  }
  return bins;
}

function padded<T>(bins: readonly Bin[], values: number, absent: T, value: (bin: Bin) => T): T[] {
  return Array.from({ length: values }, (_, i) => (i < bins.length ? value(bins[i]!) : absent));
}

test('CountBetweenMarkers equals its definition, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 150; seed++) {
    const random = new Random(seed), click = random.integer(0, 3), begin = random.integer(0, 3);
    const end = random.chance(0.5) ? undefined : (begin + random.integer(1, 3)) % 4;
    const markers: Markers = { click, begin, end, values: random.pick([1, 2, 7, 40, 3000]) };
    const stretches = randomStretches(random, { channels: 4 }), expected = everyBin(stretches, markers), { values } = markers;
    const firstPs = expected[0]?.beginPs ?? 0n;
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(markers)}`;
        const beforeCall = (bench: Bench): void => { if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs); };
        const bench = measured('countBetweenMarkers', { ...markers }, stretches, { kind, cut, beforeCall, publishAfter: () => random.chance(0.2) });
        sameNumbers(t, bench.counts(), padded(expected, values, 0, bin => bin.clicks), note);
        sameNumbers(t, bench.read('getIndex') as Float64Array, padded(expected, values, 0, bin => Number(bin.beginPs - firstPs)), note);
        sameNumbers(t, bench.read('getBinWidths') as Float64Array, padded(expected, values, 0, bin => Number(bin.endPs - bin.beginPs)), note);
        sameNumbers(t, bench.read('getOverflowMask') as Int8Array, padded(expected, values, 0, bin => (bin.flagged ? 1 : 0)), note);
        sameNumbers(t, bench.read('getDataNormalized') as Float64Array,
          padded(expected, values, NaN, bin => (bin.flagged ? NaN : bin.clicks / Number(bin.endPs - bin.beginPs) * 1e12)), note);
        t.is(bench.read('getBinsComplete'), expected.length, note);
        t.is(bench.read('ready'), expected.length === values, note);
        t.is(bench.measurement.done, expected.length === values, note);
        if (expected.length === values) t.is(bench.measurement.doneAtPs! + bench.originPs, expected.at(-1)!.endPs, note);
      }
    }
  }
});

test('CountBetweenMarkers counts only tags up to the end of its last bin', t => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(seed), markers: Markers = { click: 0, begin: 1, end: random.chance(0.5) ? 2 : undefined, values: 3 };
    const [stretch] = randomStretches(random, { channels: 4, stretches: 1, tags: 60 }), bins = everyBin([stretch!], markers);
    if (bins.length < 3 || bins[2]!.flagged) continue;
    const { endPs } = bins[2]!, own = stretch!.tags.filter(tag => tag.timePs <= endPs && (tag.channel < 2 || tag.channel === markers.end)).length;
    for (const { name, cut } of cutsOf(random)) {
      const bench = measured('countBetweenMarkers', { ...markers }, [stretch!], { cut });
      // Tags cut off behind the last bin were counted if they came in the call that showed it to be over.
      t.true(bench.measurement.tags >= own - (name === 'all at once' ? 0 : 60) && bench.measurement.tags <= own, `seed ${seed}, ${name}: ${bench.measurement.tags} of ${own}`);
    }
  }
});

test('CountBetweenMarkers cleared while a long list is being read leaves that list alone', t => {
  const tags: Tag[] = Array.from({ length: 6000 }, (_, i) => ({ timePs: BigInt(10 * i), channel: i % 3 === 0 ? 1 : 0 }));
  const stretch: Stretch = { tags, fromPs: 0n, toPs: 60_000n, end: { kind: 'pause', atPs: 60_000n } };
  for (const kind of ['wasm', 'typescript'] as const) {
    const bench = new Bench('countBetweenMarkers', { click: 0, begin: 1, end: undefined, values: 3000 }, kind);
    bench.feed([stretch]);
    const before = bench.counts();
    t.is(before[0], 2);
    const publish = bench.publish.bind(bench);
    bench.publish = () => {};
    for (let round = 0; round < 3; round++) {
      bench.measurement.clear(0n);
      bench.feed([{ ...stretch, tags: tags.filter(tag => tag.channel === 1) }]);
      sameNumbers(t, bench.counts(), before, `${kind}, clear ${round}`);
    }
    publish();
    sameNumbers(t, bench.counts(), before.map(() => 0), kind);
    t.is(bench.read('getBinsComplete'), 1999);
  }
});
