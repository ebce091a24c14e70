// test/dsp/life.test.ts - what happens to measurements while tags flow, stop, or something dies.
//
// Kept together although it is long: every test here needs the same scripted line.
import { once } from 'node:events';
import { BroadcastChannel } from 'node:worker_threads';
import test from 'ava';
import type { TaggerError } from '../../app/core/errors.ts';
import type { CounterData } from '../../app/core/measurements.ts';
import type { MeasurementPort } from '../../app/core/station.ts';
import { ScriptedLine, type Act, type TagList } from './support/script.ts';

const countrate = (...channels: number[]) => ({ name: 'countrate' as const, config: { channels } });

async function received(port: MeasurementPort): Promise<number[]> {
  const { value } = await port.read('getCountsReceived');
  return Array.from(value as ArrayLike<number>, Number);
}

/** `n` tags on channel index 0, 1 ns apart, the first at `fromPs`. */
function tags(fromPs: number, n: number): TagList {
  return { timesPs: Array.from({ length: n }, (_, i) => BigInt(fromPs + i * 1000)), channels: Array.from({ length: n }, () => 0) };
}

/** The worker has taken everything that was published: `n` tags arrived in this measurement. */
async function arrived(port: MeasurementPort, n: number): Promise<void> {
  while ((await port.account()).tags < n);
}

test('a measurement sees only tags from after its creation, and all that are created together see the same', async t => {
  const acts: Act[] = [{ do: 'tags', tags: tags(0, 100) }, { do: 'gate', name: 'a' }, { do: 'tags', tags: tags(100_000, 50) }];
  await using scripted = await ScriptedLine.open({ acts, freeRunning: true, source: 'waitable' }, { dspWorkers: 2 });
  await scripted.reached('a');
  const ports = await scripted.line.createMeasurements([countrate(1), countrate(1, 2), countrate(1)]);
  scripted.open('a');
  for (const port of ports) {
    await port.waitUntilFinished();
    t.is((await received(port))[0], 50);
    t.is((await port.account()).startPs, 99_001n, 'the tag at 99 000 ps is from before');
  }
});

test('a source that waits begins with the first measurement, which misses nothing', async t => {
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'heartbeat', timePs: 0n }, { do: 'tags', tags: tags(5000, 100) }] });
  t.is(scripted.line.status().state, 'ready');
  const [port] = await scripted.line.createMeasurements([countrate(1, 2)]);
  await port!.waitUntilFinished();
  t.deepEqual(await received(port!), [100, 0]);
  const info = await port!.account();
  t.is(info.liveTimePs, 5000 + 99_000);
  t.true(info.ended);
  t.is(scripted.line.status().state, 'ended');
});

test('stop, start and clear take effect while tags flow, and nothing is counted twice', async t => {
  const acts: Act[] = [1, 2, 3, 4].flatMap((_, i): Act[] => [
    { do: 'gate', name: String(i) }, { do: 'tags', tags: tags(i * 1e6, 10 * (i + 1)) }, { do: 'heartbeat', timePs: BigInt(i * 1e6 + 900_000) },
  ]);
  acts.push({ do: 'gate', name: 'end' });
  await using scripted = await ScriptedLine.open({ acts });
  const [port, witness] = await scripted.line.createMeasurements([countrate(1), countrate(1)]) as [MeasurementPort, MeasurementPort];
  scripted.open('0');
  await arrived(witness, 10);
  t.deepEqual(await received(port), [10]);
  await port.stop();
  t.false(port.isRunning());
  scripted.open('1');
  await arrived(witness, 30);
  t.deepEqual(await received(port), [10], 'a stopped measurement took tags');
  await port.start();
  scripted.open('2');
  await arrived(port, 40);
  t.deepEqual(await received(port), [40]);
  t.is((await port.account()).liveTimePs, 900_000 * 2 + 100_000, 'the pause is no live time');
  await port.clear();
  t.deepEqual(await received(port), [0]);
  t.true(port.isRunning());
  scripted.open('3');
  await arrived(witness, 100);
  t.deepEqual(await received(port), [40]);
});

