// test/driver/tdc1/bench.ts - speed of the decoder of TDC1 words, wasm and its twin, as the driver calls it: 4096 words of a transfer at a time.
import { decodeExports } from '../../../app/driver/decode/exports.ts';
import { tdc1State, tdc1Twin, timeShift, wrapTicks, writeState, type Tdc1Decoder } from '../../../app/driver/tdc1/protocol.ts';
import { Random } from '../../support/random.ts';
import type { DecodeRow } from '../bench-decode.ts';

const words = 4 * 1024 * 1024, transfer = 4096;
const stateAt = 4096, timesAt = 1024 * 1024, channelsAt = timesAt + 8 * 16 * 1024, rawAt = 2 * 1024 * 1024;

/** `several`: the share of words with two inputs at once. */
const cases = [{ name: 'TDC1 words, 4 x 1 Mcps', meanTicks: 125, several: 0 }, { name: 'TDC1 words, 2 % double', meanTicks: 125, several: 0.02 }];

export function benchTdc1(rounds: number): DecodeRow[] {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((rawAt + 4 * words) / 65_536), maximum: 4096, shared: true });
  const decoders = { wasm: decodeExports<Tdc1Decoder>(memory)!, twin: tdc1Twin(memory) };
  return cases.map(({ name, meanTicks, several }) => {
    const random = new Random(1), raw = new Uint32Array(memory.buffer, rawAt, words);
    let tags = 0;
    for (let i = 0, ticks = 0; i < words; i++) {
      ticks += 1 + Math.floor(random.exponential(meanTicks));
      const isDouble = random.chance(several);
      raw[i] = (ticks % wrapTicks << timeShift | (isDouble ? 5 : 1 << random.integer(0, 3))) >>> 0;
      tags += isDouble ? 2 : 1;
    }
    const seconds = { wasm: [] as number[], twin: [] as number[] };
    // The first two rounds only warm up; the two take turns.
    for (let round = 0; round < rounds + 2; round++) {
      for (const kind of ['wasm', 'twin'] as const) {
        const state = new DataView(memory.buffer, stateAt, tdc1State.bytes);
        writeState(state, 0n);
        let written = 0;
        const begun = performance.now();
        for (let at = 0; at < words;) {
          written += decoders[kind].decodeTdc1(stateAt, rawAt + 4 * at, Math.min(transfer, words - at), timesAt, channelsAt, 16 * 1024);
          at += state.getUint32(tdc1State.consumed, true);
        }
        if (written !== tags) throw new Error(`${kind}: ${written} tags of ${tags}`);
        if (round >= 2) seconds[kind].push((performance.now() - begun) / 1000);
      }
    }
    const [wasm, twin] = (['wasm', 'twin'] as const).map(kind => words / seconds[kind].sort((a, b) => a - b)[rounds >> 1]! / 1e6) as [number, number];
    const rounded = (value: number): number => Number(value.toPrecision(4));
    return { case: name, wasmMtags: rounded(wasm), twinMtags: rounded(twin), wasmToTwin: rounded(wasm / twin) };
  });
}
