// test/dsp/group.test.ts - measurements steered as one see exactly the same tags, on whatever worker and view they are.
import test from 'ava';
import type { MeasurementPort } from '../../app/core/station.ts';
import { DspThread } from '../../app/dsp/threads.ts';
import { Random } from '../support/random.ts';
import { cut, countsIn, delayed, randomActs, truthOf } from './support/scenario.ts';
import { ScriptedLine, type Act, type TagList } from './support/script.ts';

const never = new Int32Array(new SharedArrayBuffer(4));
const countrate = { name: 'countrate', config: { channels: [1, 2] } } as const;
const delays = { 1: 700, 2: -300 };

async function counts(port: MeasurementPort): Promise<number[]> {
  return Array.from((await port.read('getCountsReceived')).value as ArrayLike<number>, Number);
}

/** Counts and borders of one member. */
async function seen(port: MeasurementPort): Promise<string> {
  const { startPs, stopPs, captureDurationPs, liveTimePs, tags } = await port.account();
  return `${await counts(port)} tags, ${tags} in ${startPs} to ${stopPs}, ${captureDurationPs} with ${liveTimePs} live`;
}

/** Six members on two workers, the last two with private delays. */
async function members(scripted: ScriptedLine): Promise<{ ports: MeasurementPort[]; plain: MeasurementPort[]; moved: MeasurementPort[] }> {
  const plain = await scripted.line.createMeasurements([countrate, countrate, countrate, countrate], { start: false });
  const moved = await scripted.line.createMeasurements([countrate, countrate], { start: false, delaysPs: delays });
  return { ports: [...plain, ...moved], plain, moved };
}

const comb: Act = { do: 'comb', fromPs: 0n, stepPs: 1000, count: 2_000_000_000 };

for (const maxBlockTags of [3, 500, 16384] as const) {
  test(`start, stop, clear and stop again act at one place for all, in blocks of ${maxBlockTags} tags`, async t => {
    await using scripted = await ScriptedLine.open({ acts: [comb], freeRunning: true, source: 'waitable' }, { dspWorkers: 2, maxBlockTags });
    const { line } = scripted;
    const { ports, plain, moved } = await members(scripted);
    const group = line.group(ports);
    const same = async (what: string): Promise<void> => {
      for (const kind of [plain, moved]) {
        const all = await Promise.all(kind.map(seen));
        t.is(new Set(all).size, 1, `${what}: ${all.join('; ')}`);
      }
      const [here, there] = [await plain[0]!.account(), await moved[0]!.account()];
      t.is(here.startPs, there.startPs, `${what}: they began together`);
      t.is(here.stopPs - there.stopPs, 300n, `${what}: delays end earlier by the smallest`);
      t.true(here.tags > 0 && there.tags > 0, what);
    };
    const flow = async (): Promise<void> => {
      for (const port of ports) for (const { tags } = await port.account(); (await port.account()).tags === tags;);
    };
    await group.start();
    t.true(group.isRunning());
    await flow();
    await group.stop();
    t.false(group.isRunning());
    t.true(ports.every(port => !port.isRunning()));
    await same('first run');
    const before = await counts(plain[0]!);
    await group.start();
    await flow();
    await group.stop();
    await same('second run');
    t.true((await counts(plain[0]!))[0]! > before[0]!, 'the second run was added');
    await group.start();
    await group.clear();
    await flow();
    await group.stop();
    await same('cleared while it ran');
    await group.startFor(50_000_000);
    t.true(await group.waitUntilFinished());
    const all = await Promise.all(ports.map(port => port.account()));
    t.deepEqual([new Set(all.map(({ startPs }) => startPs)).size, new Set(all.map(({ stopPs }) => stopPs)).size], [1, 1], 'a limited run has the same borders on all views');
    t.true(all.every(({ captureDurationPs }) => captureDurationPs === 50_000_000));
    await group.start();
    await flow();
    await group.startFor(20_000_000, false);
    await group.waitUntilFinished();
    for (const kind of [plain, moved]) t.is(new Set(await Promise.all(kind.map(seen))).size, 1, 'added to what ran before');
  });
}

test('all see what brute force finds between two fences, whatever happens in the stream', async t => {
  for (const [seed, maxBlockTags] of [[61, 1], [62, 7], [63, 777], [64, 16384]] as const) {
    const random = new Random(seed);
    const parts = [0, 1, 2].map(i => randomActs(random, { startPs: BigInt(i * 1e9), pieces: 6, calm: i === 1 }));
    const [first, middle, last] = parts as [Act[], Act[], Act[]];
    await using scripted = await ScriptedLine.open({
      acts: [...first, { do: 'gate', name: 'a' }, ...middle, { do: 'gate', name: 'b' }, ...last], freeRunning: true, source: 'waitable',
    }, { dspWorkers: 2, maxBlockTags });
    const { ports, plain, moved } = await members(scripted);
    const group = scripted.line.group(ports);
    await scripted.reached('a');
    t.true(await scripted.line.waitForFence(scripted.line.getFence()));
    await group.start();
    scripted.open('a');
    await scripted.reached('b');
    // Nothing comes while the script stands at its gate: the stop must not wait for it.
    await group.stop();
    scripted.open('b');
    while (scripted.line.status().state !== 'ended') await new Promise(resolve => { setImmediate(resolve); });
    const all = truthOf([...first, ...middle]).stretches;
    const fromPs = truthOf(first).stretches.at(-1)!.toPs;
    const untilPs = all.at(-1)!.toPs;
    const message = `seed ${seed}`;
    const stretches = cut(all, fromPs, untilPs + 1n);
    for (const port of plain) t.deepEqual(await counts(port), countsIn(stretches, [0, 1]), message);
    for (const port of moved) t.deepEqual(await counts(port), countsIn(delayed(stretches, [700, -300]), [0, 1]), message);
    for (const kind of [plain, moved]) t.is(new Set(await Promise.all(kind.map(seen))).size, 1, message);
  }
});

