// test/dsp/kernels/tags.test.ts - the kernels on blocks of tags against plain BigInt code, both forms, low and high addresses.
import test from 'ava';
import { hasSimd } from '../../../app/dsp/kernels/wasm.ts';
import { Random } from '../../support/random.ts';
import { bases, inOrder, kernelSets, memory, randomTags, readTags, startTimesPs, writeTags, type Tag } from './fixture.ts';

const seeds = Array.from({ length: 40 }, (_, seed) => seed);

/** Calls `check` for every seed, kernel set and base address. */
function everywhere(check: (random: Random, kernels: (typeof kernelSets)[number], at: number, note: string) => void): void {
  for (const seed of seeds) {
    for (const kernels of kernelSets) {
      for (const at of bases) check(new Random(seed), kernels, at, `seed ${seed}, ${kernels.kind}, at ${at}`);
    }
  }
}

function someTags(random: Random, n = random.integer(0, 600)): Tag[] {
  return randomTags(random, { n, channels: random.pick([1, 2, 5, 40, 255]), meanPs: 900, startPs: random.pick(startTimesPs) });
}

test('this machine has SIMD, so that both forms are compared here', t => { t.true(hasSimd()); });

test('countChannels() adds the tags of each channel index', t => {
  everywhere((random, kernels, at, note) => {
    const tags = someTags(random, random.integer(0, 20_000));
    const countsAt = at + 400_000, channelsAt = at + 200_000 + random.integer(0, 17);
    writeTags(at, channelsAt, tags);
    const counts = new Uint32Array(memory.buffer, countsAt, 256).fill(3);
    kernels.countChannels(channelsAt, tags.length, countsAt);
    const expected = new Uint32Array(256).fill(3);
    for (const { channel } of tags) expected[channel]!++;
    t.deepEqual([...counts], [...expected], note);
  });
});

test('firstDescent() finds the first step back, the one against the tag before included', t => {
  everywhere((random, kernels, at, note) => {
    const tags = someTags(random);
    const previous = random.pick([2n ** 62n + 5n, -(2n ** 41n), -(2n ** 41n), tags[0]?.timePs ?? 0n]);
    const place = random.integer(0, tags.length);
    const tag = tags[place];
    if (tag && random.chance(0.7)) tag.timePs -= random.pick([1n, 2n ** 33n]);
    writeTags(at + 8, at + 100_000, tags);
    new BigInt64Array(memory.buffer, at, 1)[0] = previous;
    let expected = tags.findIndex(({ timePs }, i) => timePs < (i === 0 ? previous : tags[i - 1]!.timePs));
    if (expected < 0) expected = tags.length;
    t.is(kernels.firstDescent(at + 8, tags.length, at), expected, note);
  });
});

test('sortTags() orders by time, then channel, whether little or everything is out of order', t => {
  everywhere((random, kernels, at, note) => {
    const tags = someTags(random, random.integer(0, 300));
    const swaps = random.pick([0, 3, 50, 1000]), reach = random.pick([2, 30, 300]);
    for (let k = 0; k < swaps && tags.length > 1; k++) {
      const i = random.integer(0, tags.length - 1), j = Math.min(tags.length - 1, i + random.integer(0, reach));
      [tags[i], tags[j]] = [tags[j]!, tags[i]!];
    }
    writeTags(at, at + 100_000, tags);
    kernels.sortTags(at, at + 100_000, tags.length);
    t.deepEqual(readTags(at, at + 100_000, tags.length), tags.sort(inOrder), note);
  });
});

test('lowerBound() finds the first tag that is not before the limit', t => {
  everywhere((random, kernels, at, note) => {
    const tags = someTags(random);
    const limit = (random.pick(tags)?.timePs ?? 0n) + BigInt(random.integer(-2, 2));
    writeTags(at + 8, at + 100_000, tags);
    new BigInt64Array(memory.buffer, at, 1)[0] = limit;
    t.is(kernels.lowerBound(at + 8, tags.length, at), tags.filter(tag => tag.timePs < limit).length, note);
  });
});

test('delayTags() moves every channel by its own delay and restores the order', t => {
  everywhere((random, kernels, at, note) => {
    const tags = someTags(random);
    const reach = random.pick([0, 10, 3000, 2 ** 33, 2 ** 52]);
    const delays = new Float64Array(memory.buffer, at + 200_000, 256).map(() => random.integer(-reach, reach));
    new Float64Array(memory.buffer, at + 200_000, 256).set(delays);
    writeTags(at, at + 100_000, tags);
    kernels.delayTags(at, at + 100_000, tags.length, at + 200_000);
    const expected = tags.map(({ timePs, channel }) => ({ timePs: timePs + BigInt(delays[channel]!), channel })).sort(inOrder);
    t.deepEqual(readTags(at, at + 100_000, tags.length), expected, note);
  });
});
