// test/dsp/shedding.test.ts - a measurement too slow for the rate has gaps of its own; new ones go where least is spent.
import { BroadcastChannel } from 'node:worker_threads';
import test from 'ava';
import type { MeasurementRequest } from '../../app/core/measurements.ts';
import type { MeasurementPort } from '../../app/core/station.ts';
import { cheapestWorker, Cost, type Placed } from '../../app/dsp/cost.ts';
import type { Handle } from '../../app/dsp/handle.ts';
import type { SharedWork } from '../../app/dsp/shared-work.ts';
import { OwnGap, Shedding } from '../../app/dsp/shedding.ts';
import { blockTags } from '../../app/dsp/ring.ts';
import { Random } from '../support/random.ts';
import { ScriptedLine, type Act } from './support/script.ts';

const workers = { dsp: new URL('./support/odd-dsp.worker.ts', import.meta.url) };
const countrate = (...channels: number[]): MeasurementRequest => ({ name: 'countrate', config: { channels } });
const received = async (port: MeasurementPort): Promise<number[]> => Array.from((await port.read('getCountsReceived')).value as ArrayLike<number>, Number);

test.serial('a dear measurement is given no tags until its worker has caught up: its gap is exact, a cheap one loses nothing', async t => {
  const stepPs = 1000, burst = 60;
  const comb = (fromBlock: number, blocks: number): Act => ({ do: 'comb', fromPs: BigInt(fromBlock * blockTags * stepPs), stepPs, count: blocks * blockTags });
  const total = (burst + 2) * blockTags;
  const acts: Act[] = [
    { do: 'gate', name: 'all started' }, comb(0, 1), { do: 'gate', name: 'first' }, comb(1, burst), { do: 'gate', name: 'full' }, comb(burst + 1, 1), { do: 'heartbeat', timePs: BigInt(total * stepPs) },
  ];
  for (const delaysPs of [{}, { 1: 700 }]) {
    const hold = new BroadcastChannel(`hold ${process.pid}`);
    const tell: (message: unknown) => void = hold.postMessage.bind(hold);
    const holding = new Promise<void>(resolve => { hold.addEventListener('message', () => resolve()); });
    await using scripted = await ScriptedLine.open({ acts }, { workers, ringSlots: 64 });
    const [dear] = await scripted.line.createMeasurements([countrate(2, 1)], { delaysPs }) as [MeasurementPort];
    const pair: MeasurementRequest = { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs: 1000, bins: 3 } };
    const [light, pairs] = await scripted.line.createMeasurements([countrate(1, 2), pair]) as [MeasurementPort, MeasurementPort];
    scripted.open('all started');
    // The worker holds the first block while the writer fills nearly the whole ring.
    await scripted.reached('first');
    scripted.open('first');
    await scripted.reached('full');
    await holding;
    tell('let go');
    scripted.open('full');
    await Promise.all([dear, light, pairs].map(port => port.waitUntilFinished()));
    const message = `delays ${JSON.stringify(delaysPs)}`;
    const info = await dear.account(), lightInfo = await light.account();
    t.like(lightInfo, { lossGrade: 'none', lostIntervals: 0, missedTags: [0, 0], shedIntervals: undefined }, message);
    t.like(await pairs.account(), { lossGrade: 'none', lostIntervals: 0 }, message);
    t.like(info, { lossGrade: 'counted', lostIntervals: 1, shedIntervals: 1 }, message);
    const [of2, of1] = await received(dear) as [number, number];
    t.deepEqual((await received(light)), [total / 2, total / 2], message);
    t.deepEqual([of2 + info.missedTags[0]!, of1 + info.missedTags[1]!], [total / 2, total / 2], message);
    // It took up again when the worker had caught up, and not before.
    t.true(of2 + of1 >= 3 * blockTags && of2 + of1 <= total - (burst / 2) * blockTags, `${message}: ${of1 + of2} of ${total} tags`);
    t.true(Math.abs(info.liveTimePs - (of1 + of2) * stepPs) <= 2 * stepPs, message);
    t.true(info.costNsPerTag! > 3 * lightInfo.costNsPerTag!, message);
    hold.close();
  }
});

test('the dearest rests first, the cheapest comes back first, one at a time, and one always works', t => {
  const all = [5, 50, 20].map(nsPerTag => ({ nsPerTag, shed: false, idle: false }));
  const shedding = new Shedding(64);
  const resting = (late: number): number[] => {
    shedding.balance(all.values(), late);
    return all.filter(({ shed }) => shed).map(({ nsPerTag }) => nsPerTag);
  };
  t.deepEqual(resting(31), []);
  t.deepEqual(resting(32), [50]);
  t.deepEqual(resting(35), [50], 'the others are given time');
  t.deepEqual(resting(36), [50, 20], 'it became worse');
  t.deepEqual(resting(64), [50, 20]);
  t.deepEqual(resting(9), [50, 20]);
  t.deepEqual(resting(8), [50]);
  t.deepEqual(resting(0), []);
  t.deepEqual(resting(60), [50]);
  for (const late of [62, 59, 40, 32, 31]) t.deepEqual(resting(late), [50], 'it becomes better');
  t.deepEqual(resting(35), [50, 20], 'and worse again');
  for (const late of [8, 8]) resting(late);
  all[1]!.idle = true;
  t.deepEqual(resting(40), [20], 'one that is stopped costs nothing');
});

