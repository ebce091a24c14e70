// test/support/usbip-client.ts - USB devices behind a USB/IP connection, as a driver sees them: URBs over a socket, without a kernel.
// Longer than usual because bus, device and endpoint share one connection and its rules.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { TaggerError } from '../../app/core/errors.ts';
import type { BulkSource, Setup, UsbAccess, UsbBus, UsbIdentity, UsbInterface } from '../../app/driver/usb-access.ts';
import { interfacesOf } from '../../app/emulate/descriptors.ts';
import {
  busidBlock, commandBytes, commands, decodeDevice, deviceBytes, deviceIdOf, encodeSubmit, encodeUnlink, Inbox, operation, operationBytes, operations, operationStatus, urbStatus,
  type ExportedDevice,
} from '../../app/emulate/usbip-wire.ts';

const answerMs = 5000, watchMs = 20;
const endpointHalt = 0;

/** Every device that one server exports. A departure is noticed by asking again. */
export class UsbipBus implements UsbBus {
  readonly #port: number | Promise<number>;
  /** Texts by port and address; asked for once, while nobody else has the device. */
  readonly #known = new Map<string, UsbIdentity>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(port: number | Promise<number>) { this.#port = port; }

  list(): Promise<UsbIdentity[]> { return this.#inTurn(() => this.#list()); }

  open(identity: UsbIdentity): Promise<UsbAccess> {
    return this.#inTurn(async () => {
      const there = (await this.#devices()).find(({ busid, deviceNumber }) => busid === identity.port && deviceNumber === identity.address);
      if (!there) throw new TaggerError('device-lost', `Cannot open the USB device at ${identity.port}: it is gone.`);
      return UsbipAccess.open(await this.#import(identity.port), identity);
    });
  }

  watch(listener: () => void): () => void {
    let last = '';
    const timer = setInterval(() => {
      void this.#devices().then(devices => {
        const now = devices.map(({ busid, deviceNumber }) => `${busid} ${deviceNumber}`).join();
        if (now !== last) listener();
        last = now;
      });
    }, watchMs);
    return () => { clearInterval(timer); };
  }

  /** Looking at the texts of a device takes it for a moment, so that nobody opens it meanwhile. */
  #inTurn<T>(what: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(what);
    this.#queue = done.catch(() => {});
    return done;
  }

  async #list(): Promise<UsbIdentity[]> {
    const identities: UsbIdentity[] = [];
    for (const { busid: port, deviceNumber: address, vendorId, productId } of await this.#devices()) {
      const key = `${port} ${address}`;
      let identity = this.#known.get(key);
      if (!identity) {
        const bare = { vendorId, productId, manufacturer: '', product: '', serial: '', port, address };
        try {
          await using access = await UsbipAccess.open(await this.#import(port), bare);
          identity = { ...bare, ...await access.texts() };
          this.#known.set(key, identity);
        } catch (error) {
          identity = { ...bare, trouble: (error as Error).message };
        }
      }
      identities.push(identity);
    }
    return identities;
  }

  async #devices(): Promise<ExportedDevice[]> {
    let stream: Stream;
    try {
      stream = await Stream.open(await this.#port);
    } catch {
      return [];
    }
    stream.socket.write(operation(operations.requestList, 0));
    await stream.take(operationBytes);
    const devices: ExportedDevice[] = [];
    for (let left = (await stream.take(4)).readUInt32BE(0); left > 0; left--) {
      const device = decodeDevice(await stream.take(deviceBytes));
      await stream.take(4 * device.interfaces);
      devices.push(device);
    }
    stream.socket.destroy();
    return devices;
  }

  async #import(busid: string): Promise<{ stream: Stream; device: ExportedDevice }> {
    // The server notices a moment later that the last one has let it go.
    for (let attempts = 50; ; attempts--) {
      const stream = await Stream.open(await this.#port);
      stream.socket.write(operation(operations.requestImport, 0, [busidBlock(busid)]));
      const status = (await stream.take(operationBytes)).readUInt32BE(4);
      if (status === operationStatus.ok) return { stream, device: decodeDevice(await stream.take(deviceBytes)) };
      stream.socket.destroy();
      if (status === operationStatus.noDevice) throw new TaggerError('device-lost', `Cannot open the USB device at ${busid}: it is gone.`);
      if (attempts === 0) throw new TaggerError('busy', `Cannot open the USB device at ${busid}: somebody else has it.`);
      await new Promise(resolve => { setTimeout(resolve, 5); });
    }
  }
}

interface Ended { status: number; data: Buffer; bytes: number }
interface Urb { sequence: number; isIn: boolean; ended: Promise<Ended> }

class UsbipAccess implements UsbAccess {
  readonly identity: UsbIdentity;
  readonly gone: AbortSignal;
  interfaces: readonly UsbInterface[] = [];
  readonly #stream: Stream;
  readonly #deviceId: number;
  readonly #left = new AbortController();
  readonly #claimed = new Set<number>();
  readonly #underWay = new Map<number, { isIn: boolean; end: (ended: Ended) => void }>();
  #device: Buffer = Buffer.alloc(0);
  #sequence = 0;

