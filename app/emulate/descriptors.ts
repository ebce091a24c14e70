// emulate/descriptors.ts - USB descriptors: from a description to bytes, and back.
import type { UsbEndpoint, UsbInterface } from '../driver/usb-access.ts';

export interface Descriptors {
  readonly device: Uint8Array;
  readonly configuration: Uint8Array;
  /** By index; 0 is not used. */
  readonly strings: readonly string[];
}

export interface Description {
  vendorId: number;
  productId: number;
  manufacturer?: string;
  product?: string;
  serial?: string;
  /** Class, subclass and protocol of the device; 0: each interface says its own. */
  deviceClass?: readonly [number, number, number];
  milliamperes?: number;
  interfaces: readonly {
    class: readonly [number, number, number];
    name?: string;
    /** Class-specific descriptors, between interface and endpoints. */
    extra?: readonly number[];
    endpoints: readonly { address: number; type?: UsbEndpoint['type']; packetBytes: number }[];
  }[];
}

const types = ['control', 'isochronous', 'bulk', 'interrupt'] as const;
const low = (value: number): number => value & 255, high = (value: number): number => value >> 8 & 255;

export function describe(what: Description): Descriptors {
  const strings = [''];
  const index = (text: string | undefined): number => (text === undefined || text === '' ? 0 : strings.push(text) - 1);
  const [deviceClass, deviceSubclass, deviceProtocol] = what.deviceClass ?? [0, 0, 0];
  const device = [
    18, 1, 0x00, 0x02, deviceClass, deviceSubclass, deviceProtocol, 64, low(what.vendorId), high(what.vendorId), low(what.productId), high(what.productId), 0x00, 0x01,
    index(what.manufacturer), index(what.product), index(what.serial), 1,
  ];
  const body = what.interfaces.flatMap(({ class: [cls, subclass, protocol], name, extra = [], endpoints }, number) => [
    9, 4, number, 0, endpoints.length, cls, subclass, protocol, index(name), ...extra,
    ...endpoints.flatMap(({ address, type = 'bulk', packetBytes }) => [7, 5, address, types.indexOf(type), low(packetBytes), high(packetBytes), type === 'interrupt' ? 8 : 0]),
  ]);
  const length = 9 + body.length;
  const configuration = [9, 2, low(length), high(length), what.interfaces.length, 1, 0, 0x80, Math.ceil((what.milliamperes ?? 100) / 2), ...body];
  return { device: Uint8Array.from(device), configuration: Uint8Array.from(configuration), strings };
}

/** Interfaces of a configuration descriptor; whatever does not fit is left out, never thrown. */
export function interfacesOf({ configuration, strings }: Descriptors): UsbInterface[] {
  const interfaces: (UsbInterface & { endpoints: UsbEndpoint[] })[] = [];
  for (let at = 0; at + 2 <= configuration.length;) {
    const length = configuration[at]!, type = configuration[at + 1];
    if (length < 2 || at + length > configuration.length) break;
    const byte = (offset: number): number => configuration[at + offset] ?? 0;
    if (type === 4 && length >= 9) {
      interfaces.push({ number: byte(2), alternate: byte(3), class: byte(5), subclass: byte(6), protocol: byte(7), name: strings[byte(8)] ?? '', endpoints: [] });
    } else if (type === 5 && length >= 7) {
      interfaces.at(-1)?.endpoints.push({ address: byte(2), type: types[byte(3) & 3]!, packetBytes: (byte(4) | byte(5) << 8) & 0x7ff });
    }
    at += length;
  }
  return interfaces;
}

/** The answer to GET_DESCRIPTOR, whole; undefined: stall. */
export function descriptorOf({ device, configuration, strings }: Descriptors, value: number): Uint8Array | undefined {
  const index = value & 255;
  switch (value >> 8) {
    case 1: return device;
    case 2: return index === 0 ? configuration : undefined;
    case 3: {
      if (index === 0) return Uint8Array.of(4, 3, 0x09, 0x04);
      const text = strings[index];
      if (text === undefined) return undefined;
      const units = Uint16Array.from(text.slice(0, 126), char => char.charCodeAt(0));
      return Uint8Array.of(2 + 2 * units.length, 3, ...new Uint8Array(units.buffer));
    }
    // What it would be at full speed: the same.
    case 6: return Uint8Array.of(10, 6, 0, 2, device[4]!, device[5]!, device[6]!, device[7]!, 1, 0);
    default: return undefined;
  }
}

/** Packet size of an endpoint, 0 if there is none. */
export function packetBytesOf(descriptors: Descriptors, endpoint: number): number {
  return interfacesOf(descriptors).flatMap(({ endpoints }) => endpoints).find(({ address }) => address === endpoint)?.packetBytes ?? 0;
}
