// test/driver/otu/bench.ts - speed of the OTU decoder: wasm and its twin, blocks of 1 KiB in transfers of 16 KiB, into rooms of 16 Ki tags.
import { decodeExports } from '../../../app/driver/decode/exports.ts';
import { otuState, otuTwin, writeState, type OtuDecoder } from '../../../app/driver/otu/decoder.ts';
import { parseInfo, writeHeader, writeInfo } from '../../../app/driver/otu/protocol.ts';
import { Random } from '../../support/random.ts';

const blocks = 8192, transferBytes = 16 * 1024, blockBytes = 1024, roomTags = 16 * 1024, rounds = 9, meanGapTicks = 40;
const cases = [
  { name: 'OTU E32, 20/3 ns ticks', isE64: false, hasFalling: false, tickFs: { num: 20_000_000, den: 3 } },
  { name: 'OTU E32, 4 ps ticks, falling', isE64: false, hasFalling: true, tickFs: { num: 4000, den: 1 } },
  { name: 'OTU E64, 1/256 ns ticks', isE64: true, hasFalling: false, tickFs: { num: 3_906_250, den: 1000 } },
];

export interface OtuRow { case: string; wasmMtags: number; twinMtags: number; wasmToTwin: number }

export function benchOtu(): OtuRow[] {
  return cases.map(({ name, ...form }) => {
    const info = parseInfo(writeInfo({ ...form, inputs: 8, hasReference: false, hasTestSignal: false, timeBits: 48, blockBytes, maxRate: 1 }));
    const perBlock = Math.floor((blockBytes - 16) / info.recordBytes), used = 16 + perBlock * info.recordBytes, tags = blocks * perBlock;
    const timesAt = 512 * 1024, channelsAt = timesAt + 8 * roomTags, spaceAt = 1024 * 1024, bytes = blocks * used;
    const memory = new WebAssembly.Memory({ initial: Math.ceil((spaceAt + bytes) / 65_536) + 1, maximum: 4096, shared: true }), view = new DataView(memory.buffer), random = new Random(1);
    for (let block = 0, ticks = 0; block < blocks; block++) {
      const base = ticks, at = spaceAt + block * used;
      writeHeader(view, at, { seq: block & 0xffff, records: perBlock, flags: 0, base: BigInt(base) });
      for (let i = 0; i < perBlock; i++) {
        const code = form.hasFalling ? random.integer(0, 15) : 2 * random.integer(0, 7), p = at + 16 + i * info.recordBytes;
        if (form.isE64) view.setUint32(p + 4, (code >> 1) * 2 ** 20, true);
        view.setUint32(p, form.isE64 ? ticks - base : (code << 27 | ticks - base) >>> 0, true);
        ticks += 1 + Math.floor(random.exponential(meanGapTicks));
      }
    }
    const seconds: Record<'wasm' | 'twin', number[]> = { wasm: [], twin: [] }, decoders: Record<'wasm' | 'twin', OtuDecoder> = { wasm: decodeExports<OtuDecoder>(memory)!, twin: otuTwin(memory) };
    const state = new DataView(memory.buffer, 4096, otuState.bytes);
    for (let round = 0; round < rounds + 2; round++) {
      for (const kind of ['wasm', 'twin'] as const) {
        writeState(state, info, 0n);
        const begun = performance.now();
        let written = 0, room = 0;
        for (let at = 0, end = 0; at < bytes;) {
          if (end - at < used) end = Math.min(bytes, end + transferBytes);
          const n = decoders[kind].decodeOtu(4096, spaceAt + at, end - at, timesAt + 8 * room, channelsAt + room, roomTags - room);
          at += state.getUint32(otuState.consumed, true);
          written += n;
          room = room + n === roomTags ? 0 : room + n;
        }
        if (written !== tags) throw new Error(`${name}, ${kind}: ${written} tags of ${tags}`);
        // The first two rounds only warm up.
        if (round >= 2) seconds[kind].push((performance.now() - begun) / 1000);
      }
    }
    const mtags = (kind: 'wasm' | 'twin'): number => tags / seconds[kind].sort((a, b) => a - b)[rounds >> 1]! / 1e6, wasm = mtags('wasm'), twin = mtags('twin');
    return { case: name, wasmMtags: Number(wasm.toPrecision(4)), twinMtags: Number(twin.toPrecision(4)), wasmToTwin: Number((wasm / twin).toPrecision(4)) };
  });
}