  static async open({ stream, device }: { stream: Stream; device: ExportedDevice }, identity: UsbIdentity): Promise<UsbipAccess> {
    const access = new UsbipAccess(stream, deviceIdOf(device), identity);
    await access.#enumerate();
    return access;
  }

  private constructor(stream: Stream, deviceId: number, identity: UsbIdentity) {
    this.#stream = stream;
    this.#deviceId = deviceId;
    this.identity = identity;
    this.gone = this.#left.signal;
    void this.#receive();
  }

  async texts(): Promise<{ manufacturer: string; product: string; serial: string }> {
    return { manufacturer: await this.#text(14), product: await this.#text(15), serial: await this.#text(16) };
  }

  async claim(interfaceNumber: number, alternate = 0): Promise<void> {
    this.#check();
    const alternates = this.interfaces.filter(({ number }) => number === interfaceNumber);
    if (!alternates.some(each => each.alternate === alternate)) throw new TaggerError('protocol', `Cannot claim interface ${interfaceNumber} of the USB device at ${this.identity.port}: it has none.`);
    if (alternates.length > 1) await this.controlOut({ requestType: 1, request: 11, value: alternate, index: interfaceNumber });
    this.#claimed.add(interfaceNumber);
  }

  async controlIn(setup: Setup, length: number): Promise<Uint8Array> {
    const { status, data } = await this.#inTime(this.submit(0, true, length, setup));
    this.#judge(status, `request ${setup.request}`);
    return data;
  }

  async controlOut(setup: Setup, data = new Uint8Array(0)): Promise<void> {
    const { status } = await this.#inTime(this.submit(0, false, data.length, setup, data));
    this.#judge(status, `request ${setup.request}`);
  }

  async bulkOut(endpoint: number, data: Uint8Array): Promise<void> {
    this.#check(endpoint);
    const { status } = await this.#inTime(this.submit(endpoint, false, data.length, undefined, data));
    this.#judge(status, `endpoint ${endpoint}`);
  }

  async bulkIn(endpoint: number, length: number, timeoutMs: number): Promise<Uint8Array> {
    this.#check(endpoint);
    const urb = this.submit(endpoint, true, length);
    const timer = setTimeout(() => { this.unlink(urb); }, timeoutMs);
    const { status, data } = await urb.ended;
    clearTimeout(timer);
    if (status !== urbStatus.reset) this.#judge(status, `endpoint ${endpoint}`);
    return data;
  }

  stream(endpoint: number, transfers: number, bytes: number): BulkSource {
    this.#check(endpoint);
    // In front of its reads on the wire; nobody waits for the answer.
    this.submit(0, false, 0, { requestType: 2, request: 1, value: endpointHalt, index: endpoint });
    return new UsbipSource(this, endpoint, transfers, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.socket.destroy();
    if (!this.gone.aborted) await once(this.gone, 'abort');
  }

  submit(endpoint: number, isIn: boolean, length: number, setup?: Setup, data?: Uint8Array): Urb {
    const sequence = ++this.#sequence;
    const { promise, resolve } = Promise.withResolvers<Ended>();
    if (this.gone.aborted) resolve({ status: -19, data: Buffer.alloc(0), bytes: 0 });
    else {
      this.#underWay.set(sequence, { isIn, end: resolve });
      const bytes = setup && Uint8Array.of(setup.requestType, setup.request, setup.value & 255, setup.value >> 8, setup.index & 255, setup.index >> 8, length & 255, length >> 8);
      this.#stream.socket.write(encodeSubmit({ sequence, deviceId: this.#deviceId, isIn, endpoint, length, data, ...(bytes && { setup: bytes }) }));
    }
    return { sequence, isIn, ended: promise };
  }

  unlink(urb: Urb): void {
    const sequence = ++this.#sequence;
    this.#underWay.set(sequence, {
      isIn: false, end: ({ status }) => {
        // Otherwise it has ended already, and its answer came first.
        if (status !== urbStatus.ok) this.#finish(urb.sequence, { status, data: Buffer.alloc(0), bytes: 0 });
      },
    });
    this.#stream.socket.write(encodeUnlink(sequence, this.#deviceId, urb.sequence));
  }

  async clearHalt(endpoint: number): Promise<void> {
    this.#check(endpoint);
    await this.controlOut({ requestType: 2, request: 1, value: endpointHalt, index: endpoint });
  }

  lost(): TaggerError { return new TaggerError('device-lost', `The USB device at ${this.identity.port} is gone.`, { hint: 'Plug it in again.' }); }

