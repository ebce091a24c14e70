// test/dsp/kernels/pick.test.ts - times and tags of some channels out of a block, with lengths around whole words of bits and whole vectors.
import test from 'ava';
import { Random } from '../../support/random.ts';
import { bases, kernelSets, memory, randomTags, writeTags } from './fixture.ts';

const lengths = [0, 1, 15, 16, 17, 31, 32, 63, 64, 65, 127, 128, 129, 192, 1024, 1025];

test('pickTimes(), pickMarked() and pickTags() take the tags of their channels, no more and no less', t => {
  for (const n of lengths) {
    for (const kernels of kernelSets) {
      for (const at of bases) {
        const random = new Random(n), tags = randomTags(random, { n, channels: 3, meanPs: 900, startPs: 2n ** 62n }), note = `${n} tags, ${kernels.kind}, at ${at}`;
        const channelsAt = at + 100_000, intoAt = at + 200_000, bitsAt = at + 300_000, planAt = at + 310_016, placesAt = at + 320_000;
        // A tag that is wanted lies right behind the last one.
        writeTags(at, channelsAt, [...tags, { timePs: 2n ** 62n + 10n ** 9n, channel: 1 }]);
        const wanted = tags.filter(({ channel }) => channel === 1).map(({ timePs }) => timePs);
        const picked = (count: number): bigint[] => [...new BigInt64Array(memory.buffer, intoAt, count)];
        t.deepEqual(picked(kernels.pickTimes(at, channelsAt, n, 1, intoAt)), wanted, `pickTimes, ${note}`);
        kernels.channelBits(channelsAt, n, 1, bitsAt);
        t.deepEqual(picked(kernels.pickMarked(at, bitsAt, n, intoAt)), wanted, `pickMarked, ${note}`);
        const plan = new DataView(memory.buffer, planAt, 320), originPs = 2n ** 62n - 7n;
        plan.setBigInt64(0, originPs, true);
        for (let channel = 0; channel < 256; channel++) plan.setUint8(64 + channel, [255, 0, 1][channel] ?? 255);
        const count = kernels.pickTags(at, channelsAt, n, planAt, intoAt, placesAt), own = tags.filter(({ channel }) => channel > 0);
        t.deepEqual(picked(count), own.map(({ timePs }) => timePs - originPs), `pickTags, ${note}`);
        t.deepEqual([...new Uint8Array(memory.buffer, placesAt, count)], own.map(({ channel }) => channel - 1), `pickTags, ${note}`);
      }
    }
  }
});
