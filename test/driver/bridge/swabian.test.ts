// test/driver/bridge/swabian.test.ts - ops/bridge/swabian.py with a module in place of the vendor's: tags, losses, settings, its end; here and through ssh.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openBridge } from '../../../app/driver/bridge/driver.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { freshFile, here, processes, read, testPython as test } from './support.ts';
import { until } from '../../support/until.ts';

const script = fileURLToPath(new URL('../../../ops/bridge/swabian.py', import.meta.url));
/** The interpreter is told where the module is by env, as a user would. */
const python = (options: object, args = '', path = `${here}fake`): string => `env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=${path} 'FAKE_TAGGER=${JSON.stringify(options)}' python3 ${script} ${args}`;
const open = (options: object = {}, args = '') => openBridge({ command: python(options, args) });

test('swabian.py says what the tagger is', async t => {
  await using tagger = await open({}, '--serial 2138000XYZ');
  t.like(tagger.info, { model: 'Time Tagger Ultra', serial: '2138000XYZ', driver: 'bridge', overflowReport: 'counted' });
  t.deepEqual(tagger.info.channels.map(({ number }) => number), [1, 2, 3, 4]);
  t.deepEqual(tagger.info.settings.map(({ key }) => key), ['triggerLevelV', 'deadTimePs', 'inputDelayPs', 'testSignal']);
  await using falling = await open({}, '--falling');
  t.deepEqual(falling.info.channels.map(({ number }) => number), [-4, -3, -2, -1, 1, 2, 3, 4]);
});

test('swabian.py: emitted = delivered + missed exactly, and dark inputs let time pass', async t => {
  const report = freshFile();
  const tagger = await open({ blocks: 60, report });
  const sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  // 12 overflows and a second without a tag after the last block.
  await until(() => sink.losses.length === 12 && sink.markers.at(-1)!.kind === 'heartbeat' && (sink.markers.at(-1) as { atPs: bigint }).atPs > 800_000_000_000n, 'all blocks and some dark ones have come');
  control.abort();
  await running;
  await tagger[Symbol.asyncDispose]();
  const { emitted, missed } = read<Record<'emitted' | 'missed', Record<string, number>>>(report);
  t.true(sink.losses.every(({ grade }) => grade === 'counted'));
  for (const [index, { number }] of tagger.info.channels.entries()) {
    const delivered = sink.channels.reduce((sum, each) => sum + (each === index ? 1 : 0), 0);
    const lost = sink.losses.flatMap(loss => loss.missed ?? []).filter(each => each.channelIndex === index).reduce((sum, { count }) => sum + count, 0);
    t.is(lost, missed[number]!, `missed on channel ${number}`);
    t.is(delivered + lost, emitted[number]!, `channel ${number}`);
  }
  t.is(sink.timesPs[0], 1000n, 'the stream begins with the first block');
  t.is(readFileSync(`${report}.freed`, 'utf8'), '1740000JG2', 'and the tagger was given back');
});

test('swabian.py returns what was really applied, and restores all when the library refuses one', async t => {
  await using tagger = await open({ fail: 'dead' });
  const applied = await tagger.configure({ channels: { 1: { triggerLevelV: 0.3, deadTimePs: 5001, inputDelayPs: -1500, testSignal: true } } });
  t.deepEqual(applied.channels![1], { triggerLevelV: 246 * 5 / 4096, deadTimePs: 4000, inputDelayPs: -1500, testSignal: true });
  await t.throwsAsync(tagger.configure({ channels: { 2: { triggerLevelV: 1 }, 3: { deadTimePs: 8000 } } }), { code: 'device-refused', message: /the library said no/ });
  t.deepEqual(tagger.settings(), applied);
  t.deepEqual(await tagger.configure({ channels: { 1: { testSignal: true } } }), applied, 'the tagger has the old values too');
});

test('swabian.py: what the library prints does not come between the records', async t => {
  await using tagger = await open({ print: true });
  const sink = new FakeSink({ stopAfter: 1000 });
  await tagger.run(sink, new AbortController().signal);
  t.is(sink.losses.filter(({ place }) => place === 'usb').length, 0);
});

test('swabian.py says what is missing', async t => {
  await t.throwsAsync(openBridge({ command: python({}, '', '/nowhere') }), { code: 'device-lost', message: /Cannot import the vendor's module: No module named 'TimeTagger'/ });
  await t.throwsAsync(open({ fail: 'open' }), { code: 'device-lost', message: /Cannot open the Time Tagger: no Time Tagger is attached\./ });
});

test('swabian.py through ssh (a stand-in): the same, and nothing is left over there', async t => {
  const report = freshFile(), quoted = `env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=${here}fake FAKE_TAGGER='\\''${JSON.stringify({ report })}'\\'' python3 ${script}`.replaceAll("'\\''", "\\'");
  const tagger = await openBridge({ command: `'${process.execPath}' ${here}stand-in-ssh.mjs -T -o BatchMode=yes pc "${quoted.replaceAll("\\'", "'").replaceAll('"', '\\"')}"` });
  t.is(tagger.info.model, 'Time Tagger Ultra');
  const sink = new FakeSink({ stopAfter: 2000 });
  await tagger.run(sink, new AbortController().signal);
  t.true(sink.tags >= 2000);
  await tagger[Symbol.asyncDispose]();
  t.true(existsSync(`${report}.freed`), 'the end of its input was told over there');
  t.deepEqual(processes('stand-in-ssh'), []);
});
