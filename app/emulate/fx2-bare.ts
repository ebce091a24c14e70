// emulate/fx2-bare.ts - a board with a Cypress FX2 as it is after power-up: it takes firmware into its memory, and becomes what that makes of it.
//
// Only the request 0xA0 of the boot loader is there. When the processor is let go, the memory is compared with the image that was expected: any
// other firmware leaves the bus and is never seen again, as a crashed processor would.
import type { FirmwareChunk } from '../driver/fx2.ts';
import type { Setup } from '../driver/usb-access.ts';
import { describe } from './descriptors.ts';
import type { DeviceModel } from './device.ts';

export interface Fx2BareOptions {
  /** `04b4:8613` unless a boot PROM says otherwise. */
  id?: string;
  /** What must be in its memory when it starts. */
  firmware: readonly FirmwareChunk[];
  /** What it is then; undefined: it never comes back. */
  becomes(): DeviceModel | undefined;
  /** How long it is away. */
  renumerationMs?: number;
  /** It is gone before it has acknowledged the last request, as real ones often are. */
  isHasty?: boolean;
}

const memoryBytes = 16 * 1024, scratchAt = 0xe000, scratchBytes = 512, cpuControl = 0xe600, mostBytes = 4096;

export class Fx2BareModel implements DeviceModel {
  readonly descriptors;
  onLeave: DeviceModel['onLeave'];
  /** Requests that wrote to memory. */
  writes = 0;
  /** How the last start went. */
  outcome: 'none' | 'started' | 'crashed' = 'none';
  readonly #options: Fx2BareOptions;
  readonly #memory = new Uint8Array(0x10000);
  readonly #written = new Uint8Array(0x10000);
  #isHeld = false;

  constructor(options: Fx2BareOptions) {
    this.#options = options;
    const [vendorId, productId] = (options.id ?? '04b4:8613').split(':').map(text => Number.parseInt(text, 16)) as [number, number];
    // The chip's own interface has all its endpoints; nothing of a driver may depend on them.
    this.descriptors = describe({ vendorId, productId, deviceClass: [0xff, 0xff, 0xff], interfaces: [{ class: [0xff, 0xff, 0xff], endpoints: [{ address: 0x82, packetBytes: 512 }] }] });
  }

  reset(): void {
    this.#memory.fill(0);
    this.#written.fill(0);
    this.#isHeld = false;
    this.writes = 0;
    this.outcome = 'none';
  }

  control({ requestType, request, value, index }: Setup, data: Uint8Array): Uint8Array | undefined {
    if (requestType !== 0x40 || request !== 0xa0 || index !== 0 || data.length === 0 || data.length > mostBytes) return undefined;
    if (value === cpuControl && data.length === 1) return this.#hold(data[0] === 1);
    const isRam = value + data.length <= memoryBytes || (value >= scratchAt && value + data.length <= scratchAt + scratchBytes);
    // A processor that runs while its memory changes does something, but not what was meant.
    if (!isRam || !this.#isHeld) return undefined;
    this.#memory.set(data, value);
    this.#written.fill(1, value, value + data.length);
    this.writes++;
    return new Uint8Array(0);
  }

  bulkOut(): boolean { return false; }
  packet(): undefined { return undefined; }

  #hold(isHeld: boolean): Uint8Array | undefined {
    if (isHeld || !this.#isHeld) {
      this.#isHeld = isHeld;
      return new Uint8Array(0);
    }
    this.#isHeld = false;
    this.outcome = this.#isAsExpected() ? 'started' : 'crashed';
    this.onLeave?.(this.outcome === 'started' ? this.#options.becomes() : undefined, this.#options.renumerationMs ?? 1);
    return this.#options.isHasty === true ? undefined : new Uint8Array(0);
  }

  /** Every byte of the image is there, and no other byte was written. */
  #isAsExpected(): boolean {
    let bytes = 0;
    for (const { address, data } of this.#options.firmware) {
      if (data.some((byte, i) => this.#memory[address + i] !== byte || this.#written[address + i] === 0)) return false;
      bytes += data.length;
    }
    return this.#written.reduce((sum, each) => sum + each, 0) === bytes;
  }
}
