// test/driver/umass/bench.ts - speed of the decoder of 6-byte records: wasm and its twin, transfers of 16 KiB into rooms of 16 Ki tags.
import { decodeExports } from '../../../app/driver/decode/exports.ts';
import { recordBytes, umassState, umassTwin, writeState, type UmassDecoder } from '../../../app/driver/umass/protocol.ts';
import { Random } from '../../support/random.ts';

const records = 2 ** 20, perTransfer = 2730, roomTags = 16 * 1024;

export interface UmassRow { case: string; wasmMtags: number; twinMtags: number; wasmToTwin: number }

export function benchUmass(rounds: number): UmassRow[] {
  const timesAt = 512 * 1024, channelsAt = timesAt + 8 * roomTags, rawAt = 1024 * 1024, stateAt = 4096;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((rawAt + records * recordBytes) / 65_536) + 1, maximum: 4096, shared: true });
  const all = new DataView(memory.buffer), random = new Random(1);
  for (let i = 0, time = 0; i < records; i++) {
    time += 1 + Math.floor(random.exponential(200));
    all.setUint16(rawAt + i * recordBytes, (1 << random.integer(0, 3)) << 4 | Math.floor(time / 2 ** 32));
    all.setUint32(rawAt + i * recordBytes + 2, time >>> 0);
  }
  const decoders: Record<'wasm' | 'twin', UmassDecoder> = { wasm: decodeExports<UmassDecoder>(memory)!, twin: umassTwin(memory) };
  const seconds: Record<'wasm' | 'twin', number[]> = { wasm: [], twin: [] }, state = new DataView(memory.buffer, stateAt, umassState.bytes);
  for (let round = 0; round < rounds + 2; round++) {
    for (const kind of ['wasm', 'twin'] as const) {
      const n = records, begun = performance.now();
      writeState(state, { num: 15_625, den: 2 }, 0n);
      let written = 0, room = 0;
      for (let at = 0; at < n; at += state.getUint32(umassState.consumed, true)) {
        const some = decoders[kind].decodeUmass(stateAt, rawAt + at * recordBytes, Math.min(perTransfer, n - at), timesAt + 8 * room, channelsAt + room, roomTags - room);
        written += some;
        room = room + some === roomTags ? 0 : room + some;
      }
      if (written !== n) throw new Error(`${kind}: ${written} tags of ${n}`);
      // The first two rounds only warm up.
      if (round >= 2) seconds[kind].push((performance.now() - begun) / 1000 / n);
    }
  }
  const mtags = (kind: 'wasm' | 'twin'): number => Number((1e-6 / seconds[kind].sort((a, b) => a - b)[rounds >> 1]!).toPrecision(4));
  return [{ case: 'UMass, 6-byte records', wasmMtags: mtags('wasm'), twinMtags: mtags('twin'), wasmToTwin: Number((mtags('wasm') / mtags('twin')).toPrecision(3)) }];
}
