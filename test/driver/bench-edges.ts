// test/driver/bench-edges.ts - what a logic analyser costs: the decoder alone, and the driver from the seam of USB to the sink.
//
// 24 million samples a second are the most that such a board sends, 40 MB/s more than its cable carries.
import { decodeExports } from '../../app/driver/decode/exports.ts';
import { fx2lafw } from '../../app/driver/fx2lafw/driver.ts';
import { edgesState, edgesTwin, writeState, type EdgesDecoder } from '../../app/driver/fx2lafw/protocol.ts';
import type { BulkSource, UsbAccess } from '../../app/driver/usb-access.ts';
import { interfacesOf } from '../../app/emulate/descriptors.ts';
import { Fx2lafwModel } from '../../app/emulate/fx2lafw.ts';
import { FakeSink } from '../support/fake-sink.ts';

export interface EdgesRow {
  case: string;
  /** Million samples a second. */
  wasmMsamples: number;
  twinMsamples: number;
  wasmToTwin: number;
  /** Of one core, for a board at 24 million samples a second. */
  corePercentAt24M: number;
  /** From transfers to the sink: copy, decoder, commits. */
  seamMBytes: number;
  corePercentAt40MBytes: number;
}

const stateAt = 4096, rawAt = 8192, pieceBytes = 64 * 1024, transferBytes = 240_128;
const rounds = 9;
const cases = [
  { name: 'edges, dark', rates: [0, 0] },
  { name: 'edges, 2 x 50 kcps', rates: [50_000, 50_000] },
  { name: 'edges, 2 x 1 Mcps', rates: [1e6, 1e6] },
  { name: 'edges, 8 x 1 Mcps', rates: Array.from<number>({ length: 8 }).fill(1e6) },
];

export async function benchEdges(): Promise<EdgesRow[]> {
  const rows: EdgesRow[] = [];
  for (const { name, rates } of cases) {
    const samples = makeSamples(rates), [wasm, twin] = decoders(samples), bytes = await seam(samples);
    rows.push({
      case: name, wasmMsamples: rounded(wasm), twinMsamples: rounded(twin), wasmToTwin: rounded(wasm / twin), corePercentAt24M: rounded(24 / wasm * 100),
      seamMBytes: rounded(bytes), corePercentAt40MBytes: rounded(40 / bytes * 100),
    });
  }
  return rows;
}

/** A second of samples at 24M. */
function makeSamples(rates: readonly number[]): Uint8Array {
  const signals = rates.flatMap((rateHz, i) => (rateHz > 0 ? [{ kind: 'poisson', channel: i + 1, rateHz } as const] : []));
  const board = new Fx2lafwModel({ clock: 'demand', signals, pulsePs: 100_000 }), all = new Uint8Array(100 * transferBytes);
  board.control({ requestType: 0x40, request: 0xb1, value: 0, index: 0 }, Uint8Array.of(0x40, 0, 1));
  for (let at = 0; at < all.length; at += 512) all.set(board.packet(0x82) as Uint8Array, at);
  return all;
}

/** Million samples a second of both. Pieces lie in the cache, as the driver's copies do; rooms are a block. */
function decoders(samples: Uint8Array): [number, number] {
  const timesAt = 512 * 1024, tags = 16 * 1024, channelsAt = timesAt + 8 * tags + 64;
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true }), bytes = new Uint8Array(memory.buffer), state = new DataView(memory.buffer, stateAt, edgesState.bytes);
  const both: EdgesDecoder[] = [decodeExports<EdgesDecoder>(memory)!, edgesTwin(memory)], seconds: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds + 2; round++) {
    for (const [i, decoder] of both.entries()) {
      writeState(state, { rateHz: 24e6, sampleBytes: 1, inputs: 8, mask: 255 }, 0n);
      let spent = 0;
      for (let at = 0; at < samples.length; at += pieceBytes) {
        const piece = samples.subarray(at, at + pieceBytes);
        bytes.set(piece, rawAt);
        const begun = performance.now();
        for (let done = 0, isFull = false; done < piece.length || isFull;) {
          decoder.decodeEdges(stateAt, rawAt + done, piece.length - done, timesAt, channelsAt, tags);
          done += state.getUint32(edgesState.consumed, true);
          isFull = state.getUint32(edgesState.isFull, true) > 0;
        }
        spent += performance.now() - begun;
      }
      // The first two rounds only warm up.
      if (round >= 2) seconds[i]!.push(spent / 1000);
    }
  }
  return [samples.length / median(seconds[0]) / 1e6, samples.length / median(seconds[1]) / 1e6];
}

/** MB/s from transfers that are there at once to a sink that forgets. */
async function seam(samples: Uint8Array): Promise<number> {
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const sink = new FakeSink({ forget: true });
    let at = 0;
    const source: BulkSource = {
      async next() {
        const data = samples.subarray(at, at + transferBytes);
        at += data.length;
        if (data.length > 0) return data;
        sink.stopped = true;
        return undefined;
      },
      async stop() { /* Nothing is under way. */ },
      async [Symbol.asyncDispose]() { /* Nothing is kept. */ },
    };
    await using session = await fx2lafw.open(accessTo(source), {});
    const begun = performance.now();
    await session.stream(sink, new AbortController().signal, () => sink.stopped, 0n);
    seconds.push((performance.now() - begun) / 1000);
  }
  return samples.length / median(seconds) / 1e6;
}

function accessTo(source: BulkSource): UsbAccess {
  const board = new Fx2lafwModel();
  return {
    identity: { vendorId: 0x0925, productId: 0x3881, manufacturer: 'sigrok', product: 'fx2lafw', serial: '', port: '1-1', address: 1 },
    interfaces: interfacesOf(board.descriptors), gone: new AbortController().signal,
    async claim() { /* Always ours. */ },
    async controlIn(setup) { return board.control(setup, new Uint8Array(0))!; },
    async controlOut() { /* It streams whatever it is told. */ },
    async bulkOut() { /* It takes nothing. */ },
    async bulkIn() { return new Uint8Array(0); },
    async clearHalt() { /* It never stalls. */ },
    stream: () => source,
    async [Symbol.asyncDispose]() { /* Nothing is kept. */ },
  };
}

function median(values: number[]): number { return values.sort((a, b) => a - b)[values.length >> 1]!; }
function rounded(value: number): number { return Number(value.toPrecision(4)); }