test('calls that do not wait for one another take effect in their order', async t => {
  const acts: Act[] = [{ do: 'tags', tags: tags(0, 10) }, { do: 'gate', name: 'a' }, { do: 'tags', tags: tags(1e6, 10) }, { do: 'gate', name: 'b' }];
  await using scripted = await ScriptedLine.open({ acts });
  const [port] = await scripted.line.createMeasurements([countrate(1)]) as [MeasurementPort];
  await arrived(port, 10);
  await Promise.all([port.stop(), port.start()]);
  t.true(port.isRunning());
  await Promise.all([port.stop(), port.startFor(1e9)]);
  t.true(port.isRunning());
  t.false(await port.waitUntilFinished(0));
  scripted.open('a');
  await arrived(port, 10);
});

test('a cleared counter has no bins until time flows again, few or many', async t => {
  const acts: Act[] = [{ do: 'tags', tags: tags(0, 100) }, { do: 'heartbeat', timePs: 100_000n }, { do: 'gate', name: 'a' }];
  await using scripted = await ScriptedLine.open({ acts });
  const ports = await scripted.line.createMeasurements([5, 10_000].map(values => ({ name: 'counter', config: { channels: [1], binwidthPs: 10_000, values } })));
  for (const port of ports) {
    await arrived(port, 100);
    t.is(((await port.read('getDataObject')).value as CounterData).size, port.config['values'] === 5 ? 5 : 10);
    await port.stop();
    await port.clear();
    t.is(((await port.read('getDataObject', { remove: true })).value as CounterData).size, 0);
    t.deepEqual(new Set((await port.read('getData')).value as Uint8Array), new Set([0]));
  }
});

test('what is said before the first time makes no stream of its own: a change of settings costs no tags and mixes nothing', async t => {
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'clock', atPs: 0n }, { do: 'tags', tags: tags(5e9, 100) }] });
  await scripted.line.configure({ channels: { 1: { deadTimePs: 2000 } } });
  const [port] = await scripted.line.createMeasurements([countrate(1)], { start: false }) as [MeasurementPort];
  await port.startFor(50_000);
  await port.waitUntilFinished();
  t.like(await port.account(), { tags: 50, startPs: 5_000_000_000n, liveTimePs: 50_000, settingsRevisions: [1], mixed: false });
});

test('runs of n periods hold n tags of a periodic signal, wherever they begin, moved or not', async t => {
  const acts: Act[] = [0, 1, 2, 3].flatMap((i): Act[] => [{ do: 'tags', tags: tags(i * 100_000, 100) }, { do: 'gate', name: String(i) }]);
  await using scripted = await ScriptedLine.open({ acts, freeRunning: true, source: 'waitable' });
  const [plain] = await scripted.line.createMeasurements([countrate(1)], { start: false }) as [MeasurementPort];
  const [moved] = await scripted.line.createMeasurements([countrate(1)], { delaysPs: { 1: 7300, 2: -400 }, start: false }) as [MeasurementPort];
  for (const i of [0, 1, 2]) {
    await scripted.reached(String(i));
    while (scripted.line.watermarkPs < BigInt(i * 100_000 + 99_000)) await new Promise(resolve => { setImmediate(resolve); });
    for (const port of [plain, moved]) await port.startFor(20_000, i === 0);
    scripted.open(String(i));
    for (const port of [plain, moved]) {
      await port.waitUntilFinished();
      t.like(await port.account(), { tags: 20 * (i + 1), liveTimePs: 20_000 * (i + 1) });
    }
  }
});

test('an overflow that is over where a measurement begins is no loss of it', async t => {
  const acts: Act[] = [
    { do: 'tags', tags: tags(0, 10) }, { do: 'losing', fromPs: 20_000n }, { do: 'heartbeat', timePs: 50_000n }, { do: 'gate', name: 'a' },
    { do: 'lost', loss: { grade: 'flagged', place: 'device', fromPs: 20_000n, toPs: 50_000n } }, { do: 'tags', tags: tags(60_000, 10) },
  ];
  await using scripted = await ScriptedLine.open({ acts, freeRunning: true });
  await scripted.reached('a');
  while (scripted.line.watermarkPs < 50_000n) await new Promise(resolve => { setImmediate(resolve); });
  const [port] = await scripted.line.createMeasurements([countrate(1)]) as [MeasurementPort];
  scripted.open('a');
  await port.waitUntilFinished();
  t.like(await port.account(), { tags: 10, startPs: 50_000n, lossGrade: 'none', lostIntervals: 0, missedTags: [0] });
});

