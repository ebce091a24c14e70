// test/driver/usb-discovery.test.ts - which attached devices are taggers, what each needs, and what is said when none or the wrong one is there.
import test from 'ava';
import type { TaggerError } from '../../app/core/errors.ts';
import { NodeUsbBus } from '../../app/driver/usb.ts';
import type { UsbBus, UsbIdentity } from '../../app/driver/usb-access.ts';
import { findTaggers, nameOf, openUsb, type UsbSource } from '../../app/driver/usb-discovery.ts';
import { EmulatedBus } from '../../app/emulate/in-process.ts';
import { UmassModel } from '../../app/emulate/umass.ts';

/** A bus of devices that can be looked at and not opened. */
function busOf(...devices: Partial<UsbIdentity>[]): UsbBus {
  const identities = devices.map((device, i): UsbIdentity => ({ vendorId: 0x04b4, productId: 0x1004, manufacturer: '', product: '', serial: '', port: `1-${i + 1}`, address: i + 1, ...device }));
  return { list: async () => identities, open: async () => { throw new Error('nobody may open it'); }, watch: () => () => {} };
}

test('the buses of this computer can be looked at, whether there are any or not', async t => {
  const bus = new NodeUsbBus(), unwatch = bus.watch(() => {});
  for (const { identity, model, state } of await findTaggers(bus)) t.true(model.length > 0 && state.length > 0 && identity.port.includes('-'));
  unwatch();
  t.pass();
});

test('findTaggers() says what each device needs', async t => {
  const found = await findTaggers(busOf({}, { productId: 0x8613 }, { trouble: 'Cannot open it: this user may not.' }, { vendorId: 0x04d8, productId: 0x00dd }, { vendorId: 0x046d, productId: 0xc31c }));
  t.deepEqual(found.map(({ state }) => state), ['ready', 'needs-choice', 'forbidden', 'unsupported']);
  t.regex(found[1]!.advice, /--tagger usb:1-2,driver=/);
  t.regex(found[2]!.advice, /60-tagger\.rules.*\/etc\/udev\/rules\.d.*udevadm/);
  t.true(found[3]!.advice.includes('bridge'));
  const [chosen] = await findTaggers(busOf({ productId: 0x8613 }), 'umass');
  t.is(chosen?.state, 'needs-firmware');
});

test('openUsb() names what it found, or what it looked for', async t => {
  const attempt = async (source: UsbSource, ...devices: Partial<UsbIdentity>[]): Promise<string> => {
    const error = await t.throwsAsync(openUsb(busOf(...devices), source)) as TaggerError;
    t.truthy(error.hint, error.message);
    return `${error.code}: ${error.message} ${error.hint}`;
  };
  t.regex(await attempt({}), /^not-found: Cannot open a USB time tagger: none is attached/);
  t.regex(await attempt({ serial: '7' }, {}), /^not-found: Cannot open the USB time tagger with serial number 7: attached are UMass FPGA tagger \(04b4:1004 at 1-1\)/);
  t.regex(await attempt({ port: '3-1' }, {}), /at port 3-1: attached are/);
  t.regex(await attempt({}, {}, {}), /^conflict: .* Say which: --tagger usb:1-1 or --tagger usb:1-2/);
  const clone = { vendorId: 0x0925, productId: 0x3881, manufacturer: 'sigrok', product: 'fx2lafw', serial: 'Saleae Logic' };
  t.regex(await attempt({}, clone, clone), /^conflict: .* Say which: --tagger usb:1-1 or --tagger usb:1-2/, 'every copy has the same serial number');
  t.regex(await attempt({}, { productId: 0x8613 }), /^conflict: .*several devices have its ids.*driver=umass/);
  t.regex(await attempt({}, { trouble: 'x' }), /^forbidden: /);
  t.regex(await attempt({}, { vendorId: 0x04d8, productId: 0x00dd }), /^unsupported: Cannot open the Tausand Tempico/);
  t.regex(await attempt({ driver: 'nonsense' }, {}), /^usage: .*no driver 'nonsense'/);
});

test('openUsb() opens the one that is meant', async t => {
  const bus = new EmulatedBus();
  bus.plug(new UmassModel({ clock: 'demand' }), '1-1');
  bus.plug(new UmassModel({ clock: 'demand' }), '1-2');
  const tagger = await openUsb(bus, { port: '1-2' });
  t.like(tagger.info, { driver: 'umass', serial: 'port 1-2' });
  await tagger[Symbol.asyncDispose]();
  t.is(nameOf((await findTaggers(bus))[0]!), 'UMass FPGA tagger (04b4:1004 at 1-1)');
});
