// test/daemon/health.test.ts - alive is progress, not a timer that fires.
import test from 'ava';
import { HealthCheck, type Watched } from '../../app/daemon/health.ts';
import type { TaggerState } from '../../app/core/station.ts';

function box(state: TaggerState) {
  const line = { id: 'main', watermarkPs: 0n, state, status: () => ({ state: line.state, detail: 'in a sentence' }) };
  const clock = { ms: 0 };
  return { line, clock, check: new HealthCheck(() => [line satisfies Watched], { now: () => clock.ms }) };
}

test('a streaming tagger whose watermark stands still is not alive after 5 s, and is again when it moves', t => {
  const { line, clock, check } = box('streaming');
  t.true(check.alive().ok);
  clock.ms = 4_900;
  t.true(check.alive().ok);
  clock.ms = 5_100;
  t.deepEqual([check.alive().ok, check.alive().detail], [false, 'the data path of main has stood still for 5 s']);
  line.watermarkPs = 1n;
  t.true(check.alive().ok);
  clock.ms = 10_000;
  t.true(check.alive().ok, 'the count starts anew with the progress');
});

test('a tagger that is known to be idle may be quiet for ever', t => {
  const { clock, check } = box('ready');
  t.true(check.alive().ok);
  clock.ms = 1e9;
  t.true(check.alive().ok);
});

test('a tagger that is gone makes the box degraded and says why', t => {
  const { line, check } = box('streaming');
  t.true(check.ready().ok);
  line.state = 'gone';
  t.deepEqual(check.ready(), { ok: false, detail: 'degraded: main is gone: in a sentence' });
});
