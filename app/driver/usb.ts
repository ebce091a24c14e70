// driver/usb.ts - the USB buses of this computer through libusb. It and usb-transfer.ts are the only importers of the `usb` package.
//
// Loaded only when somebody asks for USB, and harmless where there is none. Many transfers of an endpoint are under way at once and each is
// submitted again as soon as it has ended, so that a tagger's FIFO never waits for this thread.
// Longer than usual because bus, device and endpoint share libusb's errors, and nobody else may import it.
import type { Device, InEndpoint, LibUSBException, OutEndpoint, Transfer } from 'usb';
import { TaggerError, type ErrorCode } from '../core/errors.ts';
import { bulk, control, ending, timedOut } from './usb-transfer.ts';
import { idOf, type BulkSource, type Setup, type UsbAccess, type UsbBus, type UsbEndpoint, type UsbIdentity, type UsbInterface } from './usb-access.ts';
import { permissionError } from './usb-permission.ts';

type Usb = typeof import('usb');
type Texts = Pick<UsbIdentity, 'manufacturer' | 'product' | 'serial' | 'trouble'>;

/** Of libusb: errors of calls, and how transfers end. */
const failure = { io: -1, invalid: -2, access: -3, gone: -4, notFound: -5, busy: -6, timeout: -7, overflow: -8, pipe: -9, noMemory: -11 } as const;
const types = ['control', 'isochronous', 'bulk', 'interrupt'] as const;
const controlMs = 1000;
/** Transfers that have ended and that nobody has taken: with more of them the device waits. */
const mostWaiting = 4;
/** Classes of devices that may be taggers: their strings are read. A keyboard is left alone. */
const plausibleClasses: ReadonlySet<number> = new Set([0x00, 0x02, 0xef, 0xff]);

/** Undefined where libusb cannot be loaded. */
async function load(): Promise<Usb | undefined> {
  try {
    const usb = await import('usb');
    return usb;
  } catch {
    return undefined;
  }
}

export class NodeUsbBus implements UsbBus {
  /** Strings of devices by bus and address, as long as they are there: reading them means opening the device. */
  readonly #texts = new Map<string, Texts>();

  async list(): Promise<UsbIdentity[]> {
    const usb = await load();
    const devices = usb?.getDeviceList() ?? [];
    const present = new Set(devices.map(keyOf));
    for (const key of this.#texts.keys()) if (!present.has(key)) this.#texts.delete(key);
    const identities: UsbIdentity[] = [];
    for (const device of devices) {
      const { idVendor: vendorId, idProduct: productId, bDeviceClass } = device.deviceDescriptor;
      const none: Texts = { manufacturer: '', product: '', serial: '' };
      const texts = plausibleClasses.has(bDeviceClass) ? this.#texts.get(keyOf(device)) ?? await textsOf(usb!, device) : none;
      // What could not be read now may be readable later.
      if (texts.trouble === undefined) this.#texts.set(keyOf(device), texts);
      identities.push({ vendorId, productId, port: portOf(device), address: device.deviceAddress, ...texts });
    }
    return identities;
  }

  async open(identity: UsbIdentity): Promise<UsbAccess> {
    const usb = await load();
    const device = usb?.getDeviceList().find(each => portOf(each) === identity.port && each.deviceAddress === identity.address);
    if (!usb || !device) throw new TaggerError('device-lost', `Cannot open the USB device ${idOf(identity)} at ${identity.port}: it is gone.`, { hint: 'Plug it in again.' });
    try {
      device.open();
    } catch (error) {
      throw (error as Partial<LibUSBException>).errno === failure.access ? permissionError(identity, 'USB device', error) : failed(`open the USB device ${idOf(identity)} at ${identity.port}`, error);
    }
    device.timeout = controlMs;
    try {
      return new NodeUsbAccess(usb, device, identity, await interfacesOf(usb, device));
    } catch (error) {
      device.close();
      throw error;
    }
  }

  watch(listener: () => void): () => void {
    let stop: (() => void) | undefined, isOver = false;
    void load().then(loaded => {
      if (!loaded || isOver) return;
      const { usb } = loaded;
      try {
        usb.on('attach', listener);
        usb.on('detach', listener);
        usb.unrefHotplugEvents();
        stop = () => {
          usb.off('attach', listener);
          usb.off('detach', listener);
        };
      } catch { /* Without events whoever waits looks again by himself. */ }
    });
    return () => {
      isOver = true;
      stop?.();
    };
  }
}

class NodeUsbAccess implements UsbAccess {
  readonly identity: UsbIdentity;
  readonly interfaces: readonly UsbInterface[];
  readonly #usb: Usb;
  readonly #device: Device;
  readonly #left = new AbortController();
  readonly #claimed = new Set<number>();
  readonly #sources = new Set<NodeUsbSource>();
  readonly #onDetach: (device: Device) => void;
  #open = true;

