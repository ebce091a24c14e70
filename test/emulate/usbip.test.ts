// test/emulate/usbip.test.ts - emulated devices over USB/IP: the UMass driver lives on URBs as on a bus in this process.
import test from 'ava';
import { umass } from '../../app/driver/umass/driver.ts';
import { describe } from '../../app/emulate/descriptors.ts';
import type { DeviceClock, DeviceModel } from '../../app/emulate/device.ts';
import { UmassModel, type UmassOptions } from '../../app/emulate/umass.ts';
import { UsbipServer } from '../../app/emulate/usbip.ts';
import { SteppedClock } from '../../app/emulate/usbip-urbs.ts';
import { UsbipBus } from '../support/usbip-client.ts';
import { UsbipRig } from '../support/usbip-rig.ts';
import { conformance } from '../driver/conformance.ts';
import { openOn, usbLife, type UsbUnderTest, runFor } from '../driver/usb-life.ts';

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
  await using _ = tagger;
  const sink = await runFor(tagger, 20_000);
  t.is(sink.tags, board.emitted);
  t.is(sink.losses.length, 0);
});

/** Makes a packet each millisecond, and has room for five. */
class Ticking implements DeviceModel {
  readonly descriptors = describe({ vendorId: 0x1209, productId: 1, interfaces: [{ class: [0xff, 0, 0], endpoints: [{ address: 0x81, packetBytes: 512 }] }] });
  lost = 0;
  readonly #clock: DeviceClock;
  #next = Infinity;
  constructor(clock: DeviceClock) { this.#clock = clock; }
  reset(): void { this.#next = Infinity; }
  control(): Uint8Array {
    this.#next = this.#clock.nowMs();
    return new Uint8Array(0);
  }
  bulkOut(): boolean { return false; }
  packet(): Uint8Array | undefined {
    for (; this.#next < this.#clock.nowMs() - 5; this.#next++) this.lost++;
    return this.#next++ <= this.#clock.nowMs() ? Uint8Array.of(1) : void this.#next--;
  }
}

test('a device is not late because its process was held up; it is when the host does not read', async t => {
  const clock = new SteppedClock(), model = new Ticking(clock);
  await using server = await UsbipServer.listen({ port: 0, clock });
  server.plug(model);
  const bus = new UsbipBus(server.port), [identity] = await bus.list();
  await using access = await bus.open(identity!);
  await access.claim(0);
  const source = access.stream(0x81, 200, 512);
  await access.controlOut({ requestType: 0x40, request: 1, value: 0, index: 0 });
  let packets = 0;
  const read = async (most: number): Promise<void> => { for (; packets < most && await source.next(2000); packets++); };
  await read(20);
  for (const until = performance.now() + 100; performance.now() < until;);
  await read(100);
  t.is(model.lost, 0);
  await source.stop();
  await new Promise(resolve => { setTimeout(resolve, 400); });
  await access.bulkIn(0x81, 512, 1000);
  t.true(model.lost > 100, `${model.lost} lost of 400`);
});
