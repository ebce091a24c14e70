// test/emulate/usbredir.test.ts - a device on a usbredir socket, against a peer that sends every packet by hand: what QEMU asks for, and what nobody should.
//
// Long because it is all about one connection: what is promised of it stands in one place.
import test, { type ExecutionContext } from 'ava';
import type { Setup } from '../../app/driver/usb-access.ts';
import { describe } from '../../app/emulate/descriptors.ts';
import type { DeviceModel } from '../../app/emulate/device.ts';
import { plugUsbredir, type UsbredirPort } from '../../app/emulate/usbredir.ts';
import { Random } from '../support/random.ts';
import { allCaps, Peer, u16, u32 } from './usbredir-peer.ts';
import { until } from '../support/until.ts';

const packetBytes = 64, success = 0, cancelled = 1, invalid = 2, stall = 4, babble = 6;

/** Packets are put into it by the test. */
class Scripted implements DeviceModel {
  readonly descriptors;
  onLeave: ((next: DeviceModel | undefined) => void) | undefined;
  readonly packets: (Uint8Array | 'stall')[] = [];
  readonly notices: Uint8Array[] = [];
  readonly written: { endpoint: number; data: number[] }[] = [];
  readonly asked: { setup: Setup; data: number[]; length: number }[] = [];
  resets = 0;
  cleared: number[] = [];

  constructor(productId = 1, bulkBytes = packetBytes) {
    this.descriptors = describe({
      vendorId: 0x1209, productId, product: 'Scripted', serial: 'S', deviceClass: [0xff, 1, 2],
      interfaces: [{ class: [0xff, 0, 0], endpoints: [{ address: 0x81, packetBytes: bulkBytes }, { address: 0x02, packetBytes: bulkBytes }, { address: 0x83, type: 'interrupt', packetBytes: 16 }] }],
    });
  }

  reset(): void { this.resets++; }
  control(setup: Setup, data: Uint8Array, length: number): Uint8Array | undefined {
    this.asked.push({ setup, data: [...data], length });
    return setup.request === 9 ? undefined : Uint8Array.of(1, 2, 3, 4);
  }
  bulkOut(endpoint: number, data: Uint8Array): boolean {
    this.written.push({ endpoint, data: [...data] });
    return data[0] !== 0xee;
  }
  packet(endpoint: number): Uint8Array | undefined | 'stall' { return endpoint === 0x81 ? this.packets.shift() : endpoint === 0x83 ? this.notices.shift() : undefined; }
  clearHalt(endpoint: number): void { this.cleared.push(endpoint); }
}

const full = (first: number, bytes = packetBytes): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => first + i);

async function plugged(t: ExecutionContext, caps = allCaps, model = new Scripted()) {
  const peer = await Peer.listen(caps), port = await plugUsbredir(peer.path, model);
  t.teardown(async () => {
    await port.unplug();
    await peer[Symbol.asyncDispose]();
  });
  return { peer, port, model, begun: await peer.begin() };
}

test('a device announces itself: interfaces, endpoints, then what it is', async t => {
  const { begun: { interfaces, endpoints, connect }, model } = await plugged(t);
  t.is(interfaces.readUInt32LE(0), 1);
  t.is(interfaces[4 + 32], 0xff);
  t.is(endpoints.length, 160);
  // Types by index: control both ways, bulk OUT 2, bulk IN 1, interrupt IN 3, nothing else.
  const there = [...endpoints.subarray(0, 32)].flatMap((type, i) => (type === 255 ? [] : [[i, type]]));
  t.deepEqual(there, [[0, 0], [2, 2], [16, 0], [17, 2], [19, 3]]);
  t.is(endpoints.readUInt16LE(96 + 2 * 17), packetBytes);
  t.deepEqual([...connect], [1, 0xff, 1, 2, 0x09, 0x12, 1, 0, 0, 1]);
  t.is(model.resets, 1);
});

test('a device with packets of 512 bytes is a high-speed one', async t => {
  const { begun: { connect } } = await plugged(t, allCaps, new Scripted(1, 512));
  t.is(connect[0], 2);
});

test('a peer that can less gets shorter headers', async t => {
  const { peer, model, begun: { endpoints, connect } } = await plugged(t, 0);
  t.is(endpoints.length, 96);
  t.is(connect.length, 8);
  model.packets.push(Uint8Array.of(7));
  peer.bulk(5, 0x81, 64);
  const { id, body } = await peer.next(101);
  t.deepEqual([id, body[1], body.readUInt16LE(2), body.length, body[8]], [5, success, 1, 9, 7]);
});

