// test/emulate/usbredir-peer.ts - the other end of a usbredir socket, written by hand: sends what it is told, reads what comes.
//
// It has its own idea of the bytes, so that a mistake of the wire module is not made twice.
import { once } from 'node:events';
import { rm, mkdtemp } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Answer { type: number; id: number; body: Buffer }

/** device version, disconnect ack, packet sizes, 64-bit ids, 32-bit lengths: what QEMU offers, and that we know. */
export const allCaps = 2 | 8 | 16 | 32 | 64;

export class Peer implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;
  readonly #server: Server;
  readonly #caps: number;
  #socket!: Socket;
  #bytes = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #isOver = false;
  #first = true;
  /** No answer is read while it is set. */
  isDeaf = false;

  static async listen(caps = allCaps): Promise<Peer> {
    const folder = await mkdtemp(join(tmpdir(), 'tagd-usbredir-'));
    const server = createServer();
    server.listen(join(folder, 'port.sock'));
    await once(server, 'listening');
    return new Peer(folder, server, caps);
  }

  private constructor(folder: string, server: Server, caps: number) {
    this.#folder = folder;
    this.#server = server;
    this.#caps = caps;
    this.path = join(folder, 'port.sock');
    server.on('connection', socket => {
      this.#socket = socket;
      socket.on('error', () => { /* 'close' follows. */ });
      socket.on('data', data => {
        this.#bytes = Buffer.concat([this.#bytes, data]);
        this.#wake?.();
        if (this.isDeaf) socket.pause();
      });
      socket.on('close', () => {
        this.#isOver = true;
        this.#wake?.();
      });
      this.#wake?.();
    });
  }

  get isOver(): boolean { return this.#isOver; }
  /** Bytes that were read and not looked at. */
  get unread(): number { return this.#bytes.length; }

  raw(bytes: Buffer): void { this.#socket.write(bytes); }

  hello(): void { this.send(0, 0, Buffer.concat([Buffer.from('scripted peer'.padEnd(64, '\0')), u32(this.#caps)])); }

  send(type: number, id: number, ...parts: Uint8Array[]): void {
    const body = Buffer.concat(parts), wide = type !== 0 && (this.#caps & 32) !== 0;
    this.raw(Buffer.concat([u32(type), u32(body.length), u32(id), ...(wide ? [u32(0)] : []), body]));
  }

  control(id: number, requestType: number, request: number, value: number, index: number, length: number, data: readonly number[] = []): void {
    this.send(100, id, Uint8Array.of(requestType & 0x80, request, requestType, 0), u16(value), u16(index), u16(length), Uint8Array.from(data));
  }

  bulk(id: number, endpoint: number, length: number, data: Uint8Array = new Uint8Array(0)): void {
    const high = (this.#caps & 64) === 0 ? [] : [u16(length >>> 16)];
    this.send(101, id, Uint8Array.of(endpoint, 0), u16(length & 0xffff), u32(0), ...high, data);
  }

  /** The next packet, of whatever type. */
  async any(timeoutMs = 5000): Promise<Answer> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const wide = !this.#first && (this.#caps & 32) !== 0, headerBytes = wide ? 16 : 12;
      if (this.#bytes.length >= headerBytes && this.#bytes.length >= headerBytes + this.#bytes.readUInt32LE(4)) {
        const end = headerBytes + this.#bytes.readUInt32LE(4);
        const answer = { type: this.#bytes.readUInt32LE(0), id: this.#bytes.readUInt32LE(8), body: Buffer.from(this.#bytes.subarray(headerBytes, end)) };
        this.#bytes = this.#bytes.subarray(end);
        this.#first = false;
        return answer;
      }
      const leftMs = until - performance.now();
      if (this.#isOver || leftMs <= 0) throw new Error(this.#isOver ? 'the connection is over' : `nothing came within ${timeoutMs} ms`);
      await this.#more(leftMs);
    }
  }

  /** The next packet of this type; others before it are passed. */
  async next(type: number, timeoutMs = 5000): Promise<Answer> {
    for (;;) {
      const answer = await this.any(timeoutMs);
      if (answer.type === type) return answer;
    }
  }

  /** True if nothing comes for so long. */
  async isQuiet(ms: number): Promise<boolean> {
    const answer = await this.any(ms).catch(() => undefined);
    return answer === undefined;
  }

  /** The beginning of every connection up to the device being there and configured. */
  async begin(): Promise<{ interfaces: Buffer; endpoints: Buffer; connect: Buffer }> {
    await this.any();
    this.hello();
    const interfaces = (await this.next(4)).body, endpoints = (await this.next(5)).body, connect = (await this.next(1)).body;
    this.send(6, 1, Uint8Array.of(1));
    await this.next(8);
    return { interfaces, endpoints, connect };
  }

  async closed(timeoutMs = 5000): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (!this.#isOver) {
      if (performance.now() >= until) throw new Error('the connection goes on');
      await this.#more(until - performance.now());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    (this.#socket as Socket | undefined)?.destroy();
    this.#server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #more(ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}
