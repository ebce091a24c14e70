// test/driver/bridge/hostile.test.ts - bridges that misbehave: one clear message each, no hang, nothing lost without a mark, no process left.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { isTaggerError, type TaggerError } from '../../../app/core/errors.ts';
import { openBridge } from '../../../app/driver/bridge/driver.ts';
import { checkCapabilities, readLine } from '../../../app/driver/bridge/protocol.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { Random } from '../../support/random.ts';
import { command, freshFile, open, processes } from './support.ts';
import { until } from '../../support/until.ts';

const refused = async (options: object): Promise<TaggerError> => {
  const begun = performance.now();
  const error = await open(options).then(async tagger => {
    await tagger[Symbol.asyncDispose]();
    throw new Error(`was opened: ${JSON.stringify(options)}`);
  }, (failure: unknown) => failure as TaggerError);
  if (!isTaggerError(error)) throw error;
  if (performance.now() - begun > 25_000) throw new Error(`took ${performance.now() - begun} ms`);
  return error;
};

test('a bridge that ends at once: its own last words are the message', async t => {
  const error = await refused({ misbehave: 'exits' });
  t.is(error.code, 'device-lost');
  t.regex(error.message, /ended with code 1: ModuleNotFoundError: No module named 'TimeTagger'\./);
});

test('a bridge that names no capabilities is given up after 5 s', async t => {
  const begun = performance.now(), error = await refused({ misbehave: 'mute' });
  t.is(error.code, 'timeout');
  t.regex(error.message, /has not named its capabilities in 5 s; it said nothing/);
  t.true(performance.now() - begun > 4900);
});

test('a bridge that says that it is busy is given more time', async t => {
  await using tagger = await open({ misbehave: 'busy' });
  t.is(tagger.info.serial, 'T-1');
});

test('a bridge that says that it is busy when nobody waits is not ended for it', async t => {
  await using tagger = await open({ misbehave: 'busy later' });
  await new Promise(resolve => { setTimeout(resolve, 5500); });
  t.is(tagger.detail(), undefined);
  await t.notThrowsAsync(tagger.configure({ tagger: { mode: 'fine' } }));
});

test('a bridge that sends without being asked is ended, and what it sent is in no run', async t => {
  await using tagger = await open({ misbehave: 'eager', tags: 2000, once: freshFile() });
  await new Promise(resolve => { setTimeout(resolve, 500); });
  const sink = new FakeSink();
  await tagger.run(sink, new AbortController().signal);
  t.deepEqual(sink.markers.filter(({ kind }) => kind !== 'heartbeat').map(({ kind, tagsBefore }) => [kind, tagsBefore]), [['losing', 0], ['lost', 0], ['epoch', 0]]);
  t.true(sink.tags >= 2000);
});

test('an endless line, and notes without end, on standard error', async t => {
  for (const [misbehave, message] of [['line', /wrote a line of more than 256 KiB/], ['chatter', /wrote more than 4 MiB a second/]] as const) {
    const error = await refused({ misbehave });
    t.is(error.code, 'protocol');
    t.regex(error.message, message);
  }
});

test('binary noise on standard error is not heard', async t => {
  await using tagger = await open({ misbehave: 'binary' });
  t.is(tagger.info.model, 'Test bridge');
});