test('while an overflow is in progress live time stands still and the result says so', async t => {
  const acts: Act[] = [
    { do: 'heartbeat', timePs: 0n }, { do: 'tags', tags: tags(1000, 10) }, { do: 'losing', fromPs: 20_000n }, { do: 'heartbeat', timePs: 90_000n },
    { do: 'gate', name: 'a' },
    { do: 'lost', loss: { grade: 'counted', place: 'device', fromPs: 20_000n, toPs: 100_000n, missed: [{ channelIndex: 0, count: 7 }] } },
    { do: 'heartbeat', timePs: 110_000n },
  ];
  await using scripted = await ScriptedLine.open({ acts });
  const [port] = await scripted.line.createMeasurements([countrate(1)]);
  await scripted.reached('a');
  await arrived(port!, 10);
  let info = await port!.account();
  while (info.lossGrade === 'none') info = await port!.account();
  t.is(info.liveTimePs, 20_000);
  t.is(info.lossGrade, 'flagged');
  scripted.open('a');
  await port!.waitUntilFinished();
  info = await port!.account();
  t.like(info, { liveTimePs: 30_000, lossGrade: 'counted', lostIntervals: 1, missedTags: [7], captureDurationPs: 110_000 });
  t.deepEqual(Array.from((await port!.read('getCountsTotal')).value as Uint8Array), [17]);
});

test('tags that come inside a counted loss are in no result, and in its total', async t => {
  const acts: Act[] = [
    { do: 'heartbeat', timePs: 0n }, { do: 'tags', tags: tags(1000, 10) }, { do: 'losing', fromPs: 20_000n }, { do: 'tags', tags: tags(30_000, 5) },
    { do: 'lost', loss: { grade: 'counted', place: 'device', fromPs: 20_000n, toPs: 100_000n, missed: [{ channelIndex: 0, count: 7 }] } },
    { do: 'tags', tags: tags(101_000, 3) }, { do: 'heartbeat', timePs: 110_000n },
  ];
  await using scripted = await ScriptedLine.open({ acts }, { maxBlockTags: 4 });
  const [port] = await scripted.line.createMeasurements([countrate(1)]);
  await port!.waitUntilFinished();
  t.like(await port!.account(), { tags: 13, lossGrade: 'counted', missedTags: [12], liveTimePs: 30_000 });
  t.deepEqual(Array.from((await port!.read('getCountsTotal')).value as Uint8Array), [25]);
  t.is(scripted.line.status().ledger.channels[0]!.lost.device, 7, 'the ledger keeps what the device said');
});

test('a loss of which only a part is ours, or more than was counted, has no number', async t => {
  const missed = [{ channelIndex: 0, count: 100 }];
  const acts: Act[] = [
    { do: 'gate', name: 'a' }, { do: 'tags', tags: tags(0, 100) }, { do: 'lost', loss: { grade: 'counted', place: 'device', fromPs: 100_000n, toPs: 200_000n, missed } },
    { do: 'tags', tags: tags(200_000, 100) },
  ];
  await using scripted = await ScriptedLine.open({ acts });
  const [cut, all] = await scripted.line.createMeasurements([countrate(1), countrate(1)], { start: false }) as [MeasurementPort, MeasurementPort];
  const [moved] = await scripted.line.createMeasurements([countrate(1)], { delaysPs: { 1: 20_000 }, start: false }) as [MeasurementPort];
  await Promise.all([cut.startFor(110_000), all.startFor(200_000), moved.startFor(210_000)]);
  scripted.open('a');
  await Promise.all([cut, all, moved].map(port => port.waitUntilFinished()));
  t.like(await cut.account(), { lossGrade: 'flagged', missedTags: [null], liveTimePs: 100_000 });
  t.like(await all.account(), { lossGrade: 'counted', missedTags: [100], liveTimePs: 100_000 });
  // The loss has taken 20 tags more with it that were waiting for their turn.
  t.like(await moved.account(), { lossGrade: 'flagged', missedTags: [null] });
});

test('a tagger that cannot tell its losses gives no number of missed tags, not 0', async t => {
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'tags', tags: tags(0, 10) }], overflowReport: 'unknown' });
  const [port] = await scripted.line.createMeasurements([countrate(1)]);
  await port!.waitUntilFinished();
  t.deepEqual((await port!.account()).missedTags, [null]);
});

