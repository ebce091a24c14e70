// test/e2e/virtual.test.ts - two clients with delays and virtual channels of their own on the same inputs of one station.
import test from 'ava';
import { connect } from '../../app/client/index.ts';
import { startDaemon } from '../support/daemon.ts';

test('two clients see different coincidences of the same pairs, and accidentals are 2 W r1 r2', async t => {
  const rateHz = 1e6, windowPs = 5000, seconds = 4;
  const source = JSON.stringify({
    seed: 7, channels: 2, pace: 'unpaced', durationPs: seconds * 1e12,
    signals: [{ kind: 'poisson', channel: 1, rateHz }, { kind: 'poisson', channel: 2, rateHz }, { kind: 'pairs', channels: [1, 2], rateHz: 20_000, delayPs: [0, 40_000] }],
  });
  await using daemon = await startDaemon(['--tagger', `simulated:${source}`]);
  await using ours = await connect(daemon.link);
  await using theirs = await connect(daemon.link);
  const coincidence = { kind: 'coincidence', channels: [1, 2], windowPs } as const;
  const matched = (await ours.tagger()).view({ delaysPs: { 1: 40_000 }, virtual: { 1001: coincidence, 1002: { kind: 'gated', channel: 1001, gateStart: 1, gateStop: 2 } } });
  const mismatched = (await theirs.tagger()).view({ delaysPs: { 1: -200_000 }, virtual: { 1001: coincidence } });
  const [mine, gated] = await matched.measureTogether([{ name: 'countrate', config: { channels: [1, 2, 1001] } }, { name: 'countrate', config: { channels: [1002] } }], { start: false });
  await using other = await mismatched.measure('countrate', { channels: [1, 2, 1001] }, { start: false });
  await Promise.all([mine, gated, other].map(each => each.start()));
  for (const each of [mine, gated, other]) t.true(await each.waitUntilFinished(60_000));
  const { value: [r1 = 0, r2 = 0, pairs = 0], info } = await mine.read('getData');
  const { value: [, , accidentals = 0], info: otherInfo } = await other.read('getData');
  const live = otherInfo.liveTimePs / 1e12, expected = 2 * windowPs * 1e-12 * r1 * r2;
  // A tag is used once, so one in a hundred accidental partners is gone; and sources may lose pairs to dead time.
  t.true(Math.abs(accidentals - expected) < 5 * Math.sqrt(expected / live) + 0.015 * expected, `${accidentals}/s, by formula ${expected}/s`);
  t.true(Math.abs(pairs - accidentals - 20_000) < 5 * Math.sqrt(pairs / live) + 0.03 * pairs, `${pairs}/s with the pairs, ${accidentals}/s without`);
  t.deepEqual(info.delays.map(({ privatePs }) => privatePs), [40_000, 0]);
  t.deepEqual(otherInfo.delays.map(({ privatePs }) => privatePs), [-200_000, 0]);
  t.is(info.virtual?.leadInPs, 40_000 + windowPs);
  t.deepEqual((await gated.account()).delays.map(({ channel }) => channel), [1, 2]);
});
