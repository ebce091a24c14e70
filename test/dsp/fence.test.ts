// test/dsp/fence.test.ts - places in the stream: measurements begin together and miss nothing, and whoever waits for a place is told.
import { once } from 'node:events';
import { BroadcastChannel } from 'node:worker_threads';
import test from 'ava';
import type { MeasurementPort } from '../../app/core/station.ts';
import { Fences } from '../../app/dsp/fence.ts';
import { createMemory } from '../../app/dsp/memory.ts';
import { Ring, ringLayout } from '../../app/dsp/ring.ts';
import { DspThread } from '../../app/dsp/threads.ts';
import { ScriptedLine, type Act } from './support/script.ts';

const never = new Int32Array(new SharedArrayBuffer(4));
const request = { name: 'countrate', config: { channels: [1] } } as const;
const tags = { timesPs: Array.from({ length: 100 }, (_, i) => BigInt(i)), channels: Array.from({ length: 100 }, () => 0) };

test('a source that waits goes only when the worker knows of the measurement', async t => {
  // This worker pauses between its last look at the commands and its look at the ring.
  const workers = { dsp: new URL('./support/late-dsp.worker.ts', import.meta.url) };
  for (const way of ['create', 'start', 'startFor'] as const) {
    await using scripted = await ScriptedLine.open({ acts: [{ do: 'tags', tags }], source: 'waitable' }, { workers });
    let [port] = await scripted.line.createMeasurements([request], { start: false }) as [MeasurementPort];
    // With this answer the worker turns to the ring.
    await port.account();
    if (way === 'create') [port] = await scripted.line.createMeasurements([request]) as [MeasurementPort];
    if (way === 'start') await port.start();
    if (way === 'startFor') await port.startFor(1000);
    await port.waitUntilFinished();
    t.is((await port.account()).tags, 100, way);
  }
});

test.serial('measurements created together begin together although the main thread stops in between', async t => {
  const { ask } = DspThread.prototype;
  t.teardown(() => { DspThread.prototype.ask = ask; });
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'comb', fromPs: 0n, stepPs: 1000, count: 1_000_000_000 }], freeRunning: true, source: 'waitable' }, { dspWorkers: 2 });
  for (const port of await scripted.line.createMeasurements([request, request])) while ((await port.account()).tags === 0);
  DspThread.prototype.ask = async function (this: DspThread, make) {
    const answer = ask.call(this, make);
    Atomics.wait(never, 0, 0, 30);
    await answer;
  };
  const starts = await Promise.all((await scripted.line.createMeasurements([request, request, request])).map(async port => {
    let info = await port.account();
    while (info.tags === 0) info = await port.account();
    return info.startPs;
  }));
  t.is(new Set(starts).size, 1, `they began at ${starts.join(', ')} ps`);
});

/** `n` tags on channel index 0, 1 ns apart, the first at `fromPs`. */
function some(fromPs: number, n: number): Act {
  return { do: 'tags', tags: { timesPs: Array.from({ length: n }, (_, i) => BigInt(fromPs + i * 1000)), channels: Array.from({ length: n }, () => 0) } };
}

for (const late of [false, true]) {
  test(`after a sync every measurement shows what had come, over the wrap of the fence${late ? ', with a late worker' : ''}`, async t => {
    // Fences begin 16 below their wrap.
    const rounds = late ? 5 : 40;
    const acts = Array.from({ length: rounds + 1 }, (_, i): Act[] => [{ do: 'gate', name: String(i) }, some(i * 1e6, 10 + i)]).flat();
    await using scripted = await ScriptedLine.open({ acts, freeRunning: true, source: 'waitable' }, {
      dspWorkers: 2, maxBlockTags: 4, ...(late ? { workers: { dsp: new URL('./support/late-dsp.worker.ts', import.meta.url) } } : {}),
    });
    const { line } = scripted;
    const ports = [
      ...await line.createMeasurements([request, { name: 'histogram', config: { click: 1, binwidthPs: 1000, bins: 20_000 } }, request]),
      ...await line.createMeasurements([request], { delaysPs: { 2: 0, 1: -5 } }),
    ];
    const seen = new Set<number>();
    let all = 0;
    for (let i = 0; i < rounds; i++) {
      scripted.open(String(i));
      all += 10 + i;
      await scripted.reached(String(i + 1));
      const fence = line.getFence();
      seen.add(fence);
      t.is(line.getFence(false), fence);
      t.true(await line.waitForFence(fence));
      t.true(await line.waitForFence(fence, 0), 'a fence that was passed stays so');
      // The view has moved the first tag in front of its begin, and the last it knows only when the next comes.
      const tags = await Promise.all(ports.map(async port => (await port.account()).tags));
      t.deepEqual(tags.slice(0, 3), [all, all, all], `round ${i}`);
      t.true(all - tags[3]! <= 2, `round ${i}: ${tags[3]} of ${all} with a delay`);
    }
    t.is(seen.size, rounds);
    if (!late) t.true([...seen].some(fence => fence < 2 ** 31) && [...seen].some(fence => fence >= 2 ** 31), [...seen].join(' '));
  });
}