test('a lapped worker reports a loss for its own measurements alone', async t => {
  const hold = new BroadcastChannel(`hold ${process.pid}`);
  const tell: (message: unknown) => void = hold.postMessage.bind(hold);
  const rounds = 60;
  const acts: Act[] = Array.from({ length: rounds }, (_, i): Act[] => [{ do: 'tags', tags: tags(i * 10e6, 1000) }, { do: 'gate', name: String(i) }]).flat();
  await using scripted = await ScriptedLine.open({ acts }, { dspWorkers: 2, ringSlots: 2, workers: { dsp: new URL('./support/odd-dsp.worker.ts', import.meta.url) } });
  const holding = once(hold, 'message');
  const [fast, slow] = await scripted.line.createMeasurements([countrate(1), countrate(2, 1)]) as [MeasurementPort, MeasurementPort];
  await holding;
  for (let i = 0; i < rounds; i++) {
    await scripted.reached(String(i));
    await arrived(fast, 1000 * (i + 1));
    if (i === rounds - 3) tell('let go');
    scripted.open(String(i));
  }
  await fast.waitUntilFinished();
  await slow.waitUntilFinished();
  t.like(await fast.account(), { lossGrade: 'none', lostIntervals: 0, missedTags: [0], tags: rounds * 1000 });
  const info = await slow.account();
  t.is(info.lossGrade, 'counted');
  t.true(info.lostIntervals > 0);
  t.is((await received(slow))[1]! + info.missedTags[1]!, rounds * 1000);
  t.true(info.liveTimePs < (await fast.account()).liveTimePs);
  hold.close();
});

test('a measurement that throws fails alone; a worker that dies fails its measurements, and the line goes on', async t => {
  const acts: Act[] = [0, 1, 2].flatMap((i): Act[] => [{ do: 'gate', name: String(i) }, { do: 'tags', tags: tags(i * 1e6, 100) }]);
  acts.push({ do: 'gate', name: 'end' });
  await using scripted = await ScriptedLine.open({ acts }, { workers: { dsp: new URL('./support/odd-dsp.worker.ts', import.meta.url) } });
  const [good, bad] = await scripted.line.createMeasurements([countrate(1), countrate(3, 1)]) as [MeasurementPort, MeasurementPort];
  scripted.open('0');
  await arrived(good, 100);
  await bad.waitUntilFinished();
  await t.throwsAsync(bad.read('getData'), { code: 'internal' });
  t.deepEqual(await received(good), [100]);

  const [deadly] = await scripted.line.createMeasurements([countrate(4, 1)]) as [MeasurementPort];
  scripted.open('1');
  await deadly.waitUntilFinished();
  await t.throwsAsync(good.read('getData'), { code: 'internal', message: /worker/ });
  const [next] = await scripted.line.createMeasurements([countrate(1)]) as [MeasurementPort];
  scripted.open('2');
  await arrived(next, 100);
  t.deepEqual(await received(next), [100]);
  for (const port of [good, bad, deadly, next]) port.dispose();
});

test('while no worker is alive a measurement is refused, and none hangs', async t => {
  const workers = { dsp: new URL('./support/absent.worker.ts', import.meta.url) };
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }] }, { workers });
  const attempt = async (): Promise<unknown> => {
    const [port] = await scripted.line.createMeasurements([countrate(1)], { start: false });
    return await port!.read('getData');
  };
  let error = await t.throwsAsync(attempt(), { name: 'TaggerError' }) as TaggerError;
  while (error.code === 'internal') error = await t.throwsAsync(attempt(), { name: 'TaggerError' }) as TaggerError;
  t.is(error.code, 'unavailable');
});

for (const [what, act] of [['fails', { do: 'fail', message: 'The cable was pulled.' }], ['dies', { do: 'die' }]] as const) {
  test(`when the tagger ${what} the line says so and measurements stay readable`, async t => {
    await using scripted = await ScriptedLine.open({ acts: [{ do: 'tags', tags: tags(0, 100) }, { do: 'gate', name: 'a' }, act] });
    const [port] = await scripted.line.createMeasurements([countrate(1)]) as [MeasurementPort];
    const states: string[] = [];
    scripted.line.onEvent(() => states.push(scripted.line.status().state));
    await arrived(port, 100);
    scripted.open('a');
    t.true(await port.waitUntilFinished());
    t.deepEqual(await received(port), [100]);
    t.false((await port.account()).ended);
    t.is(scripted.line.status().state, 'gone');
    t.true(states.includes('gone'));
    t.is(scripted.line.rates().totalHz, null);
    await t.throwsAsync(scripted.line.createMeasurements([countrate(1)]), { code: 'unavailable' });
    await t.throwsAsync(scripted.line.configure({}), { code: 'unavailable' });
  });
}

