// test/driver/decode.test.ts - the T2 decoder against a BigInt oracle that knows nothing of wraps, rooms or halves of words.
import test from 'ava';
import { fractionOf } from '../../app/driver/replay/protocol.ts';
import { stateBytes, T2Decoder, type T2Channels } from '../../app/driver/decode/decode.ts';
import type { Tick } from '../../app/core/tags.ts';
import { Random } from '../support/random.ts';
import { ptuTypes, syncCode, T2Encoder, type PtuType } from '../support/ptu.ts';

interface Tags { timesPs: bigint[]; channels: number[] }
interface Stream { ticks: number[]; codes: number[] }

const channels: T2Channels = { inputs: 5, sync: 5, markers: { 1: 6, 2: 7, 4: 8, 8: 9 } };
const kinds = ['wasm', 'typescript'] as const;
const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
const stateAt = 1024, rawAt = stateAt + stateBytes, timesAt = 2 * 1024 * 1024, channelsAt = 3 * 1024 * 1024 + 1;

/** Gaps from ties to many wraps; marker patterns; sync. */
function makeStream(random: Random, n: number, type: PtuType): Stream {
  const { wrapTicks } = ptuTypes[type];
  const ticks: number[] = [], codes: number[] = [];
  // The low bits of a PicoHarp marker's time are lost, so markers stand on multiples of 16 there.
  const step = type === 'picoHarp' ? 16 : 1;
  for (let i = 0, t = random.integer(0, 100) * step; i < n; i++) {
    const dice = random.next();
    t += step * (dice < 0.1 ? 0 : dice < 0.9 ? random.integer(0, 1000) : dice < 0.97 ? random.integer(0, wrapTicks / step) : random.integer(0, 40) * (wrapTicks / 16));
    ticks.push(t);
    const special = random.next();
    codes.push(special < 0.9 ? random.integer(0, channels.inputs - 1) : special < 0.95 && type !== 'picoHarp' ? syncCode : syncCode + random.integer(1, 15));
  }
  return { ticks, codes };
}

function oracle({ ticks, codes }: Stream, tick: Tick, originPs = 0n): Tags {
  const tags = ticks.flatMap((t, i) => {
    const timePs = originPs + BigInt(t) * BigInt(tick.num) / BigInt(tick.den), code = codes[i]!;
    if (code < syncCode) return [{ timePs, channel: code }];
    if (code === syncCode) return [{ timePs, channel: channels.sync! }];
    return [1, 2, 4, 8].filter(bit => (code - syncCode) & bit).map(bit => ({ timePs, channel: channels.markers[bit]! }));
  });
  tags.sort((a, b) => (a.timePs < b.timePs ? -1 : a.timePs > b.timePs ? 1 : a.channel - b.channel));
  return { timesPs: tags.map(tag => tag.timePs), channels: tags.map(tag => tag.channel) };
}

/** Decodes with pieces and rooms of changing size; a room's end is watched. */
function decode(records: Uint32Array, type: PtuType, tick: Tick, kindOf: (call: number) => 'wasm' | 'typescript', sizes: { pieces: readonly number[]; rooms: readonly number[] }, originPs = 0n): Tags {
  new Uint32Array(memory.buffer, rawAt, records.length).set(records);
  const decoders = kinds.map(kind => new T2Decoder(memory, stateAt, ptuTypes[type], channels, tick, originPs, kind));
  const tags: Tags = { timesPs: [], channels: [] };
  const take = (written: number, room: number): void => {
    const times = new BigInt64Array(memory.buffer, timesAt, room + 1), indexes = new Uint8Array(memory.buffer, channelsAt, room + 1);
    if (times[room] !== 77n || indexes[room] !== 77) throw new Error('wrote behind the room');
    tags.timesPs.push(...times.subarray(0, written));
    tags.channels.push(...indexes.subarray(0, written));
  };
  const prepare = (room: number): { timesAt: number; channelsAt: number; tags: number } => {
    new BigInt64Array(memory.buffer, timesAt, room + 1)[room] = 77n;
    new Uint8Array(memory.buffer, channelsAt, room + 1)[room] = 77;
    return { timesAt, channelsAt, tags: room };
  };
  let call = 0;
  const next = (list: readonly number[]): number => list[call % list.length]!;
  for (let at = 0; at < records.length; call++) {
    const decoder = decoders[kinds.indexOf(kindOf(call))]!, room = next(sizes.rooms);
    take(decoder.decode(rawAt + at * 4, Math.min(next(sizes.pieces), records.length - at), prepare(room)), room);
    at += decoder.consumed;
    if (decoder.stop !== 'end' && decoder.stop !== 'room') throw new Error(`stopped: ${decoder.stop}`);
  }
  for (const decoder of decoders) while (decoder.holding) take(decoder.flush(prepare(next(sizes.rooms))), next(sizes.rooms));
  return tags;
}

