// test/driver/tdc1/driver.test.ts - the S-Fifteen TDC1 by its emulated device: what every driver must keep, and what is its own.
import test from 'ava';
import { tdc1 } from '../../../app/driver/tdc1/driver.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { Tdc1Model, type Tdc1Options } from '../../../app/emulate/tdc1.ts';
import { conformance } from '../conformance.ts';
import { openOn, usbLife, type UsbUnderTest } from '../usb-life.ts';

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
