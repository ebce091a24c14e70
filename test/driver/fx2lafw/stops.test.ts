// test/driver/fx2lafw/stops.test.ts - the logic analyser stops by itself, or because its rate is changed: what is missing is said, and nothing else is.
import test from 'ava';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { openOn } from '../usb-life.ts';
import { edgesOf, model, open, rateOf, Tapped, under, wide } from './support.ts';
import { until } from '../../support/until.ts';

test('fx2lafw: another rate during a run: what was sampled before comes, then a flagged gap, an epoch, and tags on the new tick', async t => {
  for (const [id, change, rateHz] of [['0925:3881', { sampleRate: '16M' }, 16e6], [wide, { sampleRate: '24M', sampleBits: '8' }, 24e6]] as const) {
    const bus = new EmulatedBus(), board = new Tapped(model({ id }));
    bus.plug(board);
    const tagger = await openOn(bus, under), before = tagger.info.tick;
    const sink = new FakeSink(), control = new AbortController();
    const running = tagger.run(sink, control.signal);
    await until(() => sink.tags > 1000);
    await tagger.configure({ tagger: change });
    const atReturn = sink.tags;
    await until(() => sink.tags > atReturn + 1000);
    control.abort();
    await running;
    const kinds = sink.markers.filter(({ kind }) => kind !== 'heartbeat').map(({ kind }) => kind);
    t.deepEqual(kinds, ['losing', 'lost', 'epoch'], id);
    const epoch = sink.markers.find(marker => marker.kind === 'epoch')!, [loss] = sink.losses;
    t.is(epoch.tagsBefore, atReturn, `${id}: no tag of the new rate comes before the change is acknowledged`);
    t.like(loss, { grade: 'flagged', place: 'host' }, id);
    t.deepEqual(tagger.info.tick, rateHz === 16e6 ? { num: 62_500, den: 1 } : { num: 125_000, den: 3 });
    const { timesPs } = sink, samples = BigInt(Buffer.concat(board.stretches[0]!).length / (id === wide ? 2 : 1));
    t.is(loss!.fromPs, samples * BigInt(before.num) / BigInt(before.den), `${id}: all that was sampled has come`);
    t.true(loss!.fromPs >= timesPs[atReturn - 1]! && loss!.toPs > loss!.fromPs && loss!.toPs === epoch.atPs, id);
    for (const timePs of timesPs.subarray(atReturn)) {
      const sample = ((timePs - epoch.atPs) * BigInt(rateHz) + 10n ** 12n - 1n) / 10n ** 12n;
      if (timePs <= epoch.atPs || epoch.atPs + sample * 10n ** 12n / BigInt(rateHz) !== timePs) t.fail(`${id}: ${timePs} is on no sample`);
    }
    await tagger[Symbol.asyncDispose]();
  }
});

test('fx2lafw: changes of the rate one after the other, and when the run ends meanwhile, are all answered', async t => {
  const { tagger } = await open();
  const control = new AbortController(), sink = new FakeSink({ forget: true });
  const running = tagger.run(sink, control.signal);
  await until(() => sink.tags > 100);
  const changes = (['1M', '2M', '8M'] as const).map(sampleRate => tagger.configure({ tagger: { sampleRate } }));
  const last = await Promise.all(changes);
  t.is(last.at(-1)!.tagger!['sampleRate'], '8M');
  const late = tagger.configure({ tagger: { sampleRate: '4M' } });
  control.abort();
  await running;
  t.is((await late).tagger!['sampleRate'], '4M');
  await tagger[Symbol.asyncDispose]();
});

test('fx2lafw: a device that leaves while its rate is changed comes back with the settings from before', async t => {
  const { bus, board, tagger } = await open({ faults: { ignoresStarts: 1e9 } }, '9-5');
  const control = new AbortController(), sink = new FakeSink({ forget: true });
  const running = tagger.run(sink, control.signal);
  await until(() => sink.tags > 100);
  const change = tagger.configure({ tagger: { sampleRate: '1M' } });
  await until(() => board.starts > 1);
  board.onLeave?.(undefined);
  const error = await t.throwsAsync(change) as unknown as { code: string };
  t.is(error.code, 'device-lost');
  t.is(rateOf(tagger), '24M');
  bus.plug(model(), '9-5');
  const before = sink.tags;
  await until(() => sink.tags > before);
  t.is(rateOf(tagger), '24M');
  control.abort();
  await running;
});

test('fx2lafw: a board that stops, with silence or with empty packets, is a flagged gap from its last sample to the restart, then an epoch', async t => {
  for (const sendsEmpty of [false, true]) {
    const bus = new EmulatedBus(), board = new Tapped(model({ faults: { haltsAfterPackets: 469 * 3, sendsEmpty } }));
    bus.plug(board);
    await using tagger = await openOn(bus, under);
    const sink = new FakeSink(), control = new AbortController();
    const running = tagger.run(sink, control.signal);
    await until(() => sink.markers.filter(({ kind }) => kind === 'epoch').length === 3);
    t.regex(tagger.detail() ?? '', /has stopped [23] times/);
    control.abort();
    await running;
    const { losses, timesPs } = sink;
    const epochs = sink.markers.filter(marker => marker.kind === 'epoch');
    const originsPs = [0n, ...epochs.map(({ atPs }) => atPs)];
    for (const [i, loss] of losses.slice(0, 3).entries()) {
      const samples = BigInt(Buffer.concat(board.stretches[i]!).length);
      t.deepEqual(loss, { grade: 'flagged', place: 'device', fromPs: originsPs[i]! + samples * 125_000n / 3n, toPs: originsPs[i + 1]! }, `gap ${i}, empty packets: ${sendsEmpty}`);
      t.true(loss.toPs - loss.fromPs > 100_000_000_000n, 'as long as it took to notice');
    }
    t.true(timesPs.every(timePs => !losses.some(({ fromPs, toPs }) => timePs >= fromPs && timePs < toPs)), 'no tag lies in a gap');
    const expected = board.stretches.slice(0, 3).map(stretch => edgesOf(Buffer.concat(stretch), 1, 8).length);
    t.is(epochs[0]!.tagsBefore, expected[0]!);
    t.is(epochs[2]!.tagsBefore, expected[0]! + expected[1]! + expected[2]!, 'all that was sampled has come');
  }
});

test('fx2lafw: a board that is started and sends nothing is waited for, with the reason; it ends when it is told to', async t => {
  const { tagger } = await open({ faults: { haltsAfterPackets: 0 } });
  const sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  await until(() => (tagger.detail() ?? '').includes('sends nothing'));
  control.abort();
  await running;
  t.is(sink.tags, 0);
  t.true(sink.losses.length > 0, 'what was not seen is accounted for');
});

test('fx2lafw: stopped in the middle of a gap, the gap is told to its end', async t => {
  const { board, tagger } = await open({ faults: { haltsAfterPackets: 469, ignoresStarts: 1e9 } });
  const sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  await until(() => board.starts === 2);
  control.abort();
  await running;
  t.deepEqual(sink.markers.filter(({ kind }) => kind !== 'heartbeat').map(({ kind }) => kind), ['losing', 'lost']);
  t.is(sink.losses[0]!.fromPs, 240_128n * 125_000n / 3n);
});
