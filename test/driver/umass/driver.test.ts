// test/driver/umass/driver.test.ts - the UMass FPGA tagger by its emulated board: what every driver must keep, and what is its own.
import test from 'ava';
import { umass } from '../../../app/driver/umass/driver.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { UmassModel, type UmassOptions } from '../../../app/emulate/umass.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { conformance } from '../conformance.ts';
import { openOn, usbLife, type UsbUnderTest } from '../usb-life.ts';

const signals = [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 80_000 }, { kind: 'periodic', channel: 4, periodPs: 20_000_000 }] as const;
const model = (options: UmassOptions = {}): UmassModel => new UmassModel({ clock: 'demand', signals, ...options });
const under: UsbUnderTest = { driver: umass, model };

async function open(options: UmassOptions = {}) {
  const bus = new EmulatedBus(), board = model(options);
  bus.plug(board);
  return { board, tagger: await openOn(bus, under) };
}

conformance(test, {
  name: 'umass', stopAfter: 3000, change: { channels: { 1: { enabled: false } } },
  open: async () => (await open()).tagger, openEndless: async () => (await open()).tagger,
});
usbLife(test, under);

test('umass: every tag that the board put into a record arrives, over wraps of its timer', async t => {
  const { board, tagger } = await open({ startTicks: 2 ** 36 - 1_000_000 });
  const sink = new FakeSink({ stopAfter: 20_000 });
  await tagger.run(sink, new AbortController().signal);
  t.is(sink.tags, board.emitted);
  t.is(sink.losses.length, 0);
  t.true(sink.timesPs.at(-1)! > 536_870_912_000_000n, 'the timer came round');
  await tagger[Symbol.asyncDispose]();
});
