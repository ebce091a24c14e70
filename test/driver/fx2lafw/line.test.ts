// test/driver/fx2lafw/line.test.ts - a logic analyser in a whole line: another sample rate is another tick for all that is made afterwards.
import test from 'ava';
import { Line } from '../../../app/dsp/line.ts';
import { until } from '../../support/until.ts';

test('another sample rate while it measures: a gap and an epoch for the measurement, the new tick for the next one', async t => {
  await using line = await Line.open({ id: 'usb', source: { kind: 'usb' }, ingestWorker: new URL('../support/analyser.worker.ts', import.meta.url) });
  t.deepEqual(line.status().info.tick, { num: 125_000, den: 3 });
  const make = async () => (await line.createMeasurements([{ name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs: 250_000, bins: 100 } }]))[0]!;
  const before = await make();
  t.like(await before.account(), { tickPs: { num: 125_000, den: 3 }, aliased: false });
  await until(async () => (await before.account()).tags > 1000);
  const { settings } = await line.configure({ tagger: { sampleRate: '1M' } });
  t.is(settings.tagger!['sampleRate'], '1M');
  t.deepEqual(line.status().info.tick, { num: 1_000_000, den: 1 });
  const after = await make();
  t.like(await after.account(), { tickPs: { num: 1_000_000, den: 1 }, aliased: true });
  await until(async () => (await after.account()).tags > 1000);
  const { lossGrade, epochs } = await before.account();
  t.is(lossGrade, 'flagged');
  t.true(epochs >= 1);
});
