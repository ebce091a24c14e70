// test/driver/otu/decoder.test.ts - the golden vectors of OTU v1 by both decoders, and both against an oracle, whatever the cuts and rooms.
import { readFileSync } from 'node:fs';
import test from 'ava';
import type { TaggerError } from '../../../app/core/errors.ts';
import { decodeExports } from '../../../app/driver/decode/exports.ts';
import { Blocks } from '../../../app/driver/otu/blocks.ts';
import { parseCaps } from '../../../app/driver/otu/caps.ts';
import { otuState, otuTwin, type OtuDecoder } from '../../../app/driver/otu/decoder.ts';
import { blockFlags, channelNumbersOf, code32, parseInfo, writeHeader, writeInfo, type OtuInfo } from '../../../app/driver/otu/protocol.ts';
import { FakeSink, type FakeSinkOptions } from '../../support/fake-sink.ts';
import { Random } from '../../support/random.ts';

type Expected = Record<string, unknown>;
interface Vectors {
  info: { name: string; bytes: string; expect: Record<string, unknown> | null }[];
  caps: { name: string; inputs: number; bytes: string; expect: { settings: unknown[] } & Record<string, unknown> | null }[];
  streams: { name: string; info: string; bytes: string[]; expect: Expected[] }[];
}
const vectors = JSON.parse(readFileSync(new URL('./vectors.json', import.meta.url), 'utf8')) as Vectors;
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
const kinds = ['wasm', 'typescript'] as const;

function decoderOf(kind: (typeof kinds)[number], memory: WebAssembly.Memory): OtuDecoder {
  const decoder = kind === 'wasm' ? decodeExports<OtuDecoder>(memory) : otuTwin(memory);
  if (!decoder) throw new Error('decode.wasm is missing');
  return decoder;
}

/** What a host makes of the bytes, in the words of the vectors. */
function run(kind: (typeof kinds)[number], info: OtuInfo, pieces: readonly Uint8Array[], options: FakeSinkOptions = {}, originPs = 0n): Expected[] {
  const sink = new FakeSink(options), numbers = channelNumbersOf(info), blocks = new Blocks(sink, info, originPs, decoderOf(kind, sink.memory));
  let end: Expected | undefined;
  try {
    for (const piece of pieces) blocks.take(piece);
  } catch (error) {
    const section = /section (4\.\d)/.exec((error as TaggerError).hint ?? '')?.[1], { message } = error as Error;
    end = { broken: section === '4.1' ? 'shape' : section === '4.2' ? 'record' : message.includes('ahead') ? 'time' : 'order' };
  }
  const { timesPs, channels } = sink, since = (atPs: bigint): string => String(BigInt.asIntN(64, atPs - originPs)), seen: Expected[] = [];
  let told = 0;
  const tagsUpTo = (n: number): void => { for (; told < n; told++) seen.push({ tag: numbers[channels[told]!], ps: since(timesPs[told]!) }); };
  for (const marker of sink.markers) {
    tagsUpTo(marker.tagsBefore);
    if (marker.kind === 'lost') {
      const { grade, missed, missedInAll = null, fromPs, toPs } = marker.loss;
      const lost = grade === 'counted' ? Object.fromEntries(missed!.map(({ channelIndex, count }) => [String(numbers[channelIndex]), count])) : missedInAll;
      seen.push({ lost, fromPs: since(fromPs), toPs: since(toPs) });
    } else if (marker.kind === 'clock') seen.push({ clock: marker.state, ps: since(marker.atPs) });
  }
  tagsUpTo(sink.tags);
  if (end) seen.push(end);
  if (blocks.isEnded) seen.push({ last: true });
  return seen;
}

function cut(bytes: Uint8Array, random: Random, largest: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const n = random.integer(0, largest);
    pieces.push(bytes.subarray(at, at + n));
    at += n;
  }
  return pieces;
}

test('golden vectors: info blocks', t => {
  for (const { name, bytes, expect } of vectors.info) {
    if (!expect) t.throws(() => parseInfo(bytesOf(bytes)), { code: 'protocol' } as object, name);
    else {
      const info = parseInfo(bytesOf(bytes));
      t.like(info, expect, name);
      t.deepEqual(writeInfo(info), bytesOf(bytes), name);
    }
  }
});

test('golden vectors: capabilities', t => {
  for (const { name, bytes, inputs, expect } of vectors.caps) {
    const all = bytesOf(bytes), json = all.subarray(4);
    t.is(new DataView(all.buffer).getUint32(0, true), json.length, name);
    if (!expect) t.throws(() => parseCaps(json, inputs), { code: 'protocol' } as object, name);
    else {
      const { settings, ...rest } = parseCaps(json, inputs);
      t.deepEqual({ ...rest, settings: settings.map(({ info }) => info) } as unknown, expect, name);
    }
  }
});

