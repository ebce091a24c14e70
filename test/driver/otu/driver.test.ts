// test/driver/otu/driver.test.ts - the OTU driver by the emulated device: what every driver must keep, losses, clock, settings, and lies.
import test from 'ava';
import type { SimulatedSignal } from '../../../app/core/tagger.ts';
import { otu } from '../../../app/driver/otu/driver.ts';
import { parseStatus } from '../../../app/driver/otu/protocol.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { OtuModel, tooLargeCaps, type OtuFaults, type OtuOptions } from '../../../app/emulate/otu.ts';
import { FakeSink, type FakeSinkOptions } from '../../support/fake-sink.ts';
import { conformance } from '../conformance.ts';
import { openOn, usbLife, type UsbUnderTest } from '../usb-life.ts';

const signals = [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 80_000 }, { kind: 'periodic', channel: 4, periodPs: 20_000_000 }] as const;
const model = (options: OtuOptions = {}): OtuModel => new OtuModel({ clock: 'demand', signals, ...options });
const under: UsbUnderTest = { driver: otu, model };

async function open(options: OtuOptions = {}) {
  const bus = new EmulatedBus(), device = model(options);
  bus.plug(device);
  return { device, tagger: await openOn(bus, under) };
}

async function collect(options: OtuOptions, sinkOptions: FakeSinkOptions) {
  const { device, tagger } = await open(options), sink = new FakeSink(sinkOptions);
  await tagger.run(sink, new AbortController().signal);
  await tagger[Symbol.asyncDispose]();
  return { device, sink };
}

conformance(test, {
  name: 'otu', stopAfter: 3000, change: { channels: { 1: { triggerLevelV: 0.25 } }, tagger: { clockSource: 'external' } },
  open: async () => (await open()).tagger, openEndless: async () => (await open()).tagger,
});
const falling = [...signals, { kind: 'pairs' as const, channels: [3, 6, 7], rateHz: 20_000, jitterPs: 10_000 }] satisfies SimulatedSignal[];
conformance(test, {
  name: 'otu, E64 with falling edges', stopAfter: 3000, change: { channels: { [-2]: { deadTimePs: 5000 }, 2: { deadTimePs: 5000 } } },
  open: async () => (await open({ isE64: true, hasFalling: true, signals: falling })).tagger, openEndless: async () => (await open({ isE64: true, hasFalling: true, signals: falling })).tagger,
});
usbLife(test, under);

for (const options of [{}, { isE64: true }, { isPadded: true }, { hasFalling: true, signals: falling }, { inputs: 14, hasFalling: true }, { blockBytes: 512 }, { tickFs: { num: 1_000_000, den: 1 } }] as OtuOptions[]) {
  test(`every tag that the device put into a block arrives: ${JSON.stringify(options).slice(0, 60)}`, async t => {
    const { device, sink } = await collect(options, { stopAfter: 30_000 });
    t.is(sink.tags, device.emitted);
    t.is(sink.losses.length, 0);
  });
}

test('a tag every 2 s: records with a time that wraps, heartbeats between, and the times are right', async t => {
  for (const isE64 of [false, true]) {
    // 1 ps ticks: a wrap of 27 bits every 0.13 ms.
    const { sink } = await collect({ isE64, tickFs: { num: 1000, den: 1 }, signals: [{ kind: 'periodic', channel: 3, periodPs: 3_333_333_333 }, { kind: 'periodic', channel: 1, periodPs: 2e12 }] }, { stopAfter: 2000 });
    const third = sink.timesPs.filter((_, i) => sink.channels[i] === 2);
    for (let i = 1; i < third.length; i++) t.is(third[i]! - third[i - 1]!, 3_333_333_333n);
    t.true(third.length > 1900);
    t.is(sink.losses.length, 0);
  }
});