  async #enumerate(): Promise<void> {
    const descriptor = async (type: number, length: number, index = 0): Promise<Buffer> => Buffer.from(await this.controlIn({ requestType: 0x80, request: 6, value: type << 8 | index, index: type === 3 ? 0x409 : 0 }, length));
    this.#device = await descriptor(1, 18);
    const configuration = await descriptor(2, (await descriptor(2, 9)).readUInt16LE(2));
    await this.controlOut({ requestType: 0, request: 9, value: configuration[5] ?? 1, index: 0 });
    const strings: string[] = [];
    for (let at = 0; at + 9 <= configuration.length; at += configuration[at]! || configuration.length) {
      const index = configuration[at + 1] === 4 ? configuration[at + 8]! : 0;
      if (index > 0) strings[index] = (await descriptor(3, 255, index)).toString('utf16le', 2);
    }
    this.interfaces = interfacesOf({ device: this.#device, configuration, strings });
  }

  async #text(at: number): Promise<string> {
    const index = this.#device[at] ?? 0;
    return index === 0 ? '' : Buffer.from(await this.controlIn({ requestType: 0x80, request: 6, value: 3 << 8 | index, index: 0x409 }, 255)).toString('utf16le', 2);
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        const head = await this.#stream.take(commandBytes), sequence = head.readUInt32BE(4), status = head.readInt32BE(20);
        const hasData = head.readUInt32BE(0) === commands.submitted && this.#underWay.get(sequence)?.isIn === true;
        const bytes = head.readUInt32BE(0) === commands.submitted ? head.readUInt32BE(24) : 0;
        this.#finish(sequence, { status, bytes, data: hasData ? Buffer.from(await this.#stream.take(bytes)) : Buffer.alloc(0) });
      }
    } catch {
      this.#left.abort();
      for (const sequence of this.#underWay.keys()) this.#finish(sequence, { status: -19, data: Buffer.alloc(0), bytes: 0 });
    }
  }

  #finish(sequence: number, ended: Ended): void {
    const urb = this.#underWay.get(sequence);
    this.#underWay.delete(sequence);
    urb?.end(ended);
  }

  async #inTime(urb: Urb): Promise<Ended> {
    const timer = setTimeout(() => { this.unlink(urb); }, answerMs);
    const ended = await urb.ended;
    clearTimeout(timer);
    if (ended.status === urbStatus.reset) throw new TaggerError('timeout', `The USB device at ${this.identity.port} did not answer within ${answerMs} ms.`);
    return ended;
  }

  #judge(status: number, what: string): void {
    if (status === urbStatus.ok) return;
    if (this.gone.aborted) throw this.lost();
    if (status === urbStatus.stall) throw new TaggerError('device-refused', `The USB device at ${this.identity.port} refused ${what}.`);
    throw new TaggerError('protocol', `The USB device at ${this.identity.port} ended ${what} with ${status}.`);
  }

  #check(endpoint?: number): void {
    if (this.gone.aborted) throw this.lost();
    if (endpoint === undefined || this.interfaces.some(({ number, endpoints }) => this.#claimed.has(number) && endpoints.some(({ address }) => address === endpoint))) return;
    throw new TaggerError('protocol', `Cannot use endpoint ${endpoint} of the USB device at ${this.identity.port}: no interface that was claimed has it.`);
  }
}

class UsbipSource implements BulkSource {
  readonly #access: UsbipAccess;
  readonly #endpoint: number;
  readonly #bytes: number;
  readonly #urbs: Urb[] = [];
  #stopped = false;

  constructor(access: UsbipAccess, endpoint: number, transfers: number, bytes: number) {
    this.#access = access;
    this.#endpoint = endpoint;
    this.#bytes = bytes;
    for (let i = 0; i < transfers; i++) this.#submit();
  }

  async next(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    for (;;) {
      const [urb] = this.#urbs;
      if (!urb) return undefined;
      const ended = await within(urb.ended, timeoutMs, signal);
      if (!ended) return undefined;
      this.#urbs.shift();
      const { status, data } = ended;
      if (status === urbStatus.reset && this.#stopped) continue;
      if (this.#access.gone.aborted && status !== urbStatus.ok) throw this.#access.lost();
      if (status === urbStatus.stall) {
        await this.stop();
        throw new TaggerError('device-refused', `The USB device at ${this.#access.identity.port} stalled its stream.`);
      }
      if (status !== urbStatus.ok) throw new TaggerError('protocol', `The USB device at ${this.#access.identity.port} ended its stream with ${status}.`);
      if (!this.#stopped) this.#submit();
      return data;
    }
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    // The last first: none is filled while those before it go.
    for (const urb of this.#urbs.toReversed()) this.#access.unlink(urb);
    await Promise.all(this.#urbs.map(({ ended }) => ended));
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.stop(); }

  #submit(): void { this.#urbs.push(this.#access.submit(this.#endpoint, true, this.#bytes)); }
}

async function within<T>(what: Promise<T>, ms: number, signal?: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => { resolve(undefined); }, ms), stop = (): void => { resolve(undefined); };
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([what, promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** A socket that is read in pieces; rejects when it closes. */
class Stream {
  readonly socket: Socket;
  readonly #inbox = new Inbox();
  #wake: () => void = () => {};
  #closed = false;

  static async open(port: number): Promise<Stream> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const stream = new Stream(socket);
    await once(socket, 'connect');
    return stream;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', chunk => {
      this.#inbox.push(chunk);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  async take(bytes: number): Promise<Buffer> {
    for (;;) {
      const found = this.#inbox.take(bytes);
      if (found) return found;
      if (this.#closed) throw new TaggerError('device-lost', 'The USB/IP connection was closed.');
      await new Promise<void>(resolve => { this.#wake = resolve; });
    }
  }
}
