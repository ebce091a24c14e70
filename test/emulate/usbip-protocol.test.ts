// test/emulate/usbip-protocol.test.ts - the USB/IP server by its bytes: URBs in order, unlinks, stalls, standard requests, and clients that mean harm.
// Longer than usual because the client by hand and the scripted device stand in one place with what is asked of them.
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { describe } from '../../app/emulate/descriptors.ts';
import type { DeviceModel } from '../../app/emulate/device.ts';
import { UsbipServer } from '../../app/emulate/usbip.ts';
import {
  busidBlock, commandBytes, decodeDevice, deviceBytes, deviceIdOf, encodeSubmit, encodeUnlink, Inbox, mostInBytes, mostOutBytes, operation, operationBytes, operations, urbStatus,
} from '../../app/emulate/usbip-wire.ts';
import { Random } from '../support/random.ts';

/** Sends what a test gives it, and remembers what it was sent. */
class Scripted implements DeviceModel {
  readonly descriptors;
  onLeave: ((next: DeviceModel | undefined) => void) | undefined;
  readonly packets: (Uint8Array | 'stall')[] = [];
  readonly received: string[] = [];
  endless = false;
  constructor(productId = 1) {
    const endpoints = [{ address: 0x81, packetBytes: 512 }, { address: 0x02, packetBytes: 512 }];
    this.descriptors = describe({ vendorId: 0x1209, productId, product: 'Scripted', interfaces: [{ class: [0xff, 1, 2], endpoints }, { class: [3, 0, 0], endpoints: [{ address: 0x83, type: 'interrupt', packetBytes: 8 }] }] });
  }
  reset(): void { this.received.push('reset'); }
  control({ request, value }: { request: number; value: number }, data: Uint8Array): Uint8Array | undefined {
    this.received.push(`control ${request} ${value} [${data.join()}]`);
    return request === 0x66 ? undefined : Uint8Array.of(1, 2, 3, 4);
  }
  bulkOut(_endpoint: number, data: Uint8Array): boolean {
    this.received.push(`out ${data.length}`);
    return data[0] !== 0xee;
  }
  packet(endpoint: number): Uint8Array | undefined | 'stall' { return endpoint !== 0x81 ? undefined : this.endless ? new Uint8Array(512) : this.packets.shift(); }
  clearHalt(endpoint: number): void { this.received.push(`clear ${endpoint}`); }
}

interface Answer { command: number; sequence: number; status: number; data: number[] | number }