/** Runs against a device whose ring fills while nobody reads. */
async function overrun(faults: OtuFaults, isE64: boolean) {
  const clock = { ms: 0, nowMs: () => clock.ms };
  const { device, tagger } = await open({ clock, isE64, ringBlocks: 4, faults }), sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  for (let step = 1; step <= 60; step++) {
    await new Promise(resolve => { setTimeout(resolve, 4); });
    clock.ms += step % 10 === 0 ? 200 : 5;
  }
  control.abort();
  await running;
  await tagger[Symbol.asyncDispose]();
  return { device, sink };
}

for (const isE64 of [false, true]) {
  test(`${isE64 ? 'E64' : 'E32'}: what a full ring loses is counted by channel: delivered and lost are all`, async t => {
    const { device, sink } = await overrun({}, isE64);
    t.true(device.lost > 0 && device.emitted > 0);
    t.is(sink.tags, device.emitted);
    t.true(sink.losses.length > 0);
    t.true(sink.losses.every(({ grade, place, fromPs, toPs }) => grade === 'counted' && place === 'device' && fromPs < toPs));
    t.is(sink.losses.flatMap(({ missed }) => missed ?? []).reduce((sum, { count }) => sum + count, 0), device.lost);
    t.true(sink.losses.some(({ missed }) => missed!.length === 3), 'by channel');
    for (const { fromPs, toPs } of sink.losses) t.true(sink.timesPs.every(timePs => timePs <= fromPs || timePs >= toPs), 'no tag lies inside a loss');
  });
}

test('a device that counts without channels: flagged, with the number in all', async t => {
  const { device, sink } = await overrun({ losesBlindly: true }, false);
  t.true(sink.losses.length > 0 && sink.losses.every(({ grade }) => grade === 'flagged'));
  t.is(sink.losses.reduce((sum, { missedInAll = 0 }) => sum + missedInAll, 0), device.lost);
});

test('a number that is missing is a flagged loss, and the lost tags lie inside', async t => {
  const whole = await collect({}, { stopAfter: 20_000 }), { device, sink } = await collect({ faults: { dropsBlocks: 7 } }, { stopAfter: 15_000 });
  t.true(device.dropped > 0);
  t.true(sink.losses.length > 1 && sink.losses.every(({ grade, place }) => grade === 'flagged' && place === 'usb'));
  const received = new Set(sink.timesPs), endPs = sink.timesPs.at(-1)!;
  const missing = whole.sink.timesPs.filter(timePs => timePs <= endPs && !received.has(timePs));
  t.true(missing.length > 0);
  t.true(missing.every(timePs => sink.losses.some(({ fromPs, toPs }) => timePs >= fromPs && timePs < toPs)), 'each missing tag is in a lost interval');
});

test('the reference clock: lost and locked again, each at its time', async t => {
  const { sink } = await collect({ faults: { refLostMs: [33, 61] } }, { stopAfter: 20_000 });
  const changes = sink.markers.flatMap(marker => (marker.kind === 'clock' ? [marker] : []));
  t.deepEqual(changes.map(({ state }) => state), ['lost', 'locked']);
  for (const [i, atMs] of [33, 61].entries()) t.true(Math.abs(Number(changes[i]!.atPs) / 1e9 - atMs) < 0.1, `${changes[i]!.atPs}`);
});

test('settings: what is applied is what the device answers, whatever was asked for; requests work while tags flow', async t => {
  const { tagger } = await open({ clock: { nowMs: () => performance.now() } });
  const sink = new FakeSink(), control = new AbortController(), running = tagger.run(sink, control.signal);
  while (sink.tags === 0) await new Promise(resolve => { setTimeout(resolve, 5); });
  const applied = await tagger.configure({ channels: { 2: { triggerLevelV: 0.2513 } } }).catch((error: unknown) => error as Error);
  t.true(applied instanceof Error, 'a tenth of a step is refused');
  const { channels } = await tagger.configure({ channels: { 2: { triggerLevelV: 0.252 }, 3: { enabled: false } } });
  t.is(channels![2]!['triggerLevelV'], 0.25, 'its converter has steps of 5 mV');
  t.is(channels![3]!['enabled'], false);
  control.abort();
  await running;
  await tagger[Symbol.asyncDispose]();
});

