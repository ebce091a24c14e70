// test/dsp/kernels/bins.test.ts - u64 bins: carried, zeroed, and their largest rounded up.
import test from 'ava';
import { Random } from '../../support/random.ts';
import { bases, kernelSets, memory } from './fixture.ts';

function randomBins(random: Random, n: number): bigint[] {
  return Array.from({ length: n }, () => random.pick([0n, 1n, 2n ** 32n - 1n, 2n ** 53n + 1n, 2n ** 62n + 3n]) + BigInt(random.integer(0, 9)));
}

test('addBins() adds u64 bins with carry and zeroes the source', t => {
  for (let seed = 0; seed < 40; seed++) {
    for (const kernels of kernelSets) {
      for (const at of bases) {
        const random = new Random(seed), n = random.integer(0, 33);
        const into = randomBins(random, n), from = randomBins(random, n);
        const total = new BigUint64Array(memory.buffer, at, n + 1), delta = new BigUint64Array(memory.buffer, at + 1024, n + 1);
        total.set([...into, 7n]);
        delta.set([...from, 8n]);
        kernels.addBins(at, at + 1024, n);
        t.deepEqual([...total], [...into.map((count, i) => count + from[i]!), 7n], `seed ${seed}, ${kernels.kind}`);
        t.deepEqual([...delta], [...from.map(() => 0n), 8n], `seed ${seed}, ${kernels.kind}`);
      }
    }
  }
});

test('largestBin() is exact below 2^53 and never too small above', t => {
  for (const largest of [0n, 1n, 255n, 2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 60n + 1n, 2n ** 63n + 2n ** 11n, 2n ** 63n + 1n]) {
    for (const kernels of kernelSets) {
      new BigUint64Array(memory.buffer, bases[0]!, 3).set([0n, largest, largest / 2n]);
      const found = BigInt(kernels.largestBin(bases[0]!, 3));
      t.true(found >= largest && found - largest < 2n ** 12n && (largest > 2n ** 53n || found === largest), `${largest}, ${kernels.kind}: ${found}`);
    }
  }
  for (const kernels of kernelSets) t.is(kernels.largestBin(bases[0]!, 0), 0);
});