test('a tagger that cannot be opened rejects with its own reason', async t => {
  const source = { kind: 'replay', file: 'no script', speed: 'unpaced' } as const;
  const { Line } = await import('../../app/dsp/line.ts');
  await t.throwsAsync(Line.open({ id: 'x', source, ingestWorker: new URL('./support/scripted.worker.ts', import.meta.url) }), { name: 'TaggerError' });
});

test('dispose gives the memory back, and a disposed measurement says closed', async t => {
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }] });
  const { line } = scripted;
  const before = line.usedBytes;
  for (let round = 0; round < 3; round++) {
    const ports = await line.createMeasurements([
      { name: 'histogram', config: { click: 1, start: 2, binwidthPs: 1, bins: 1_000_000 } }, { name: 'counter', config: { channels: [1, 2] } },
    ], { delaysPs: { 1: 500 } });
    t.true(line.usedBytes > before);
    const reading = ports[0]!.read('getData').catch((error: unknown) => error);
    for (const port of ports) {
      port.dispose();
      port.dispose();
      t.true(port.closed.aborted);
      await t.throwsAsync(port.read('getData'), { code: 'closed' });
      await t.throwsAsync(port.start(), { code: 'closed' });
    }
    await reading;
    while (line.usedBytes !== before) await new Promise(resolve => { setImmediate(resolve); });
  }
  t.is(line.usedBytes, before);
});

test('sixteen readers of a million bins share values and never stop the stream', async t => {
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'comb', fromPs: 0n, stepPs: 1000, count: 1_000_000 }], source: 'waitable' });
  const [port] = await scripted.line.createMeasurements([{ name: 'histogram', config: { click: 2, start: 1, binwidthPs: 1, bins: 1_000_000 } }]) as [MeasurementPort];
  const values = new Set<unknown>();
  let last = 0;
  const sum = (value: unknown): number => (value as Uint32Array).reduce((all, count) => all + Number(count), 0);
  while (port.isRunning()) {
    const readings = await Promise.all(Array.from({ length: 16 }, () => port.read('getData')));
    const distinct = new Set(readings.map(({ value }) => value));
    t.true(distinct.size <= 4, `${distinct.size} values for 16 readers`);
    for (const value of distinct) values.add(value);
    const total = sum(readings[0]!.value);
    t.true(total >= last, 'a later reading holds less');
    last = total;
    values.clear();
  }
  // Starts at even, clicks at odd multiples of 1 ns: a click finds 500 starts in 1 us, fewer at the beginning.
  t.is(sum((await port.read('getData')).value), 500_000 * 500 - (500 * 499) / 2);
});

test('settings carry a revision: a stale writer is told, a change of its channel marks a result as mixed', async t => {
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'tags', tags: tags(0, 10) }, { do: 'gate', name: 'a' }, { do: 'tags', tags: tags(100_000, 10) }] });
  const { line } = scripted;
  const [mine, other] = await line.createMeasurements([countrate(1), countrate(2)]) as [MeasurementPort, MeasurementPort];
  await arrived(mine, 10);
  t.is((await line.configure({ channels: { 1: { deadTimePs: 2000 } } }, 0)).revision, 1);
  await t.throwsAsync(line.configure({ channels: { 1: { deadTimePs: 0 } } }, 0), { code: 'conflict' });
  await t.throwsAsync(line.configure({ tagger: { refuse: true } }), { code: 'device-refused' });
  t.is(line.status().revision, 1);
  scripted.open('a');
  await mine.waitUntilFinished();
  t.like(await mine.account(), { settingsRevisions: [0, 1], mixed: true, deadTimePs: 2000 });
  t.like(await other.account(), { mixed: false, deadTimePs: 0 });
});

