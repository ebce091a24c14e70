// test/driver/tdc1/driver.test.ts - the S-Fifteen TDC1 by its emulated device: what every driver must keep, and what is its own.
import test from 'ava';
import { tdc1 } from '../../../app/driver/tdc1/driver.ts';
import { describe, type Description } from '../../../app/emulate/descriptors.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { Tdc1Model, type Tdc1Options } from '../../../app/emulate/tdc1.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { conformance } from '../conformance.ts';
import { account } from './account.ts';
import { openOn, usbLife, type UsbUnderTest } from '../usb-life.ts';
import { until } from '../../support/until.ts';

const signals = [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 80_000 }, { kind: 'periodic', channel: 4, periodPs: 20_000_000 }] as const;
const model = (options: Tdc1Options = {}): Tdc1Model => new Tdc1Model({ clock: 'demand', signals, ...options });
const under: UsbUnderTest = { driver: tdc1, model };

async function open(options: Tdc1Options = {}) {
  const bus = new EmulatedBus(), device = model(options);
  bus.plug(device);
  return { device, tagger: await openOn(bus, under) };
}

conformance(test, {
  name: 'tdc1', stopAfter: 3000, change: { tagger: { threshold: 'positive', positiveLevelV: 0.7, clockSource: 'internal' } },
  open: async () => (await open()).tagger, openEndless: async () => (await open()).tagger,
});
usbLife(test, under);

const never = (): AbortSignal => new AbortController().signal;

test('tdc1: it is known by what it calls itself, and asked before it is believed', async t => {
  const { device, tagger } = await open();
  t.is(tdc1.score((await busOf(device).list())[0]!), 3);
  t.like(tagger.info, { driver: 'tdc1', serial: 'TDC1-0019', overflowReport: 'unknown', tick: { num: 2000, den: 1 } });
  t.regex(tagger.info.firmware!, /TDC1/);
  for (const strings of [{ serial: 'TDC2-0004' }, { product: 'Quad counter', serial: '7' }, { manufacturer: 'Somebody', product: 'USB serial', serial: '1' }, { manufacturer: '', product: '', serial: '' }]) {
    t.is(tdc1.score({ vendorId: 1, productId: 2, manufacturer: 'S-Fifteen Instruments', product: 'USB Counter', port: '1-1', address: 1, ...strings }), 0, JSON.stringify(strings));
  }
  const other = model({ faults: { ignores: '*idn?' } });
  const error = await t.throwsAsync(openOn(busOf(other), under));
  t.like(error, { code: 'device-lost' });
  await tagger[Symbol.asyncDispose]();
});

test('tdc1: a stream is started from a reset, with its settings, and stopped with a question for its status', async t => {
  const { device, tagger } = await open();
  await tagger.configure({ tagger: { threshold: 'negative', negativeLevelV: -0.3, clockSource: 'external' } });
  device.commands.length = 0;
  await tagger.run(new FakeSink({ stopAfter: 1000 }), never());
  const text = device.commands.join(';');
  t.regex(text, /^\*RST;NEG -0\.\d+;REFCLK 1;time 0;timestamp;counts\?;(INPKT;)*abort;status\?;\*RST$/);
  await tagger[Symbol.asyncDispose]();
});

test('tdc1: a level is what its converter makes of it; what it refuses midway leaves all as it was', async t => {
  const { device, tagger } = await open();
  const { tagger: applied } = await tagger.configure({ tagger: { threshold: 'positive', positiveLevelV: 0.7 } });
  t.is(applied!['positiveLevelV'], Number(device.levelV.toFixed(4)));
  t.true(Math.abs(device.levelV - 0.7) < 0.002 && device.levelV !== 0.7);
  t.is(applied!['negativeLevelV'], -0.5);
  await tagger[Symbol.asyncDispose]();
  const stubborn = await open({ faults: { ignores: 'refclk' } }), before = stubborn.tagger.settings(), { levelV } = stubborn.device;
  const error = await t.throwsAsync(stubborn.tagger.configure({ tagger: { threshold: 'positive', positiveLevelV: 2, clockSource: 'external' } }));
  t.like(error, { code: 'device-refused' });
  t.deepEqual(stubborn.tagger.settings(), before);
  t.is(stubborn.device.levelV, levelV);
  await stubborn.tagger[Symbol.asyncDispose]();
});