test('the cost of a measurement is time for each tag of the stream, smoothed', t => {
  const cost = new Cost();
  cost.spend(1);
  t.false(cost.over(4000));
  t.is(cost.nsPerTag, NaN);
  t.true(cost.over(6000));
  t.is(cost.nsPerTag, 100);
  for (let i = 0; i < 100; i++) {
    cost.spend(0.5);
    t.true(cost.over(10_000));
  }
  t.true(cost.nsPerTag > 50 && cost.nsPerTag < 52, String(cost.nsPerTag));
});

test('a new measurement goes to the worker on which least is spent', async t => {
  const known = { worker: 0, name: 'correlation', nsPerTag: 40 };
  t.is(cheapestWorker([], []), undefined);
  t.is(cheapestWorker([3, 1], []), 3);
  t.is(cheapestWorker([0, 1], [known, { worker: 1, name: 'counter', nsPerTag: 10 }, { worker: 1, name: 'counter', nsPerTag: 10 }]), 1, 'two cheap ones cost less than a dear one');
  t.is(cheapestWorker([0, 1], [{ ...known, nsPerTag: 15 }, { worker: 1, name: 'correlation', nsPerTag: NaN }, { worker: 1, name: 'counter', nsPerTag: 1 }]), 0, 'an unknown one costs what its class does');
  t.is(cheapestWorker([0, 1], [{ ...known, nsPerTag: NaN }]), 1);
  for (const seed of [1, 2, 3]) {
    // One after the other: no worker ends up with more than the fair share and one measurement.
    const random = new Random(seed), placed: Placed[] = [];
    for (let i = 0; i < 40; i++) {
      const nsPerTag = random.integer(1, 100);
      placed.push({ worker: cheapestWorker([0, 1, 2], placed)!, name: 'x', nsPerTag });
    }
    const loads = [0, 1, 2].map(worker => placed.filter(each => each.worker === worker).reduce((sum, each) => sum + each.nsPerTag, 0));
    t.true(Math.max(...loads) - Math.min(...loads) <= 100, `seed ${seed}: ${loads.join(' ')}`);
  }
});

test.serial('costs that were measured decide on a line with two workers', async t => {
  const hold = new BroadcastChannel(`hold ${process.pid}`);
  const tell: (message: unknown) => void = hold.postMessage.bind(hold);
  const holding = new Promise<void>(resolve => { hold.addEventListener('message', () => resolve()); });
  const acts: Act[] = [{ do: 'comb', fromPs: 0n, stepPs: 1000, count: 2 * blockTags }, { do: 'gate', name: 'end' }];
  await using scripted = await ScriptedLine.open({ acts }, { workers, ringSlots: 64, dspWorkers: 2 });
  const first = await scripted.line.createMeasurements([countrate(2, 1), countrate(1), countrate(2)]);
  await holding;
  tell('let go');
  await scripted.reached('end');
  for (const port of first) while ((await port.account()).costNsPerTag === undefined) await port.waitUntilFinished(1);
  const next = await scripted.line.createMeasurements([1, 2, 3].map(channel => countrate(channel)));
  const homeOf = (port: MeasurementPort): number => (port as Handle).worker.index;
  t.deepEqual(next.map(homeOf), next.map(() => 1 - homeOf(first[0]!)));
  hold.close();
});

test('a gap of its own counts its own channels; one that is told in two pieces is still one', t => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }), counts = new Uint32Array(memory.buffer, 0, 256);
  counts.set([5, 7, 9]);
  const gap = new OwnGap(memory, { counts: () => 0 } as unknown as SharedWork, [2, 0, 2]);
  const add = (fromPs: bigint, toPs: bigint): void => gap.add({ timesAt: 0, channelsAt: 0, n: 21, history: 0, historyComplete: true, fromPs, toPs, countsAt: 0 });
  t.is(gap.close(), undefined);
  add(100n, 200n);
  add(200n, 300n);
  const missed = (times: number): object[] => [{ channelIndex: 2, count: 9 * times }, { channelIndex: 0, count: 5 * times }];
  t.deepEqual(gap.close(), { end: { kind: 'lost', fromPs: 100n, toPs: 300n, grade: 'counted', missed: missed(2) }, goesOn: false });
  gap.rebase(50n);
  add(250n, 350n);
  t.deepEqual(gap.close(), { end: { kind: 'lost', fromPs: 250n, toPs: 350n, grade: 'counted', missed: missed(1) }, goesOn: true });
  gap.over();
  add(350n, 450n);
  gap.rebase(50n);
  t.deepEqual(gap.close(), { end: { kind: 'lost', fromPs: 300n, toPs: 400n, grade: 'counted', missed: missed(1) }, goesOn: false });
  add(400n, 500n);
  gap.clear();
  t.is(gap.close(), undefined);
});
