// test/image/guest/queue.ts - runs in the virtual machine: usb's own polling of one endpoint, with what became of every transfer; one JSON line for each thing that happens.
//
//   node queue.ts TRANSFERS BYTES PLUGS
import { readdirSync } from 'node:fs';
import { usb, type Device, type InEndpoint, type LibUSBException, type Transfer } from 'usb';

const [transfers, bytes, plugs] = process.argv.slice(2).map(Number) as [number, number, number];
const reportBytes = 1 << 20;
/** Descriptors of this process, without the one that counts them. */
const descriptors = (): number => readdirSync('/proc/self/fd').length - 1;
const say = (event: string, more: object = {}): void => { process.stdout.write(`${JSON.stringify({ event, ...more })}\n`); };
const isOurs = ({ deviceDescriptor: { idVendor, idProduct } }: Device): boolean => idVendor === 0x1209 && idProduct === 1;

let left = plugs, detached = 0;
usb.on('attach', device => { if (isOurs(device)) void read(device); });
usb.on('detach', device => {
  if (!isOurs(device)) return;
  detached++;
  say('detach');
});
say('ready', { descriptors: descriptors(), user: process.getuid?.(), groups: process.getgroups?.() });

async function read(device: Device): Promise<void> {
  const attachedMs = performance.now();
  say('attach');
  device.open();
  const face = device.interface(0);
  face.claim();
  const endpoint = face.endpoint(0x81) as InEndpoint;
  const transfersOf = spyOn(endpoint);
  let total = 0, wrongAt = -1, firstMs = 0, reported = 0;
  endpoint.on('data', (data: Buffer) => {
    if (total === 0) {
      firstMs = performance.now();
      say('first', { ms: firstMs - attachedMs });
    }
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length / 4), from = total / 4;
    for (let i = 0; i < words.length && wrongAt < 0; i++) if (words[i] !== (from + i) >>> 0) wrongAt = total + 4 * i;
    total += data.length;
    if (total - reported < reportBytes) return;
    reported = total;
    say('data', { bytes: total, megabytesPerSecond: total / (performance.now() - firstMs) / 1000, descriptors: descriptors() });
  });
  endpoint.on('error', (error: LibUSBException) => { say('error', { errno: error.errno, message: error.message }); });
  let hasEnded = false;
  endpoint.once('end', () => { hasEnded = true; });
  endpoint.startPoll(transfers, bytes);
  // Not the event 'end': it never comes when the first thing to fail is that a transfer is submitted again.
  await transfersOf.over;
  const closing = await device.interface(0).releaseAsync().then(() => '', (error: Error) => error.message);
  device.close();
  // libusb closes its own a little later.
  await new Promise(resolve => { setTimeout(resolve, 200); });
  say('end', { bytes: total, wrongAt, endings: transfersOf.endings, refusals: transfersOf.refusals, hasEnded, closing, descriptors: descriptors(), detached });
  if (--left === 0) process.exit(0);
}

/** Sees how every single transfer ends, also those after the first error, which startPoll keeps to itself. */
function spyOn(endpoint: InEndpoint) {
  /** Error numbers of transfers that ended with one, and of those that could not be submitted again. */
  const endings: number[] = [], refusals: number[] = [];
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let underWay = 0;
  const make = endpoint.makeTransfer.bind(endpoint);
  endpoint.makeTransfer = (timeout, callback) => {
    // The callback of the constructor is the one that is called, whatever `submit` is given.
    const transfer = make(timeout, function ended(this: Transfer, error, ...rest) {
      underWay--;
      if (error) endings.push(error.errno);
      callback.call(this, error, ...rest);
      if (underWay === 0 && endings.length + refusals.length > 0) resolve();
    });
    const submit = transfer.submit.bind(transfer);
    // What the object inherits cannot be written over by an assignment.
    Object.defineProperty(transfer, 'submit', {
      value: (buffer: Buffer) => {
        try {
          submit(buffer);
          underWay++;
        } catch (error) {
          refusals.push((error as LibUSBException).errno);
          throw error;
        }
        return transfer;
      },
    });
    return transfer;
  };
  return { endings, refusals, over };
}
