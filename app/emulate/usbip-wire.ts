// emulate/usbip-wire.ts - USB/IP on the wire (Documentation/usb/usbip_protocol of Linux): what server and client both need.
//
// Everything is big-endian, save the 8 bytes of a control request. Before a device is imported there are operations, after it commands of 48 bytes.

export const usbipPort = 3240;
export const version = 0x0111;
export const operations = { requestImport: 0x8003, replyImport: 0x0003, requestList: 0x8005, replyList: 0x0005 } as const;
export const commands = { submit: 1, unlink: 2, submitted: 3, unlinked: 4 } as const;
/** Of a reply to an operation. */
export const operationStatus = { ok: 0, busy: 2, noDevice: 4 } as const;
/** Negative errno values of Linux, as a URB ends with them. */
export const urbStatus = { ok: 0, noEndpoint: -2, stall: -32, overflow: -75, reset: -104 } as const;

export const operationBytes = 8, busidBytes = 32, deviceBytes = 312, commandBytes = 48;
/** Bounds for what the other side may ask: usbfs never has more than 16 MiB under way, and no tagger is sent as much as this. */
export const mostInBytes = 16 << 20, mostOutBytes = 1 << 20;

export interface ExportedDevice {
  readonly busid: string;
  readonly busNumber: number;
  readonly deviceNumber: number;
  /** 2 full, 3 high, 5 super. */
  readonly speed: number;
  readonly vendorId: number;
  readonly productId: number;
  readonly release: number;
  /** Class, subclass, protocol. */
  readonly class: readonly [number, number, number];
  readonly configurationValue: number;
  readonly configurations: number;
  readonly interfaces: number;
}

export interface Command {
  readonly command: number;
  readonly sequence: number;
  readonly deviceId: number;
  readonly isIn: boolean;
  readonly endpoint: number;
  /** Of a submit. */
  readonly length: number;
  readonly isochronousPackets: number;
  readonly setup: Uint8Array;
  /** Of an unlink: the submit that shall end. */
  readonly unlinks: number;
}

export function deviceIdOf({ busNumber, deviceNumber }: Pick<ExportedDevice, 'busNumber' | 'deviceNumber'>): number { return (busNumber << 16 | deviceNumber) >>> 0; }

export function operation(code: number, status: number, body: readonly Uint8Array[] = []): Buffer {
  const head = Buffer.alloc(operationBytes);
  head.writeUInt16BE(version, 0);
  head.writeUInt16BE(code, 2);
  head.writeUInt32BE(status, 4);
  return Buffer.concat([head, ...body]);
}

export function busidBlock(busid: string): Buffer {
  const block = Buffer.alloc(busidBytes);
  // The last byte stays 0.
  block.write(busid, 0, busidBytes - 1, 'latin1');
  return block;
}

export function encodeDevice(device: ExportedDevice): Buffer {
  const block = Buffer.alloc(deviceBytes);
  block.write(`/sys/devices/tagd/usb${device.busNumber}/${device.busid}`, 0, 255, 'latin1');
  busidBlock(device.busid).copy(block, 256);
  block.writeUInt32BE(device.busNumber, 288);
  block.writeUInt32BE(device.deviceNumber, 292);
  block.writeUInt32BE(device.speed, 296);
  block.writeUInt16BE(device.vendorId, 300);
  block.writeUInt16BE(device.productId, 302);
  block.writeUInt16BE(device.release, 304);
  block.set([...device.class, device.configurationValue, device.configurations, device.interfaces], 306);
  return block;
}

export function decodeDevice(block: Buffer): ExportedDevice {
  return {
    busid: textAt(block, 256, busidBytes), busNumber: block.readUInt32BE(288), deviceNumber: block.readUInt32BE(292), speed: block.readUInt32BE(296),
    vendorId: block.readUInt16BE(300), productId: block.readUInt16BE(302), release: block.readUInt16BE(304),
    class: [block[306]!, block[307]!, block[308]!], configurationValue: block[309]!, configurations: block[310]!, interfaces: block[311]!,
  };
}

/** Text up to its first zero. */
export function textAt(block: Buffer, offset: number, bytes: number): string {
  const text = block.toString('latin1', offset, offset + bytes), end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

export function decodeCommand(head: Buffer): Command {
  return {
    command: head.readUInt32BE(0), sequence: head.readUInt32BE(4), deviceId: head.readUInt32BE(8), isIn: head.readUInt32BE(12) === 1, endpoint: head.readUInt32BE(16),
    length: head.readUInt32BE(24), isochronousPackets: head.readInt32BE(32), setup: head.subarray(40, 48), unlinks: head.readUInt32BE(20),
  };
}

export function encodeSubmit(what: { sequence: number; deviceId: number; isIn: boolean; endpoint: number; length: number; setup?: Uint8Array; data?: Uint8Array | undefined }): Buffer {
  const head = Buffer.alloc(commandBytes);
  head.writeUInt32BE(commands.submit, 0);
  head.writeUInt32BE(what.sequence, 4);
  head.writeUInt32BE(what.deviceId, 8);
  head.writeUInt32BE(what.isIn ? 1 : 0, 12);
  head.writeUInt32BE(what.endpoint & 15, 16);
  head.writeUInt32BE(what.length, 24);
  if (what.setup) head.set(what.setup, 40);
  return what.data ? Buffer.concat([head, what.data]) : head;
}

export function encodeUnlink(sequence: number, deviceId: number, unlinks: number): Buffer {
  const head = Buffer.alloc(commandBytes);
  head.writeUInt32BE(commands.unlink, 0);
  head.writeUInt32BE(sequence, 4);
  head.writeUInt32BE(deviceId, 8);
  head.writeUInt32BE(unlinks, 20);
  return head;
}

export function encodeSubmitted(sequence: number, status: number, actualBytes: number): Buffer {
  const head = Buffer.alloc(commandBytes);
  head.writeUInt32BE(commands.submitted, 0);
  head.writeUInt32BE(sequence, 4);
  head.writeInt32BE(status, 20);
  head.writeUInt32BE(actualBytes, 24);
  return head;
}

export function encodeUnlinked(sequence: number, status: number): Buffer {
  const head = Buffer.alloc(commandBytes);
  head.writeUInt32BE(commands.unlinked, 0);
  head.writeUInt32BE(sequence, 4);
  head.writeInt32BE(status, 20);
  return head;
}

/** Bytes as they come, taken out in the pieces that the protocol has. */
export class Inbox {
  #chunks: Buffer[] = [];
  bytes = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** The next so many bytes, left where they are; undefined until all of them have come. */
  peek(bytes: number): Buffer | undefined {
    if (this.bytes < bytes) return undefined;
    if ((this.#chunks[0]?.length ?? 0) < bytes) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]?.subarray(0, bytes) ?? Buffer.alloc(0);
  }

  take(bytes: number): Buffer | undefined {
    const found = this.peek(bytes);
    if (!found || bytes === 0) return found;
    const first = this.#chunks[0]!;
    if (first.length === bytes) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(bytes);
    this.bytes -= bytes;
    return found;
  }
}