test('a source that has not begun has nothing in front of a fence, and one that has ended neither', async t => {
  await using scripted = await ScriptedLine.open({ acts: [some(0, 100)] }, { dspWorkers: 2 });
  const { line } = scripted;
  t.true(await line.waitForFence(line.getFence()));
  const [port] = await line.createMeasurements([request], { start: false }) as [MeasurementPort];
  t.true(await line.waitForFence(line.getFence(), 0));
  await port.start();
  t.true(await line.waitForFence(line.getFence()));
  await port.waitUntilFinished();
  for (const timeoutMs of [-1, 10_000, 2 ** 40]) t.true(await line.waitForFence(line.getFence(), timeoutMs));
  t.is((await port.account()).tags, 100);
});

test('waiting ends when the tagger, a worker or the line dies, and a held worker is waited for', async t => {
  const hold = new BroadcastChannel(`hold ${process.pid}`);
  t.teardown(() => { hold.close(); });
  const tell: (message: unknown) => void = hold.postMessage.bind(hold);
  const workers = { dsp: new URL('./support/odd-dsp.worker.ts', import.meta.url) };
  const holding = { name: 'countrate', config: { channels: [2, 1] } } as const;
  const deadly = { name: 'countrate', config: { channels: [4, 1] } } as const;
  for (const how of ['let go', 'dies', 'closed'] as const) {
    await using scripted = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }, some(0, 10), { do: 'gate', name: 'b' }, { do: 'fail', message: 'pulled' }] }, { workers });
    const { line } = scripted;
    const held = once(hold, 'message');
    const [port] = await line.createMeasurements(how === 'dies' ? [holding, deadly] : [holding]) as [MeasurementPort];
    scripted.open('a');
    await held;
    const fence = line.getFence();
    t.false(await line.waitForFence(fence, 0), how);
    const waiting = Promise.allSettled([line.waitForFence(fence), line.waitForFence(fence), line.waitForFence(fence, 30_000)]);
    t.false(await line.waitForFence(fence, 20), how);
    if (how === 'closed') await line[Symbol.asyncDispose]();
    else tell('let go');
    for (const answer of await waiting) {
      if (how === 'closed') t.like((answer as PromiseRejectedResult).reason, { code: 'device-lost' });
      else t.is((answer as PromiseFulfilledResult<boolean>).value, true, how);
    }
    if (how === 'let go') {
      t.is((await port.account()).tags, 10);
      scripted.open('b');
      await port.waitUntilFinished();
      t.true(await line.waitForFence(fence), 'it was passed before the end');
      await t.throwsAsync(line.waitForFence(line.getFence()), { code: 'device-lost', message: /pulled/ });
    }
    await scripted[Symbol.asyncDispose]();
    await t.throwsAsync(line.waitForFence(line.getFence()), { code: 'device-lost' });
  }
});

test('a fence that nobody was given is refused, and many who ask at once share one', async t => {
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }], freeRunning: true });
  const { line } = scripted;
  for (const wrong of [-1, 0.5, 2 ** 32, NaN, '7', null, line.getFence(false) + 1, (line.getFence(false) + 2 ** 31 - 1) % 2 ** 32]) {
    await t.throwsAsync(line.waitForFence(wrong as number), { code: 'usage' }, String(wrong));
  }
  // The writer may pass any number of them meanwhile; none is skipped and none comes back.
  const fences = Array.from({ length: 1000 }, () => line.getFence());
  t.true(fences.every((fence, i) => i === 0 || fence === fences[i - 1] || fence === (fences[i - 1]! + 1) % 2 ** 32));
  t.is(line.getFence(false), fences.at(-1));
  t.deepEqual(new Set(await Promise.all(fences.map(fence => line.waitForFence(fence)))), new Set([true]));
});

test('while a fence is on its way all who ask are given that one, and the next when the writer has passed it', async t => {
  const layout = ringLayout(2), ring = new Ring(createMemory(layout.endAt), layout);
  ring.format();
  const fences = new Fences(ring, () => []), resting = fences.get(false);
  // Across the wrap of their int32.
  for (let round = 1; round <= 20; round++) {
    const given = Array.from({ length: 1000 }, () => fences.get(true));
    t.deepEqual(new Set(given), new Set([resting + round]), `round ${round}`);
    t.is(fences.get(false), resting + round);
    ring.passFence((resting + round) | 0);
    t.is(fences.get(false), resting + round, 'to look is not to ask');
    t.true(await fences.wait(resting + round, 0));
  }
});

test('whoever waits while a worker dies waits for the one in its place, unless there is none', async t => {
  const layout = ringLayout(2), ring = new Ring(createMemory(layout.endAt), layout);
  ring.format();
  const threads: Pick<DspThread, 'dead' | 'ask'>[] = [];
  const dying = (...successors: typeof threads) => ({ dead: false, ask: async () => {
    threads.splice(0, 1, ...successors);
    throw new Error('died');
  } });
  const fences = new Fences(ring, () => threads as DspThread[]), { fenced } = ring;
  threads.push(dying());
  t.true(await fences.wait(fences.get(true), 1000));
  t.is(ring.fenced, fenced, 'there was nobody');
  threads.push(dying({ dead: false, ask: async () => { ring.passFence(ring.flush); } }));
  const fence = fences.get(true);
  t.true(await fences.wait(fence, 1000));
  t.is(ring.fenced >>> 0, fence);
});
