// test/e2e/usb-absent.test.ts - a daemon whose USB tagger is not plugged in serves all the same, and says what it waits for.
import test from 'ava';
import { startDaemon, runDaemon } from '../support/daemon.ts';
import { tagctl } from '../tagctl/run.ts';

test('without its tagger the daemon runs, is not ready, and says why; an unknown driver ends it', async t => {
  await using daemon = await startDaemon(['--tagger', 'usb:NO-SUCH-SERIAL']);
  for (const late = Date.now() + 60_000; !daemon.output().includes('waiting for') && Date.now() < late;) await new Promise(resolve => { setTimeout(resolve, 20); });
  t.regex(daemon.output(), /waiting for the tagger: Cannot open the USB time tagger with serial number NO-SUCH-SERIAL: .*cable/);
  const ready = await fetch(`http://127.0.0.1:${daemon.port}/readyz`), alive = await fetch(`http://127.0.0.1:${daemon.port}/healthz`);
  t.is(ready.status, 503);
  t.regex(await ready.text(), /^degraded: no tagger: .*NO-SUCH-SERIAL/);
  t.is(alive.status, 200);
  const { stdout, code } = await tagctl(['taggers', '--link', daemon.link]);
  t.deepEqual([code, stdout.trim()], [0, 'There is no tagger.']);
  t.is(await daemon.stop(), 0);
  const wrong = await runDaemon(['--tagger', 'usb:driver=nonsense', '--listen', '127.0.0.1:0', '--state', daemon.stateFolder]);
  t.not(wrong.code, 0);
  t.regex(wrong.stderr, /no driver 'nonsense'.*umass/s);
});
