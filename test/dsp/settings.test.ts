// test/dsp/settings.test.ts - a change of settings in the middle of a stream: marked, stopped at, or a new part, exactly at its place.
import test from 'ava';
import { limits } from '../../app/core/limits.ts';
import type { MeasurementPort, OnSettingsChange } from '../../app/core/station.ts';
import { Random } from '../support/random.ts';
import { countsIn, delayed, randomActs, truthOf } from './support/scenario.ts';
import { ScriptedLine, type Act } from './support/script.ts';

const countrate = { name: 'countrate', config: { channels: [1, 2] } } as const;

async function counts(port: MeasurementPort): Promise<number[]> {
  return Array.from((await port.read('getCountsReceived')).value as ArrayLike<number>, Number);
}

/** Two calm pieces of stream with a change between: of channel index 1, 2 or of all. */
function scenario(seed: number): { acts: Act[]; first: Act[]; changed: number[] } {
  const random = new Random(seed);
  const changed = random.pick([[1], [], [3, 1]]);
  const first = randomActs(random, { pieces: random.integer(1, 4), calm: true });
  const { toPs } = truthOf(first).stretches.at(-1)!;
  // Sometimes the change comes right behind a tag, sometimes behind time without one.
  if (random.chance(0.5)) first.pop();
  const second = randomActs(random, { startPs: toPs + 1n, pieces: 3, calm: true });
  return { acts: [...first, { do: 'settings', atPs: 0n, revision: 1, channels: changed }, ...second], first, changed };
}

for (const maxBlockTags of [1, 7, 777, 16384] as const) {
  test(`with stop a result ends exactly at the change of one of its channels, in blocks of ${maxBlockTags} tags`, async t => {
    for (const seed of [1, 2, 3, 4]) {
      const { acts, first } = scenario(seed);
      await using scripted = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }, ...acts], source: 'waitable' }, { maxBlockTags });
      const create = async (onSettingsChange: OnSettingsChange, channels: number[], delaysPs: Record<number, number> = {}): Promise<MeasurementPort> => {
        const [port] = await scripted.line.createMeasurements([{ name: 'countrate', config: { channels } }], { start: false, onSettingsChange, delaysPs });
        await port!.startFor(1e12);
        return port!;
      };
      const stopped = await create('stop', [1, 2]), other = await create('stop', [1, 3]), went = await create('continue', [1, 2]);
      const moved = await create('stop', [2], { 2: 500, 1: -200 });
      scripted.open('a');
      for (const port of [stopped, other, went, moved]) await port.waitUntilFinished();
      const message = `seed ${seed}`;
      const [before, all] = [truthOf(first).stretches, truthOf(acts).stretches];
      t.deepEqual(await counts(stopped), countsIn(before, [0, 1]), message);
      t.like(await stopped.account(), { stoppedBy: 'settings', mixed: false, settingsRevisions: [0], ended: false }, message);
      const info = await stopped.account();
      t.true([0n, 1n].includes(info.stopPs - before.at(-1)!.toPs), message);
      t.deepEqual(await counts(went), countsIn(all, [0, 1]), message);
      t.like(await went.account(), { stoppedBy: undefined, mixed: true, settingsRevisions: [0, 1] }, message);
      const everywhere = scenario(seed).changed.length === 0;
      t.deepEqual(await counts(other), countsIn(everywhere ? before : all, [0, 2]), message);
      // Channel 2 comes 500 ps later, and so does the change of it.
      const upTo = before.map(stretch => ({ ...stretch, toPs: stretch.toPs + 1_000_000n }));
      t.deepEqual(await counts(moved), countsIn(delayed(upTo, [-200, 500]), [1]), message);
      t.is((await moved.account()).stoppedBy, 'settings', message);
    }
  });
}

