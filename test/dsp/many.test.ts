// test/dsp/many.test.ts - a thousand measurements, ten million bins, and what happens where memory ends.
import test from 'ava';
import type { MeasurementRequest } from '../../app/core/measurements.ts';
import type { TaggerError } from '../../app/core/errors.ts';
import { limits } from '../../app/core/limits.ts';
import { until } from '../support/raw-rpc.ts';
import { ScriptedLine, type Act } from './support/script.ts';

const tags = 50_000;
const comb = (stepPs: number): Act[] => [{ do: 'comb', fromPs: 0n, stepPs, count: tags }, { do: 'heartbeat', timePs: BigInt(tags * stepPs) }];
const numbers = (value: unknown): number[] => Array.from(value as ArrayLike<number | bigint>, Number);

test('a thousand measurements on one line count every tag, in memory that is known and given back', async t => {
  await using scripted = await ScriptedLine.open({ acts: comb(1000), source: 'waitable' });
  const before = scripted.line.usedBytes;
  const kinds: MeasurementRequest[] = [
    { name: 'countrate', config: { channels: [1, 2] } }, { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs: 1000, bins: 101 } },
    { name: 'histogram', config: { click: 2, start: 1, binwidthPs: 500, bins: 10 } }, { name: 'counter', config: { channels: [1], binwidthPs: 1e6, values: 50 } },
  ];
  const ports = await scripted.line.createMeasurements(Array.from({ length: 1000 }, (_, i) => kinds[i % 4]!));
  const each = (scripted.line.usedBytes - before) / 1000;
  t.true(each < 256 * 1024, `${each} bytes for one`);
  await Promise.all(ports.map(port => port.waitUntilFinished()));
  const accounts = await Promise.all(ports.map(port => port.account()));
  t.deepEqual([...new Set(accounts.map(({ lossGrade, lostIntervals }) => `${lossGrade} ${lostIntervals}`))], ['none 0']);
  const results = await Promise.all(ports.slice(0, 1000).map(port => port.read('getData')));
  for (const kind of [0, 1, 2, 3]) {
    const values = results.filter((_, i) => i % 4 === kind).map(({ value }) => JSON.stringify(numbers(value)));
    t.is(new Set(values).size, 1, `all of kind ${kind} are equal`);
  }
  t.deepEqual(numbers((await ports[0]!.read('getCountsReceived')).value), [tags / 2, tags / 2]);
  // A click has a start one step before it, and all but the first have one three steps before.
  t.deepEqual(numbers(results[2]!.value), [0, 0, tags / 2, 0, 0, 0, tags / 2 - 1, 0, 0, 0]);
  for (const port of ports) port.dispose();
  await until(() => scripted.line.usedBytes === before, 'the memory is given back');
});

test('ten million bins in a histogram: every pair is where it belongs', async t => {
  // 50 Mcps: the list of open starts is made for what a tagger can send.
  const bins = 10_000_000, stepPs = 20_000;
  await using scripted = await ScriptedLine.open({ acts: comb(stepPs), source: 'waitable' });
  const before = scripted.line.usedBytes;
  const [port] = await scripted.line.createMeasurements([{ name: 'histogram', config: { click: 2, start: 1, binwidthPs: 1, bins } }]);
  const bytes = scripted.line.usedBytes - before;
  t.true(bytes >= 3 * 8 * bins && bytes < 3 * 8 * bins + 32 * 2 ** 20, `${bytes} bytes: two buffers and a total`);
  await port!.waitUntilFinished();
  const { value } = await port!.read('getData');
  const counts = value as Uint8Array | Uint16Array | Uint32Array;
  t.is(counts.length, bins);
  let filled = 0, wrong = 0;
  for (let k = 0; k < bins; k++) {
    if (counts[k] === 0) continue;
    filled++;
    // Starts lie 2 steps apart: a delay of 2 j + 1 steps has every click but the first j.
    const j = (k / stepPs - 1) / 2;
    if (!Number.isInteger(j) || counts[k] !== tags / 2 - j) wrong++;
  }
  t.is(filled, bins / stepPs / 2);
  t.is(wrong, 0);
});

test('where bins or memory end a measurement is refused, with what there is, and those that run go on', async t => {
  await using scripted = await ScriptedLine.open({ acts: comb(1000), source: 'waitable' }, { memoryBytes: 64 * 2 ** 20 });
  const of = (bins: number): MeasurementRequest => ({ name: 'histogram', config: { click: 2, start: 1, binwidthPs: 1, bins } });
  const tooMany = await t.throwsAsync(scripted.line.createMeasurements([of(limits.binsPerMeasurement + 1)], { start: false })) as TaggerError;
  t.regex(tooMany.message, new RegExp(`${limits.binsPerMeasurement}`));
  const [small] = await scripted.line.createMeasurements([of(100_000)], { start: false });
  // Both threads are there when it is answered.
  await small!.account();
  const used = scripted.line.usedBytes;
  const tooLarge = await t.throwsAsync(scripted.line.createMeasurements([of(1000), of(5_000_000)], { start: false })) as TaggerError;
  t.is(tooLarge.code, 'limit');
  t.regex(tooLarge.message, /120\d{6} bytes.*holds \d+ bytes/);
  t.truthy(tooLarge.hint);
  await until(() => scripted.line.usedBytes === used, 'what was made of the refused request is given back');
  await small!.start();
  await small!.waitUntilFinished();
  t.is(numbers((await small!.read('getData')).value)[1000], tags / 2);
});
