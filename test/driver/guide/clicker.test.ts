// test/driver/guide/clicker.test.ts - the Clicker: what every driver must keep, what every USB driver must survive, and what is its own.
import test from 'ava';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { conformance } from '../conformance.ts';
import { openOn, usbLife, type UsbUnderTest } from '../usb-life.ts';
import { clicker } from './driver.ts';
import { ClickerModel, type ClickerOptions } from './emulator.ts';
import { ClickerDecoder } from './protocol.ts';

const under: UsbUnderTest = { driver: clicker, model: () => new ClickerModel() };

async function open(options: ClickerOptions = {}) {
  const bus = new EmulatedBus(), device = new ClickerModel(options);
  bus.plug(device);
  return { device, tagger: await openOn(bus, under) };
}

conformance(test, {
  name: 'clicker', stopAfter: 3000, change: { channels: { 2: { enabled: false } } },
  open: async () => (await open()).tagger, openEndless: async () => (await open()).tagger,
});
usbLife(test, under);

test('clicker: records are decoded as the manual says', t => {
  const decoder = new ClickerDecoder(0n), tags = { timesPs: new BigInt64Array(64), channels: new Uint8Array(64), n: 0 };
  const bytes = new Uint8Array(Uint32Array.of(0x1000_0001, 0x6fff_ffff, 0x0000_0005, 0x8000_0003, 0x4000_0006).buffer);
  const first = decoder.decode(bytes, tags);
  t.deepEqual([...tags.timesPs.subarray(0, tags.n)], [10_000n, 2_684_354_550_000n, 2_684_354_550_000n], 'tick 1, then the last tick before the wrap, twice');
  t.deepEqual([...tags.channels.subarray(0, tags.n)], [0, 1, 2]);
  t.deepEqual(decoder.loss, { fromPs: 2_684_354_610_000n, toPs: 2_684_354_620_000n, count: 3 }, 'between the mark and the click behind the loss');
  decoder.decode(bytes.subarray(first), tags);
  t.is(tags.n, 1);
});

test('clicker: emitted = delivered + lost, over wraps and overflows', async t => {
  const { device, tagger } = await open({ losesEvery: 1000, clicks: 20_000, signals: [{ kind: 'poisson', channel: 1, rateHz: 3000 }, { kind: 'periodic', channel: 3, periodPs: 1e9 }] });
  const sink = new FakeSink(), control = new AbortController();
  const lost = (): number => sink.losses.reduce((sum, { missedInAll = 0 }) => sum + missedInAll, 0);
  const running = tagger.run(sink, control.signal);
  for (const late = performance.now() + 20_000; sink.tags + lost() < 20_000 && performance.now() < late;) await new Promise(resolve => { setTimeout(resolve, 1); });
  control.abort();
  await running;
  await tagger[Symbol.asyncDispose]();
  t.is(sink.tags, device.sent);
  t.is(lost(), device.lost);
  t.true(device.lost >= 10 * 19 && sink.losses.every(({ grade }) => grade === 'flagged'));
  t.true(sink.timesPs.at(-1)! > 2_684_354_560_000n, 'its time came round');
});
