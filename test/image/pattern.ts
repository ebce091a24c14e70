// test/image/pattern.ts - a USB device whose data is known: 32-bit numbers one after the other on 81, as fast as they are taken.
import type { Setup } from '../../app/driver/usb-access.ts';
import { describe } from '../../app/emulate/descriptors.ts';
import type { DeviceModel } from '../../app/emulate/device.ts';

export const patternIds = { vendorId: 0x1209, productId: 0x0001 } as const;
export const packetBytes = 512;

export class PatternModel implements DeviceModel {
  readonly descriptors = describe({
    ...patternIds, manufacturer: 'tagd', product: 'Pattern', serial: 'P-1', deviceClass: [0xff, 0, 0],
    interfaces: [{ class: [0xff, 0, 0], endpoints: [{ address: 0x81, packetBytes }, { address: 0x02, packetBytes }] }],
  });
  onLeave: ((next: DeviceModel | undefined) => void) | undefined;
  sent = 0;
  readonly #mostPackets: number;
  #written: Uint8Array[] = [];

  /** @param mostPackets with fewer than for ever, transfers wait when they have been sent */
  constructor(mostPackets = Infinity) { this.#mostPackets = mostPackets; }

  reset(): void {
    this.sent = 0;
    this.#written = [];
  }

  /** Request 1 reads back what was written to endpoint 2; all others stall. */
  control({ requestType, request }: Setup): Uint8Array | undefined {
    return requestType === 0xc0 && request === 1 ? Uint8Array.from(this.#written.flatMap(data => [...data])) : undefined;
  }

  bulkOut(endpoint: number, data: Uint8Array): boolean {
    if (endpoint === 2) this.#written.push(data);
    return endpoint === 2;
  }

  packet(endpoint: number): Uint8Array | undefined {
    if (endpoint !== 0x81 || this.sent >= this.#mostPackets) return undefined;
    const words = packetBytes / 4, first = this.sent++ * words;
    return new Uint8Array(Uint32Array.from({ length: words }, (_, i) => first + i).buffer);
  }
}
