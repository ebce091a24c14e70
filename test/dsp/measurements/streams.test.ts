// test/dsp/measurements/streams.test.ts - TimeTagStream and Sampler against plain BigInt code: everything once, in its place.
import test from 'ava';
import type { TagBuffer } from '../../../app/core/measurements.ts';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, randomStretches, type Stretch } from './harness.ts';

type Row = [timePs: bigint, ...rest: number[]];

/** Rows as they should come: tags and marks of a stream in their places, in true time. */
function listed(stretches: readonly Stretch[], channels: readonly number[]): Row[] {
  return stretches.flatMap(({ tags, end }): Row[] => {
    const rows = tags.filter(({ channel }) => channels.includes(channel)).map(({ timePs, channel }): Row => [timePs, channel, 0, 0]);
    if (end.kind === 'pause') return rows;
    if (end.kind !== 'lost') return [...rows, [end.atPs, 0, 1, 0]];
    const missed = (end.missed ?? []).filter(({ channelIndex }) => channels.includes(channelIndex));
    return [...rows, [end.fromPs, 0, 2, 0], ...missed.map(({ channelIndex, count }): Row => [end.toPs, channelIndex, 4, count]), [end.toPs, 0, 3, 0]];
  });
}

/** By the definition: the last tag of either edge before the trigger in the order of the stream tells the level; 2 where there is none. */
function sampled(stretches: readonly Stretch[], trigger: number, channels: readonly number[], falling: readonly number[]): Row[] {
  return stretches.flatMap(({ tags }) => tags.flatMap(({ timePs, channel }, i): Row[] => {
    if (channel !== trigger) return [];
    const before = tags.slice(0, i + 1).toReversed();
    return [[timePs, ...channels.map((up, k) => {
      const last = before.find(tag => tag.channel === up || tag.channel === falling[k]);
      return last === undefined ? 2 : last.channel === up ? 1 : 0;
    })]];
  }));
}

/** Takes at random moments; what is handed out is put back into true time by the origin of that moment. */
function played(bench: Bench, random: Random, stretches: readonly Stretch[], cut: (left: number) => number, read: () => Row[]): Row[] {
  const got: Row[] = [];
  const take = (): void => { got.push(...read().map(([timePs, ...rest]): Row => [timePs + bench.originPs, ...rest])); };
  bench.feed(stretches, {
    cut,
    beforeCall: () => {
      if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs);
      if (!random.chance(0.3)) return;
      bench.publish();
      if (random.chance(0.7)) take();
    },
  });
  take();
  return got;
}

function entries({ size, timePs, channels, types, missed }: TagBuffer): Row[] {
  return Array.from({ length: size }, (_, i) => [timePs[i]!, channels[i]!, types[i]!, missed[i]!]);
}

test('TimeTagStream hands out every tag and every loss exactly once, in order, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(seed), stretches = randomStretches(random, { channels: 4 }), channels = random.pick([[0], [2, 1], [3, 0, 1]]);
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const bench = new Bench('timeTagStream', { channels, maxTags: 1000 }, kind);
        const got = played(bench, random, stretches, cut, () => entries(bench.read('getData') as TagBuffer));
        t.deepEqual(got, listed(stretches, channels), `seed ${seed}, ${name}, ${kind}, ${channels.join()}`);
        t.is(bench.read('getDropped'), 0);
        t.is((bench.read('getData') as TagBuffer).size, 0);
      }
    }
  }
});

test('TimeTagStream drops what finds no room, says so where it was, and looking takes nothing', t => {
  for (const kind of ['wasm', 'typescript'] as const) {
    const tags = Array.from({ length: 50 }, (_, i) => ({ timePs: BigInt(i), channel: i % 2 }));
    const bench = new Bench('timeTagStream', { channels: [1], maxTags: 10 }, kind);
    bench.feed([{ tags, fromPs: 0n, toPs: 50n, end: { kind: 'lost', fromPs: 50n, toPs: 60n, grade: 'counted', missed: [{ channelIndex: 1, count: 7 }] } }], { cut: () => 7 });
    const expected = [...listed([{ tags: tags.slice(0, 20), fromPs: 0n, toPs: 0n, end: { kind: 'pause', atPs: 0n } }], [1]), [50n, 0, 2, 0], [60n, 1, 4, 7], [60n, 0, 3, 0], [60n, 0, 4, 15]];
    t.is((bench.read('getTimestamps') as BigInt64Array).length, expected.length);
    t.deepEqual(entries(bench.read('getData') as TagBuffer), expected as Row[], kind);
    t.is(bench.read('getDropped'), 15);
  }
});

test('Sampler shows the levels at each trigger once, however the tags are cut, in both kernels', t => {
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(seed), stretches = randomStretches(random, { channels: 4 }), trigger = random.integer(0, 3);
    const channels = random.pick([[1], [2, 1]]), falling = random.pick([[0, 3], [3, 0]]).slice(0, channels.length);
    const config = { trigger, channels, falling, maxTriggers: 1000 }, expected = sampled(stretches, trigger, channels, falling.map(each => each || -1));
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of ['wasm', 'typescript'] as const) {
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(config)}`, asMask = random.chance(0.5), bench = new Bench('sampler', config, kind);
        const got = played(bench, random, stretches, cut, () => {
          const values = [...bench.read(asMask ? 'getDataAsMask' : 'getData') as BigInt64Array], columns = asMask ? 2 : 1 + channels.length;
          return Array.from({ length: values.length / columns }, (_, i): Row => {
            const [timePs, ...rest] = values.slice(i * columns, (i + 1) * columns);
            return [timePs!, ...rest.map(Number)];
          });
        });
        const masks = expected.map(([timePs, ...levels]): Row => [timePs,
          Number(levels.reduce((mask, level, k) => mask | (level === 1 ? 1n << BigInt(k) : 0n), levels.includes(2) ? -(2n ** 63n) : 0n))]);
        t.deepEqual(got, asMask ? masks : expected, note);
      }
    }
  }
});
