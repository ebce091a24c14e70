// test/driver/fx2lafw/driver.test.ts - the logic analyser by its emulated board: what every driver must keep, and what is its own.
import test from 'ava';
import { fx2lafw } from '../../../app/driver/fx2lafw/driver.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { Fx2lafwModel, type Fx2lafwOptions } from '../../../app/emulate/fx2lafw.ts';
import type { UsbTagger } from '../../../app/driver/usb-tagger.ts';
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
