// emulate/device.ts - an emulated USB device, packet by packet: what the transports of this folder put on a bus.
//
// A model knows nothing of who reads it. It is asked for one packet at a time, so a transfer ends where it would on a cable: when it is full,
// or with a packet that is shorter than the endpoint's.
import type { Setup } from '../driver/usb-access.ts';
import type { Descriptors } from './descriptors.ts';

/** Time as the device sees it, ms. A manual one for tests; `demand` below for the impatient. */
export interface DeviceClock { nowMs(): number }

export interface DeviceModel {
  readonly descriptors: Descriptors;
  /** As after power-up: plugged in, or reset by the host. */
  reset(): void;
  /**
   * A control request that is not answered from the descriptors.
   * @param data what the host sends with it
   * @returns what the device answers, at most `length` bytes count; undefined: stall
   */
  control(setup: Setup, data: Uint8Array, length: number): Uint8Array | undefined;
  /** @returns false: stall */
  bulkOut(endpoint: number, data: Uint8Array): boolean;
  /** The next packet of an IN endpoint; undefined: none yet. 'stall' halts the endpoint until `clearHalt`. */
  packet(endpoint: number): Uint8Array | undefined | 'stall';
  clearHalt?(endpoint: number): void;
  /** Set by the transport: the model calls it when it leaves the bus by itself, as after a firmware upload; the model that takes its place, or none, and when. */
  onLeave?: ((next: DeviceModel | undefined, afterMs?: number) => void) | undefined;
  /** No packet is there now: lets time pass until one is. Only where time passes on demand; returns false when none will ever come. */
  skip?(endpoint: number): boolean;
}

/** Real time since the start of the process. */
export const wallClock: DeviceClock = { nowMs: () => performance.now() };