test('a device that breaks the protocol is one clear error with the section, and starts anew', async t => {
  for (const isE64 of [false, true]) {
    for (const what of ['magic', 'order', 'code', 'base', 'size'] as const) {
      const { tagger } = await open({ isE64, faults: { breaks: { every: 9, what } } }), sink = new FakeSink({ stopAfter: 4000 });
      let detail = '';
      const watch = setInterval(() => { detail ||= tagger.detail() ?? ''; }, 1);
      await tagger.run(sink, new AbortController().signal);
      clearInterval(watch);
      await tagger[Symbol.asyncDispose]();
      t.regex(detail, /^The OTU tagger broke its protocol: .* See docs\/otu-v1.md, section 4\.\d\.$/, what);
      const lost = sink.losses.filter(({ place }) => place === 'usb');
      t.true(lost.length > 0 && lost.every(({ grade }) => grade === 'flagged'), what);
    }
  }
});

test('silence longer than its heartbeat is a fault, not a dark room', async t => {
  const { tagger } = await open({ faults: { silentAfterBlocks: 5 } }), sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  for (const late = performance.now() + 10_000; sink.losses.length === 0 && performance.now() < late;) await new Promise(resolve => { setTimeout(resolve, 20); });
  control.abort();
  await running;
  t.like(sink.losses[0], { grade: 'flagged', place: 'usb' });
  await tagger[Symbol.asyncDispose]();
});

const good = { key: 1, name: 'gain', label: 'gain', kind: 'number', scope: 'channel', min: 0, max: 10, default: 1 };
const lies: [string, string, RegExp][] = [
  ['no JSON', '{"settings":', /not JSON/], ['a list', '[]', /not a JSON object/], ['nothing', '', /not JSON/], ['null', 'null', /not a JSON object/],
  ['too long', tooLargeCaps, /at most 16384/], ['settings that are no list', '{"settings":{}}', /settings is not a list/],
  ['too many', JSON.stringify({ settings: Array.from({ length: 33 }, (_, i) => ({ ...good, key: i + 1, name: `gain${i}` })) }), /at most 32/],
  ['too many inputs', JSON.stringify({ inputs: Array.from({ length: 5 }, () => 'x') }), /at most 4 names/],
  ['a name with control characters', JSON.stringify({ inputs: ['a\u001b[2J'] }), /printable/],
  ['the same key twice', JSON.stringify({ settings: [good, { ...good, name: 'other' }] }), /another one has/],
  ...([
    ['name', '__proto__', /small letter/], ['name', 'constructor', /small letter/], ['name', 5, /small letter/], ['key', 0, /key of gain/], ['key', 70_000, /key of gain/], ['label', '', /label of gain/],
    ['scope', 'all', /scope of gain/], ['kind', 'filter', /kind of gain/], ['unit', 'furlong', /unit of gain/], ['min', 20, /ends before it begins/], ['max', 1e12, /max of gain/], ['max', null, /max of gain/],
    ['default', 11, /default of gain/], ['step', 0, /step of gain/], ['step', 3, /multiple of its step/], ['scale', 0, /scale of gain/], ['scale', -1, /scale of gain/], ['scale', '1', /scale of gain/],
  ] as const).map(([field, value, pattern]): [string, string, RegExp] => [`${field} ${String(value)}`, JSON.stringify({ settings: [{ ...good, [field]: value }] }), pattern]),
  ['choices without a list', JSON.stringify({ settings: [{ ...good, kind: 'choice' }] }), /choices of gain/],
  ['a choice twice', JSON.stringify({ settings: [{ ...good, kind: 'choice', choices: ['a', 'a'] }] }), /there twice/],
];

