// emulate/usbredir.ts - an emulated device on a usbredir socket: a virtual machine sees it as one that is plugged into its USB port.
//
// A connection is a cable. IN transfers wait, several on each endpoint, until the device has packets for them, and are answered in order; OUT transfers and
// control requests are answered at once. The protocol is in usbredir-wire.ts.
// Longer than usual because all of it is about one connection and what waits on it.
import { createConnection, type Socket } from 'node:net';
import { once } from 'node:events';
import { isTaggerError, TaggerError } from '../core/errors.ts';
import type { UsbInterface } from '../driver/usb-access.ts';
import { interfacesOf, packetBytesOf } from './descriptors.ts';
import type { DeviceModel } from './device.ts';
import { ControlPipe } from './standard-requests.ts';
import { capability, endpointIndex, mostBytes, packet, speeds, status, Wire, wrong, type Incoming } from './usbredir-wire.ts';

/** How often a device that had nothing for a waiting transfer is asked again. */
const pollMs = 1, unplugMs = 500;
/** A host has a few dozen transfers under way; one that queues without end gets no more memory. */
const mostTransfers = 4096;
const types = ['control', 'isochronous', 'bulk', 'interrupt'] as const;

interface Transfer { readonly id: bigint; readonly length: number; readonly stream: number; packets: Uint8Array[]; bytes: number }

/** An IN endpoint: transfers that wait, and packets that a cancelled transfer has given back. */
interface Pipe { readonly packetBytes: number; transfers: Transfer[]; returned: Uint8Array[]; isReceiving: boolean }

export class UsbredirPort {
  /** Resolves when the connection is over; with the reason if the other side broke the protocol. */
  readonly closed: Promise<TaggerError | undefined>;
  readonly #socket: Socket;
  readonly #wire = new Wire();
  #model: DeviceModel | undefined;
  #interfaces: readonly UsbInterface[] = [];
  #controls: ControlPipe | undefined;
  readonly #pipes = new Map<number, Pipe>();
  /** What is plugged in when the other side has said that it saw the last one leave. */
  #next: DeviceModel | undefined;
  #isReady = false;
  #timer: NodeJS.Timeout | undefined;
  #failure: TaggerError | undefined;

