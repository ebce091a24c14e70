// test/driver/bridge/conformance.test.ts - a bridge as a tagger: what every driver must keep, and an account that is exact.
import test from 'ava';
import { conformance } from '../conformance.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { freshFile, open, read } from './support.ts';
import { until } from '../../support/until.ts';

conformance(test, {
  name: 'bridge', open: () => open({ tags: 5000 }), openEndless: () => open({}),
  change: { channels: { 1: { triggerLevelV: 0.25, deadTimePs: 4000 }, [-1]: { testSignal: true } } },
});

test('bridge: emitted = delivered + missed exactly, where its losses are counted', async t => {
  const report = freshFile();
  await using tagger = await open({ tags: 40_000, overflowEvery: 500, fromPs: 123_456_789_012, report });
  const sink = new FakeSink();
  await tagger.run(sink, new AbortController().signal);
  const { emitted, missed } = read<Record<'emitted' | 'missed', Record<string, number>>>(report);
  t.true(sink.losses.length > 10);
  t.true(sink.losses.every(({ grade }) => grade === 'counted'));
  const { timesPs, channels } = sink;
  t.true(timesPs[0]! < 10_000n, 'the stream begins where the bridge said');
  for (const [index, { number }] of tagger.info.channels.entries()) {
    const delivered = channels.reduce((sum, each) => sum + (each === index ? 1 : 0), 0);
    const lost = sink.losses.flatMap(loss => loss.missed ?? []).filter(each => each.channelIndex === index).reduce((sum, { count }) => sum + count, 0);
    t.is(lost, missed[number]!, `missed on channel ${number}`);
    t.is(delivered + lost, emitted[number]!, `channel ${number}`);
  }
});

test('bridge: a dark input lets time pass', async t => {
  await using tagger = await open({ dark: true, paceMs: 5, heartbeatMs: 1000 });
  const sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  setTimeout(() => control.abort(), 300);
  await running;
  t.is(sink.tags, 0);
  t.is(sink.losses.length, 0);
  const beats = sink.markers.flatMap(marker => (marker.kind === 'heartbeat' ? [marker.atPs] : []));
  t.true(beats.at(-1)! > 20_000_000_000n);
});

test('bridge: what was applied comes back, and is applied again to the next child', async t => {
  const once = freshFile();
  await using tagger = await open({ misbehave: 'dies', diesAfterBytes: 20_000, once, tags: 20_000 });
  const applied = await tagger.configure({ tagger: { mode: 'fine' }, channels: { 2: { triggerLevelV: -1.25 } } });
  t.is(applied.channels![2]!['triggerLevelV'], -1.25);
  const sink = new FakeSink();
  await tagger.run(sink, new AbortController().signal);
  t.is(sink.losses.length, 1);
  t.deepEqual(tagger.settings(), applied);
  t.is(tagger.detail(), undefined);
  // The second child tells all that it has.
  const { channels, tagger: whole } = await tagger.configure({ channels: { 3: { deadTimePs: 7 } } });
  t.deepEqual([whole!['mode'], channels![2]!['triggerLevelV'], channels![3]!['deadTimePs']], ['fine', -1.25, 7]);
});

test('bridge: a run that is aborted has all that the bridge wrote until then, and the next run nothing of it', async t => {
  const report = freshFile();
  await using tagger = await open({ report, overflowEvery: 500, lateMs: 100 });
  for (let run = 0; run < 5; run++) {
    const sink = new FakeSink(), control = new AbortController();
    const running = tagger.run(sink, control.signal);
    await until(() => sink.tags > 3000, 'tags come');
    control.abort();
    await running;
    const { emitted } = read<{ emitted: Record<string, number> }>(report);
    const lost = sink.losses.flatMap(({ missed = [] }) => missed).reduce((sum, { count }) => sum + count, 0);
    t.is(sink.tags + lost, Object.values(emitted).reduce((sum, count) => sum + count, 0), `run ${run}`);
  }
});