test('golden vectors: streams, by both decoders, whole, byte by byte and into rooms of one tag', t => {
  t.true(vectors.streams.length >= 30);
  for (const { name, info: hex, bytes: parts, expect } of vectors.streams) {
    const info = parseInfo(bytesOf(hex)), bytes = bytesOf(parts.join(''));
    for (const kind of kinds) {
      t.deepEqual(run(kind, info, [bytes]), expect, `${name}, ${kind}`);
      t.deepEqual(run(kind, info, [...bytes].map(byte => Uint8Array.of(byte)), { rooms: [1] }), expect, `${name}, ${kind}, byte by byte`);
      t.deepEqual(run(kind, info, [bytes], { rooms: [2, 1, 5] }, 2n ** 63n - 4_000_000n), expect, `${name}, ${kind}, where int64 comes round`);
    }
  }
});

/** A run of a device that never was, and what is in it. */
function made(random: Random): { info: OtuInfo; bytes: Uint8Array; expect: Expected[] } {
  const isE64 = random.chance(0.4), hasFalling = random.chance(0.5), den = random.pick([1, 3, 32, 7, 16_000]), tickFs = { num: random.integer(1000 * den, 20_000_000), den };
  const info = parseInfo(writeInfo({ inputs: random.integer(1, isE64 ? 127 : 14), isE64, hasFalling, hasReference: true, hasTestSignal: false, timeBits: 48, tickFs, blockBytes: 512 * random.integer(1, 4), maxRate: 1 }));
  const numbers = channelNumbersOf(info), expect: Expected[] = [], out: number[] = [], ps = (ticks: number): string => String(BigInt(ticks) * BigInt(info.tick.num) / BigInt(info.tick.den));
  let base = random.integer(0, 1e9), latest = 0, seq = 0, isRefLost = false;
  for (let block = 0; block < 30; block++) {
    const records: number[] = [], isLast = block === 29, most = Math.floor((info.blockBytes - 16) / info.recordBytes), isOverflow = random.chance(0.1), isPadded = random.chance(0.2);
    let flags = (isLast ? blockFlags.last : 0) | (isPadded ? blockFlags.padded : 0), n = 0;
    base = latest + (random.chance(0.1) && !isOverflow ? 0 : random.integer(1, random.pick([10, 1e6, 1e9])));
    const isGap = random.chance(0.05) && base > latest;
    if (isGap) seq += random.integer(1, 5);
    if (isOverflow) {
      flags |= blockFlags.overflow;
      const lost: Record<string, number> = {};
      for (const number of numbers.filter(() => random.chance(0.2)).slice(0, 20)) {
        const count = random.integer(1, 4_000_000), code = 2 * (Math.abs(number) - 1) + (number < 0 ? 1 : 0);
        lost[number] = count;
        if (isE64) records.push(count, 2 ** 28 + (code >> 1) * 2 ** 20 + (code & 1) * 2 ** 19);
        else records.push((code32.lost << 27 | code << 22 | count) >>> 0);
        n++;
      }
      if (!isGap) expect.push({ lost: n === 0 ? null : lost, fromPs: ps(latest), toPs: ps(base) });
    }
    if (isGap) expect.push({ lost: null, fromPs: ps(latest), toPs: ps(base) });
    if (random.chance(0.1) !== isRefLost) {
      isRefLost = !isRefLost;
      expect.push({ clock: isRefLost ? 'lost' : 'locked', ps: ps(base) });
    }
    if (isRefLost) flags |= blockFlags.refLost;
    let offset = 0, ticks = base;
    const fill = random.integer(n, random.chance(0.3) ? most : Math.min(most, n + 5));
    for (; n < fill; n++) {
      ticks += random.pick([0, 1, random.integer(0, 100), random.integer(0, 1e5), random.chance(0.1) ? random.integer(0, 2 ** 29) : 2]);
      const wraps = Math.floor((ticks - base - offset) / 2 ** 27);
      if (!isE64 && wraps > 0) {
        if (n + 1 >= fill) break;
        records.push((code32.time << 27 | wraps) >>> 0);
        offset += wraps * 2 ** 27;
        n++;
      }
      const number = random.pick(numbers), code = 2 * (Math.abs(number) - 1) + (number < 0 ? 1 : 0);
      if (isE64) records.push((ticks - base) % 2 ** 32, (code >> 1) * 2 ** 20 + (code & 1) * 2 ** 19 + Math.floor((ticks - base) / 2 ** 32));
      else records.push((code << 27 | ticks - base - offset) >>> 0);
      expect.push({ tag: number, ps: ps(ticks) });
      latest = ticks;
    }
    latest = Math.max(latest, base);
    const bytes = new Uint8Array(isPadded ? info.blockBytes : 16 + 4 * records.length), view = new DataView(bytes.buffer);
    writeHeader(view, 0, { seq: seq & 0xffff, records: 4 * records.length / info.recordBytes, flags, base: BigInt(base) });
    records.forEach((record, i) => { view.setUint32(16 + 4 * i, record, true); });
    out.push(...bytes);
    seq++;
  }
  return { info, bytes: Uint8Array.from(out), expect: [...expect, { last: true }] };
}

