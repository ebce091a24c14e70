// test/mqtt/health.test.ts - the readings are of this process and of this box, and a blocked event loop shows.
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { startHealthProbe } from '../../app/mqtt/health.ts';

test('a blocked event loop shows in the next reading and not in the one after', async t => {
  using probe = startHealthProbe();
  probe.read();
  await sleep(100); // The first period after a reading is not counted.
  const until = performance.now() + 300;
  while (performance.now() < until);
  await sleep(50);
  const blocked = probe.read();
  await sleep(200);
  let idle = probe.read();
  // A busy computer may hold this process up as well, but not time after time.
  for (let i = 0; i < 20 && idle.eventLoopP99Ms >= blocked.eventLoopP99Ms; i++) {
    await sleep(200);
    idle = probe.read();
  }
  t.true(blocked.eventLoopP99Ms > 200, `${blocked.eventLoopP99Ms} ms`);
  t.true(idle.eventLoopP99Ms < blocked.eventLoopP99Ms, `${idle.eventLoopP99Ms} ms`);
  t.true(idle.rssBytes > 1e6 && idle.freeBytes > 0 && idle.load1 >= 0 && idle.uptimeS > 0);
});