test('tdc1: settings change in the middle of a run: a flagged gap, a new epoch, and the answer is what was applied', async t => {
  const { device, tagger } = await open();
  const sink = new FakeSink(), control = new AbortController(), running = tagger.run(sink, control.signal);
  await until(() => sink.tags > 1000);
  const [{ tagger: applied }, refused] = await Promise.all([
    tagger.configure({ tagger: { threshold: 'TTL' } }), tagger.configure({ tagger: { positiveLevelV: 99 } }).catch((error: { code: string }) => error.code),
  ]);
  t.is(applied!['threshold'], 'TTL');
  t.is(refused, 'usage');
  const before = sink.tags;
  await until(() => sink.tags > before + 1000);
  t.is(device.levelV, 1.2, 'it streams with the new one');
  control.abort();
  await running;
  t.deepEqual(sink.markers.filter(({ kind }) => kind !== 'heartbeat').map(({ kind }) => kind), ['losing', 'lost', 'epoch']);
  const [{ fromPs, toPs, ...loss }] = sink.losses as [typeof sink.losses[number]];
  t.deepEqual(loss, { grade: 'flagged', place: 'device' });
  const { tagsBefore } = sink.markers.find(({ kind }) => kind === 'epoch')!;
  t.true(sink.timesPs.every((timePs, i) => (i < tagsBefore ? timePs <= fromPs : timePs >= toPs)));
  await tagger[Symbol.asyncDispose]();
});

test('tdc1: an overflow of its FIFO is known when the stream ends, so all of it is suspect; so it is when the status is no status', async t => {
  for (const faults of [{ overflows: { atWord: 5000, words: 300 } }, { shortStatus: 1 }, { shortStatus: 4 }, { shortStatus: 7 }, { ignores: 'status?' }]) {
    const { device, tagger } = await open({ faults });
    const sink = new FakeSink({ stopAfter: 10_000 });
    await tagger.run(sink, never());
    const note = JSON.stringify(faults);
    t.is(sink.losses.length, 1, note);
    t.like(sink.losses[0], { grade: 'suspect', place: 'device', fromPs: 0n, toPs: sink.timesPs.at(-1)! }, note);
    const last = sink.timesPs.at(-1)!;
    t.is(device.ticks.filter(ticks => BigInt(ticks) * 2000n <= last).length - sink.tags, device.lost, `${note}: every tag arrives but those that were lost`);
    await tagger[Symbol.asyncDispose]();
  }
});

test('tdc1: with slips and an overflow in one run every tag is delivered, or lies in what is marked', async t => {
  const { device, tagger } = await open({ faults: { slips: [500, 7001, 9002, 12_003].map(atWord => ({ atWord, half: atWord % 2 as 0 | 1 })), overflows: { atWord: 15_000, words: 50 } } });
  const sink = new FakeSink({ stopAfter: 20_000 });
  await tagger.run(sink, never());
  const result = account(device, sink, sink.timesPs.at(-1)!);
  t.like(result, { unmarked: 0, bogus: 0, delivered: sink.tags });
  t.true(result.missing >= device.lost, JSON.stringify(result));
  t.deepEqual(sink.losses.map(({ grade }) => grade), Array.from({ length: 5 }, () => 'suspect'));
  t.is(sink.losses.at(-1)!.fromPs, 0n, 'the whole run, for the overflow');
  t.true(sink.losses.slice(0, 4).every(({ fromPs, toPs }) => toPs - fromPs < 500_000_000n), 'a slip costs a few words');
  await tagger[Symbol.asyncDispose]();
});