const cuts = [
  { pieces: [100_000], rooms: [100_000] }, { pieces: [1], rooms: [1] }, { pieces: [7, 16, 33], rooms: [100_000] },
  { pieces: [100_000], rooms: [17, 1, 40] }, { pieces: [61], rooms: [777, 3, 16] },
];
const ticks: Tick[] = [{ num: 1, den: 1 }, { num: 4, den: 1 }, { num: 125, den: 32 }, { num: 1, den: 3 }];

for (const type of Object.keys(ptuTypes) as PtuType[]) {
  test(`${type}: wasm and twin give the tags that were encoded, at any cut and tick`, t => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new Random(seed);
      const stream = makeStream(random, seed % 3 === 0 ? 3000 : 200, type);
      const records = new T2Encoder(type).encode(Float64Array.from(stream.ticks), Uint8Array.from(stream.codes)).slice();
      const tick = ticks[seed % ticks.length]!, originPs = seed % 2 ? 0n : 2n ** 53n - 5n;
      const expected = oracle(stream, tick, originPs);
      for (const [i, sizes] of cuts.entries()) {
        for (const kind of kinds) t.deepEqual(decode(records, type, tick, () => kind, sizes, originPs), expected, `seed ${seed}, cut ${i}, ${kind}`);
      }
      t.deepEqual(decode(records, type, tick, call => kinds[call % 2]!, cuts[4]!, originPs), expected, `seed ${seed}, taking turns`);
    }
  });
}

test('a long stream without ties decodes exactly in blocks of 16 and around overflows', t => {
  const random = new Random(99), stream: Stream = { ticks: [], codes: [] };
  for (let i = 0, at = 0; i < 60_000; i++) {
    at += random.integer(1, 400_000);
    stream.ticks.push(at);
    stream.codes.push(random.integer(0, 4));
  }
  const records = new T2Encoder('generic').encode(Float64Array.from(stream.ticks), Uint8Array.from(stream.codes)).slice();
  const expected = oracle(stream, { num: 4, den: 1 });
  for (const kind of kinds) t.deepEqual(decode(records, 'generic', { num: 4, den: 1 }, () => kind, { pieces: [100_000, 4096], rooms: [16_384] }), expected, kind);
});

test('gaps of days need several overflow records and stay exact; 106 days are refused', t => {
  for (const type of ['generic', 'hydraHarp2'] as const) {
    const records = new T2Encoder(type).encode(Float64Array.of(5), Uint8Array.of(0)).slice();
    // 2^53 ps are 2.5 h, so doubles cannot hold these: the wraps are written by hand.
    const wrapsOf = (ps: bigint): number[] => {
      const list: number[] = [];
      for (let wraps = ps >> 25n; wraps > 0n; wraps -= 2n ** 25n - 1n) list.push(0xfe000000 + Number(wraps < 2n ** 25n ? wraps : 2n ** 25n - 1n));
      return list;
    };
    const sixtyDaysPs = 60n * 86_400n * 10n ** 12n;
    const all = Uint32Array.from([...records, ...wrapsOf(sixtyDaysPs), (1 << 25) + 9]);
    for (const kind of kinds) {
      t.deepEqual(decode(all, type, { num: 1, den: 1 }, () => kind, cuts[0]!), { timesPs: [5n, ((sixtyDaysPs >> 25n) << 25n) + 9n], channels: [0, 1] }, kind);
      t.throws(() => decode(Uint32Array.from([...all, ...wrapsOf(sixtyDaysPs), 5]), type, { num: 1, den: 1 }, () => kind, cuts[0]!), { message: 'stopped: time' });
    }
  }
});