test('capabilities that cannot be are refused in one sentence', async t => {
  for (const [what, caps, pattern] of lies) {
    const error = await t.throwsAsync(open({ faults: { caps } }), undefined, what);
    t.is((error as unknown as { code: string }).code, 'protocol', what);
    t.regex(error!.message, pattern, what);
    t.true(error!.message.length < 300, what);
  }
});

test('an info block that cannot be is refused in one sentence', async t => {
  const right = model().control({ requestType: 0xc0, request: 1, value: 0, index: 0 }, new Uint8Array(0), 32)!;
  const wrong: [number, number[], RegExp][] = [
    [0, [0x4f, 0x54, 0x55, 0x32], /in place of OTU1/], [4, [2], /version is 2/], [6, [0], /0 inputs/], [6, [15], /15 inputs/], [7, [0], /0 bits/], [8, [0, 0, 0, 0], /tick of 0/], [12, [0, 0, 0, 0], /tick of/],
    [8, [0xff, 0xff, 0xff, 0xff], /tick of/], [12, [0xff, 0xff, 0, 0], /tick of/], [20, [0, 0], /0 bytes/], [20, [1, 2], /513 bytes/], [20, [0, 66], /16896 bytes/], [24, [0, 0, 0, 0], /rate is 0/],
  ];
  for (const [at, bytes, pattern] of wrong) {
    const info = right.slice();
    info.set(bytes, at);
    await t.throwsAsync(open({ faults: { info } }), { code: 'protocol', message: pattern }, `${at}: ${bytes}`);
  }
  await t.throwsAsync(open({ faults: { info: right.slice(0, 31) } }), { message: /31 bytes in place of 32/ });
  await t.throwsAsync(open({ interfaceName: 'OTU2' }), { code: 'protocol', message: /no interface ff\/4f\/01 named OTU1/ });
  await t.throwsAsync(open({ faults: { answers: 5000 } }), { code: 'protocol', message: /the device says 5000/ });
});

test('a device that refuses one value of a change keeps the others as they were', async t => {
  const { device, tagger } = await open(), before = tagger.settings(), { control } = device;
  let isOpen = true;
  device.control = (setup, data, length) => (setup.request === 0x11 && setup.value === 2 && setup.index === 3 && isOpen ? undefined : control.call(device, setup, data, length));
  const change = { tagger: { clockSource: 'external' }, channels: { 1: { triggerLevelV: 1 }, 3: { deadTimePs: 5000 } } };
  await t.throwsAsync(tagger.configure(change), { code: 'device-refused' } as object);
  t.deepEqual(tagger.settings(), before);
  isOpen = false;
  const again = await openOn(await busOf(device), under);
  t.deepEqual(again.settings(), before, 'the device has them too');
  t.like((await tagger.configure(change)).channels![3], { deadTimePs: 5000 });
});

/** Another host on the same device: plugging it in anew would reset it. */
async function busOf(device: OtuModel): Promise<EmulatedBus> {
  const bus = new EmulatedBus(), { reset } = device;
  device.reset = () => {};
  bus.plug(device);
  device.reset = reset;
  return bus;
}

test('a stalled endpoint is cleared: a flagged gap, then tags flow again', async t => {
  const { tagger } = await open({ faults: { stallsAfterPackets: 30 } }), sink = new FakeSink({ stopAfter: 6000 });
  await tagger.run(sink, new AbortController().signal);
  t.true(sink.tags >= 6000 && sink.losses.length > 0);
  t.true(sink.losses.every(({ grade, place }) => grade === 'flagged' && place === 'usb'));
  await tagger[Symbol.asyncDispose]();
});

test('its own counts agree with what was delivered', async t => {
  const { device, tagger } = await open(), sink = new FakeSink({ stopAfter: 5000 });
  await tagger.run(sink, new AbortController().signal);
  const status = parseStatus(device.control({ requestType: 0xc0, request: 0x22, value: 0, index: 0 }, new Uint8Array(0), 32)!);
  t.like(status, { tags: sink.tags, lost: 0, isRunning: false, celsius: 36.6 });
  await tagger[Symbol.asyncDispose]();
});