test('what changes before the first moment of a measurement is no change of it, and one after its end neither', async t => {
  const tags = (fromPs: number): Act => ({ do: 'tags', tags: { timesPs: [0, 1, 2, 3].map(i => BigInt(fromPs + i * 1000)), channels: [0, 1, 0, 1] } });
  const acts: Act[] = [
    tags(0), { do: 'gate', name: 'a' }, { do: 'settings', atPs: 0n, revision: 1, channels: [] }, tags(100_000), { do: 'settings', atPs: 0n, revision: 2, channels: [] }, tags(200_000),
  ];
  await using scripted = await ScriptedLine.open({ acts, freeRunning: true, source: 'waitable' });
  await scripted.reached('a');
  const [port, short, moved] = [
    ...await scripted.line.createMeasurements([countrate, countrate], { start: false, onSettingsChange: 'stop' }),
    ...await scripted.line.createMeasurements([countrate], { start: false, delaysPs: { 1: 50 } }),
  ] as [MeasurementPort, MeasurementPort, MeasurementPort];
  await Promise.all([port.start(), short.startFor(50_000), moved.start()]);
  scripted.open('a');
  for (const each of [port, short, moved]) await each.waitUntilFinished();
  t.like(await port.account(), { settingsRevisions: [1], mixed: false, stoppedBy: 'settings' });
  t.deepEqual(await counts(port), [2, 2]);
  t.like(await short.account(), { stoppedBy: undefined, mixed: false });
  t.like(await moved.account(), { settingsRevisions: [1, 2], mixed: true });
  await t.throwsAsync(scripted.line.createMeasurements([countrate], { onSettingsChange: 'explode' as never }), { code: 'usage' });
});

test('a measurement that a change has stopped is started again by its owner', async t => {
  const comb: Act = { do: 'comb', fromPs: 0n, stepPs: 1000, count: 2_000_000_000 };
  await using scripted = await ScriptedLine.open({ acts: [comb], freeRunning: true, source: 'waitable' });
  const [port] = await scripted.line.createMeasurements([countrate], { onSettingsChange: 'stop' }) as [MeasurementPort];
  while ((await port.account()).tags === 0);
  await scripted.line.configure({ channels: { 3: { deadTimePs: 1 } } });
  await scripted.line.waitForFence(scripted.line.getFence());
  t.true(port.isRunning(), 'of another channel');
  await scripted.line.configure({ channels: { 1: { deadTimePs: 1 } } });
  await port.waitUntilFinished();
  const { tags } = await port.account();
  t.like(await port.account(), { stoppedBy: 'settings', settingsRevisions: [0, 1] });
  await port.start();
  while ((await port.account()).tags === tags);
  t.like(await port.account(), { stoppedBy: undefined, settingsRevisions: [0, 1, 2], mixed: true });
  await port.clear();
  while ((await port.account()).tags === 0);
  t.like(await port.account(), { settingsRevisions: [2], mixed: false });
  t.true(port.isRunning());
});