test('tdc1: it dies in the middle of a packet train and comes back', async t => {
  const bus = new EmulatedBus(), port = '9-3';
  bus.plug(model({ faults: { diesAfterPackets: 60 } }), port);
  await using tagger = await openOn(bus, under);
  const sink = new FakeSink(), control = new AbortController(), running = tagger.run(sink, control.signal);
  await until(() => sink.markers.some(({ kind }) => kind === 'losing'));
  const before = sink.tags;
  bus.plug(model(), port);
  await until(() => sink.tags > before + 1000);
  control.abort();
  await running;
  t.like(sink.losses, { 0: { grade: 'flagged', place: 'usb' }, length: 1 });
});

test('tdc1: a dummy is no tag, whatever its pattern, and a dark device is not a silent one', async t => {
  const { tagger } = await open({ signals: [{ kind: 'periodic', channel: 2, periodPs: 400e9 }], faults: { dummyPattern: 8 } });
  const sink = new FakeSink({ stopAfter: 300 });
  await tagger.run(sink, never());
  t.true(sink.channels.every(index => index === 1));
  t.true(sink.timesPs.every((timePs, i) => i === 0 || 400_000_000_000n === timePs - sink.timesPs[i - 1]!), 'every wrap is seen');
  t.deepEqual(sink.losses, []);
  await tagger[Symbol.asyncDispose]();
});

test('tdc1: silent for half a second, it is lost: started again, with the gap marked', async t => {
  const { tagger } = await open({ faults: { silentAfterWords: 5000 } });
  const sink = new FakeSink(), control = new AbortController(), running = tagger.run(sink, control.signal);
  await until(() => sink.tags > 3000);
  const first = sink.tags;
  await until(() => /silent/.test(tagger.detail?.() ?? ''));
  await until(() => sink.tags > first + 3000);
  control.abort();
  await running;
  const kinds = sink.markers.filter(({ kind }) => kind !== 'heartbeat').map(({ kind }) => kind);
  t.deepEqual(kinds.slice(0, 3), ['losing', 'lost', 'epoch']);
  t.like(sink.losses[0], { grade: 'flagged', place: 'usb' });
  await tagger[Symbol.asyncDispose]();
});

test('tdc1: a device that does not stop when it is told is left after a while, and all of it is suspect', async t => {
  const { tagger } = await open({ faults: { ignores: 'abort' } });
  const sink = new FakeSink({ stopAfter: 10_000 }), begun = performance.now();
  await tagger.run(sink, never());
  t.true(performance.now() - begun < 10_000);
  t.like(sink.losses, { 0: { grade: 'suspect', fromPs: 0n }, length: 1 });
  await tagger[Symbol.asyncDispose]();
});

test('tdc1: names of a TDC1 on something without a serial line are a clear error', async t => {
  const bulk = [{ address: 0x02, packetBytes: 512 }, { address: 0x86, packetBytes: 512 }], control = { class: [2, 2, 1], endpoints: [] } as const;
  for (const interfaces of [
    [], [control], [{ class: [0xff, 0, 0], endpoints: bulk }], [control, { class: [0x0a, 0, 0], endpoints: [] }], [{ class: [0x0a, 0, 0], endpoints: bulk }],
    [control, { class: [0x0a, 0, 0], endpoints: bulk.slice(0, 1) }], [control, { class: [0x0a, 0, 0], endpoints: bulk.map(each => ({ ...each, type: 'interrupt' as const })) }],
  ] satisfies Description['interfaces'][]) {
    const device = model();
    Object.assign(device, { descriptors: describe({ vendorId: 1, productId: 2, manufacturer: 'S-Fifteen Instruments', product: 'USB Counter', serial: 'TDC1-0001', interfaces }) });
    const error = await t.throwsAsync(openOn(busOf(device), under), undefined, JSON.stringify(interfaces));
    t.like(error, { code: 'protocol' }, JSON.stringify(interfaces));
  }
});

function busOf(device: Tdc1Model): EmulatedBus {
  const bus = new EmulatedBus();
  bus.plug(device);
  return bus;
}
