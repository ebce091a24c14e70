// emulate/usbredir-wire.ts - packets of the usbredir protocol: bytes of a socket into packets, and packets into bytes.
//
// Everything is little-endian. A header is type, length and id; the id has 32 bits in the first packet of each side, the hello, and 64 from then on if both
// sides can. What both can is known when both hellos are there, and decides how long some headers are.
import { TaggerError } from '../core/errors.ts';

export const packet = {
  hello: 0, deviceConnect: 1, deviceDisconnect: 2, reset: 3, interfaceInfo: 4, endpointInfo: 5, setConfiguration: 6, getConfiguration: 7, configurationStatus: 8,
  setAlternate: 9, getAlternate: 10, alternateStatus: 11, startIso: 12, isoStatus: 14, startInterrupt: 15, stopInterrupt: 16, interruptStatus: 17,
  allocStreams: 18, streamsStatus: 20, cancel: 21, disconnectAck: 24, control: 100, bulk: 101, interrupt: 103,
} as const;

export const status = { success: 0, cancelled: 1, invalid: 2, stall: 4, babble: 6 } as const;
export const speeds = { full: 1, high: 2 } as const;

/** Bits of a hello. */
export const capability = { deviceVersion: 1 << 1, disconnectAck: 1 << 3, packetSizes: 1 << 4, ids64: 1 << 5, lengths32: 1 << 6 } as const;
const offered = capability.deviceVersion | capability.disconnectAck | capability.packetSizes | capability.ids64 | capability.lengths32;

/** The kernel lets a program have so much under way; whoever sends more in one packet is no USB host. */
export const mostBytes = 16 * 1024 * 1024;
const helloBytes = 64, shortHeader = 12, longHeader = 16, largestHeader = 256;

export interface Incoming { readonly type: number; readonly id: bigint; readonly body: Buffer }

/** One side of a connection: what it sends and how it reads the other. */
export class Wire {
  #pieces: Buffer[] = [];
  #bytes = 0;
  #shared: number | undefined;

  /** True if both sides can. */
  has(bit: number): boolean { return ((this.#shared ?? 0) & bit) !== 0; }
  get #headerBytes(): number { return this.has(capability.ids64) ? longHeader : shortHeader; }

  hello(): Buffer {
    const body = Buffer.alloc(helloBytes + 4);
    body.write('tagd emulated device');
    body.writeUInt32LE(offered, helloBytes);
    return this.encode(packet.hello, 0n, body);
  }

  encode(type: number, id: bigint, ...parts: readonly Uint8Array[]): Buffer {
    const header = Buffer.alloc(type === packet.hello ? shortHeader : this.#headerBytes);
    header.writeUInt32LE(type, 0);
    header.writeUInt32LE(parts.reduce((sum, { length }) => sum + length, 0), 4);
    if (header.length === longHeader) header.writeBigUInt64LE(id, 8);
    else header.writeUInt32LE(Number(id), 8);
    return Buffer.concat([header, ...parts]);
  }

  /** Keeps bytes that came. */
  push(data: Buffer): void {
    this.#pieces.push(data);
    this.#bytes += data.length;
  }

  /** The next packet that is complete. @throws {TaggerError} `protocol` for what no host would send */
  next(): Incoming | undefined {
    const headerBytes = this.#headerBytes;
    if (this.#bytes < headerBytes) return undefined;
    const header = this.#take(headerBytes);
    const type = header.readUInt32LE(0), length = header.readUInt32LE(4);
    if (length > mostBytes + largestHeader) throw wrong(`a packet of ${length} bytes`);
    if ((type === packet.hello) !== (this.#shared === undefined)) throw wrong(type === packet.hello ? 'a second hello' : `packet type ${type} before a hello`);
    if (this.#bytes < length) {
      this.#pieces.unshift(header);
      this.#bytes += headerBytes;
      return undefined;
    }
    const body = this.#take(length);
    if (type === packet.hello) {
      if (length < helloBytes) throw wrong(`a hello of ${length} bytes`);
      this.#shared = offered & (length >= helloBytes + 4 ? body.readUInt32LE(helloBytes) : 0);
    }
    return { type, id: headerBytes === longHeader ? header.readBigUInt64LE(8) : BigInt(header.readUInt32LE(8)), body };
  }

  #take(length: number): Buffer {
    // Joined only when all is there, so that a large packet in small pieces is copied once.
    if (this.#pieces.length > 1 && this.#pieces[0]!.length < length) this.#pieces = [Buffer.concat(this.#pieces)];
    const first = this.#pieces[0] ?? Buffer.alloc(0), taken = first.subarray(0, length);
    if (length >= first.length) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(length);
    this.#bytes -= length;
    return taken;
  }
}

export function wrong(what: string): TaggerError { return new TaggerError('protocol', `Cannot go on with the usbredir peer: it sent ${what}.`); }

/** Endpoints in the order of the protocol: OUT 0 to 15, IN 0 to 15. */
export function endpointIndex(address: number): number { return (address & 0x80) >> 3 | address & 15; }
