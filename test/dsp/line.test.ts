// test/dsp/line.test.ts - tags through the whole line, against brute force.
import test, { type ExecutionContext } from 'ava';
import type { MeasurementRequest } from '../../app/core/measurements.ts';
import type { MeasurementPort } from '../../app/core/station.ts';
import type { ResultInfo } from '../../app/core/results.ts';
import { Random } from '../support/random.ts';
import { correlationOf, countsIn, cut, delayed, liveIn, randomActs, truthOf, type Stretch, type Truth } from './support/scenario.ts';
import { ScriptedLine, type Act } from './support/script.ts';

const sizes = [1, 7, 777, 16384] as const;
const requests: MeasurementRequest[] = [
  { name: 'countrate', config: { channels: [3, 1, 2] } },
  { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs: 100, bins: 101 } },
  { name: 'correlation', config: { channel1: 3, channel2: 3, binwidthPs: 1000, bins: 20 } },
  { name: 'histogram', config: { click: 4, start: 1, binwidthPs: 333, bins: 30 } },
];

async function read(port: MeasurementPort, getter: string): Promise<{ value: number[]; info: ResultInfo }> {
  const { value, info } = await port.read(getter);
  return { value: Array.from(value as ArrayLike<number | bigint>, Number), info };
}

async function check(t: ExecutionContext, ports: readonly MeasurementPort[], stretches: readonly Stretch[], truth: Truth | undefined, message: string): Promise<void> {
  const [rate, cross, auto, histogram] = ports as [MeasurementPort, MeasurementPort, MeasurementPort, MeasurementPort];
  for (const port of ports) t.true(await port.waitUntilFinished(), message);
  const received = await read(rate, 'getCountsReceived');
  t.deepEqual(received.value, countsIn(stretches, [2, 0, 1]), message);
  t.is(received.info.liveTimePs, liveIn(stretches), message);
  t.deepEqual((await read(cross, 'getData')).value, correlationOf(stretches, 0, 1, 100, 101), message);
  t.deepEqual((await read(auto, 'getData')).value, correlationOf(stretches, 2, 2, 1000, 20), message);
  // A histogram counts only clicks after their start, so its bins are the upper half of a correlation.
  t.deepEqual((await read(histogram, 'getData')).value, correlationOf(stretches, 3, 0, 333, 60).slice(30), message);
  if (!truth) return;
  const { info } = received;
  t.is(info.lossGrade, truth.grade, message);
  t.is(info.lostIntervals, truth.lostIntervals, message);
  t.deepEqual(info.missedTags, [truth.missed[2], truth.missed[0], truth.missed[1]], message);
  t.is(info.epochs, truth.epochs, message);
  t.is(info.disorder, truth.disorder, message);
}

async function measure(acts: Act[], maxBlockTags: number, delaysPs: Record<number, number> = {}): Promise<{ scripted: ScriptedLine; ports: MeasurementPort[] }> {
  const scripted = await ScriptedLine.open({ acts, source: 'waitable' }, { maxBlockTags });
  return { scripted, ports: await scripted.line.createMeasurements(requests, { delaysPs }) };
}

for (const maxBlockTags of sizes) {
  test(`a line with blocks of ${maxBlockTags} tags measures what brute force finds`, async t => {
    for (const seed of [1, 2, 3]) {
      const acts = randomActs(new Random(seed));
      const truth = truthOf(acts);
      const { scripted, ports } = await measure(acts, maxBlockTags);
      await using _ = scripted;
      await check(t, ports, truth.stretches, truth, `seed ${seed}`);
    }
  });
}

test('times that pass 2^63 are moved back and no pair is lost', async t => {
  for (const [seed, maxBlockTags, beforePs] of [[11, 7, 2n ** 40n + 30_000n], [12, 16384, 2n ** 40n + 30_000n], [13, 777, 300_000n]] as const) {
    const acts = randomActs(new Random(seed), { startPs: 2n ** 63n - beforePs });
    const truth = truthOf(acts);
    const { scripted, ports } = await measure(acts, maxBlockTags);
    await using _ = scripted;
    await check(t, ports, truth.stretches, truth, `seed ${seed}`);
  }
});

for (const maxBlockTags of [1, 777] as const) {
  test(`private delays move channels, both ways, with blocks of ${maxBlockTags} tags`, async t => {
    for (const seed of [21, 22]) {
      const random = new Random(seed);
      const acts = randomActs(random, { startPs: seed === 22 ? 2n ** 63n - 2n ** 40n - 30_000n : 0n });
      const delaysPs = [random.integer(-3000, 3000), random.integer(-3000, 3000), 0, random.integer(-3000, 3000)];
      const truth = truthOf(acts);
      const { scripted, ports } = await measure(acts, maxBlockTags, { 1: delaysPs[0]!, 2: delaysPs[1]!, 3: 0, 4: delaysPs[3]! });
      await using _ = scripted;
      await check(t, ports, delayed(truth.stretches, delaysPs), undefined, `seed ${seed}, delays ${delaysPs.join(' ')}`);
    }
  });
}

for (const maxBlockTags of [1, 16384] as const) {
  test(`startFor() stops at the picosecond with blocks of ${maxBlockTags} tags`, async t => {
    for (const seed of [31, 32, 33]) {
      const random = new Random(seed);
      const acts = randomActs(random, { calm: seed === 31 });
      const truth = truthOf(acts);
      const durationPs = random.integer(1, 200_000);
      await using scripted = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'all started' }, ...acts], source: 'waitable' }, { maxBlockTags });
      const ports = await scripted.line.createMeasurements(requests, { start: false });
      await Promise.all(ports.map(port => port.startFor(durationPs)));
      scripted.open('all started');
      const message = `seed ${seed}, ${durationPs} ps`;
      // A step back in time ends nothing: the run goes on until its end is reached for the first time.
      const upTo: Stretch[] = [];
      for (const stretch of truth.stretches) {
        upTo.push(stretch);
        if (stretch.toPs >= BigInt(durationPs)) break;
      }
      await check(t, ports, cut(upTo, -(2n ** 62n), BigInt(durationPs)), undefined, message);
    }
  });
}

test('delays longer than thousands of tags merge instead of sorting, and agree with brute force', async t => {
  for (const [seed, maxBlockTags] of [[41, 100], [42, 16384]] as const) {
    const random = new Random(seed);
    const acts = randomActs(random, { calm: seed === 41, pieces: 40 });
    const delaysPs = [random.integer(-400_000, 400_000), random.integer(-400_000, 400_000), 0, 77];
    const truth = truthOf(acts);
    const { scripted, ports } = await measure(acts, maxBlockTags, { 1: delaysPs[0]!, 2: delaysPs[1]!, 4: delaysPs[3]! });
    await using _ = scripted;
    await check(t, ports, delayed(truth.stretches, delaysPs), undefined, `seed ${seed}, delays ${delaysPs.join(' ')}`);
  }
});
