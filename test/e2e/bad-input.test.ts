// test/e2e/bad-input.test.ts - what a person or a hostile program gets wrong: one clear error each, and the daemon goes on.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { WebSocket } from 'ws';
import { connect } from '../../app/client/index.ts';
import { runDaemon, startDaemon, type DaemonUnderTest } from '../support/daemon.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagd-bad-'));
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const faults: [string, () => string[], number, RegExp][] = [
  ['a recording that is not there', () => ['--tagger', `replay:${join(folder, 'none.ptu')}`], 66, /none\.ptu/],
  ['an empty recording', () => ['--tagger', `replay:${file('empty.ptu', '')}`], 65, /empty\.ptu.*empty|empty/],
  ['a recording of another format', () => ['--tagger', `replay:${file('text.ptu', 'this is not a recording, it is a text of some length\n'.repeat(40))}`], 65, /PTU/],
  ['a recording that ends in its header', () => ['--tagger', `replay:${file('cut.ptu', Buffer.concat([Buffer.from('PQTTTR\0\x001.0.00\0\0', 'latin1'), Buffer.alloc(20, 65)]))}`], 65, /cut\.ptu/],
  ['an unknown kind of tagger', () => ['--tagger', 'magic'], 64, /magic/],
  ['a wrong key in the configuration', () => ['--config', file('tagd.toml', '[listen]\nprot = 1\n')], 78, /tagd\.toml:2:1: listen\.prot: unknown key; did you mean 'port'\?/],
  ['an address that is not loopback', () => ['--listen', '0.0.0.0:0'], 69, /no TLS/],
  ['a speed for what has none', () => ['--tagger', 'simulated', '--speed', '2'], 64, /only a recording has one/],
  ['an unknown option', () => ['--tager', 'simulated'], 64, /unknown option/],
];
for (const [what, args, code, message] of faults) {
  test(`tagd refuses ${what} with one clear error`, async t => {
    const listen = args().includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
    const result = await runDaemon(['--state', join(folder, what.replaceAll(' ', '-')), ...listen, ...args()]);
    t.is(result.code, code, result.stderr);
    t.regex(result.stderr, message);
    t.notRegex(result.stderr, /\n\s+at /, 'no stack');
    t.is(result.stdout, '');
  });
}

test('tagd names a port that is taken, and what to do', async t => {
  await using daemon = await startDaemon();
  const result = await runDaemon(['--state', join(folder, 'other'), '--listen', `127.0.0.1:${daemon.port}`]);
  t.is(result.code, 75);
  t.regex(result.stderr, new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${daemon.port}: another program has this port`));
  t.regex(result.stderr, /--listen/);
});

/** The daemon is as it was: a new client measures. */
async function stillMeasures(daemon: DaemonUnderTest): Promise<boolean> {
  await using session = await connect(daemon.link);
  const tagger = await session.tagger();
  await using rate = await tagger.measure('countrate', { channels: [1, 2] }, { start: false });
  await rate.startFor(1e11);
  return await rate.waitUntilFinished(60_000) && (await rate.getData()).every(hertz => hertz > 0);
}

test('a wrong link, a revoked link and hostile frames each get one answer, and the daemon goes on', async t => {
  await using daemon = await startDaemon();
  const wrong = daemon.link.replace(/#.*/, `#${'A'.repeat(32)}`);
  const unknown = await t.throwsAsync(connect(wrong), { name: 'TaggerError' });
  t.is((unknown as unknown as { code: string }).code, 'forbidden');
  {
    await using session = await connect(daemon.link);
    const shared = await session.share({ facet: 'view', label: 'to be revoked' });
    await session.revoke(shared.id);
    const revoked = await t.throwsAsync(connect(shared.link), { name: 'TaggerError' });
    t.is(revoked?.message, unknown?.message, 'unknown and revoked read the same');
  }
  for (const frame of ['garbage', '[', '["push"]', '{"__proto__":1}', '[1e999]', `["push",${'['.repeat(2000)}`, 'x'.repeat(10_000), Buffer.from([0, 255, 1, 2])]) {
    const socket = new WebSocket(`ws://127.0.0.1:${daemon.port}/rpc`);
    const closed = new Promise<void>(resolve => { socket.on('close', () => { resolve(); }).on('error', () => { resolve(); }); });
    socket.on('open', () => { socket.send(frame); });
    await closed;
  }
  t.true(await stillMeasures(daemon));
  t.is(await daemon.stop(), 0, daemon.output());
  t.notRegex(daemon.output(), /\n\s+at /, 'no stack in the log');
});

test('wrong arguments are refused by name and range, and nothing else is affected', async t => {
  await using daemon = await startDaemon();
  await using session = await connect(daemon.link);
  const tagger = await session.tagger();
  const refused = async (run: () => Promise<unknown>, message: RegExp): Promise<void> => { await t.throwsAsync(run(), { name: 'TaggerError', message }); };
  await refused(() => tagger.measure('correlation', { channel1: 1, channel2: 99 }), /no channel 99/);
  await refused(() => tagger.measure('correlation', { channel1: 1, channel2: 2, binwidthPs: 0 }), /binwidthPs must be a whole number of ps from 1/);
  await refused(() => tagger.measure('correlation', { channel1: 1, channel2: 2, bins: 1e12 }), /bins must be/);
  await refused(() => tagger.configure({ channels: { 1: { deadTimePs: -5 } } }), /dead time|deadTimePs/);
  t.true(await stillMeasures(daemon));
});
