// test/driver/fx2lafw/driver.test.ts - the logic analyser by its emulated board: what every driver must keep, and what is its own.
import test from 'ava';
import { boards, channelNumbers } from '../../../app/driver/fx2lafw/protocol.ts';
import type { DeviceModel } from '../../../app/emulate/device.ts';
import { Fx2lafwModel, type Fx2lafwOptions } from '../../../app/emulate/fx2lafw.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { conformance } from '../conformance.ts';
import { usbFuzz } from '../usb-fuzz.ts';
import { Mortal, openOn, usbLife } from '../usb-life.ts';
import { edgesOf, model, never, open, rateOf, Tapped, under, wide } from './support.ts';
import { until } from '../../support/until.ts';

conformance(test, {
  name: 'fx2lafw', stopAfter: 3000, change: { channels: { 1: { enabled: false } } },
  open: async () => (await open()).tagger, openEndless: async () => (await open()).tagger,
});
conformance(test, {
  name: 'fx2lafw, 16 lines', stopAfter: 3000, change: { channels: { 12: { enabled: false } } },
  open: async () => (await open({ id: wide })).tagger, openEndless: async () => (await open({ id: wide })).tagger,
});
usbLife(test, under);
usbFuzz(test, under);

test('fx2lafw: every edge between the samples that the board sent is a tag, with the time of its sample', async t => {
  for (const id of ['0925:3881', wide]) {
    for (let seed = 1; seed <= 4; seed++) {
      const bus = new EmulatedBus(), board = new Tapped(model({ id, seed, idleLevels: 0b100 }));
      bus.plug(board);
      await using tagger = await openOn(bus, under);
      const sink = new FakeSink({ stopAfter: 4000 });
      await tagger.run(sink, never());
      const { inputs } = boards[id]!, rateHz = BigInt(id === wide ? 12e6 : 24e6);
      const expected = edgesOf(Buffer.concat(board.stretches[0]!), inputs / 8, inputs);
      const n = sink.tags;
      t.true(n >= 4000 && expected.length >= n, `seed ${seed}: ${n} tags of ${expected.length}`);
      t.deepEqual(Array.from(sink.timesPs), expected.slice(0, n).map(([sample]) => BigInt(sample) * 10n ** 12n / rateHz), `${id}, seed ${seed}`);
      t.deepEqual(Array.from(sink.channels), expected.slice(0, n).map(([, index]) => index), `${id}, seed ${seed}`);
      t.is(sink.losses.length, 0);
      t.false(Array.from(sink.channels).includes(channelNumbers(inputs).indexOf(3)), `${id}, seed ${seed}: the level of the first sample is no edge`);
    }
  }
});

test('fx2lafw: transfers wait before the board is started, at the fastest rate unless another one is set', async t => {
  const bus = new EmulatedBus(), board = new Tapped(model());
  bus.plug(board);
  await using tagger = await openOn(bus, under);
  t.is(rateOf(tagger), '24M');
  t.deepEqual(tagger.info.tick, { num: 125_000, den: 3 });
  await tagger.run(new FakeSink({ stopAfter: 100 }), never());
  const { tagger: applied } = await tagger.configure({ tagger: { sampleRate: '20k' } });
  t.is(applied!['sampleRate'], '20k');
  t.deepEqual(tagger.info.tick, { num: 50_000_000, den: 1 });
  await tagger.run(new FakeSink({ stopAfter: 100 }), never());
  t.deepEqual(board.commands, ['400001', '0005db']);
});

test('fx2lafw: switching an input is no gap, and takes both of its edges', async t => {
  const { tagger } = await open();
  const sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  await until(() => sink.tags > 500);
  const applied = await tagger.configure({ channels: { [-2]: { enabled: false } } });
  t.like(applied.channels![2], { enabled: false });
  const from = sink.tags, second = [-2, 2].map(number => tagger.info.channels.findIndex(channel => channel.number === number));
  await until(() => sink.tags > from + 500);
  control.abort();
  await running;
  t.true(sink.channels.subarray(0, from).some(index => second.includes(index)));
  t.false(sink.channels.subarray(from).some(index => second.includes(index)));
  t.is(sink.losses.length, 0);
});

