// test/image/pattern.ts - a USB device whose data is known: 32-bit numbers one after the other on 81, as fast as they are taken.
import type { Setup } from '../../app/driver/usb-access.ts';
import { describe } from '../../app/emulate/descriptors.ts';
import type { DeviceModel } from '../../app/emulate/device.ts';

export const patternIds = { vendorId: 0x1209, productId: 0x0001 } as const;
export const packetBytes = 512;

export class PatternModel implements DeviceModel {
  readonly descriptors;
  onLeave: ((next: DeviceModel | undefined) => void) | undefined;
  sent = 0;
  readonly #mostPackets: number;
  #written: Uint8Array[] = [];
  #isStalled = false;

  /** @param mostPackets with fewer than for ever, transfers wait when they have been sent */
  constructor(mostPackets = Infinity, productId: number = patternIds.productId) {
    this.#mostPackets = mostPackets;
    this.descriptors = describe({
      ...patternIds, productId, manufacturer: 'tagd', product: 'Pattern', serial: 'P-1', deviceClass: [0xff, 0, 0],
      interfaces: [{ class: [0xff, 0, 0], endpoints: [{ address: 0x81, packetBytes }, { address: 0x02, packetBytes }] }],
    });
  }

  reset(): void {
    this.sent = 0;
    this.#written = [];
    this.#isStalled = false;
  }

  /** Request 1 reads back what was written to endpoint 2; 2 makes it another device; all others stall. */
  control({ requestType, request }: Setup): Uint8Array | undefined {
    if (requestType === 0xc0 && request === 1) return Uint8Array.from(this.#written.flatMap(data => [...data]));
    if (requestType !== 0x40 || request !== 2) return undefined;
    this.onLeave?.(new PatternModel(0, 2));
    return new Uint8Array(0);
  }

  bulkOut(endpoint: number, data: Uint8Array): boolean {
    if (endpoint === 2) this.#written.push(data);
    if (data[0] === 0xee) this.#isStalled = true;
    return endpoint === 2;
  }

  packet(endpoint: number): Uint8Array | undefined | 'stall' {
    if (this.#isStalled) return 'stall';
    if (endpoint !== 0x81 || this.sent >= this.#mostPackets) return undefined;
    const words = packetBytes / 4, first = this.sent++ * words;
    return new Uint8Array(Uint32Array.from({ length: words }, (_, i) => first + i).buffer);
  }

  clearHalt(): void { this.#isStalled = false; }
}
