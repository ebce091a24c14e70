// test/dsp/fence.test.ts - measurements begin together and miss nothing, however late a thread hears of it.
import test from 'ava';
import type { MeasurementPort } from '../../app/core/station.ts';
import { DspThread } from '../../app/dsp/threads.ts';
import { ScriptedLine } from './support/script.ts';

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
