// emulate/usbip.ts - a USB/IP server for emulated devices: a Linux kernel with vhci_hcd takes them for real ones.
//
// A device is imported by one client at a time; closing the connection unplugs it. A device that leaves by itself and comes back, as after a
// firmware upload, has the same busid and must be attached again. Whatever a client sends, it costs a bounded amount of memory.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { TaggerError } from '../core/errors.ts';
import { formatAddress } from '../core/link.ts';
import type { UsbInterface } from '../driver/usb-access.ts';
import { interfacesOf } from './descriptors.ts';
import type { DeviceModel } from './device.ts';
import { Urbs, type SteppedClock } from './usbip-urbs.ts';
import {
  busidBytes, commandBytes, commands, decodeCommand, deviceIdOf, encodeDevice, Inbox, mostInBytes, mostOutBytes, operation, operationBytes, operations, operationStatus, textAt, usbipPort,
  type ExportedDevice,
} from './usbip-wire.ts';

const mostConnections = 16;
/** To ask for a device; to take what was sent. */
const askMs = 10_000, takeMs = 30_000;
/** Unsent bytes of one connection above which its device waits. */
const mostUnsentBytes = 4 << 20;
const highSpeed = 3;

interface Exported { model: DeviceModel; device: ExportedDevice; holder: Socket | undefined }

export interface UsbipOptions {
  host?: string;
  port?: number;
  /** The clock that the models were given, if they live in real time. */
  clock?: SteppedClock;
  /** What happens, in words for people. */
  onEvent?: (text: string) => void;
  /** A device has left by itself, and nothing has taken its place. */
  onLeft?: (busid: string) => void;
}