test('capabilities that cannot be are refused, each with what is wrong', t => {
  const good = { tagd: 1, model: 'M', serial: 'S', channels: [{ number: 1 }] };
  const setting = { key: 'levelV', kind: 'number', unit: 'V', scope: 'channel', min: 0, max: 1, default: 0 };
  const refusal = (patch: object): string => {
    const error = t.throws(() => checkCapabilities({ ...good, ...patch }), undefined, JSON.stringify(patch));
    t.true(isTaggerError(error) && error.message.startsWith('Cannot use the bridge: ') && error.message.length < 400, String(error));
    return `${(error as TaggerError).code}: ${error!.message}`;
  };
  t.regex(refusal({ tagd: 2 }), /unsupported: .* version 2/);
  t.regex(refusal({ tagd: undefined }), /version missing/);
  for (const [key, value] of [['model', ''], ['model', 7], ['serial', 'x'.repeat(101)], ['serial', null], ['firmware', 5]] as const) t.regex(refusal({ [key]: value }), new RegExp(`protocol: .*${key} is `));
  t.regex(refusal({ channels: Array.from({ length: 255 }, (_, i) => ({ number: i + 1 })) }), /255 entries, not 1 to 254/);
  for (const channels of [[], 'all', undefined, { length: 1 }]) t.regex(refusal({ channels }), /not 1 to 254/);
  for (const number of [0, 1.5, 1000, -1000, '1', null, NaN]) t.regex(refusal({ channels: [{ number }] }), /a channel has the number/);
  t.regex(refusal({ channels: [{ number: 1 }, { number: 2 }, { number: 1 }] }), /channel 1 is listed twice/);
  t.regex(refusal({ channels: [{ number: 1, name: '\u0007' }] }), /the name/);
  for (const tick of [{ num: -1, den: 1 }, { num: 1, den: 0 }, { num: 0.5, den: 1 }, 5, null, { num: 2 ** 30, den: 1 }, { num: 1, den: 5000 }]) t.regex(refusal({ tick }), /tick is /);
  for (const [patch, message] of [
    [{ min: 2, max: 1 }, /the range 2 to 1/], [{ min: null }, /the range null to 1/], [{ max: undefined }, /the range 0 to missing/], [{ default: 5 }, /the default 5, outside/], [{ step: -1 }, /the step -1/],
    [{ step: 0 }, /the step 0/], [{ unit: 'kg' }, /the unit "kg"/], [{ scope: 'world' }, /the scope/], [{ kind: 'text' }, /the kind/], [{ key: '__proto__' }, /the key/], [{ key: 'constructor' }, /the key/],
    [{ key: 'a b' }, /the key/], [{ kind: 'choice', choices: [] }, /the choices/], [{ kind: 'choice', choices: ['a', 'a'] }, /the choices/], [{ kind: 'choice', choices: ['a'], default: 'b' }, /no choice/],
    [{ kind: 'boolean', default: 1 }, /the default 1, not true/], [{ label: '' }, /the label/],
  ] as const) t.regex(refusal({ settings: [{ ...setting, ...patch }], values: {} }), message);
  t.regex(refusal({ settings: [setting, setting] }), /levelV is listed twice/);
  t.regex(refusal({ settings: Array.from({ length: 65 }, (_, i) => ({ ...setting, key: `k${i}` })) }), /65 entries/);
  t.regex(refusal({ settings: [setting] }), /does not say what levelV of channel 1 is/);
  for (const channels of [{ 1: { levelV: 7 } }, { 1: { levelV: 'high' } }, { 5: { levelV: 0 } }, []]) t.regex(refusal({ settings: [setting], values: { channels } }), /of the values that it applied one cannot be/);
  t.regex(refusal({ format: 'ttbin' }), /format is "ttbin"/);
  t.regex(refusal({ format: 'a1', channels: [{ number: 5 }] }), /a1 have the channels 1 to 4/);
  t.regex(refusal({ overflowReport: 'ok' }), /overflowReport/);
  for (const heartbeatMs of [0, -5, 1e9, '5']) t.regex(refusal({ heartbeatMs }), /heartbeatMs/);
  t.is(checkCapabilities({ ...good, channels: [{ number: 2 }, { number: -1 }] }).info.channels.map(({ number }) => number).join(), '-1,2', 'in order');
});

test('lines of any kind are read without an exception', t => {
  const random = new Random(3), pieces = ['{', '}', '"kind":', '"done"', '"capabilities"', ',', '[', ']', '"id":', '1', 'null', '\u0000', '"end"', '"records":-1', '\\', '{"kind":"done","id":1}'];
  for (let i = 0; i < 20_000; i++) {
    const line = Array.from({ length: random.integer(1, 8) }, () => random.pick(pieces)).join('');
    t.notThrows(() => readLine(line), line);
  }
  t.deepEqual(readLine('{"kind":"done","id":"1"}').kind, 'text');
  t.is(readLine('{"kind":"end","records":-5}').kind, 'end');
});

/** Runs a bridge that fails once, and then is well: what came is told. */
async function recovered(options: object) {
  const tagger = await open({ tags: 3000, once: freshFile(), ...options });
  const sink = new FakeSink(), details = new Set<string>();
  const looking = setInterval(() => { details.add(tagger.detail() ?? ''); }, 5);
  await tagger.run(sink, new AbortController().signal);
  clearInterval(looking);
  const after = tagger.detail();
  await tagger[Symbol.asyncDispose]();
  return { sink, after, detail: [...details].filter(Boolean).join(' | ') };
}