test('control requests: descriptors by us, others by the device; a stall is a stall', async t => {
  const { peer, model } = await plugged(t);
  peer.control(10, 0x80, 6, 0x0100, 0, 8);
  const descriptor = await peer.next(100);
  t.is(descriptor.id, 10);
  t.is(descriptor.body.readUInt16LE(8), 8);
  t.deepEqual([...descriptor.body.subarray(10)], [...model.descriptors.device.subarray(0, 8)]);
  peer.control(11, 0xc0, 5, 1, 2, 3);
  t.deepEqual([...(await peer.next(100)).body.subarray(8)], [3, 0, 1, 2, 3]);
  peer.control(12, 0x40, 5, 1, 2, 2, [8, 9]);
  const out = (await peer.next(100)).body;
  t.deepEqual([out[3], out.readUInt16LE(8), out.length], [success, 2, 10]);
  t.deepEqual(model.asked.map(({ data, length }) => [data, length]), [[[], 3], [[8, 9], 0]]);
  for (const [id, requestType, request, value] of [[13, 0xc0, 9, 0], [14, 0x80, 6, 0x0300 + 77], [15, 0x80, 6, 0x0f00]] as const) {
    peer.control(id, requestType, request, value, 0, 64);
    const { body } = await peer.next(100);
    t.deepEqual([body[3], body.readUInt16LE(8)], [stall, 0], `request ${id}`);
  }
  peer.control(16, 0x40, 5, 0, 0, 9, [1]);
  t.is((await peer.next(100)).body[3], stall, 'less data than it says');
});

test('configuration and alternate settings are answered; those that are not there stall', async t => {
  const { peer } = await plugged(t);
  const ask = async (type: number, answer: number, ...body: number[]): Promise<number[]> => {
    peer.send(type, 20, Uint8Array.from(body));
    return [...(await peer.next(answer)).body];
  };
  t.deepEqual(await ask(7, 8), [success, 1]);
  t.deepEqual(await ask(6, 8, 5), [stall, 1]);
  t.deepEqual(await ask(6, 8, 0), [success, 0]);
  t.deepEqual(await ask(9, 11, 0, 0), [success, 0, 0]);
  t.deepEqual(await ask(9, 11, 0, 1), [stall, 0, 0]);
  t.deepEqual(await ask(9, 11, 7, 0), [stall, 7, 0]);
  t.deepEqual(await ask(10, 11, 0), [success, 0, 0]);
});

test('transfers wait until the device has something, and are answered in order: full ones, short ones, empty ones', async t => {
  const { peer, port, model } = await plugged(t);
  for (let id = 30; id < 34; id++) peer.bulk(id, 0x81, 2 * packetBytes);
  await until(() => port.waiting === 4, 'four wait');
  t.true(await peer.isQuiet(30));
  model.packets.push(full(0), full(64), full(128), full(1, 5), new Uint8Array(0), full(2), full(3), full(4, 1));
  const answers = [await peer.next(101), await peer.next(101), await peer.next(101), await peer.next(101)];
  t.deepEqual(answers.map(({ id, body }) => [id, body[0], body[1], body.readUInt16LE(2), body.length - 10]), [
    [30, 0x81, success, 128, 128], [31, 0x81, success, 69, 69], [32, 0x81, success, 0, 0], [33, 0x81, success, 128, 128],
  ]);
  t.deepEqual([...answers[0]!.body.subarray(10)], [...full(0), ...full(64)]);
  t.deepEqual([...answers[1]!.body.subarray(10)], [...full(128), ...full(1, 5)]);
  t.is(port.waiting, 0);
});

test('a cancelled transfer is answered so, and what it had goes to the next one', async t => {
  const { peer, port, model } = await plugged(t);
  peer.bulk(40, 0x81, 1024);
  peer.bulk(41, 0x81, 1024);
  model.packets.push(full(0), full(1));
  await until(() => port.waiting === 2 && model.packets.length === 0, 'the first has both');
  peer.send(21, 40);
  const { id, body } = await peer.next(101);
  t.deepEqual([id, body[1], body.length], [40, cancelled, 10]);
  peer.send(21, 4711);
  model.packets.push(full(2, 3));
  const rest = await peer.next(101);
  t.is(rest.id, 41);
  t.deepEqual([...rest.body.subarray(10)], [...full(0), ...full(1), ...full(2, 3)]);
});

test('a transfer that is smaller than the packet for it babbles', async t => {
  const { peer, model } = await plugged(t);
  peer.bulk(50, 0x81, 10);
  model.packets.push(full(0));
  const { body } = await peer.next(101);
  t.deepEqual([body[1], body.readUInt16LE(2)], [babble, 0]);
});