for (const maxBlockTags of [1, 777, 16384] as const) {
  test(`with split each change closes a part and begins one from zero, in blocks of ${maxBlockTags} tags`, async t => {
    for (const seed of [5, 6]) {
      const random = new Random(seed);
      const pieces: Act[][] = [];
      for (let i = 0, startPs = 0n; i < 5; i++) {
        pieces.push(randomActs(random, { startPs, pieces: 2, calm: true }));
        startPs = truthOf(pieces.flat()).stretches.at(-1)!.toPs + 1n;
      }
      const acts = pieces.flatMap((piece, i): Act[] => (i === 0 ? piece : [{ do: 'settings', atPs: 0n, revision: i, channels: [i % 3 === 1 ? 2 : 1] }, ...piece]));
      await using scripted = await ScriptedLine.open({ acts, source: 'waitable' }, { maxBlockTags });
      const [port, histogram] = await scripted.line.createMeasurements([countrate, { name: 'histogram', config: { click: 2, start: 1, binwidthPs: 100, bins: 50 } }], { onSettingsChange: 'split' }) as [MeasurementPort, MeasurementPort];
      await port.waitUntilFinished();
      await histogram.waitUntilFinished();
      const { parts, dropped } = await port.parts();
      const message = `seed ${seed}`;
      // Changes 1 and 4 are of channel index 2, which it does not use.
      const joined = [[0, 1], [2], [3, 4]].map(numbers => truthOf(numbers.flatMap(i => pieces[i]!)).stretches);
      t.is(dropped, 0);
      t.deepEqual(parts.map(({ part, settingsRevisions, mixed }) => [part, settingsRevisions, mixed]), [[0, [0, 1], false], [1, [2], false], [2, [3, 4], false]], message);
      for (const [i, stretches] of joined.entries()) {
        const { value, info } = await port.read('getCountsReceived', {}, i);
        t.deepEqual(Array.from(value as Uint8Array, Number), countsIn(stretches, [0, 1]), `${message}, part ${i}`);
        t.deepEqual(info, parts[i], message);
        t.is(parts[i]!.startPs, i === 0 ? 0n : parts[i - 1]!.stopPs, message);
        t.is((await histogram.read('getData', {}, i)).info.part, i, message);
      }
      await t.throwsAsync(port.read('getData', {}, 3), { code: 'not-found' });
      await t.throwsAsync(port.read('getData', {}, -1), { code: 'usage' });
      await port.clear();
      t.is((await port.parts()).parts.length, 1, 'a cleared measurement has one part');
    }
  });
}

test('parts of many bins are kept apart while readers ask all the time; the oldest are dropped and counted', async t => {
  const bins = 60_000;
  const rounds = 18;
  // A start and a click in a bin of its own, one pair more in each round.
  const round = (i: number): Act => ({ do: 'tags', tags: {
    timesPs: Array.from({ length: 2 * (i + 1) }, (_, k) => BigInt(i * 1e12 + Math.floor(k / 2) * 1e9 + (k % 2) * (1000 + i))),
    channels: Array.from({ length: 2 * (i + 1) }, (_, k) => k % 2),
  } });
  const acts = Array.from({ length: rounds }, (_, i): Act[] => [{ do: 'gate', name: String(i) }, ...(i === 0 ? [] : [{ do: 'settings', atPs: 0n, revision: i, channels: [] } as Act]), round(i)]).flat();
  await using scripted = await ScriptedLine.open({ acts, source: 'waitable', freeRunning: true });
  const { line } = scripted;
  const used = line.usedBytes;
  const [port] = await line.createMeasurements([{ name: 'histogram', config: { click: 2, start: 1, binwidthPs: 1, bins } }], { onSettingsChange: 'split' }) as [MeasurementPort];
  const reading = new AbortController();
  const readers = Promise.all([0, 1, 2].map(async () => { while (!reading.signal.aborted) await port.read('getData'); }));
  for (let i = 0; i < rounds; i++) {
    scripted.open(String(i));
    if (i + 1 < rounds) await scripted.reached(String(i + 1));
    else await port.waitUntilFinished();
    await line.waitForFence(line.getFence());
    const { value, info } = await port.read('getData');
    t.is(info.part, i);
    t.is(Number((value as Uint8Array)[1000 + i]), i + 1, `round ${i}`);
    t.is((value as Uint8Array).reduce((sum, count) => sum + Number(count), 0), i + 1, `round ${i}: nothing of the part before`);
  }
  reading.abort();
  await readers;
  const { parts, dropped } = await port.parts();
  t.is(parts.length + dropped, rounds);
  t.true(parts.length <= limits.partsPerMeasurement + 1 && dropped > 0);
  for (const { part } of parts.slice(0, -1)) {
    const data = (await port.read('getData', {}, part)).value as Uint8Array;
    t.is(data.reduce((sum, count) => sum + Number(count), 0), part! + 1, `part ${part}`);
    t.is(Number(data[1000 + part!]), part! + 1);
  }
  await t.throwsAsync(port.read('getDataNormalized', { rates: 'segment' }, parts[0]!.part), { code: 'unsupported' });
  port.dispose();
  while (line.usedBytes !== used) await new Promise(resolve => { setImmediate(resolve); });
});