for (const [misbehave, message] of [
  ['text', /is none, it wrote text: '.*raceback/], ['noise', /is none, type/], ['dies', /ended with code 3: The cable of the tagger was pulled\. Plug it in\./],
  ['silent', /has sent nothing for .* s, and promised a record every 100 ms/], ['unanswered', /has not answered to start in 5 s/], ['deaf', /has not answered to start in 5 s/],
] as const) {
  test(`a bridge that is '${misbehave}': its gap is flagged, a new one begins a new epoch, and the message says why`, async t => {
    const { sink, after, detail } = await recovered({ misbehave, diesAfterBytes: 9000, heartbeatMs: 100 });
    t.deepEqual(sink.markers.filter(({ kind }) => kind !== 'heartbeat').map(({ kind }) => kind), ['losing', 'lost', 'epoch']);
    const [loss] = sink.losses;
    t.like(loss, { grade: 'flagged', place: 'usb' });
    const { tagsBefore } = sink.markers.find(({ kind }) => kind === 'epoch')!;
    t.true(sink.timesPs.every((timePs, i) => (i < tagsBefore ? timePs <= loss!.fromPs : timePs >= loss!.toPs)), 'tags lie outside the gap');
    t.true(sink.tags - tagsBefore >= 3000, 'the second child is whole');
    t.regex(detail, message);
    t.is(after, undefined, 'and all is well again');
  });
}

test('a bridge that dies at any byte: what was whole has been delivered', async t => {
  for (const diesAfterBytes of [1, 15, 16, 17, 4095, 4096, 8191]) {
    const { sink } = await recovered({ misbehave: 'dies', diesAfterBytes });
    const { tagsBefore } = sink.markers.find(({ kind }) => kind === 'epoch')!;
    t.is(tagsBefore, Math.floor(diesAfterBytes / 16), `after ${diesAfterBytes} bytes`);
    t.is(sink.losses.length, 1);
  }
});

test('times that go backwards are handed on as they are: the sink marks them', async t => {
  const { sink } = await recovered({ misbehave: 'backwards' });
  t.is(sink.losses.length, 0);
  t.is(sink.timesPs.filter((timePs, i) => i > 0 && timePs < sink.timesPs[i - 1]!).length, 1);
});

test('settings: a refusal changes nothing; an answer that cannot be ends the bridge', async t => {
  await using refusing = await open({ misbehave: 'refuses' });
  const before = refusing.settings();
  await t.throwsAsync(refusing.configure({ channels: { 1: { triggerLevelV: 1 } } }), { code: 'device-refused', message: /the vendor library said no/ });
  t.deepEqual(refusing.settings(), before);
  await using lying = await open({ misbehave: 'lies' });
  await t.throwsAsync(lying.configure({ channels: { 1: { triggerLevelV: 1 } } }), { code: 'protocol' });
  t.deepEqual(lying.settings(), before);
  await t.throwsAsync(lying.configure({ channels: { 1: { triggerLevelV: 1 } } }), { code: 'device-lost' });
});

test('configure() of a bridge that does not answer ends in 5 s', async t => {
  await using tagger = await open({ misbehave: 'unanswered' });
  await t.throwsAsync(tagger.configure({ channels: { 1: { triggerLevelV: 1 } } }), { code: 'timeout', message: /has not answered to configure in 5 s/ });
});

test('a bridge that does not stop does not keep the run, nor the next one', async t => {
  await using tagger = await open({ misbehave: 'unstopped', once: freshFile() });
  const sink = new FakeSink({ stopAfter: 1000 }), begun = performance.now();
  await tagger.run(sink, new AbortController().signal);
  t.true(performance.now() - begun < 10_000);
  const again = new FakeSink({ stopAfter: 1000 });
  await tagger.run(again, new AbortController().signal);
  t.deepEqual(again.timesPs.slice(0, 1000), sink.timesPs.slice(0, 1000));
});

test('a bridge that ignores SIGTERM and the end of its input is killed; no process and no zombie is left', async t => {
  const mark = 'a-stubborn-one';
  const tagger = await open({ misbehave: 'stubborn', mark });
  t.is(processes(mark).length, 1);
  const begun = performance.now();
  await tagger[Symbol.asyncDispose]();
  const tookMs = performance.now() - begun;
  t.true(tookMs > 2900 && tookMs < 12_000, `${tookMs} ms`);
  await until(() => processes(mark).length === 0, 'the process is gone');
  await until(() => processes().length === 0, 'no zombie is left');
});

test('what a bridge has started goes with it', async t => {
  const pidFile = freshFile();
  const tagger = await openBridge({ command: `sh -c "sleep 600 & echo $! > ${pidFile}; exec ${command({}).replaceAll('"', '\\"')}"` });
  const pid = Number(readFileSync(pidFile, 'utf8'));
  t.notThrows(() => process.kill(pid, 0));
  await tagger[Symbol.asyncDispose]();
  await until(() => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    } catch {
      return true;
    }
  }, 'the grandchild is gone');
  t.pass();
});

test('a bridge that fails does not disturb another', async t => {
  await using good = await open({ paceMs: 1 });
  const sink = new FakeSink({ forget: true }), control = new AbortController();
  const running = good.run(sink, control.signal);
  const others = await Promise.all([recovered({ misbehave: 'noise' }), recovered({ misbehave: 'dies', diesAfterBytes: 100 }), refused({ misbehave: 'line' })]);
  t.is(others.length, 3);
  const before = sink.tags;
  await until(() => sink.tags > before, 'tags go on');
  control.abort();
  await running;
  t.is(sink.losses.length, 0);
});

test('another tagger behind the bridge is not taken for the first one', async t => {
  const once = freshFile();
  const quoted = (options: object): string => command(options).replaceAll('"', '\\"');
  const first = quoted({ misbehave: 'dies', diesAfterBytes: 5000 }), second = quoted({ patch: { serial: 'T-2' } });
  const tagger = await openBridge({ command: `sh -c "if [ -e ${once} ]; then exec ${second}; else touch ${once}; exec ${first}; fi"` });
  const sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  await until(() => /Another tagger is behind the bridge: Test bridge T-2/.test(tagger.detail() ?? ''), 'it is noticed');
  control.abort();
  await running;
  t.deepEqual(sink.markers.filter(({ kind }) => kind !== 'heartbeat').map(({ kind }) => kind), ['losing', 'lost'], 'the gap is told although nothing came back');
  await tagger[Symbol.asyncDispose]();
});