test('hundreds of tags at one time, markers among them: none comes twice and none is lost', t => {
  const codes = Array.from({ length: 900 }, (_, i) => (i % 3 === 0 ? syncCode + 15 : i % 5));
  const records = new T2Encoder('generic').encode(new Float64Array(900).fill(50), Uint8Array.from(codes)).slice();
  const expected = oracle({ ticks: codes.map(() => 50), codes }, { num: 1, den: 1 });
  const sorted = (list: number[]): number[] => [...list].sort((a, b) => a - b);
  for (const kind of kinds) {
    for (const sizes of cuts) {
      const tags = decode(records, 'generic', { num: 1, den: 1 }, () => kind, sizes);
      t.deepEqual(tags.timesPs, expected.timesPs, kind);
      // Only 256 of one time are kept in order; more than that no instrument has.
      t.deepEqual(sorted(tags.channels), expected.channels, kind);
    }
  }
});

test('an overflow record of count 0 stands for one wrap', t => {
  for (const kind of kinds) t.deepEqual(decode(Uint32Array.of(0xfe000000, 3), 'generic', { num: 1, den: 1 }, () => kind, cuts[0]!).timesPs, [2n ** 25n + 3n], kind);
});

test('a limit holds tags back and loses none', t => {
  const random = new Random(5), stream = makeStream(random, 2000, 'generic');
  const records = new T2Encoder('generic').encode(Float64Array.from(stream.ticks), Uint8Array.from(stream.codes)).slice();
  const expected = oracle(stream, { num: 1, den: 1 });
  for (const kind of kinds) {
    new Uint32Array(memory.buffer, rawAt, records.length).set(records);
    const decoder = new T2Decoder(memory, stateAt, ptuTypes.generic, channels, { num: 1, den: 1 }, 0n, kind);
    const times: bigint[] = [];
    let limitPs = 0n;
    for (let at = 0; at < records.length;) {
      decoder.limitPs = limitPs;
      const written = decoder.decode(rawAt + at * 4, records.length - at, { timesAt, channelsAt, tags: 333 });
      const given = new BigInt64Array(memory.buffer, timesAt, written);
      t.true(given.every(timePs => timePs < limitPs), `${kind}: limit ${limitPs}`);
      times.push(...given);
      at += decoder.consumed;
      if (decoder.stop === 'limit') {
        t.deepEqual(times, expected.timesPs.filter(timePs => timePs < limitPs), `${kind}: all before ${limitPs}`);
        limitPs += BigInt(random.integer(1, 2 ** 29));
      }
    }
    decoder.flush({ timesAt, channelsAt, tags: 333 });
    times.push(...new BigInt64Array(memory.buffer, timesAt, expected.timesPs.length - times.length));
    t.deepEqual(times, expected.timesPs, kind);
  }
});

test('fractionOf() finds the small fraction behind a double', t => {
  t.deepEqual(fractionOf(1), { num: 1, den: 1 });
  t.deepEqual(fractionOf(4e-12 * 1e12), { num: 4, den: 1 });
  t.deepEqual(fractionOf(3.90625e-12 * 1e12), { num: 125, den: 32 });
  t.deepEqual(fractionOf(81e-12 * 1e12), { num: 81, den: 1 });
  t.deepEqual(fractionOf(1000 / 3), { num: 1000, den: 3 });
  t.is(fractionOf(Math.PI), undefined);
  t.is(fractionOf(1e9), undefined);
  t.is(fractionOf(1e-9), undefined);
});