  constructor(socket: Socket, model: DeviceModel) {
    this.#socket = socket;
    this.#next = model;
    this.closed = new Promise(resolve => {
      socket.on('error', () => { /* 'close' follows. */ });
      socket.once('close', () => {
        this.#drop();
        resolve(this.#failure);
      });
    });
    socket.on('data', data => this.#take(data));
    socket.on('drain', () => {
      socket.resume();
      this.#pump();
    });
    socket.write(this.#wire.hello());
  }

  /** Transfers of the host that wait for the device. */
  get waiting(): number { return [...this.#pipes.values()].reduce((sum, { transfers }) => sum + transfers.length, 0); }

  /** Pulls the cable. */
  async unplug(): Promise<void> {
    this.#drop();
    this.#socket.end();
    this.#socket.resume();
    // Who reads nothing any more does not hold the plug.
    const patience = setTimeout(() => { this.#socket.destroy(); }, unplugMs);
    await this.closed;
    clearTimeout(patience);
  }

  #take(data: Buffer): void {
    this.#wire.push(data);
    try {
      for (let incoming; (incoming = this.#wire.next()) !== undefined;) this.#handle(incoming);
    } catch (error) {
      if (!isTaggerError(error)) throw error;
      this.#failure = error;
      this.#socket.destroy();
      return;
    }
    // Whoever asks and does not read the answers is not asked what else it wants.
    if (this.#socket.writableNeedDrain) this.#socket.pause();
    this.#pump();
  }

  #handle({ type, id, body }: Incoming): void {
    if (type === packet.hello) {
      this.#isReady = true;
      this.#plug();
      return;
    }
    if (type === packet.disconnectAck) {
      this.#plug();
      return;
    }
    // What was under way when the device left is not for the next one.
    if (!this.#model) return;
    switch (type) {
      case packet.reset: this.#reset(); break;
      // The kernel's requests for these come as packets of their own.
      case packet.setConfiguration: {
        const isKnown = this.#ask(0x00, 9, at(body, 0), 0) !== undefined;
        if (isKnown) this.#tellInterfaces();
        this.#send(packet.configurationStatus, id, Uint8Array.of(isKnown ? status.success : status.stall, this.#ask(0x80, 8, 0, 0)![0]!));
        break;
      }
      case packet.getConfiguration: this.#send(packet.configurationStatus, id, Uint8Array.of(status.success, this.#ask(0x80, 8, 0, 0)![0]!)); break;
      case packet.setAlternate: {
        const number = at(body, 0), isKnown = this.#ask(0x01, 11, at(body, 1), number) !== undefined;
        if (isKnown) this.#tellInterfaces();
        this.#send(packet.alternateStatus, id, Uint8Array.of(isKnown ? status.success : status.stall, number, this.#alternate(number)));
        break;
      }
      case packet.getAlternate: this.#send(packet.alternateStatus, id, Uint8Array.of(status.success, at(body, 0), this.#alternate(at(body, 0)))); break;
      case packet.control: this.#control(id, body); break;
      case packet.bulk: this.#bulk(id, body); break;
      case packet.interrupt: this.#interruptOut(id, body); break;
      case packet.cancel: this.#cancel(id); break;
      case packet.startInterrupt: case packet.stopInterrupt: {
        const endpoint = at(body, 0), pipe = this.#pipe(endpoint, 'interrupt');
        if (pipe) pipe.isReceiving = type === packet.startInterrupt;
        this.#send(packet.interruptStatus, id, Uint8Array.of(pipe ? status.success : status.invalid, endpoint));
        break;
      }
      case packet.startIso: this.#send(packet.isoStatus, id, Uint8Array.of(status.invalid, at(body, 0))); break;
      case packet.allocStreams: this.#send(packet.streamsStatus, id, body.subarray(0, 4), new Uint8Array(4), Uint8Array.of(status.invalid)); break;
      default: // Others need no answer: filters, ends of what was never begun, and what a newer version may say.
    }
  }

  #plug(): void {
    const model = this.#next;
    if (!model || !this.#isReady || this.#model) return;
    this.#next = undefined;
    this.#model = model;
    this.#interfaces = interfacesOf(model.descriptors);
    model.onLeave = then => { queueMicrotask(() => { if (this.#model === model) this.#leave(then); }); };
    this.#reset();
    this.#tellInterfaces();
    const { device } = model.descriptors;
    const isHigh = this.#interfaces.some(({ endpoints }) => endpoints.some(({ type, packetBytes }) => type === 'bulk' && packetBytes === 512));
    const connect = [isHigh ? speeds.high : speeds.full, device[4]!, device[5]!, device[6]!, ...device.subarray(8, 12), ...device.subarray(12, 14)];
    this.#send(packet.deviceConnect, 0n, Uint8Array.from(this.#wire.has(capability.deviceVersion) ? connect : connect.slice(0, 8)));
  }

  /** The device leaves the bus, and perhaps comes back as another. */
  #leave(next: DeviceModel | undefined): void {
    this.#drop();
    this.#next = next;
    // Without an acknowledgement the other side takes the next one for what it is all the same.
    if (!this.#wire.has(capability.disconnectAck)) this.#plug();
  }

  /** Ends what is plugged in; its transfers end without an answer, as the other side expects. */
  #drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next = undefined;
    this.#pipes.clear();
    if (!this.#model) return;
    this.#model.onLeave = undefined;
    this.#model = undefined;
    if (this.#socket.writable) this.#send(packet.deviceDisconnect, 0n);
  }

  #reset(): void {
    this.#controls = new ControlPipe(this.#model!);
    this.#pipes.clear();
    this.#model!.reset();
  }

  #ask(requestType: number, request: number, value: number, index: number): Uint8Array | undefined {
    return this.#controls!.answer({ requestType, request, value, index }, new Uint8Array(0), 64);
  }

  #alternate(number: number): number { return this.#ask(0x81, 10, 0, number)?.[0] ?? 0; }

  /** Interfaces and endpoints as they are with the alternate settings of now. */
  #tellInterfaces(): void {
    const active = this.#interfaces.filter(({ number, alternate }) => alternate === this.#alternate(number)).slice(0, 32);
    const interfaces = Buffer.alloc(4 + 4 * 32);
    interfaces.writeUInt32LE(active.length);
    active.forEach((each, i) => { [each.number, each.class, each.subclass, each.protocol].forEach((value, k) => { interfaces[4 + 32 * k + i] = value; }); });
    this.#send(packet.interfaceInfo, 0n, interfaces);
    const endpoints = Buffer.alloc(this.#wire.has(capability.packetSizes) ? 160 : 96);
    endpoints.fill(255, 0, 32);
    const tell = (address: number, type: number, owner: number, packetBytes: number): void => {
      const i = endpointIndex(address);
      endpoints[i] = type;
      endpoints[32 + i] = type === 3 ? 8 : 0;
      endpoints[64 + i] = owner;
      if (endpoints.length > 96) endpoints.writeUInt16LE(packetBytes, 96 + 2 * i);
    };
    for (const address of [0, 0x80]) tell(address, 0, 0, 64);
    for (const { number, endpoints: those } of active) for (const { address, type, packetBytes } of those) tell(address, types.indexOf(type), number, packetBytes);
    this.#send(packet.endpointInfo, 0n, endpoints);
  }

  #control(id: bigint, body: Buffer): void {
    if (body.length < 10) throw wrong(`a control packet of ${body.length} bytes`);
    const [endpoint, request, requestType] = body as unknown as [number, number, number];
    const value = body.readUInt16LE(4), index = body.readUInt16LE(6), length = body.readUInt16LE(8), isIn = requestType >= 0x80;
    const data = body.subarray(10);
    const answer = !isIn && data.length !== length ? undefined : this.#controls!.answer({ requestType, request, value, index }, data, isIn ? length : 0);
    const given = isIn ? answer : undefined;
    const header = Buffer.from(body.subarray(0, 10));
    header[0] = endpoint;
    header[3] = answer ? status.success : status.stall;
    header.writeUInt16LE(!answer ? 0 : isIn ? given!.length : length, 8);
    this.#send(packet.control, id, header, ...(given ? [given] : []));
  }

  #bulk(id: bigint, body: Buffer): void {
    const headerBytes = this.#wire.has(capability.lengths32) ? 10 : 8;
    if (body.length < headerBytes) throw wrong(`a bulk packet of ${body.length} bytes`);
    const endpoint = body[0]!, length = body.readUInt16LE(2) + (headerBytes === 10 ? body.readUInt16LE(8) * 65536 : 0), stream = body.readUInt32LE(4), data = body.subarray(headerBytes);
    if (endpoint < 0x80) {
      const code = data.length !== length || !this.#hasEndpoint(endpoint) ? status.invalid : this.#model!.bulkOut(endpoint, Uint8Array.from(data)) ? status.success : status.stall;
      this.#answerBulk(endpoint, { id, stream }, code, code === status.success ? length : 0);
      return;
    }
    const pipe = this.#pipe(endpoint, 'bulk');
    if (!pipe || length > mostBytes) this.#answerBulk(endpoint, { id, stream }, status.invalid, 0);
    else if (pipe.transfers.length >= mostTransfers) throw wrong(`more than ${mostTransfers} transfers on one endpoint`);
    else pipe.transfers.push({ id, length, stream, packets: [], bytes: 0 });
  }

  #answerBulk(endpoint: number, { id, stream }: Pick<Transfer, 'id' | 'stream'>, code: number, length: number, packets: readonly Uint8Array[] = []): void {
    const header = Buffer.alloc(this.#wire.has(capability.lengths32) ? 10 : 8);
    header[0] = endpoint;
    header[1] = code;
    header.writeUInt16LE(length % 65536, 2);
    header.writeUInt32LE(stream, 4);
    if (header.length === 10) header.writeUInt16LE(Math.floor(length / 65536), 8);
    this.#send(packet.bulk, id, header, ...packets);
  }

  #interruptOut(id: bigint, body: Buffer): void {
    if (body.length < 4) throw wrong(`an interrupt packet of ${body.length} bytes`);
    const endpoint = body[0]!, isDone = endpoint < 0x80 && this.#hasEndpoint(endpoint) && this.#model!.bulkOut(endpoint, Uint8Array.from(body.subarray(4)));
    this.#send(packet.interrupt, id, Uint8Array.of(endpoint, isDone ? status.success : status.stall, body[2]!, body[3]!));
  }

  #cancel(id: bigint): void {
    for (const [endpoint, pipe] of this.#pipes) {
      const i = pipe.transfers.findIndex(transfer => transfer.id === id);
      if (i < 0) continue;
      const [transfer] = pipe.transfers.splice(i, 1);
      // The host forgets what a cancelled transfer had; on a cable those packets would still be in the device.
      pipe.returned.unshift(...transfer!.packets);
      this.#answerBulk(endpoint, transfer!, status.cancelled, 0);
    }
  }

  #hasEndpoint(endpoint: number): boolean { return this.#interfaces.some(({ endpoints }) => endpoints.some(({ address }) => address === endpoint)); }

  #pipe(endpoint: number, type: UsbInterface['endpoints'][number]['type']): Pipe | undefined {
    const known = this.#pipes.get(endpoint);
    if (known || endpoint < 0x80 || !this.#interfaces.some(({ endpoints }) => endpoints.some(each => each.address === endpoint && each.type === type))) return known;
    const pipe = { packetBytes: packetBytesOf(this.#model!.descriptors, endpoint), transfers: [], returned: [], isReceiving: false };
    this.#pipes.set(endpoint, pipe);
    return pipe;
  }

  /** Gives waiting transfers what the device has, and comes again while any waits. */
  #pump(): void {
    const model = this.#model;
    let isWaiting = false;
    for (const [endpoint, pipe] of this.#pipes) {
      if (pipe.isReceiving) {
        isWaiting = true;
        const data = model!.packet(endpoint);
        if (data && data !== 'stall') this.#send(packet.interrupt, 0n, Uint8Array.of(endpoint, status.success, data.length & 255, data.length >> 8), data);
      }
      while (pipe.transfers.length > 0 && !this.#socket.writableNeedDrain && this.#model === model && this.#step(model!, endpoint, pipe));
      isWaiting ||= pipe.transfers.length > 0;
    }
    if (isWaiting && !this.#socket.writableNeedDrain) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#pump();
      }, pollMs);
    }
  }

  /** One packet into the first transfer; false if the device has none. */
  #step(model: DeviceModel, endpoint: number, pipe: Pipe): boolean {
    const transfer = pipe.transfers[0]!;
    const data = this.#controls!.halted.has(endpoint) ? 'stall' : pipe.returned.shift() ?? model.packet(endpoint);
    if (data === undefined) return model.skip?.(endpoint) ?? false;
    if (data === 'stall') {
      this.#controls!.halted.add(endpoint);
      pipe.transfers.shift();
      this.#answerBulk(endpoint, transfer, status.stall, transfer.bytes, transfer.packets);
      return true;
    }
    transfer.packets.push(data);
    transfer.bytes += data.length;
    if (data.length === pipe.packetBytes && transfer.bytes < transfer.length) return true;
    pipe.transfers.shift();
    if (transfer.bytes > transfer.length) this.#answerBulk(endpoint, transfer, status.babble, 0);
    else this.#answerBulk(endpoint, transfer, status.success, transfer.bytes, transfer.packets);
    return true;
  }

  #send(type: number, id: bigint, ...parts: readonly Uint8Array[]): void { this.#socket.write(this.#wire.encode(type, id, ...parts)); }
}

/** Plugs a device into the port that listens there. */
export async function plugUsbredir(path: string, model: DeviceModel): Promise<UsbredirPort> {
  const socket = createConnection({ path });
  try {
    await once(socket, 'connect');
  } catch (error) {
    throw new TaggerError('unavailable', `Cannot plug an emulated device into ${path}: ${(error as Error).message}.`, { cause: error });
  }
  return new UsbredirPort(socket, model);
}

function at(body: Buffer, offset: number): number {
  const value = body[offset];
  if (value === undefined) throw wrong(`a packet of ${body.length} bytes that needs ${offset + 1}`);
  return value;
}