test('a stalled endpoint stalls for all that wait, until the halt is cleared', async t => {
  const { peer, model } = await plugged(t);
  peer.bulk(60, 0x81, 64);
  peer.bulk(61, 0x81, 64);
  model.packets.push('stall', full(9, 2));
  t.is((await peer.next(101)).body[1], stall);
  t.is((await peer.next(101)).body[1], stall);
  peer.control(62, 0x82, 0, 0, 0x81, 2);
  t.deepEqual([...(await peer.next(100)).body.subarray(10)], [1, 0], 'GET_STATUS says that it is halted');
  model.cleared = [];
  peer.control(63, 0x02, 1, 0, 0x81, 0);
  t.is((await peer.next(100)).body[3], success);
  t.deepEqual(model.cleared, [0x81]);
  peer.bulk(64, 0x81, 64);
  t.deepEqual([...(await peer.next(101)).body.subarray(10)], [...full(9, 2)]);
});

test('bulk OUT reaches the device; what it refuses stalls', async t => {
  const { peer, model } = await plugged(t);
  peer.bulk(70, 2, 3, Uint8Array.of(1, 2, 3));
  t.deepEqual([...(await peer.next(101)).body.subarray(0, 4)], [2, success, 3, 0]);
  peer.bulk(71, 2, 1, Uint8Array.of(0xee));
  t.is((await peer.next(101)).body[1], stall);
  t.deepEqual(model.written[0], { endpoint: 2, data: [1, 2, 3] });
  for (const [endpoint, length] of [[9, 1], [2, 5]] as const) {
    peer.bulk(72, endpoint, length, Uint8Array.of(1));
    t.is((await peer.next(101)).body[1], invalid);
  }
  peer.bulk(73, 0x8f, 64);
  t.is((await peer.next(101)).body[1], invalid, 'no such endpoint');
});

test('an interrupt endpoint is followed once that was asked for', async t => {
  const { peer, model } = await plugged(t);
  model.notices.push(Uint8Array.of(5, 6));
  peer.send(15, 80, Uint8Array.of(0x83));
  t.deepEqual([...(await peer.next(17)).body], [success, 0x83]);
  t.deepEqual([...(await peer.next(103)).body], [0x83, success, 2, 0, 5, 6]);
  peer.send(16, 81, Uint8Array.of(0x83));
  await peer.next(17);
  model.notices.push(Uint8Array.of(7));
  t.true(await peer.isQuiet(20));
});

test('a reset forgets what waits', async t => {
  const { peer, port, model } = await plugged(t);
  peer.bulk(90, 0x81, 64);
  peer.send(3, 0);
  peer.send(7, 91);
  t.deepEqual([...(await peer.next(8)).body], [success, 0]);
  t.is(model.resets, 2);
  t.is(port.waiting, 0);
});

test('pulling the cable says so and ends the connection, whatever waits', async t => {
  const { peer, port } = await plugged(t);
  peer.bulk(100, 0x81, 64);
  await until(() => port.waiting === 1, 'it waits');
  await port.unplug();
  t.is((await peer.any()).type, 2);
  await peer.closed();
  t.is(await port.closed, undefined);
});

test('a device that leaves and comes back as another waits until the peer has seen it leave', async t => {
  const { peer, port, model } = await plugged(t), next = new Scripted(2);
  peer.bulk(110, 0x81, 64);
  await until(() => port.waiting === 1, 'it waits');
  model.onLeave?.(next);
  t.is((await peer.any()).type, 2);
  // Still for the one that left: no answer, and nothing for the next.
  peer.bulk(111, 0x81, 64);
  t.true(await peer.isQuiet(30));
  peer.send(24, 0);
  t.is((await peer.next(1)).body.readUInt16LE(6), 2);
  next.packets.push(full(3, 1));
  peer.bulk(112, 0x81, 64);
  t.is((await peer.next(101)).id, 112);
  next.onLeave?.(undefined);
  t.is((await peer.any()).type, 2);
  peer.send(24, 0);
  t.true(await peer.isQuiet(30));
});

test('packets in pieces of one byte are packets', async t => {
  const { peer, model } = await plugged(t);
  const bytes = Buffer.concat([u32(101), u32(13), u32(7), u32(0), Buffer.of(2, 0), u16(3), u32(0), u16(0), Buffer.of(4, 5, 6)]);
  for (const byte of bytes) {
    peer.raw(Buffer.of(byte));
    await new Promise(resolve => { setImmediate(resolve); });
  }
  t.is((await peer.next(101)).id, 7);
  t.deepEqual(model.written, [{ endpoint: 2, data: [4, 5, 6] }]);
});

