// driver/usb-transfer.ts - one transfer of libusb, with an end that can be relied on.
//
// The timeouts of its own transfers come too late: the libusb inside the `usb` package has no timer, so that its thread, once it waits, does not learn of
// a new one and sleeps for up to a minute on a device that is silent. A clock of ours cancels the transfer instead, which wakes that thread.
import type { Device, LibUSBException } from 'usb';
import type { Setup } from './usb-access.ts';

type Usb = typeof import('usb');

/** How a transfer ended, by libusb's numbers. */
export const ending = { error: 1, timedOut: 2, cancelled: 3, stall: 4, gone: 5, overflow: 6 } as const;
const controlType = 0, bulkType = 2, setupBytes = 8;

export interface Transferred { readonly data: Buffer; /** It was cancelled by the clock; `data` is what had come. */ readonly isLate: boolean }

/** Rejects with libusb's exception for any other end. */
export function bulk(usb: Usb, device: Device, endpoint: number, buffer: Buffer, timeoutMs: number): Promise<Transferred> {
  return transfer(usb, device, endpoint, bulkType, buffer, timeoutMs);
}

/** What the device answered; empty for a request that writes. Rejects with `ending.timedOut` when it did not. */
export async function control(usb: Usb, device: Device, { requestType, request, value, index }: Setup, data: Uint8Array, timeoutMs: number): Promise<Buffer> {
  const buffer = Buffer.alloc(setupBytes + data.length);
  buffer.writeUInt8(requestType, 0);
  buffer.writeUInt8(request, 1);
  buffer.writeUInt16LE(value, 2);
  buffer.writeUInt16LE(index, 4);
  buffer.writeUInt16LE(data.length, 6);
  buffer.set(data, setupBytes);
  const done = await transfer(usb, device, 0, controlType, buffer, timeoutMs);
  if (done.isLate) throw timedOut();
  // What came stands behind the setup, and its length does not count that.
  return requestType >= 0x80 ? buffer.subarray(setupBytes, setupBytes + done.data.length) : Buffer.alloc(0);
}

/** As libusb would say it. */
export function timedOut(): Error { return Object.assign(new Error('LIBUSB_TRANSFER_TIMED_OUT'), { errno: ending.timedOut }); }

function transfer(usb: Usb, device: Device, endpoint: number, type: number, buffer: Buffer, timeoutMs: number): Promise<Transferred> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const one = new usb.Transfer(device, endpoint, type, 0, (error: LibUSBException | undefined, _, actual) => {
      clearTimeout(clock);
      if (!error || (isLate && error.errno === ending.cancelled)) resolve({ data: buffer.subarray(0, actual), isLate: error !== undefined });
      else reject(error);
    });
    one.submit(buffer);
    const clock = setTimeout(() => {
      isLate = true;
      try {
        one.cancel();
      } catch { /* It is ending already. */ }
    }, timeoutMs);
  });
}
