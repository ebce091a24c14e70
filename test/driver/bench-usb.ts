// test/driver/bench-usb.ts - what a USB driver costs beside the engine: copy and decode of 40 MB/s that come through a BulkSource.
//
// The transfers are made beforehand and the sink throws tags away, so that what is measured is the driver's own thread: the wait for a transfer,
// the one copy into shared memory, the decoder. `paced` hands them on at 40 MB/s by the clock, `flat out` without a pause.
import { umass } from '../../app/driver/umass/driver.ts';
import { endpoints, recordBytes } from '../../app/driver/umass/protocol.ts';
import type { BulkSource, UsbAccess, UsbBus, UsbIdentity } from '../../app/driver/usb-access.ts';
import { openSession, UsbTagger } from '../../app/driver/usb-tagger.ts';
import { FakeSink } from '../support/fake-sink.ts';

const bytesPerSecond = 40e6, seconds = 3;
/** More than the caches near a core hold: what comes from USB is in none of them. */
const poolBytes = 16 << 20;
const identity: UsbIdentity = { vendorId: 0x04b4, productId: 0x1004, manufacturer: '', product: '', serial: 'BENCH', port: '9-1', address: 1 };

export interface UsbRow { transferKiB: number; pace: string; mbPerSecond: number; tagsPerSecond: number; coreAt40MBs: string; targetAt40MBs: string }

export async function benchUsb(): Promise<UsbRow[]> {
  const rows: UsbRow[] = [];
  for (const transferKiB of [16, 64]) {
    for (const isPaced of [true, false]) rows.push(await measure(transferKiB, isPaced));
  }
  return rows;
}

async function measure(transferKiB: number, isPaced: boolean): Promise<UsbRow> {
  const board = new Board(transferKiB * 1024, isPaced), bus: UsbBus = { list: async () => [identity], open: async () => board, watch: () => () => {} };
  const sink = new FakeSink({ forget: true });
  await using tagger = new UsbTagger(bus, umass, {}, identity, await openSession(bus, umass, identity, {}, new AbortController().signal));
  // Compiled code, warm caches.
  await tagger.run(new FakeSink({ forget: true, stopAfter: 2e6 }), new AbortController().signal);
  board.bytes = 0;
  const since = performance.now(), before = process.cpuUsage();
  await tagger.run(sink, AbortSignal.timeout(seconds * 1000));
  if (sink.losses.length > 0) throw new Error(`bench usb: ${sink.losses.length} losses were told of transfers without one`);
  const spent = process.cpuUsage(before), cpuSeconds = (spent.user + spent.system) / 1e6, wallSeconds = (performance.now() - since) / 1000;
  return {
    transferKiB, pace: isPaced ? 'paced' : 'flat out', mbPerSecond: board.bytes / wallSeconds / 1e6, tagsPerSecond: sink.tags / wallSeconds,
    coreAt40MBs: `${(cpuSeconds / board.bytes * bytesPerSecond * 100).toFixed(1)} %`, targetAt40MBs: '15 %',
  };
}

/** Answers registers, and streams the same transfers again and again, as if its timer had come round. */
class Board implements UsbAccess {
  readonly identity = identity;
  readonly gone = new AbortController().signal;
  readonly interfaces = [];
  bytes = 0;
  readonly #isPaced: boolean;
  readonly #transfers: Uint8Array[];
  #replies: Uint8Array[] = [];
  #isCapturing = false;

  constructor(transferBytes: number, isPaced: boolean) {
    this.#isPaced = isPaced;
    this.#transfers = transfersOf(transferBytes);
  }

  async claim(): Promise<void> { /* Nobody else has it. */ }
  async clearHalt(): Promise<void> { /* It never stalls. */ }
  async controlIn(): Promise<Uint8Array> { return new Uint8Array(0); }
  async controlOut(): Promise<void> { /* A window: the transfers are made already. */ }
  async bulkOut(_endpoint: number, data: Uint8Array): Promise<void> {
    const view = new DataView(data.buffer, data.byteOffset), address = view.getUint16(2, true), value = address === 1 ? 6 : address === 2 ? 128_000_000 : view.getUint32(4, true);
    if (address === 3) this.#isCapturing = (value & 1) > 0;
    const answer = new Uint8Array(4);
    new DataView(answer.buffer).setUint32(0, address > 2 && data[1] === 0 ? 0 : value, true);
    this.#replies.push(answer);
  }
  async bulkIn(endpoint: number): Promise<Uint8Array> { return endpoint === endpoints.replies ? this.#replies.shift() ?? new Uint8Array(0) : new Uint8Array(0); }
  async [Symbol.asyncDispose](): Promise<void> { /* Nothing is held. */ }

  stream(): BulkSource {
    let given = 0, startedMs = performance.now(), stopped = false, turns = 0;
    return {
      next: async (_timeoutMs, signal) => {
        if (stopped || signal?.aborted || !this.#isCapturing) return undefined;
        if (this.#isPaced) {
          const dueMs = (performance.now() - startedMs) * bytesPerSecond / 1000 - given;
          if (dueMs <= 0) await new Promise(resolve => { setTimeout(resolve, 1); });
          // After a rest the first one is not hurried.
          if (given === 0) startedMs = performance.now();
        } else if (++turns % 16 === 0) await new Promise(resolve => { setImmediate(resolve); });
        const transfer = this.#transfers[given / this.#transfers[0]!.length % this.#transfers.length]!;
        given += transfer.length;
        this.bytes += transfer.length;
        return transfer;
      },
      stop: async () => { stopped = true; },
      [Symbol.asyncDispose]: async () => { stopped = true; },
    };
  }
}

/** Whole records: 4 channels, each time a little later; the first of all says that the timer has come round, so that they can be sent again and again. */
function transfersOf(bytes: number): Uint8Array[] {
  const records = Math.floor(bytes / recordBytes / 85) * 85;
  return Array.from({ length: poolBytes / bytes }, (_, n) => {
    const transfer = new Uint8Array(records * recordBytes), view = new DataView(transfer.buffer);
    for (let i = 0; i < records; i++) {
      const ticks = (n * records + i) * 19;
      view.setUint16(i * recordBytes, (n === 0 && i === 0 ? 0x4000 : 0) | 1 << (4 + i % 4) | Math.floor(ticks / 2 ** 32));
      view.setUint32(i * recordBytes + 2, ticks >>> 0);
    }
    return transfer;
  });
}
