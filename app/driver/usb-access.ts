// driver/usb-access.ts - one USB device as a driver sees it: node-usb, an emulated device or a test stands behind it.
//
// Everything that can fail rejects with a TaggerError: `device-lost` when the device is gone, `device-refused` for a stall, `forbidden`
// where the system does not let us, `timeout` where an answer is due and none came.

/** What can be known of a device without a driver. */
export interface UsbIdentity {
  readonly vendorId: number;
  readonly productId: number;
  /** Empty where there is none, or where it may not be read. */
  readonly manufacturer: string;
  readonly product: string;
  readonly serial: string;
  /** Where it is plugged in, `1-2.3`: bus and ports. It stays the same when a device leaves and comes back as another. */
  readonly port: string;
  /** Number on the bus; another one each time. */
  readonly address: number;
  /** Why it cannot be opened, if that is known: permissions, or somebody else has it. */
  readonly trouble?: string | undefined;
}

export interface UsbEndpoint { readonly address: number; readonly type: 'control' | 'isochronous' | 'bulk' | 'interrupt'; readonly packetBytes: number }

export interface UsbInterface {
  readonly number: number;
  readonly alternate: number;
  readonly class: number;
  readonly subclass: number;
  readonly protocol: number;
  /** Its string, empty if there is none. */
  readonly name: string;
  readonly endpoints: readonly UsbEndpoint[];
}

/** A control request; bit 7 of `requestType` is set for one that reads. */
export interface Setup { readonly requestType: number; readonly request: number; readonly value: number; readonly index: number }

export interface UsbAccess extends AsyncDisposable {
  readonly identity: UsbIdentity;
  /** Of the active configuration, every alternate setting. */
  readonly interfaces: readonly UsbInterface[];
  /** Aborts when the device leaves the bus. */
  readonly gone: AbortSignal;
  /** Takes the interface from a driver of the kernel, if one has it. */
  claim(interfaceNumber: number, alternate?: number): Promise<void>;
  controlIn(setup: Setup, length: number): Promise<Uint8Array>;
  controlOut(setup: Setup, data?: Uint8Array): Promise<void>;
  bulkOut(endpoint: number, data: Uint8Array, timeoutMs?: number): Promise<void>;
  /** One transfer of at most `length` bytes: what had come by its end, a short packet or the timeout; empty if nothing did. */
  bulkIn(endpoint: number, length: number, timeoutMs: number): Promise<Uint8Array>;
  /** An endpoint that stalled is used again. */
  clearHalt(endpoint: number): Promise<void>;
  /** Keeps so many transfers of so many bytes under way, so that the device never waits for us. */
  stream(endpoint: number, transfers: number, bytes: number): BulkSource;
}

/** A bulk endpoint that is read without a pause. What it hands out lies in memory of its own. */
export interface BulkSource extends AsyncDisposable {
  /**
   * The next transfer that has ended, in order; may be empty. Resolves undefined when none has after `timeoutMs`, or when `signal` aborts.
   * @throws {TaggerError} `device-lost`, `device-refused` (the endpoint stalled; a new source clears that)
   */
  next(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Cancels what is under way; what had come is still handed out, then undefined. Resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

/** The buses of this computer, or emulated ones. */
export interface UsbBus {
  /** Devices as they are now; empty where USB cannot be reached. */
  list(): Promise<UsbIdentity[]>;
  /** @throws {TaggerError} `forbidden`, `busy`, `device-lost` */
  open(identity: UsbIdentity): Promise<UsbAccess>;
  /** Calls back after each arrival and departure, until the returned function is called. May call back for nothing. */
  watch(listener: () => void): () => void;
}

/** `04b4:8613` */
export function idOf({ vendorId, productId }: Pick<UsbIdentity, 'vendorId' | 'productId'>): string {
  const hex = (id: number): string => id.toString(16).padStart(4, '0');
  return `${hex(vendorId)}:${hex(productId)}`;
}
