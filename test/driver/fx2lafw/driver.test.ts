// test/driver/fx2lafw/driver.test.ts - the logic analyser by its emulated board: what every driver must keep, and what is its own.
import test from 'ava';
import { fx2lafw } from '../../../app/driver/fx2lafw/driver.ts';
import { boards, channelNumbers } from '../../../app/driver/fx2lafw/protocol.ts';
import type { UsbTagger } from '../../../app/driver/usb-tagger.ts';
import type { DeviceModel } from '../../../app/emulate/device.ts';
import { Fx2lafwModel, type Fx2lafwOptions } from '../../../app/emulate/fx2lafw.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { conformance } from '../conformance.ts';
import { Mortal, openOn, usbLife, type UsbUnderTest } from '../usb-life.ts';

const signals = [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 80_000 }, { kind: 'periodic', channel: 4, periodPs: 20_000_000 }] as const;
const model = (options: Fx2lafwOptions = {}): Fx2lafwModel => new Fx2lafwModel({ clock: 'demand', signals, ...options });
const under: UsbUnderTest = { driver: fx2lafw, model };
const wide = '1d50:608d';

async function open(options: Fx2lafwOptions = {}, port?: string): Promise<{ bus: EmulatedBus; board: Fx2lafwModel; tagger: UsbTagger }> {
  const bus = new EmulatedBus(), board = model(options);
  bus.plug(board, port);
  return { bus, board, tagger: await openOn(bus, under) };
}

conformance(test, {
  name: 'fx2lafw', stopAfter: 3000, change: { channels: { 1: { enabled: false } } },
  open: async () => (await open()).tagger, openEndless: async () => (await open()).tagger,
});
conformance(test, {
  name: 'fx2lafw, 16 lines', stopAfter: 3000, change: { channels: { 12: { enabled: false } } },
  open: async () => (await open({ id: wide })).tagger, openEndless: async () => (await open({ id: wide })).tagger,
});
usbLife(test, under);

const never = (): AbortSignal => new AbortController().signal;
const rateOf = (tagger: UsbTagger): unknown => tagger.settings().tagger!['sampleRate'];

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

/** Keeps the packets of each start, and the commands that started. */
class Tapped extends Mortal {
  readonly stretches: Buffer[][] = [];
  readonly commands: string[] = [];
  constructor(inner: DeviceModel) { super(inner, Infinity); }
  override control(setup: Parameters<DeviceModel['control']>[0], data: Uint8Array, length: number): Uint8Array | undefined {
    if (setup.request === 0xb1) {
      this.stretches.push([]);
      this.commands.push(Buffer.from(data).toString('hex'));
    }
    return super.control(setup, data, length);
  }
  override packet(endpoint: number): Uint8Array | undefined | 'stall' {
    const packet = super.packet(endpoint);
    if (packet instanceof Uint8Array) this.stretches.at(-1)?.push(Buffer.from(packet));
    return packet;
  }
}

/** Sends whether it was started or not. */
class Babbling extends Mortal {
  constructor(inner: DeviceModel) { super(inner, Infinity); }
  override packet(): Uint8Array { return new Uint8Array(512); }
}

/** Sample and channel index of each edge. */
function edgesOf(bytes: Buffer, sampleBytes: number, inputs: number): [sample: number, index: number][] {
  const edges: [number, number][] = [], sampleAt = (i: number): number => (sampleBytes === 2 ? bytes.readUInt16LE(2 * i) : bytes[i]!);
  for (let i = 1; i < bytes.length / sampleBytes; i++) {
    const before = sampleAt(i - 1), now = sampleAt(i);
    if (before === now) continue;
    for (let line = inputs - 1; line >= 0; line--) if ((before & ~now) >> line & 1) edges.push([i, inputs - 1 - line]);
    for (let line = 0; line < inputs; line++) if ((now & ~before) >> line & 1) edges.push([i, inputs + line]);
  }
  return edges;
}

async function until(condition: () => boolean): Promise<void> {
  for (const late = performance.now() + 30_000; !condition();) {
    if (performance.now() > late) throw new Error(`it never came to this: ${condition.toString()}`);
    await new Promise(resolve => { setTimeout(resolve, 2); });
  }
}
