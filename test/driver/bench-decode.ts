// test/driver/bench-decode.ts - speed of the decoders: wasm, its twin, and for T2 the plain loop in C++ if there is a g++.
//
// Chunks as the replay reads them, into one room that stays in the cache, as a ring block does. Rounds of the two here
// alternate; medians count.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { T2Decoder } from '../../app/driver/decode/decode.ts';
import { bridgeState, bridgeTwin, recordBytes, writeState, type BridgeDecoder } from '../../app/driver/bridge/decoder.ts';
import { decodeExports } from '../../app/driver/decode/exports.ts';
import { benchEdges, type EdgesRow } from './bench-edges.ts';
import { benchOtu } from './otu/bench.ts';
import { benchTdc1 } from './tdc1/bench.ts';
import { benchUmass } from './umass/bench.ts';
import { Random } from '../support/random.ts';
import { T2Encoder } from '../support/ptu.ts';

export interface DecodeRow {
  case: string;
  wasmMtags: number;
  twinMtags: number;
  wasmToTwin: number;
  /** Plain C++ -O3 -march=native; absent without g++. */
  cppMtags?: number;
  wasmToCpp?: number;
}

const tags = 4 * 1024 * 1024;
const chunk = 16 * 1024;
const rounds = 9;
const inputs = 4;
const cases = [
  { name: '4 x 1 Mcps', meanGapPs: 250_000 },
  { name: '8 x 10 Mcps', meanGapPs: 12_500 },
];

export async function benchDecode(): Promise<(DecodeRow | EdgesRow)[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tagd-bench-'));
  try {
    const program = compile(folder);
    const rows = cases.map(({ name, meanGapPs }) => {
      const records = makeRecords(meanGapPs);
      const [wasm, twin] = measure(records);
      const row: DecodeRow = { case: name, wasmMtags: rounded(wasm), twinMtags: rounded(twin), wasmToTwin: rounded(wasm / twin) };
      if (!program) return row;
      const file = join(folder, 'records');
      writeFileSync(file, records);
      const cpp = JSON.parse(execFileSync(program, [file, String(chunk), String(rounds), '1'], { encoding: 'utf8' })) as { tags: number; seconds: number };
      const cppMtags = cpp.tags / cpp.seconds / 1e6;
      return { ...row, cppMtags: rounded(cppMtags), wasmToCpp: rounded(wasm / cppMtags) };
    });
    return [...rows, ...benchUmass(rounds), ...benchTdc1(rounds), ...benchOtu(), ...(['si16', 'a1'] as const).map(benchBridge), ...await benchEdges()];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compile(folder: string): string | undefined {
  const program = join(folder, 'decode');
  try {
    execFileSync('g++', ['-O3', '-march=native', '-o', program, fileURLToPath(new URL('./bench-decode.cpp', import.meta.url))], { stdio: 'ignore' });
    return program;
  } catch {
    return undefined;
  }
}

function makeRecords(meanGapPs: number): Uint32Array {
  const random = new Random(1), encoder = new T2Encoder('generic');
  const ticks = new Float64Array(tags), codes = new Uint8Array(tags);
  for (let i = 0, t = 0; i < tags; i++) {
    t += 1 + Math.floor(random.exponential(meanGapPs));
    ticks[i] = t;
    codes[i] = random.integer(0, inputs - 1);
  }
  return encoder.encode(ticks, codes).slice();
}

/** Mtags/s of both. */
function measure(records: Uint32Array): [number, number] {
  const timesAt = 1024 * 1024, channelsAt = timesAt + 8 * (chunk + 64);
  const spaceAt = 2 * 1024 * 1024;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((spaceAt + records.byteLength) / 65_536), maximum: 4096, shared: true });
  new Uint32Array(memory.buffer, spaceAt, records.length).set(records);
  const seconds = { wasm: [] as number[], typescript: [] as number[] };
  for (let round = 0; round < rounds + 2; round++) {
    for (const kind of ['wasm', 'typescript'] as const) {
      const decoder = new T2Decoder(memory, 4096, { timeBits: 25, wrapTicks: 2 ** 25, countedWraps: true }, { inputs, markers: {} }, { num: 1, den: 1 }, 0n, kind);
      const room = { timesAt, channelsAt, tags: chunk + 1 };
      let written = 0;
      const begun = performance.now();
      for (let at = 0; at < records.length;) {
        written += decoder.decode(spaceAt + at * 4, Math.min(chunk, records.length - at), room);
        at += decoder.consumed;
      }
      written += decoder.flush(room);
      if (written !== tags) throw new Error(`${kind}: ${written} tags of ${tags}`);
      // The first two rounds only warm up.
      if (round >= 2) seconds[kind].push((performance.now() - begun) / 1000);
    }
  }
  return [tags / median(seconds.wasm) / 1e6, tags / median(seconds.typescript) / 1e6];
}

/** Records of a bridge: one tag each, on 4 channels. A chunk lies in the cache, as it does after the copy from the pipe. */
function benchBridge(format: 'si16' | 'a1'): DecodeRow {
  const size = recordBytes[format], timesAt = 1024 * 1024, channelsAt = timesAt + 8 * chunk, stateAt = 4096, rawAt = 2 * 1024 * 1024;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((rawAt + chunk * size) / 65_536), maximum: 4096, shared: true });
  const random = new Random(2), words = new Uint32Array(memory.buffer, rawAt, chunk * size / 4), channels = [1, 2, 3, 4].map(number => ({ number, name: '' }));
  for (let i = 0, t = 0; i < chunk; i++) {
    t += 1 + random.integer(0, 1000);
    if (format === 'si16') words.set([0, random.integer(1, 4), t >>> 0, Math.floor(t / 2 ** 32)], 4 * i);
    else words.set([(t % 2 ** 22) * 1024 + (1 << random.integer(0, 3)), Math.floor(t / 2 ** 22)], 2 * i);
  }
  const view = new DataView(memory.buffer, stateAt, bridgeState.bytes), decoders = { wasm: decodeExports<BridgeDecoder>(memory)!, typescript: bridgeTwin(memory) };
  const seconds = { wasm: [] as number[], typescript: [] as number[] };
  for (let round = 0; round < rounds + 2; round++) {
    for (const kind of ['wasm', 'typescript'] as const) {
      const decode = format === 'si16' ? decoders[kind].decodeSi16 : decoders[kind].decodeA1;
      let written = 0;
      const begun = performance.now();
      for (let at = 0; at < tags; at += chunk) {
        writeState(view, channels, 0n, 0n, false);
        written += decode(stateAt, rawAt, chunk, timesAt, channelsAt, chunk);
      }
      if (written !== tags) throw new Error(`${format}, ${kind}: ${written} tags of ${tags}`);
      if (round >= 2) seconds[kind].push((performance.now() - begun) / 1000);
    }
  }
  const [wasm, twin] = [tags / median(seconds.wasm) / 1e6, tags / median(seconds.typescript) / 1e6];
  return { case: `bridge, ${format}`, wasmMtags: rounded(wasm), twinMtags: rounded(twin), wasmToTwin: rounded(wasm / twin) };
}

function median(values: number[]): number { return values.sort((a, b) => a - b)[values.length >> 1]!; }
function rounded(value: number): number { return Number(value.toPrecision(4)); }