test('both decoders give what was put in, over seeds, cuts and rooms', t => {
  for (let seed = 1; seed <= Number(process.env['TAGD_SEEDS'] ?? 40); seed++) {
    const random = new Random(seed), { info, bytes, expect } = made(random);
    for (const kind of kinds) {
      t.deepEqual(run(kind, info, [bytes]), expect, `seed ${seed}, ${kind}`);
      t.deepEqual(run(kind, info, cut(bytes, random, 700), { rooms: [random.integer(1, 9), 100, 3] }, 12_345n), expect, `seed ${seed}, ${kind}, cut`);
    }
  }
});

test('numbers of blocks come round behind 65535', t => {
  const info = parseInfo(bytesOf(vectors.info[0]!.bytes)), bytes = new Uint8Array(16 * 70_000), view = new DataView(bytes.buffer);
  for (let i = 0; i < 70_000; i++) writeHeader(view, 16 * i, { seq: i & 0xffff, records: 0, flags: 0, base: BigInt(i) });
  for (const kind of kinds) t.deepEqual(run(kind, info, [bytes]), [], kind);
});

test('whatever the bytes, wasm and twin say the same and stay inside their room', t => {
  for (let seed = 1; seed <= Number(process.env['TAGD_SEEDS'] ?? 100); seed++) {
    const random = new Random(seed), { info, bytes } = made(random);
    for (let harm = random.integer(1, 6); harm > 0; harm--) {
      const at = random.integer(0, bytes.length - 1);
      bytes[at] = random.chance(0.5) ? random.integer(0, 255) : bytes[at]! ^ 1 << random.integer(0, 7);
    }
    const options = { rooms: [random.integer(1, 300)] };
    t.deepEqual(run('wasm', info, cut(bytes, random, 3000), options), run('typescript', info, [bytes], options), `seed ${seed}`);
  }
});

test('the layout of the state fits', t => { t.true(Object.values(otuState).every(at => at <= otuState.bytes)); });

test('a reference that was lost before a restart and is there behind it is told as locked', t => {
  const stream = vectors.streams.find(({ name }) => name === 'the reference is lost and locked')!, info = parseInfo(bytesOf(stream.info)), whole = bytesOf(stream.bytes.join(''));
  for (const kind of kinds) {
    const sink = new FakeSink(), decoder = decoderOf(kind, sink.memory), states = (): string[] => sink.markers.flatMap(marker => (marker.kind === 'clock' ? [`${marker.state} ${marker.atPs}`] : []));
    // Two blocks of 20 bytes, of which the second has the flag.
    new Blocks(sink, info, 0n, decoder).take(whole.subarray(0, 40));
    t.deepEqual(states(), ['lost 1333333'], kind);
    new Blocks(sink, info, 10_000_000n, decoder).take(whole.subarray(0, 20));
    t.deepEqual(states(), ['lost 1333333', 'locked 10000000'], kind);
  }
});

test('damaged info blocks and capabilities are refused with a sentence, or mean something within the limits', t => {
  const info = vectors.info.find(({ expect }) => expect)!, caps = vectors.caps.find(({ name }) => name === 'one of each kind')!;
  let refused = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const random = new Random(seed), bytes = bytesOf((seed % 2 ? info : caps).bytes).slice(seed % 2 ? 0 : 4);
    for (let harm = random.integer(1, 3); harm > 0; harm--) bytes[random.integer(0, bytes.length - 1)] = random.chance(0.5) ? random.integer(32, 126) : random.integer(0, 255);
    try {
      if (seed % 2) t.true(channelNumbersOf(parseInfo(bytes)).length <= 254);
      else {
        for (const { raw: { min, max, step }, info: { label } } of parseCaps(bytes, caps.inputs).settings) t.true(min <= max && step >= 1 && label.length <= 60, `seed ${seed}`);
      }
    } catch (error) {
      refused++;
      t.regex(`${(error as TaggerError).code} ${(error as Error).message}`, /^protocol Cannot read the (info block|capabilities) of the OTU tagger: [^]{5,200}\.$/, `seed ${seed}`);
    }
  }
  t.true(refused > 500);
});