test('wrong arguments are refused one by one and leave nothing behind', async t => {
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }] }, { memoryBytes: 48 * 2 ** 20 });
  const { line } = scripted;
  const before = line.usedBytes;
  await t.throwsAsync(line.createMeasurements([countrate(1), countrate(9)]), { code: 'not-found', message: /channel 9/ });
  await t.throwsAsync(line.createMeasurements([countrate(1)], { delaysPs: { 9: 1 } }), { code: 'not-found' });
  await t.throwsAsync(line.createMeasurements([countrate(1)], { delaysPs: { 1: 0.5 } }), { code: 'usage' });
  await t.throwsAsync(line.createMeasurements([countrate(1)], { delaysPs: { 1: 1e15 } }), { code: 'limit' });
  const huge = { name: 'histogram' as const, config: { click: 1, start: 2, binwidthPs: 1, bins: 10_000_000 } };
  await t.throwsAsync(line.createMeasurements([countrate(1), huge]), { code: 'limit', message: /memory/ });
  const [port] = await line.createMeasurements([countrate(1)], { start: false }) as [MeasurementPort];
  await t.throwsAsync(port.startFor(0), { code: 'usage' });
  await t.throwsAsync(port.startFor(200 * 86_400e12), { code: 'usage', message: /100 days/ });
  await port.startFor(12 * 3600e12); // a night is longer than 2^53 ps
  t.true(port.isRunning());
  await t.throwsAsync(port.read('getNothing'), { code: 'usage' });
  port.dispose();
  while (line.usedBytes !== before) await new Promise(resolve => { setImmediate(resolve); });
  t.pass();
});

test('a view that must hold back more tags than it has room for says what it lost', async t => {
  // A tag every ns and a delay of 1 ms: a million tags would have to wait.
  const acts: Act[] = [{ do: 'gate', name: 'a' }, { do: 'comb', fromPs: 0n, stepPs: 1000, count: 500_000 }, { do: 'heartbeat', timePs: 10_000_000_000n }];
  await using scripted = await ScriptedLine.open({ acts, source: 'waitable' });
  const [moved, plain] = [
    ...await scripted.line.createMeasurements([countrate(1, 2)], { delaysPs: { 1: 1e9 }, start: false }),
    ...await scripted.line.createMeasurements([countrate(1, 2)], { start: false }),
  ] as [MeasurementPort, MeasurementPort];
  await Promise.all([moved.start(), plain.start()]);
  scripted.open('a');
  await moved.waitUntilFinished();
  await plain.waitUntilFinished();
  t.like(await moved.account(), { lossGrade: 'flagged', missedTags: [null, null] });
  t.like(await plain.account(), { lossGrade: 'none', tags: 500_000 });
});

test('rates and progress are known while tags flow, and unknown before', async t => {
  const acts: Act[] = [{ do: 'heartbeat', timePs: 0n }, { do: 'tags', tags: tags(0, 1000) }, { do: 'heartbeat', timePs: 2_000_000n }, { do: 'gate', name: 'a' }];
  await using scripted = await ScriptedLine.open({ acts });
  t.is(scripted.line.rates().totalHz, null);
  const [port] = await scripted.line.createMeasurements([countrate(1)], { start: false }) as [MeasurementPort];
  t.is(port.progress(), undefined);
  await port.startFor(8_000_000);
  await scripted.reached('a');
  await arrived(port, 1000);
  while ((await port.account()).stopPs < 2_000_000n);
  t.is(port.progress(), 0.25);
  t.false(await port.waitUntilFinished(0));
  const { totalHz, channels } = scripted.line.rates(60_000);
  t.is(Math.round(totalHz!), 5e8);
  t.deepEqual(channels.map(({ rateHz }) => Math.round(rateHz!)), [5e8, 0, 0, 0]);
});

// Alone: what other tests of this file take in the meantime would count as well.
test.serial('memory stays flat while fifty million tags go by', async t => {
  const acts: Act[] = [
    { do: 'comb', fromPs: 0n, stepPs: 1000, count: 10_000_000 }, { do: 'gate', name: 'a' },
    { do: 'comb', fromPs: 20_000_000_000n, stepPs: 1000, count: 40_000_000 },
  ];
  await using scripted = await ScriptedLine.open({ acts, source: 'waitable' });
  const ports = await scripted.line.createMeasurements([countrate(1, 2), { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs: 1000, bins: 100 } }]);
  await scripted.reached('a');
  await arrived(ports[1]!, 10_000_000);
  const before = process.memoryUsage().rss;
  scripted.open('a');
  await ports[0]!.waitUntilFinished();
  t.is((await ports[0]!.account()).tags, 50_000_000);
  t.true(process.memoryUsage().rss - before < 64 * 2 ** 20, `grew by ${(process.memoryUsage().rss - before) / 2 ** 20} MiB`);
});