export class UsbipServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #clock: SteppedClock | undefined;
  readonly #onEvent: (text: string) => void;
  readonly #onLeft: (busid: string) => void;
  readonly #exported = new Map<string, Exported>();
  readonly #sockets = new Set<Socket>();
  #ports = 0;
  #numbers = 0;

  /** @throws {TaggerError} `busy` if the port is taken, `forbidden`, `usage` if the address is not of this computer */
  static async listen({ host = '127.0.0.1', port = usbipPort, clock, onEvent = () => {}, onLeft = () => {} }: UsbipOptions = {}): Promise<UsbipServer> {
    const server = createServer();
    const listening = once(server, 'listening');
    server.listen({ host, port, backlog: mostConnections });
    try {
      await listening;
    } catch (error) {
      throw cannotListen(formatAddress(host, port), error as NodeJS.ErrnoException);
    }
    return new UsbipServer(server, clock, onEvent, onLeft);
  }

  private constructor(server: Server, clock: SteppedClock | undefined, onEvent: (text: string) => void, onLeft: (busid: string) => void) {
    this.#server = server;
    this.#clock = clock;
    this.#onEvent = onEvent;
    this.#onLeft = onLeft;
    server.on('connection', socket => { this.#serve(socket); });
    // As when no descriptor is left: the next connection may work again.
    server.on('error', error => { onEvent(`a connection failed: ${error.message}`); });
  }

  get port(): number { return (this.#server.address() as AddressInfo | null)?.port ?? 0; }

  /** @returns unplugs it, whatever it has become meanwhile */
  plug(model: DeviceModel, busid = `1-${++this.#ports}`): () => void {
    if (!/^\d+-[\d.]{1,24}$/.test(busid) || this.#exported.has(busid)) throw new TaggerError('usage', `Cannot plug a device in at '${busid}': it is no port, or it is taken.`);
    let current: Exported | undefined;
    const put = (next: DeviceModel): void => {
      const exported = { model: next, device: exportOf(next, busid, this.#numbers = this.#numbers % 0xffff + 1), holder: undefined };
      current = exported;
      this.#exported.set(busid, exported);
      next.reset();
      next.onLeave = (then, awayMs = 1) => {
        if (this.#exported.get(busid) !== exported) return;
        this.#remove(exported);
        this.#onEvent(`${busid} has left the bus`);
        if (then) setTimeout(() => { if (current === exported) put(then); }, awayMs);
        else this.#onLeft(busid);
      };
    };
    put(model);
    return () => {
      if (current) this.#remove(current);
      current = undefined;
    };
  }

  /** Lets the process end though it listens. */
  unref(): void {
    this.#server.unref();
    this.#server.on('connection', socket => { socket.unref(); });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const exported of this.#exported.values()) this.#remove(exported);
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #remove(exported: Exported): void {
    const { device: { busid }, holder } = exported;
    if (this.#exported.get(busid) !== exported) return;
    this.#exported.delete(busid);
    holder?.destroy();
  }

  #serve(socket: Socket): void {
    // A client that went away in the middle is no event.
    socket.on('error', () => {});
    if (this.#sockets.size >= mostConnections) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('close', () => { this.#sockets.delete(socket); });
    socket.setNoDelay(true);
    const late = setTimeout(() => { socket.destroy(); }, askMs);
    socket.on('close', () => { clearTimeout(late); });
    const inbox = new Inbox();
    const ask = (chunk: Buffer): void => {
      inbox.push(chunk);
      for (;;) {
        const head = inbox.peek(operationBytes);
        if (!head) return;
        const code = head.readUInt16BE(2);
        if (code === operations.requestList) {
          inbox.take(operationBytes);
          socket.write(this.#list());
          if (socket.writableLength > mostUnsentBytes) socket.destroy();
        } else if (code === operations.requestImport) {
          const request = inbox.take(operationBytes + busidBytes);
          if (!request) return;
          const exported = this.#import(socket, textAt(request, operationBytes, busidBytes));
          if (!exported) return;
          clearTimeout(late);
          socket.off('data', ask);
          this.#carry(socket, exported, inbox);
          return;
        } else {
          socket.destroy();
          return;
        }
      }
    };
    socket.on('data', ask);
  }

  #list(): Buffer {
    const body = [...this.#exported.values()].flatMap(({ model, device }) => [
      encodeDevice(device), ...listedOf(model).map(each => Buffer.of(each.class, each.subclass, each.protocol, 0)),
    ]);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(this.#exported.size);
    return operation(operations.replyList, operationStatus.ok, [count, ...body]);
  }

  #import(socket: Socket, busid: string): Exported | undefined {
    const exported = this.#exported.get(busid);
    if (!exported || exported.holder) {
      socket.end(operation(operations.replyImport, exported ? operationStatus.busy : operationStatus.noDevice));
      return undefined;
    }
    exported.holder = socket;
    exported.model.reset();
    socket.write(operation(operations.replyImport, operationStatus.ok, [encodeDevice(exported.device)]));
    return exported;
  }

  /** The device is the client's until one of them goes. */
  #carry(socket: Socket, exported: Exported, inbox: Inbox): void {
    const { model, device } = exported, deviceId = deviceIdOf(device);
    let late: NodeJS.Timeout | undefined;
    const hasRoom = (): boolean => socket.writableLength < mostUnsentBytes;
    const urbs = new Urbs(model, {
      hasRoom,
      isGone: () => socket.destroyed,
      send: (head, data) => {
        if (socket.destroyed) return;
        socket.cork();
        socket.write(head);
        if (data && data.length > 0) socket.write(data);
        socket.uncork();
      },
    }, this.#clock);
    const take = (): void => {
      while (!socket.destroyed) {
        if (!hasRoom()) {
          socket.pause();
          late ??= setTimeout(() => { socket.destroy(); }, takeMs);
          return;
        }
        const head = inbox.peek(commandBytes);
        if (!head) break;
        const command = decodeCommand(head), isSubmit = command.command === commands.submit, outBytes = isSubmit && !command.isIn ? command.length : 0;
        const isSane = (isSubmit || command.command === commands.unlink) && command.deviceId === deviceId && command.endpoint < 16 && outBytes <= mostOutBytes
          && (!isSubmit || (command.length <= mostInBytes && command.isochronousPackets <= 0));
        if (!isSane) {
          socket.destroy();
          return;
        }
        const whole = inbox.take(commandBytes + outBytes);
        if (!whole) break;
        if (isSubmit) urbs.submit(command, whole.subarray(commandBytes));
        else urbs.unlink(command);
      }
      urbs.pump();
    };
    socket.setKeepAlive(true, askMs);
    socket.on('data', chunk => {
      inbox.push(chunk);
      take();
    });
    socket.on('drain', () => {
      clearTimeout(late);
      late = undefined;
      socket.resume();
      take();
    });
    socket.on('close', () => {
      clearTimeout(late);
      urbs.stop();
      exported.holder = undefined;
      this.#onEvent(`${device.busid} was detached`);
    });
    this.#onEvent(`${device.busid} was attached by ${socket.remoteAddress ?? 'somebody'}`);
    take();
  }
}

/** Interfaces that the list has: those that are there, whatever the descriptor says of their number. */
function listedOf({ descriptors }: DeviceModel): UsbInterface[] { return interfacesOf(descriptors).filter(({ alternate }) => alternate === 0).slice(0, 32); }

function exportOf(model: DeviceModel, busid: string, deviceNumber: number): ExportedDevice {
  const { descriptors: { device, configuration } } = model, byte = (at: number): number => device[at] ?? 0, word = (at: number): number => byte(at) | byte(at + 1) << 8;
  return {
    busid, busNumber: Number.parseInt(busid, 10) & 0x7fff, deviceNumber, speed: highSpeed, vendorId: word(8), productId: word(10), release: word(12), class: [byte(4), byte(5), byte(6)],
    configurationValue: configuration[5] ?? 1, configurations: byte(17), interfaces: listedOf(model).length,
  };
}

function cannotListen(address: string, cause: NodeJS.ErrnoException): TaggerError {
  const what = `Cannot serve USB/IP on ${address}:`;
  switch (cause.code) {
    case 'EADDRINUSE': return new TaggerError('busy', `${what} another program has that port.`, { hint: 'Name another one with --port, or end that program; it may be usbipd.', cause });
    case 'EACCES': return new TaggerError('forbidden', `${what} this user may not use that port.`, { hint: 'Name a port above 1023 with --port.', cause });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND': return new TaggerError('usage', `${what} this computer has no such address.`, { hint: 'Leave out --bind for 127.0.0.1.', cause });
    default: return new TaggerError('unavailable', `${what} ${cause.message}.`, { cause });
  }
}