test('fx2lafw: more than the cable carries is refused, and leaves no trace', async t => {
  const { tagger } = await open({ id: wide });
  t.is(rateOf(tagger), '12M');
  const before = tagger.settings();
  for (const change of [{ sampleRate: '24M' }, { sampleRate: '16M' }, { sampleRate: '24M', sampleBits: '16' }]) {
    const error = await t.throwsAsync(tagger.configure({ tagger: change, channels: { 1: { enabled: false } } })) as unknown as { code: string; hint?: string };
    t.is(error.code, 'usage');
    t.regex(error.hint ?? '', /12M/);
    t.deepEqual(tagger.settings(), before);
  }
  const slow = (await open({ isFullSpeed: true })).tagger;
  t.is(rateOf(slow), '1M');
  await t.throwsAsync(slow.configure({ tagger: { sampleRate: '2M' } }), { message: /^Cannot set the sample rate/ });
});

test('fx2lafw: packets that end in the middle of a sample harm nothing', async t => {
  const { tagger } = await open({ id: wide, faults: { shortPackets: 1 } });
  const sink = new FakeSink({ stopAfter: 2000 });
  await tagger.run(sink, never());
  t.true(sink.timesPs.every((timePs, i, all) => i === 0 || timePs >= all[i - 1]!));
});

test('fx2lafw: what lies about its version, its chip or its endpoints, or sends unasked, is refused in one sentence', async t => {
  const lies: [Fx2lafwOptions, RegExp][] = [
    [{ faults: { version: [2, 0] } }, /version 2\.0/], [{ faults: { version: [1] } }, /1 of 2 bytes/], [{ faults: { version: [] } }, /0 of 2 bytes/],
    [{ faults: { revision: [] } }, /which chip/], [{ faults: { hasNoEndpoint: true } }, /no endpoint/],
  ];
  for (const [options, message] of lies) {
    const error = await t.throwsAsync(open(options), { message }) as unknown as { code: string };
    t.is(error.code, 'protocol');
  }
  const bus = new EmulatedBus();
  bus.plug(new Babbling(model()));
  await t.throwsAsync(openOn(bus, under), { message: /sends without being asked/ });
});

test('fx2lafw: a stream left running by a process that died is over before the device is used', async t => {
  const bus = new EmulatedBus(), board = new Fx2lafwModel({ signals: [], pulsePs: 1e9 });
  bus.plug(board);
  board.control({ requestType: 0x40, request: 0xb1, value: 0, index: 0 }, Uint8Array.of(0, 5, 0xdb));
  await until(() => board.packet(0x82) !== undefined);
  await using tagger = await openOn(bus, under);
  t.is(board.halts, 1);
  t.is(tagger.detail(), undefined);
});

test('fx2lafw: copies have one serial number: another one at another port is not taken for this one, another model at this port neither', async t => {
  const bus = new EmulatedBus(), unplug = bus.plug(model(), '9-1'), [first] = await bus.list();
  await using tagger = await openOn(bus, under);
  bus.plug(model(), '9-2');
  t.deepEqual((await bus.list()).map(({ serial }) => serial), [first!.serial, first!.serial]);
  t.is(tagger.info.serial, 'port 9-1');
  const sink = new FakeSink({ forget: true }), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  await until(() => sink.tags > 100);
  unplug();
  await until(() => tagger.detail() !== undefined);
  const away = sink.tags;
  await new Promise(resolve => { setTimeout(resolve, 300); });
  t.is(sink.tags, away, 'the copy is left alone');
  const unplugOther = bus.plug(model({ id: wide }), '9-1');
  await until(() => (tagger.detail() ?? '').includes('Another tagger'));
  t.is(sink.tags, away);
  unplugOther();
  bus.plug(model(), '9-1');
  await until(() => sink.tags > away);
  control.abort();
  await running;
});

/** Sends whether it was started or not. */
class Babbling extends Mortal {
  constructor(inner: DeviceModel) { super(inner, Infinity); }
  override packet(): Uint8Array { return new Uint8Array(512); }
}