/** A client by hand. */
class Peer {
  readonly socket: Socket;
  deviceId = 0;
  readonly #inbox = new Inbox();
  readonly #isIn = new Set<number>();
  closed = false;
  #wake = (): void => {};
  constructor(server: UsbipServer) {
    this.socket = connect(server.port, '127.0.0.1');
    this.socket.on('data', chunk => {
      this.#inbox.push(chunk);
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }
  async take(bytes: number): Promise<Buffer> {
    const until = performance.now() + 5000;
    for (;;) {
      const found = this.#inbox.take(bytes);
      if (found) return found;
      if (this.closed || performance.now() > until) throw new Error(this.closed ? 'closed' : 'no answer');
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 100);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
  async import(busid = '1-1'): Promise<number> {
    this.socket.write(operation(operations.requestImport, 0, [busidBlock(busid)]));
    const status = (await this.take(operationBytes)).readUInt32BE(4);
    if (status === 0) this.deviceId = deviceIdOf(decodeDevice(await this.take(deviceBytes)));
    return status;
  }
  read(sequence: number, length: number, endpoint = 1): void {
    this.#isIn.add(sequence);
    this.socket.write(encodeSubmit({ sequence, deviceId: this.deviceId, isIn: true, endpoint, length }));
  }
  write(sequence: number, data: Uint8Array, endpoint = 2): void { this.socket.write(encodeSubmit({ sequence, deviceId: this.deviceId, isIn: false, endpoint, length: data.length, data })); }
  control(sequence: number, setup: readonly number[], data?: Uint8Array): void {
    const isIn = (setup[0]! & 0x80) > 0;
    if (isIn) this.#isIn.add(sequence);
    this.socket.write(encodeSubmit({ sequence, deviceId: this.deviceId, isIn, endpoint: 0, length: setup[6]! | setup[7]! << 8, setup: Uint8Array.from(setup), data }));
  }
  unlink(sequence: number, unlinks: number): void { this.socket.write(encodeUnlink(sequence, this.deviceId, unlinks)); }
  async answer(): Promise<Answer> {
    const head = await this.take(commandBytes), sequence = head.readUInt32BE(4), isIn = head.readUInt32BE(0) === 3 && this.#isIn.has(sequence), bytes = head.readUInt32BE(24);
    return { command: head.readUInt32BE(0), sequence, status: head.readInt32BE(20), data: isIn ? [...await this.take(bytes)] : bytes };
  }
  async isClosed(): Promise<boolean> {
    if (!this.closed) await new Promise(resolve => { this.socket.once('close', resolve); });
    return true;
  }
}

async function begin(t: ExecutionContext, model: DeviceModel = new Scripted()) {
  const server = await UsbipServer.listen({ port: 0 });
  const unplug = server.plug(model), peer = new Peer(server);
  t.teardown(async () => { await server[Symbol.asyncDispose](); });
  return { server, unplug, peer };
}
async function imported(t: ExecutionContext, model = new Scripted()) {
  const { peer, ...rest } = await begin(t, model);
  t.is(await peer.import(), 0);
  return { model, peer, ...rest };
}
function empty(): Omit<DeviceModel, 'descriptors'> { return { reset: () => {}, control: () => undefined, bulkOut: () => false, packet: () => undefined }; }
const submitted = (sequence: number, status: number, data: number[] | number): Answer => ({ command: 3, sequence, status, data });
const unlinked = (sequence: number, status: number): Answer => ({ command: 4, sequence, status, data: 0 });

test('the list names every device with its interfaces; a second list on the same connection may follow', async t => {
  const { server, peer } = await begin(t);
  server.plug(new Scripted(2), '3-2.4');
  for (let i = 0; i < 2; i++) {
    peer.socket.write(operation(operations.requestList, 0));
    const head = await peer.take(operationBytes + 4);
    t.deepEqual([...head], [1, 0x11, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2]);
    for (const [busid, productId, busNumber, deviceNumber] of [['1-1', 1, 1, 1], ['3-2.4', 2, 3, 2]] as const) {
      t.like(decodeDevice(await peer.take(deviceBytes)), { busid, vendorId: 0x1209, productId, busNumber, deviceNumber, speed: 3, interfaces: 2, configurations: 1 });
      t.deepEqual([...await peer.take(8)], [0xff, 1, 2, 0, 3, 0, 0, 0]);
    }
  }
});

test('descriptors that lie spoil neither the list nor the import', async t => {
  const model = new Scripted(), random = new Random(3), { configuration } = model.descriptors;
  configuration[4] = 9;
  const { peer, server } = await begin(t, model);
  server.plug({ ...empty(), descriptors: { device: new Uint8Array(0), configuration: new Uint8Array(0), strings: [] } }, '2-1');
  server.plug({ ...empty(), descriptors: { device: Uint8Array.from({ length: 18 }, () => random.integer(0, 255)), configuration: Uint8Array.from({ length: 900 }, (_, i) => [9, 4][i % 9] ?? 0), strings: [] } }, '2-2');
  peer.socket.write(operation(operations.requestList, 0));
  t.is((await peer.take(operationBytes + 4)).readUInt32BE(8), 3);
  for (const [busid, interfaces] of [['1-1', 2], ['2-1', 0], ['2-2', 32]] as const) {
    const device = decodeDevice(await peer.take(deviceBytes));
    t.like(device, { busid, interfaces });
    await peer.take(4 * interfaces);
  }
  t.is(await peer.import('2-1'), 0);
  peer.control(1, [0x80, 6, 0, 1, 0, 0, 18, 0]);
  t.deepEqual(await peer.answer(), submitted(1, 0, []));
});

test('a device that is not there or that another client has is not imported; it is free again when that client goes', async t => {
  const { server, peer } = await imported(t);
  t.is(await new Peer(server).import('1-2'), 4);
  t.is(await new Peer(server).import('1-1'), 2);
  peer.socket.destroy();
  await peer.isClosed();
  let status = 2;
  for (let attempts = 0; status === 2 && attempts < 100; attempts++) status = await new Peer(server).import('1-1');
  t.is(status, 0);
});

test('reads wait while the device has nothing, and end in order: full, short, one after the other', async t => {
  const { model, peer } = await imported(t);
  peer.read(11, 1024);
  peer.read(12, 1024);
  peer.read(13, 512);
  peer.write(14, Uint8Array.of(7));
  t.deepEqual(await peer.answer(), submitted(14, 0, 1), 'what can be answered is not held up');
  const full = new Uint8Array(512).fill(5);
  model.packets.push(full, full, full, Uint8Array.of(9), full);
  t.deepEqual(await peer.answer(), submitted(11, 0, [...full, ...full]));
  t.deepEqual(await peer.answer(), submitted(12, 0, [...full, 9]));
  t.deepEqual(await peer.answer(), submitted(13, 0, [...full]));
});

test('a packet that does not fit ends its read with an overflow', async t => {
  const { model, peer } = await imported(t);
  model.packets.push(Uint8Array.of(1, 2, 3));
  peer.read(1, 2);
  t.deepEqual(await peer.answer(), submitted(1, urbStatus.overflow, [1, 2]));
});

test('a pending read is unlinked with -ECONNRESET, the others stay; packets that it holds are handed over first', async t => {
  const { model, peer } = await imported(t);
  for (const sequence of [1, 2, 3]) peer.read(sequence, 1024);
  peer.unlink(4, 2);
  t.deepEqual(await peer.answer(), unlinked(4, urbStatus.reset));
  model.packets.push(new Uint8Array(512).fill(8));
  peer.control(5, [0xc0, 1, 0, 0, 0, 0, 4, 0]);
  t.deepEqual(await peer.answer(), submitted(5, 0, [1, 2, 3, 4]));
  // The first read has the packet by now: it is asked for in each turn.
  peer.unlink(6, 1);
  t.deepEqual([await peer.answer(), await peer.answer()], [submitted(1, 0, Array<number>(512).fill(8)), unlinked(6, 0)]);
  peer.unlink(7, 1);
  t.deepEqual(await peer.answer(), unlinked(7, 0), 'it has ended');
  model.packets.push(Uint8Array.of(4));
  t.deepEqual(await peer.answer(), submitted(3, 0, [4]));
});

test('what the device has is handed over even if a read and its unlink come at once', async t => {
  const { model, peer } = await imported(t);
  model.packets.push(Uint8Array.of(3));
  peer.socket.cork();
  peer.read(1, 512);
  peer.unlink(2, 1);
  peer.socket.uncork();
  t.deepEqual([await peer.answer(), await peer.answer()], [submitted(1, 0, [3]), unlinked(2, 0)]);
});

test('a stall is -EPIPE until the halt is cleared, and the status of the endpoint says so', async t => {
  const { model, peer } = await imported(t);
  model.packets.push('stall', Uint8Array.of(6));
  const status = (sequence: number): void => { peer.control(sequence, [0x82, 0, 0, 0, 0x81, 0, 2, 0]); };
  peer.read(1, 512);
  peer.read(2, 512);
  t.deepEqual([await peer.answer(), await peer.answer()], [submitted(1, urbStatus.stall, []), submitted(2, urbStatus.stall, [])]);
  status(3);
  t.deepEqual(await peer.answer(), submitted(3, 0, [1, 0]));
  peer.control(4, [0x02, 1, 0, 0, 0x81, 0, 0, 0]);
  t.deepEqual(await peer.answer(), submitted(4, 0, 0));
  t.true(model.received.includes('clear 129'));
  status(5);
  t.deepEqual(await peer.answer(), submitted(5, 0, [0, 0]));
  peer.read(6, 512);
  t.deepEqual(await peer.answer(), submitted(6, 0, [6]));
  peer.write(7, Uint8Array.of(0xee));
  t.is((await peer.answer()).status, urbStatus.stall, 'refused by the model');
  peer.control(8, [0x40, 0x66, 0, 0, 0, 0, 0, 0]);
  t.is((await peer.answer()).status, urbStatus.stall, 'a request refused by the model');
  peer.read(9, 512, 5);
  t.is((await peer.answer()).status, urbStatus.noEndpoint);
});

test('standard requests are answered for every model', async t => {
  const { model, peer } = await imported(t);
  const { device, configuration } = model.descriptors;
  const table: readonly [string, readonly number[], number, readonly number[] | 0][] = [
    ['device descriptor', [0x80, 6, 0, 1, 0, 0, 18, 0], 0, [...device]],
    ['its first bytes', [0x80, 6, 0, 1, 0, 0, 8, 0], 0, [...device.subarray(0, 8)]],
    ['configuration', [0x80, 6, 0, 2, 0, 0, 255, 0], 0, [...configuration]],
    ['string', [0x80, 6, 1, 3, 9, 4, 255, 0], 0, [18, 3, ...Buffer.from('Scripted', 'utf16le')]],
    ['a string that is not there', [0x80, 6, 9, 3, 9, 4, 255, 0], urbStatus.stall, []],
    ['not configured', [0x80, 8, 0, 0, 0, 0, 1, 0], 0, [0]],
    ['a configuration that is not there', [0, 9, 5, 0, 0, 0, 0, 0], urbStatus.stall, 0],
    ['configure', [0, 9, 1, 0, 0, 0, 0, 0], 0, 0],
    ['configured', [0x80, 8, 0, 0, 0, 0, 1, 0], 0, [1]],
    ['alternate setting', [1, 11, 0, 0, 1, 0, 0, 0], 0, 0],
    ['an alternate setting that is not there', [1, 11, 1, 0, 1, 0, 0, 0], urbStatus.stall, 0],
    ['which one', [0x81, 10, 0, 0, 1, 0, 1, 0], 0, [0]],
    ['device status', [0x80, 0, 0, 0, 0, 0, 2, 0], 0, [0, 0]],
    ['halt', [2, 3, 0, 0, 0x02, 0, 0, 0], 0, 0],
    ['halted', [0x82, 0, 0, 0, 0x02, 0, 2, 0], 0, [1, 0]],
    ['halt of an endpoint that is not there', [2, 3, 0, 0, 0x0f, 0, 0, 0], urbStatus.stall, 0],
    ['a standard request of no chapter', [0, 99, 0, 0, 0, 0, 0, 0], urbStatus.stall, 0],
  ];
  for (const [i, [what, setup, status, data]] of table.entries()) {
    peer.control(i, setup);
    t.deepEqual(await peer.answer(), submitted(i, status, data as number[] | number), what);
  }
  t.false(model.received.some(text => text.startsWith('control')), 'the model has seen none of them');
  peer.control(100, [0x40, 7, 0x34, 0x12, 0, 0, 2, 0], Uint8Array.of(8, 9));
  t.deepEqual(await peer.answer(), submitted(100, 0, 2));
  t.is(model.received.at(-1), 'control 7 4660 [8,9]');
});

test('unplugging closes the connection; what leaves for another comes back at the same port with another number', async t => {
  const { model, peer, server, unplug } = await imported(t);
  peer.read(1, 512);
  const before = peer.deviceId;
  model.onLeave!(new Scripted(7));
  t.true(await peer.isClosed());
  let again = new Peer(server);
  for (let attempts = 0; await again.import() === 4 && attempts < 100; attempts++) again = new Peer(server);
  t.not(again.deviceId, before);
  unplug();
  t.true(await again.isClosed());
  t.is(await new Peer(server).import(), 4);
});

test('what is no command ends the connection: lying lengths, another device, isochronous packets, garbage', async t => {
  const { peer: first, server } = await imported(t);
  const head = (change: (bytes: Buffer, deviceId: number) => void) => (deviceId: number): Buffer => {
    const bytes = encodeSubmit({ sequence: 1, deviceId, isIn: true, endpoint: 1, length: 512 });
    change(bytes, deviceId);
    return bytes;
  };
  const bad: Record<string, (deviceId: number) => Buffer> = {
    'a read of too much': head(bytes => bytes.writeUInt32BE(mostInBytes + 1, 24)),
    'a negative length': head(bytes => bytes.writeInt32BE(-1, 24)),
    'a write of too much': head(bytes => {
      bytes.writeUInt32BE(0, 12);
      bytes.writeUInt32BE(mostOutBytes + 1, 24);
    }),
    'another device': head((bytes, deviceId) => bytes.writeUInt32BE(deviceId + 1, 8)),
    'an endpoint that cannot be': head(bytes => bytes.writeUInt32BE(16, 16)),
    isochronous: head(bytes => bytes.writeInt32BE(3, 32)),
    'no command': head(bytes => bytes.writeUInt32BE(9, 0)),
  };
  first.socket.destroy();
  await first.isClosed();
  for (const [what, bytes] of Object.entries(bad)) {
    let peer = new Peer(server);
    while (await peer.import() !== 0) peer = new Peer(server);
    peer.socket.write(bytes(peer.deviceId));
    t.true(await peer.isClosed(), what);
  }
  const stranger = new Peer(server);
  stranger.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  t.true(await stranger.isClosed());
});

test('random bytes behind an import never stop the server', async t => {
  const { server, peer: first } = await imported(t);
  first.socket.destroy();
  const seed = Number(process.env['TAGD_SEED'] ?? 7), random = new Random(seed), next = (): number => random.next();
  for (let round = 0; round < 60; round++) {
    let peer = new Peer(server);
    while (await peer.import() !== 0) peer = new Peer(server);
    for (let i = 0; i < 20 && !peer.closed; i++) {
      const bytes = encodeSubmit({ sequence: i, deviceId: peer.deviceId, isIn: next() < 0.5, endpoint: Math.floor(next() * 4), length: Math.floor(next() * 600), setup: Uint8Array.from({ length: 8 }, () => next() * 256) });
      // Most of them nearly right, so that they get far.
      if (next() < 0.3) bytes[Math.floor(next() * bytes.length)] = next() * 256;
      peer.socket.write(bytes);
      if (next() < 0.5) peer.socket.write(new Uint8Array(Math.floor(next() * 600)));
    }
    await new Promise(resolve => { setTimeout(resolve, 2); });
    peer.socket.destroy();
    await peer.isClosed();
  }
  let after = new Peer(server), status = await after.import();
  for (let attempts = 0; status !== 0 && attempts < 100; attempts++) status = await (after = new Peer(server)).import();
  t.is(status, 0, `seed ${seed}`);
  after.control(1, [0x80, 0, 0, 0, 0, 0, 2, 0]);
  t.deepEqual(await after.answer(), submitted(1, 0, [0, 0]), `seed ${seed}`);
});

// Alone, because it looks at the memory of the process.
test.serial('a client that reads nothing makes the device wait; what is kept for it is bounded', async t => {
  const { model, peer, server } = await imported(t);
  model.endless = true;
  peer.socket.pause();
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 1000; i++) peer.read(i, 1 << 20);
  await new Promise(resolve => { setTimeout(resolve, 700); });
  t.true(process.memoryUsage().arrayBuffers - before < 32 << 20, `${(process.memoryUsage().arrayBuffers - before) >> 20} MiB`);
  const other = new Peer(server);
  t.is(await other.import('1-2'), 4, 'others are answered meanwhile');
});

test('more reads than usbfs allows are refused, more connections than have sense are closed', async t => {
  const { peer, server } = await imported(t);
  for (let i = 0; i < 1025; i++) peer.read(i, 512);
  t.deepEqual(await peer.answer(), submitted(1024, -12, []));
  const idle = Array.from({ length: 20 }, () => new Peer(server));
  await Promise.race(idle.map(each => each.isClosed()));
  t.pass();
});

test('a port that is taken, and an address that is not ours, are said', async t => {
  const { server } = await begin(t);
  await t.throwsAsync(UsbipServer.listen({ port: server.port }), { code: 'busy', message: /^Cannot serve USB\/IP on 127\.0\.0\.1:\d+: another program has that port/ });
  await t.throwsAsync(UsbipServer.listen({ host: '192.0.2.1', port: 0 }), { code: 'usage', message: /no such address/ });
});