const hostile: Record<string, (peer: Peer) => void> = {
  'a packet of 4 GiB': peer => { peer.raw(Buffer.concat([u32(100), u32(0xffffffff), u32(1), u32(0)])); },
  'a second hello': peer => { peer.raw(Buffer.concat([u32(0), u32(68), u32(0), u32(0), Buffer.alloc(68)])); },
  'a control packet without its header': peer => { peer.send(100, 1, Buffer.alloc(9)); },
  'a bulk packet without its header': peer => { peer.send(101, 1, Buffer.alloc(3)); },
  'a configuration without a number': peer => { peer.send(6, 1); },
  'an alternate setting without a number': peer => { peer.send(9, 1, Buffer.alloc(1)); },
  'more transfers than any host has': peer => { for (let i = 0; i < 5000; i++) peer.bulk(i, 0x81, 64); },
};
for (const [what, send] of Object.entries(hostile)) {
  test(`${what} ends the connection with one clear error`, async t => {
    const { peer, port } = await plugged(t);
    send(peer);
    await peer.closed();
    const failure = await port.closed;
    t.is(failure?.code, 'protocol');
    t.regex(failure!.message, /^Cannot go on with the usbredir peer: it sent .+\.$/);
  });
}

test('a hello that is too short, and anything before it, end the connection', async t => {
  for (const bytes of [Buffer.concat([u32(0), u32(10), u32(0), Buffer.alloc(10)]), Buffer.concat([u32(100), u32(10), u32(0), Buffer.alloc(10)])]) {
    await using peer = await Peer.listen();
    const port = await plugUsbredir(peer.path, new Scripted());
    await peer.any();
    peer.raw(bytes);
    await peer.closed();
    t.is((await port.closed)?.code, 'protocol');
  }
});

test('a transfer of 4 GiB is refused, and the largest that is not takes no memory until there is data', async t => {
  const { peer, port } = await plugged(t);
  peer.bulk(120, 0x81, 0xffffffff);
  t.is((await peer.next(101)).body[1], invalid);
  for (let id = 0; id < 1000; id++) peer.bulk(id, 0x81, 16 * 1024 * 1024);
  await until(() => port.waiting === 1000, 'all wait');
  t.true(process.memoryUsage().arrayBuffers < 200e6);
});

test('a peer that asks and does not read is not served ahead', async t => {
  const model = new Scripted(1, 512);
  let made = 0;
  model.packet = () => {
    made++;
    return new Uint8Array(512);
  };
  const { peer } = await plugged(t, allCaps, model);
  peer.isDeaf = true;
  for (let id = 0; id < 4000; id++) peer.bulk(id, 0x81, 16 * 1024);
  await new Promise(resolve => { setTimeout(resolve, 300); });
  t.true(made * 512 < 8e6, `${made * 512} bytes were made for a peer that reads nothing`);
});

test('whatever bytes come, the connection goes on or ends with a protocol error', async t => {
  const seed = Number(process.env['TAGD_SEED'] ?? Date.now() % 1e9), chance = new Random(seed), next = (): number => chance.next();
  for (let round = 0; round < 40; round++) {
    await using peer = await Peer.listen();
    const model = new Scripted(), port = await plugUsbredir(peer.path, model);
    await peer.begin();
    for (let i = 0; i < 50; i++) {
      const body = Buffer.from(Array.from({ length: Math.floor(next() * 24) }, () => Math.floor(next() * 256)));
      if (next() < 0.1) model.packets.push(next() < 0.3 ? 'stall' : full(0, Math.floor(next() * 65)));
      if (next() < 0.9) peer.send([...Array(28).keys(), 100, 101, 102, 103, 104, 7777][Math.floor(next() * 34)]!, i, body);
      else peer.raw(body);
    }
    await new Promise(resolve => { setTimeout(resolve, 5); });
    await port.unplug();
    const failure = await port.closed;
    t.true(failure === undefined || failure.code === 'protocol', `seed ${seed}, round ${round}: ${String(failure)}`);
  }
});

test('where nobody listens, plugging in says so', async t => {
  const failure = await t.throwsAsync(() => plugUsbredir('/nonexistent/port.sock', new Scripted()) as Promise<UsbredirPort>);
  t.regex(failure.message, /^Cannot plug an emulated device into \/nonexistent\/port\.sock: .*ENOENT/);
});
