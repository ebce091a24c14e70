// emulate/standard-requests.ts - the requests of USB 2.0 chapter 9 that every device answers alike, so that no model has to.
//
// For transports on which somebody else enumerates the device: a kernel, here or in a virtual machine.
import type { Setup } from '../driver/usb-access.ts';
import { descriptorOf, interfacesOf } from './descriptors.ts';
import type { DeviceModel } from './device.ts';

const requests = { getStatus: 0, clearFeature: 1, setFeature: 3, setAddress: 5, getDescriptor: 6, getConfiguration: 8, setConfiguration: 9, getInterface: 10, setInterface: 11 } as const;
const recipients = { device: 0, interface: 1, endpoint: 2 } as const;
const endpointHalt = 0;
const nothing = new Uint8Array(0);

export function decodeSetup(bytes: Uint8Array): { setup: Setup; length: number } {
  const word = (at: number): number => bytes[at]! | bytes[at + 1]! << 8;
  return { setup: { requestType: bytes[0]!, request: bytes[1]!, value: word(2), index: word(4) }, length: word(6) };
}

/** Control requests of one device, and which of its endpoints are halted. */
export class ControlPipe {
  readonly halted = new Set<number>();
  readonly #model: DeviceModel;
  readonly #alternates = new Map<number, number>();
  #configuration = 0;

  constructor(model: DeviceModel) { this.#model = model; }

  /** As `DeviceModel.control`, standard requests included. */
  answer(setup: Setup, data: Uint8Array, length: number): Uint8Array | undefined {
    const { requestType } = setup, isStandard = (requestType & 0x60) === 0;
    const answer = isStandard ? this.#standard(setup) : this.#model.control(setup, data, length);
    return (requestType & 0x80) > 0 ? answer?.subarray(0, length) : answer;
  }

  #standard({ requestType, request, value, index }: Setup): Uint8Array | undefined {
    const isIn = (requestType & 0x80) > 0, recipient = requestType & 31, { descriptors } = this.#model;
    switch (request) {
      case requests.getDescriptor: return isIn && recipient === recipients.device ? descriptorOf(descriptors, value) : undefined;
      case requests.getStatus:
        if (!isIn) return undefined;
        return recipient === recipients.endpoint ? Uint8Array.of(this.halted.has(index) ? 1 : 0, 0) : Uint8Array.of(0, 0);
      case requests.clearFeature:
      case requests.setFeature:
        if (isIn || recipient !== recipients.endpoint || value !== endpointHalt || !this.#has(index)) return undefined;
        if (request === requests.setFeature) this.halted.add(index);
        else this.#clear(index);
        return nothing;
      case requests.setAddress: return isIn ? undefined : nothing;
      case requests.getConfiguration: return isIn ? Uint8Array.of(this.#configuration) : undefined;
      case requests.setConfiguration:
        if (isIn || (value !== 0 && value !== descriptors.configuration[5])) return undefined;
        this.#configuration = value;
        this.#alternates.clear();
        for (const { endpoints } of interfacesOf(descriptors)) for (const { address } of endpoints) this.#clear(address);
        return nothing;
      case requests.getInterface: return isIn && interfacesOf(descriptors).some(({ number }) => number === index) ? Uint8Array.of(this.#alternates.get(index) ?? 0) : undefined;
      case requests.setInterface: {
        const chosen = interfacesOf(descriptors).find(({ number, alternate }) => number === index && alternate === value);
        if (isIn || !chosen) return undefined;
        this.#alternates.set(index, value);
        for (const { address } of chosen.endpoints) this.#clear(address);
        return nothing;
      }
      default: return undefined;
    }
  }

  #has(endpoint: number): boolean { return (endpoint & 15) === 0 || interfacesOf(this.#model.descriptors).some(({ endpoints }) => endpoints.some(({ address }) => address === endpoint)); }

  #clear(endpoint: number): void {
    this.halted.delete(endpoint);
    this.#model.clearHalt?.(endpoint);
  }
}
