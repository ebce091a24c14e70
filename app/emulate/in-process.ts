// emulate/in-process.ts - emulated devices on a bus inside this process: for tests, and for whoever writes a driver.
//
// Requests are answered as the kernel would: transfers of one endpoint one after the other, each ending when it is full or with a short
// packet; a device that leaves takes all of them with it.
import { TaggerError } from '../core/errors.ts';
import type { BulkSource, Setup, UsbAccess, UsbBus, UsbIdentity } from '../driver/usb-access.ts';
import { descriptorOf, interfacesOf, packetBytesOf } from './descriptors.ts';
import type { DeviceModel } from './device.ts';

/** How often a device that has nothing yet is asked again. */
const pollMs = 1;
const forGood = 10 * 60_000;

interface Plugged { model: DeviceModel; identity: UsbIdentity; left: AbortController }

export class EmulatedBus implements UsbBus {
  readonly #plugged: Plugged[] = [];
  readonly #listeners = new Set<() => void>();
  #addresses = 0;
  #ports = 0;

  /** @returns unplugs it, whatever it has become meanwhile; plugging in again is another call */
  plug(model: DeviceModel, port = `9-${++this.#ports}`): () => void {
    let current: Plugged | undefined;
    const put = (next: DeviceModel): void => {
      const { device, strings } = next.descriptors;
      const text = (offset: number): string => strings[device[offset] ?? 0] ?? '';
      const number = (offset: number): number => (device[offset] ?? 0) | (device[offset + 1] ?? 0) << 8;
      const plugged = {
        model: next, left: new AbortController(),
        identity: { vendorId: number(8), productId: number(10), manufacturer: text(14), product: text(15), serial: text(16), port, address: ++this.#addresses },
      };
      current = plugged;
      this.#plugged.push(plugged);
      next.reset();
      next.onLeave = (then, afterMs = 1) => {
        this.#remove(plugged);
        if (then) setTimeout(() => { if (current === plugged) put(then); }, afterMs);
      };
      this.#tell();
    };
    put(model);
    return () => {
      if (!current) return;
      this.#remove(current);
      current = undefined;
    };
  }

  async list(): Promise<UsbIdentity[]> { return this.#plugged.map(({ identity }) => identity); }

  async open(identity: UsbIdentity): Promise<UsbAccess> {
    const found = this.#plugged.find(({ identity: { address } }) => address === identity.address);
    if (!found) throw new TaggerError('device-lost', `Cannot open the USB device at ${identity.port}: it is gone.`);
    return new EmulatedAccess(found);
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  #remove(plugged: Plugged): void {
    const at = this.#plugged.indexOf(plugged);
    if (at < 0) return;
    this.#plugged.splice(at, 1);
    plugged.left.abort();
    this.#tell();
  }

  #tell(): void { for (const listener of this.#listeners) queueMicrotask(listener); }
}

class EmulatedAccess implements UsbAccess {
  readonly identity: UsbIdentity;
  readonly interfaces;
  readonly gone: AbortSignal;
  readonly #model: DeviceModel;
  readonly #claimed = new Set<number>();

  constructor({ model, identity, left }: Plugged) {
    this.#model = model;
    this.identity = identity;
    this.gone = left.signal;
    this.interfaces = interfacesOf(model.descriptors);
  }

  async claim(interfaceNumber: number, alternate = 0): Promise<void> {
    this.#check();
    if (!this.interfaces.some(({ number, alternate: other }) => number === interfaceNumber && other === alternate)) {
      throw new TaggerError('protocol', `Cannot claim interface ${interfaceNumber} of the USB device at ${this.identity.port}: it has none.`);
    }
    this.#claimed.add(interfaceNumber);
  }

  async controlIn(setup: Setup, length: number): Promise<Uint8Array> {
    this.#check();
    await turn();
    this.#check();
    const isStandard = (setup.requestType & 0x60) === 0 && setup.request === 6;
    const answer = isStandard ? descriptorOf(this.#model.descriptors, setup.value) : this.#model.control(setup, new Uint8Array(0), length);
    if (!answer) throw this.#refused(`request ${setup.request}`);
    return answer.slice(0, length);
  }

  async controlOut(setup: Setup, data = new Uint8Array(0)): Promise<void> {
    this.#check();
    await turn();
    this.#check();
    if (!this.#model.control(setup, data.slice(), 0)) throw this.#refused(`request ${setup.request}`);
  }

  async bulkOut(endpoint: number, data: Uint8Array): Promise<void> {
    this.#check(endpoint);
    await turn();
    this.#check();
    if (!this.#model.bulkOut(endpoint, data.slice())) throw this.#refused(`endpoint ${endpoint}`);
  }

  async bulkIn(endpoint: number, length: number, timeoutMs: number): Promise<Uint8Array> {
    this.#check(endpoint);
    const pipe = new Pipe(this.#model, endpoint, length);
    const until = performance.now() + timeoutMs;
    for (;;) {
      await turn();
      this.#check();
      const done = pipe.pump();
      if (done === 'stall') throw this.#refused(`endpoint ${endpoint}`);
      if (done) return done;
      if (performance.now() >= until) return pipe.rest();
      await pause();
    }
  }

  async clearHalt(endpoint: number): Promise<void> {
    this.#check(endpoint);
    this.#model.clearHalt?.(endpoint);
  }

  stream(endpoint: number, transfers: number, bytes: number): BulkSource {
    this.#check(endpoint);
    return new EmulatedSource(this.#model, this.identity, this.gone, endpoint, transfers, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> { this.#claimed.clear(); }

  #check(endpoint?: number): void {
    if (this.gone.aborted) throw lost(this.identity);
    if (endpoint === undefined) return;
    const owner = this.interfaces.find(({ number, endpoints }) => this.#claimed.has(number) && endpoints.some(({ address }) => address === endpoint));
    if (!owner) throw new TaggerError('protocol', `Cannot use endpoint ${endpoint} of the USB device at ${this.identity.port}: no interface that was claimed has it.`);
  }

  #refused(what: string): TaggerError { return new TaggerError('device-refused', `The USB device at ${this.identity.port} refused ${what}.`); }
}

/** Packets of one endpoint into transfers of one size. */
class Pipe {
  readonly #model: DeviceModel;
  readonly #endpoint: number;
  readonly #packetBytes: number;
  readonly #buffer: Uint8Array;
  #n = 0;

  constructor(model: DeviceModel, endpoint: number, bytes: number) {
    this.#model = model;
    this.#endpoint = endpoint;
    this.#packetBytes = packetBytesOf(model.descriptors, endpoint);
    this.#buffer = new Uint8Array(bytes);
  }

  /** A transfer that has ended; undefined: the device has nothing now. */
  pump(): Uint8Array | undefined | 'stall' {
    for (;;) {
      const packet = this.#model.packet(this.#endpoint);
      if (packet === 'stall') return 'stall';
      if (packet === undefined) {
        if (this.#model.skip?.(this.#endpoint)) continue;
        return undefined;
      }
      const room = this.#buffer.length - this.#n;
      this.#buffer.set(packet.subarray(0, room), this.#n);
      this.#n += Math.min(packet.length, room);
      if (packet.length < this.#packetBytes || this.#n === this.#buffer.length) return this.rest();
    }
  }

  rest(): Uint8Array {
    const data = this.#buffer.slice(0, this.#n);
    this.#n = 0;
    return data;
  }
}

class EmulatedSource implements BulkSource {
  readonly #identity: UsbIdentity;
  readonly #gone: AbortSignal;
  readonly #pipe: Pipe;
  readonly #transfers: number;
  readonly #ended: Uint8Array[] = [];
  #stalled = false;
  #stopped = false;

  constructor(model: DeviceModel, identity: UsbIdentity, gone: AbortSignal, endpoint: number, transfers: number, bytes: number) {
    this.#identity = identity;
    this.#gone = gone;
    this.#pipe = new Pipe(model, endpoint, bytes);
    this.#transfers = transfers;
    model.clearHalt?.(endpoint);
  }

  async next(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const until = performance.now() + Math.min(timeoutMs, forGood);
    for (;;) {
      await turn();
      this.#pump();
      const data = this.#ended.shift();
      if (data) return data;
      if (this.#gone.aborted) throw lost(this.#identity);
      if (this.#stalled) throw new TaggerError('device-refused', `The USB device at ${this.#identity.port} stalled its stream.`);
      if (this.#stopped || signal?.aborted || performance.now() >= until) return undefined;
      await pause();
    }
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    const rest = this.#pipe.rest();
    if (rest.length > 0) this.#ended.push(rest);
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.stop(); }

  /** As many transfers as are under way can end before anybody looks. */
  #pump(): void {
    while (this.#ended.length < this.#transfers && !this.#stopped && !this.#stalled && !this.#gone.aborted) {
      const data = this.#pipe.pump();
      if (data === undefined) return;
      if (data === 'stall') this.#stalled = true;
      else this.#ended.push(data);
    }
  }
}

function lost({ port }: UsbIdentity): TaggerError { return new TaggerError('device-lost', `The USB device at ${port} is gone.`, { hint: 'Plug it in again.' }); }
function turn(): Promise<void> { return new Promise(resolve => { setImmediate(resolve); }); }
function pause(): Promise<void> { return new Promise(resolve => { setTimeout(resolve, pollMs); }); }
