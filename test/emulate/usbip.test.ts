// test/emulate/usbip.test.ts - emulated devices over USB/IP: the UMass driver lives on URBs as on a bus in this process.
import test from 'ava';
import { umass } from '../../app/driver/umass/driver.ts';
import { UmassModel, type UmassOptions } from '../../app/emulate/umass.ts';
import { FakeSink } from '../support/fake-sink.ts';
import { UsbipRig } from '../support/usbip-rig.ts';
import { conformance } from '../driver/conformance.ts';
import { openOn, usbLife, type UsbUnderTest } from '../driver/usb-life.ts';

const signals = [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 80_000 }, { kind: 'periodic', channel: 4, periodPs: 20_000_000 }] as const;
const model = (options: UmassOptions = {}): UmassModel => new UmassModel({ clock: 'demand', signals, ...options });
const under: UsbUnderTest = { driver: umass, model, bus: () => new UsbipRig() };

async function open(options: UmassOptions = {}) {
  const bus = new UsbipRig(), board = model(options);
  bus.plug(board);
  return { board, tagger: await openOn(bus, under) };
}

conformance(test, {
  name: 'umass over USB/IP', stopAfter: 3000, change: { channels: { 1: { enabled: false } } },
  open: async () => (await open()).tagger, openEndless: async () => (await open()).tagger,
});
usbLife(test, under);

test('every tag that the board put into a record arrives over USB/IP, those in transfers that were unlinked too', async t => {
  const { board, tagger } = await open({ startTicks: 2 ** 36 - 1_000_000 });
  const sink = new FakeSink({ stopAfter: 20_000 });
  await tagger.run(sink, new AbortController().signal);
  t.is(sink.tags, board.emitted);
  t.is(sink.losses.length, 0);
  await tagger[Symbol.asyncDispose]();
});
