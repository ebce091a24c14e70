// test/driver/bridge/daemon.test.ts - a bridge behind a whole daemon: measured, killed, back again, and gone with the daemon, however that ends.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { connect } from '../../../app/client/index.ts';
import { runDaemon, startDaemon } from '../../support/daemon.ts';
import { command, here, testPython } from './support.ts';
import { until } from '../../support/until.ts';

const script = fileURLToPath(new URL('../../../ops/bridge/swabian.py', import.meta.url));
const swabian = (serial: string): string => `bridge:env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=${here}fake python3 ${script} --serial ${serial}`;

/** Processes of this computer whose command line ends with `word`. */
function found(word: string): number[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number).filter(pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').endsWith(`\0${word}\0`) && !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('bridge:');
    } catch {
      return false;
    }
  });
}

testPython('tagd --tagger bridge:...: measured, configured; its bridge is killed, and the measurement goes on with a flagged loss', async t => {
  const serial = `E2E-${process.pid}-1`;
  await using daemon = await startDaemon(['--tagger', swabian(serial)]);
  {
    await using session = await connect(daemon.link);
    const tagger = await session.tagger();
    t.like((await tagger.status()).info, { model: 'Time Tagger Ultra', serial, driver: 'bridge' });
    const { settings } = await tagger.configure({ channels: { 2: { triggerLevelV: 0.3, eventDivider: 2 } } });
    t.like(settings.channels![2], { triggerLevelV: 246 * 5 / 4096, eventDivider: 2 }, 'the level by the bridge, the divider by tagd');
    const rate = await tagger.measure('countrate', { channels: [1, 2] });
    const totals = async (): Promise<number> => Number((await rate.getCountsTotal())[0]);
    for (const late = performance.now() + 20_000; await totals() === 0 && performance.now() < late;) await new Promise(resolve => { setTimeout(resolve, 20); });
    const before = await totals();
    t.true(before > 0);
    const [pid] = found(serial);
    process.kill(pid!, 'SIGKILL');
    await until(() => found(serial).some(each => each !== pid), 'another bridge is there');
    for (const late = performance.now() + 20_000; (await rate.read('getData')).info.lossGrade !== 'flagged' && performance.now() < late;) await new Promise(resolve => { setTimeout(resolve, 20); });
    const { info } = await rate.read('getData');
    t.is(info.lossGrade, 'flagged');
    for (const late = performance.now() + 20_000; await totals() <= before && performance.now() < late;) await new Promise(resolve => { setTimeout(resolve, 20); });
    t.true(await totals() > before, 'tags flow again');
    t.like((await tagger.settings()).settings.channels![2], { triggerLevelV: 246 * 5 / 4096 });
  }
  t.is(await daemon.stop(), 0);
  await until(() => found(serial).length === 0, 'the bridge is gone with the daemon');
});

testPython('a daemon that is killed takes its bridge with it: the bridge sees the end of its input', async t => {
  const serial = `E2E-${process.pid}-2`;
  await using daemon = await startDaemon(['--tagger', swabian(serial)]);
  t.is(found(serial).length, 1);
  await daemon.stop('SIGKILL');
  await until(() => found(serial).length === 0, 'the bridge is gone');
  t.pass();
});

test('a daemon whose bridge cannot be opened says why', async t => {
  const { code, stderr } = await runDaemon(['--listen', '127.0.0.1:0', '--tagger', `bridge:${command({ misbehave: 'exits' })}`]);
  t.not(code, 0);
  t.regex(stderr, /ended with code 1: ModuleNotFoundError: No module named 'TimeTagger'/);
  const wrong = await runDaemon(['--listen', '127.0.0.1:0', '--tagger', 'bridge:a | b']);
  t.is(wrong.code, 64);
  t.regex(wrong.stderr, /\| means something to a shell only/);
});
