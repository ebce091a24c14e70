// test/driver/fx2lafw/busy.test.ts - the logic analyser by the real clock, alone in its process: this computer does not fetch its samples in time.
import test from 'ava';
import { Fx2lafwModel } from '../../../app/emulate/fx2lafw.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { openOn } from '../usb-life.ts';
import { under } from './support.ts';
import { until } from '../../support/until.ts';

test.serial('fx2lafw: this computer is busy for too long: the epoch that follows is placed by its clock, within what it says', async t => {
  // The buffer lasts for 0.8 s at this rate; the transport of the test fetches nothing while its thread is busy.
  const board = new Fx2lafwModel({ fifoBytes: 16 * 1024, signals: [{ kind: 'poisson', channel: 1, rateHz: 500 }], pulsePs: 1e9 }), bus = new EmulatedBus();
  bus.plug(board);
  await using tagger = await openOn(bus, under);
  await tagger.configure({ tagger: { sampleRate: '20k' } });
  const sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  await until(() => sink.tags > 300);
  const firstMs = board.startedMs;
  for (const late = performance.now() + 1500; performance.now() < late;);
  await until(() => sink.markers.some(({ kind }) => kind === 'epoch'));
  const passedMs = board.startedMs - firstMs;
  control.abort();
  await running;
  t.true(board.halts > 0);
  const epoch = sink.markers.find(marker => marker.kind === 'epoch')!;
  const offMs = Number(epoch.atPs) * 1e-9 - passedMs;
  t.true(Math.abs(offMs) < epoch.uncertaintyPs * 1e-9 + 100, `the epoch is ${offMs} ms off, and says it may be ${epoch.uncertaintyPs * 1e-9}`);
  t.like(sink.losses[0], { grade: 'flagged', place: 'device' });
});

test.serial('fx2lafw: another rate begins only when the board has heard of it: it hears nothing before its buffer is full', async t => {
  const board = new Fx2lafwModel({ fifoBytes: 3500, signals: [{ kind: 'periodic', channel: 1, periodPs: 2e9 }], pulsePs: 1e9 }), bus = new EmulatedBus();
  bus.plug(board);
  await using tagger = await openOn(bus, under);
  await tagger.configure({ tagger: { sampleRate: '20k' } });
  const sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  await until(() => sink.tags > 50);
  await tagger.configure({ tagger: { sampleRate: '25k' } });
  const from = sink.tags;
  await until(() => sink.tags > from + 50);
  control.abort();
  await running;
  t.is(board.starts, board.halts + 1);
  // Rising and falling edges are 1 ms apart, in samples of the new rate as before.
  const { timesPs } = sink;
  for (let i = from + 1; i < from + 20; i++) t.is(timesPs[i]! - timesPs[i - 1]!, 1_000_000_000n, `tag ${i}`);
});