test.serial('the place is the same although threads hear late and another client flushes between', async t => {
  const { ask } = DspThread.prototype;
  t.teardown(() => { DspThread.prototype.ask = ask; });
  await using scripted = await ScriptedLine.open({ acts: [comb], freeRunning: true, source: 'waitable' }, { dspWorkers: 2, maxBlockTags: 50 });
  const { line } = scripted;
  const [other] = await line.createMeasurements([countrate]) as [MeasurementPort];
  let stall = true;
  DspThread.prototype.ask = async function (this: DspThread, make) {
    const answer = ask.call(this, make);
    if (stall) {
      stall = false;
      await other.clear(); // asks for a fence of its own
      Atomics.wait(never, 0, 0, 20);
      stall = true;
    }
    await answer;
  };
  const ports = await line.createMeasurements([countrate, countrate, countrate, countrate]);
  const group = line.group(ports);
  for (const port of ports) while ((await port.account()).tags === 0);
  await group.stop();
  t.is(new Set(await Promise.all(ports.map(seen))).size, 1, `created: ${(await Promise.all(ports.map(seen))).join('; ')}`);
  await group.clear();
  await group.start();
  for (const port of ports) while ((await port.account()).tags === 0);
  await group.stop();
  t.is(new Set(await Promise.all(ports.map(seen))).size, 1, `started: ${(await Promise.all(ports.map(seen))).join('; ')}`);
});

test('commands that do not wait for one another act in their order, and none hangs', async t => {
  await using scripted = await ScriptedLine.open({ acts: [comb], freeRunning: true, source: 'waitable' }, { dspWorkers: 2 });
  const { line } = scripted;
  const ports = await line.createMeasurements([countrate, countrate], { start: false }) as [MeasurementPort, MeasurementPort];
  const group = line.group(ports);
  await Promise.all([group.start(), group.stop(), group.start(), group.clear(), group.startFor(1e6, false), group.stop(), group.clear()]);
  t.false(group.isRunning());
  t.deepEqual(await Promise.all(ports.map(counts)), [[0, 0], [0, 0]]);
  await group.start();
  // Others steer a member at the same time: they cannot keep the group from stopping.
  await Promise.all([group.stop(), ports[0].clear(), ports[1].stop()]);
  t.false(group.isRunning());
  await Promise.all([group.stop(), ports[0].start(), ports[1].startFor(1000)]);
  await Promise.all(ports.map(port => port.stop()));
  await Promise.all([group.start(), Promise.resolve().then(() => { ports[0].dispose(); })]);
  t.is(group.members.length, 1, 'a disposed one is no member');
  await group.stop();
});

test('a group takes measurements of its own tagger, each in one group only', async t => {
  await using one = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }] });
  await using two = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }] });
  const [mine] = await one.line.createMeasurements([countrate], { start: false }) as [MeasurementPort];
  const [theirs] = await two.line.createMeasurements([countrate], { start: false }) as [MeasurementPort];
  const group = one.line.group();
  t.throws(() => { group.register(theirs); }, { code: 'usage' });
  group.register(mine);
  group.register(mine);
  t.is(group.members.length, 1);
  t.throws(() => { one.line.group([mine]); }, { code: 'conflict' });
  group.unregister(mine);
  t.is(one.line.group([mine]).members.length, 1);
  mine.dispose();
  t.throws(() => { group.register(mine); }, { code: 'closed' });
  await t.throwsAsync(group.startFor(0), { code: 'usage', message: /100 days/ });
  await t.throwsAsync(group.startFor(1.5), { code: 'usage' });
  await Promise.all([group.start(), group.stop(), group.clear()]);
  t.true(await group.waitUntilFinished(0), 'nobody runs in an empty group');
});

test('when a worker dies its members fail, the others stop together, and the group says so', async t => {
  const acts: Act[] = [{ do: 'gate', name: 'a' }, { do: 'tags', tags: tags(0, 100) }, { do: 'gate', name: 'b' }];
  await using scripted = await ScriptedLine.open({ acts }, { dspWorkers: 2, workers: { dsp: new URL('./support/odd-dsp.worker.ts', import.meta.url) } });
  const { line } = scripted;
  const [deadly, good] = await line.createMeasurements([{ name: 'countrate', config: { channels: [4, 1] } }, countrate], { start: false }) as [MeasurementPort, MeasurementPort];
  const group = line.group([deadly, good]);
  await group.start();
  scripted.open('a');
  await deadly.waitUntilFinished();
  while ((await good.account()).tags < 100);
  await group.stop();
  t.false(group.isRunning());
  t.deepEqual(await counts(good), [100, 0]);
  await t.throwsAsync(group.start(), { code: 'internal' });
  deadly.dispose();
  await group.start();
  t.true(good.isRunning());
});

/** `n` tags on channel index 0, 1 ns apart. */
function tags(fromPs: number, n: number): TagList {
  return { timesPs: Array.from({ length: n }, (_, i) => BigInt(fromPs + i * 1000)), channels: Array.from({ length: n }, () => 0) };
}
