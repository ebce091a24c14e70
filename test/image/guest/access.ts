// test/image/guest/access.ts - runs in the virtual machine: what driver/usb-access.ts promises, asked of the real USB; one JSON line for each thing that happens.
import { isTaggerError } from '../../../app/core/errors.ts';
import type { UsbAccess, UsbIdentity } from '../../../app/driver/usb-access.ts';
import { NodeUsbBus } from '../../../app/driver/usb.ts';

const say = (event: string, more: object = {}): void => { process.stdout.write(`${JSON.stringify({ event, ...more })}\n`); };
const bus = new NodeUsbBus(), isOurs = ({ vendorId, manufacturer }: UsbIdentity): boolean => vendorId === 0x1209 && manufacturer === 'tagd';

async function found(accept: (identity: UsbIdentity) => boolean): Promise<UsbIdentity> {
  for (;;) {
    const identity = (await bus.list()).find(accept);
    if (identity) return identity;
    await new Promise(resolve => { setTimeout(resolve, 50); });
  }
}
/** What a call gave or how it failed, and after how long. */
async function tried(name: string, call: () => Promise<unknown>): Promise<void> {
  const fromMs = performance.now(), elapsedMs = (): number => Math.round(performance.now() - fromMs);
  try {
    const gave = await call();
    say(name, { ms: elapsedMs(), ...(gave instanceof Uint8Array && { bytes: gave.length, first: [...gave.subarray(0, 8)] }) });
  } catch (error) {
    if (!isTaggerError(error)) throw error;
    say(name, { ms: elapsedMs(), code: error.code, message: error.message });
  }
}

say('ready');
const identity = await found(isOurs);
say('found', { identity });
const access: UsbAccess = await bus.open(identity);
await tried('unclaimed', () => access.bulkIn(0x81, 512, 100));
await tried('nointerface', () => access.claim(5));
await access.claim(0);
// The device has three packets of 512 bytes.
await tried('full', () => access.bulkIn(0x81, 1024, 1000));
await tried('cut', () => access.bulkIn(0x81, 1024, 100));
await tried('kept', () => access.bulkIn(0x81, 512, 1000));
await tried('silent', () => access.bulkIn(0x81, 512, 100));
await tried('out', () => access.bulkOut(2, Uint8Array.of(1, 2, 3)));
await tried('in', () => access.controlIn({ requestType: 0xc0, request: 1, value: 0, index: 0 }, 64));
await tried('refused', () => access.controlIn({ requestType: 0xc0, request: 9, value: 0, index: 0 }, 64));
// It stalls its endpoint when it is written this byte.
await access.bulkOut(2, Uint8Array.of(0xee));
await tried('stalled', () => access.bulkIn(0x81, 512, 1000));
await tried('cleared', () => access.clearHalt(0x81));
await tried('silentagain', () => access.bulkIn(0x81, 512, 100));
const source = access.stream(0x81, 16, 16 * 1024);
await tried('nothing', () => source.next(100));
await tried('stop', () => source.stop());
const waiting = access.stream(0x81, 16, 16 * 1024);
say('waiting');
// Request 2 makes it another device.
await tried('become', () => access.controlOut({ requestType: 0x40, request: 2, value: 0, index: 0 }));
await tried('lost', () => waiting.next(10_000));
say('gone', { isGone: access.gone.aborted });
await tried('disposed', async () => { await access[Symbol.asyncDispose](); });
await tried('after', () => access.bulkIn(0x81, 512, 100));
const back = await found(each => isOurs(each) && each.productId === 2);
say('back', { port: back.port, isSamePort: back.port === identity.port, isNew: back.address !== identity.address });
process.exit(0);