  constructor(usb: Usb, device: Device, identity: UsbIdentity, interfaces: readonly UsbInterface[]) {
    this.identity = identity;
    this.interfaces = interfaces;
    this.#usb = usb;
    this.#device = device;
    this.#onDetach = left => { if (left === device || keyOf(left) === keyOf(device)) this.#left.abort(); };
    usb.usb.on('detach', this.#onDetach);
    usb.usb.unrefHotplugEvents();
  }

  get gone(): AbortSignal { return this.#left.signal; }

  async claim(interfaceNumber: number, alternate = 0): Promise<void> {
    this.#check();
    const doing = `claim interface ${interfaceNumber} of ${this.#name}`;
    const face = this.interfaces.some(each => each.number === interfaceNumber && each.alternate === alternate) ? this.#device.interface(interfaceNumber) : undefined;
    if (!face) throw new TaggerError('protocol', `Cannot ${doing}: it has none.`);
    try {
      if (face.isKernelDriverActive()) face.detachKernelDriver();
      face.claim();
      this.#claimed.add(interfaceNumber);
    } catch (error) {
      throw this.#failed(doing, error);
    }
    if (alternate !== 0) await this.#done(doing, answer => { face.setAltSetting(alternate, answer); });
  }

  async controlIn(setup: Setup, length: number): Promise<Uint8Array> {
    return await this.#transferred(`ask ${this.#name} (request ${setup.request})`, async () => Uint8Array.from(await control(this.#usb, this.#device, setup, new Uint8Array(length), controlMs)));
  }

  async controlOut(setup: Setup, data = new Uint8Array(0)): Promise<void> {
    await this.#transferred(`tell ${this.#name} (request ${setup.request})`, () => control(this.#usb, this.#device, setup, data, controlMs));
  }

  async bulkOut(endpoint: number, data: Uint8Array, timeoutMs = controlMs): Promise<void> {
    this.#endpoint(endpoint);
    await this.#transferred(`send to endpoint ${endpoint} of ${this.#name}`, async () => {
      if ((await bulk(this.#usb, this.#device, endpoint, Buffer.from(data), timeoutMs)).isLate) throw timedOut();
    });
  }

  async bulkIn(endpoint: number, length: number, timeoutMs: number): Promise<Uint8Array> {
    this.#endpoint(endpoint);
    const read = (): Promise<{ data: Buffer }> => bulk(this.#usb, this.#device, endpoint, Buffer.alloc(length), Math.max(1, Math.ceil(timeoutMs)));
    return Uint8Array.from((await this.#transferred(`read endpoint ${endpoint} of ${this.#name}`, read)).data);
  }

  async clearHalt(endpoint: number): Promise<void> {
    await this.#done(`clear endpoint ${endpoint} of ${this.#name}`, answer => { this.#endpoint(endpoint).clearHalt(answer); });
  }

  stream(endpoint: number, transfers: number, bytes: number): BulkSource {
    const into = this.#endpoint(endpoint) as InEndpoint;
    const source = new NodeUsbSource(into, transfers, bytes, this.#left.signal, error => this.#failed(`read endpoint ${endpoint} of ${this.#name}`, error));
    this.#sources.add(source);
    return source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#usb.usb.off('detach', this.#onDetach);
    for (const source of this.#sources) await source.stop();
    try {
      for (const number of this.#claimed) await this.#device.interface(number).releaseAsync();
    } catch { /* It is gone. */ }
    try {
      this.#device.close();
    } catch { /* Closed with the last transfer. */ }
  }

  get #name(): string { return `the USB device ${idOf(this.identity)} at ${this.identity.port}`; }

  /** Of a device that is closed the package throws errors of its own. */
  #check(): void {
    if (this.#left.signal.aborted) throw lost(this.identity);
    if (!this.#open) throw new TaggerError('closed', `Cannot use ${this.#name}: it was closed.`);
  }

  #endpoint(address: number): InEndpoint | OutEndpoint {
    this.#check();
    for (const number of this.#claimed) {
      const found = this.#device.interface(number).endpoint(address);
      if (found) return found as InEndpoint | OutEndpoint;
    }
    throw new TaggerError('protocol', `Cannot use endpoint ${address} of ${this.#name}: no interface that was claimed has it.`);
  }

  async #done(doing: string, begin: (answer: (error: LibUSBException | undefined | null) => void) => void): Promise<void> {
    await this.#transferred(doing, () => new Promise<void>((resolve, reject) => {
      begin(error => {
        if (error) reject(error);
        else resolve();
      });
    }));
  }

  async #transferred<T>(doing: string, transfer: () => Promise<T>): Promise<T> {
    this.#check();
    try {
      return await transfer();
    } catch (error) {
      throw this.#failed(doing, error);
    }
  }

  #failed(doing: string, error: unknown): TaggerError {
    const made = failed(doing, error);
    if (made.code === 'device-lost') this.#left.abort();
    return made;
  }
}

class NodeUsbSource implements BulkSource {
  readonly #failed: (error: unknown) => TaggerError;
  readonly #gone: AbortSignal;
  readonly #bytes: number;
  readonly #most: number;
  readonly #transfers = new Set<Transfer>();
  /** Ended, and to be submitted again when somebody has taken what waits. */
  #resting: Transfer[] = [];
  #waiting: Uint8Array[] = [];
  #failure: TaggerError | undefined;
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(endpoint: InEndpoint, transfers: number, bytes: number, gone: AbortSignal, failed: (error: unknown) => TaggerError) {
    this.#failed = failed;
    this.#gone = gone;
    this.#bytes = bytes;
    this.#most = mostWaiting * transfers;
    gone.addEventListener('abort', () => { this.#wake?.(); }, { once: true });
    for (let i = 0; i < transfers; i++) {
      const transfer = endpoint.makeTransfer(0, (error, buffer, actual) => { this.#ended(transfer, error, buffer, actual); });
      this.#transfers.add(transfer);
    }
    // An endpoint that has stalled stays so until it is told; one that has not does not mind.
    endpoint.clearHalt(() => { for (const transfer of this.#transfers) if (!this.#stopped) this.#submit(transfer); });
  }

  async next(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    if (this.#waiting.length === 0 && !this.#failure && !this.#stopped && !this.#gone.aborted && !signal?.aborted && timeoutMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.min(timeoutMs, 2 ** 31 - 1));
      this.#wake = resolve;
      signal?.addEventListener('abort', () => { resolve(); }, { once: true });
      await promise;
      clearTimeout(timer);
      this.#wake = undefined;
    }
    const data = this.#waiting.shift();
    if (data) {
      for (const transfer of this.#resting.splice(0)) this.#submit(transfer);
      return data;
    }
    if (this.#failure) throw this.#failure;
    if (this.#gone.aborted) throw this.#failed({ errno: failure.gone });
    return undefined;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const transfer of this.#resting.splice(0)) this.#transfers.delete(transfer);
    for (const transfer of this.#transfers) {
      try {
        transfer.cancel();
      } catch { /* The device is gone, and the transfer ends by itself. */ }
    }
    for (let i = 0; this.#transfers.size > 0 && i < 200; i++) await new Promise(resolve => { setTimeout(resolve, 5); });
    this.#wake?.();
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.stop(); }

  #submit(transfer: Transfer): void {
    try {
      transfer.submit(Buffer.allocUnsafeSlow(this.#bytes), (error, buffer, actual) => { this.#ended(transfer, error, buffer, actual); });
    } catch (error) {
      this.#transfers.delete(transfer);
      this.#failure ??= this.#failed(error);
      this.#wake?.();
    }
  }

  #ended(transfer: Transfer, error: LibUSBException | undefined, buffer: Buffer, actual: number): void {
    if (actual > 0 || !error) this.#waiting.push(buffer.subarray(0, actual));
    if (error || this.#stopped) {
      this.#transfers.delete(transfer);
      if (error && error.errno !== ending.cancelled) this.#failure ??= this.#failed(error);
    } else if (this.#waiting.length >= this.#most) this.#resting.push(transfer);
    else this.#submit(transfer);
    this.#wake?.();
  }
}

const codes: Partial<Record<number, readonly [ErrorCode, string, string?]>> = {
  [failure.access]: ['forbidden', 'this user may not', 'Install the udev rule (ops/60-tagger.rules) or ask whoever runs this computer.'],
  [failure.gone]: ['device-lost', 'it is gone', 'Plug it in again.'],
  [failure.notFound]: ['device-lost', 'it is gone', 'Plug it in again.'],
  [failure.busy]: ['busy', 'another program has it', 'End that program: only one can own the device.'],
  [failure.timeout]: ['timeout', 'it did not answer'],
  [failure.overflow]: ['protocol', 'it sent more than was asked for'],
  [failure.pipe]: ['device-refused', 'it refused'],
  [failure.io]: ['device-lost', 'the cable or the device failed', 'Plug it in again.'],
  [ending.error]: ['device-lost', 'the cable or the device failed', 'Plug it in again.'],
  [ending.timedOut]: ['timeout', 'it did not answer'],
  [ending.stall]: ['device-refused', 'it refused'],
  [ending.gone]: ['device-lost', 'it is gone', 'Plug it in again.'],
  [ending.overflow]: ['protocol', 'it sent more than was asked for'],
};

function failed(doing: string, cause: unknown): TaggerError {
  const { errno, message = '' } = cause as Partial<LibUSBException>;
  const [code, what, hint] = codes[errno ?? 0] ?? ['device-refused' as const, `libusb says ${message || String(errno)}`];
  return new TaggerError(code, `Cannot ${doing}: ${what}.`, { hint, cause });
}

function lost(identity: UsbIdentity): TaggerError { return failed(`use the USB device ${idOf(identity)} at ${identity.port}`, { errno: failure.gone }); }
function portOf({ busNumber, portNumbers }: Device): string { return `${busNumber}-${portNumbers?.length ? portNumbers.join('.') : '0'}`; }
function keyOf({ busNumber, deviceAddress }: Device): string { return `${busNumber}:${deviceAddress}`; }

async function readText(usb: Usb, device: Device, index: number): Promise<string> {
  if (index === 0) return '';
  try {
    const answer = await control(usb, device, { requestType: 0x80, request: 6, value: 3 << 8 | index, index: 0x0409 }, new Uint8Array(255), controlMs);
    return answer.toString('utf16le', 2).replaceAll('\0', '');
  } catch {
    return '';
  }
}

async function textsOf(usb: Usb, device: Device): Promise<Texts> {
  try {
    device.open();
  } catch (error) {
    return { manufacturer: '', product: '', serial: '', trouble: failed('open it', error).message };
  }
  const { iManufacturer, iProduct, iSerialNumber } = device.deviceDescriptor;
  try {
    return { manufacturer: await readText(usb, device, iManufacturer), product: await readText(usb, device, iProduct), serial: await readText(usb, device, iSerialNumber) };
  } finally {
    device.close();
  }
}

async function interfacesOf(usb: Usb, device: Device): Promise<UsbInterface[]> {
  const found: UsbInterface[] = [];
  for (const alternates of device.configDescriptor?.interfaces ?? []) {
    for (const each of alternates) {
      found.push({
        number: each.bInterfaceNumber, alternate: each.bAlternateSetting, class: each.bInterfaceClass, subclass: each.bInterfaceSubClass, protocol: each.bInterfaceProtocol,
        name: await readText(usb, device, each.iInterface),
        endpoints: each.endpoints.map(({ bEndpointAddress, bmAttributes, wMaxPacketSize }): UsbEndpoint => (
          { address: bEndpointAddress, type: types[bmAttributes & 3]!, packetBytes: wMaxPacketSize & 0x7ff })),
      });
    }
  }
  return found;
}
