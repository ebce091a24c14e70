// test/driver/tdc1/decode.test.ts - words of the TDC1: the published vectors, and wasm against the twin and against arithmetic that knows no wraps.
import test from 'ava';
import { decodeExports } from '../../../app/driver/decode/exports.ts';
import { dummyBit, soonTicks, statusAtEnd, stops, tdc1State, tdc1Twin, timeShift, wrapTicks, writeState, type Tdc1Decoder } from '../../../app/driver/tdc1/protocol.ts';
import { Random } from '../../support/random.ts';

const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
const stateAt = 1024, rawAt = 4096, timesAt = 2 * 1024 * 1024, channelsAt = 3 * 1024 * 1024 + 1;
const decoders: Record<'wasm' | 'twin', Tdc1Decoder> = { wasm: decodeExports<Tdc1Decoder>(memory)!, twin: tdc1Twin(memory) };
const kinds = ['wasm', 'twin'] as const;

interface Tags { timesPs: bigint[]; channels: number[]; stop: string; consumed: number }

/** Decodes with calls and rooms of these sizes; who decodes may change at any call, because the state is all there is. */
function decode(words: Uint32Array, kindOf: (call: number) => typeof kinds[number], { pieces, rooms }: { pieces: readonly number[]; rooms: readonly number[] }, originPs = 0n, limitTicks?: number): Tags {
  new Uint32Array(memory.buffer, rawAt, words.length).set(words);
  const state = new DataView(memory.buffer, stateAt, tdc1State.bytes);
  writeState(state, originPs);
  if (limitTicks !== undefined) state.setUint32(tdc1State.limit, limitTicks << timeShift >>> 0, true);
  const tags: Tags = { timesPs: [], channels: [], stop: 'end', consumed: 0 };
  for (let call = 0; ; call++) {
    const room = rooms[call % rooms.length]!, piece = Math.min(pieces[call % pieces.length]!, words.length - tags.consumed);
    const times = new BigInt64Array(memory.buffer, timesAt, room + 1), channels = new Uint8Array(memory.buffer, channelsAt, room + 1);
    times[room] = 77n;
    channels[room] = 77;
    const written = decoders[kindOf(call)].decodeTdc1(stateAt, rawAt + 4 * tags.consumed, piece, timesAt, channelsAt, room);
    if (times[room] !== 77n || channels[room] !== 77 || written > room) throw new Error('wrote behind the room');
    tags.timesPs.push(...times.subarray(0, written));
    tags.channels.push(...channels.subarray(0, written));
    tags.consumed += state.getUint32(tdc1State.consumed, true);
    tags.stop = stops[state.getUint32(tdc1State.status, true)]!;
    if (tags.stop === 'doubt' || (tags.stop === 'end' && tags.consumed === words.length)) return tags;
  }
}

const turns: readonly (readonly [string, (call: number) => typeof kinds[number]])[] = [['wasm', () => 'wasm'], ['twin', () => 'twin'], ['in turn', call => kinds[call % 2]!]];
const whole = { pieces: [100_000], rooms: [100_000] };
const cuts = [whole, { pieces: [1], rooms: [1] }, { pieces: [7, 16, 33], rooms: [100_000] }, { pieces: [100_000], rooms: [17, 1, 40] }, { pieces: [61], rooms: [777, 3, 16] }];

test('tdc1: the published words', t => {
  const bytes = Uint8Array.of(0x21, 0, 0, 0, 0x83, 0x3e, 0, 0, 0x10, 0, 0, 0x80, 0xe8, 0xff, 0xff, 0xff);
  for (const kind of kinds) {
    const { timesPs, channels, stop } = decode(new Uint32Array(bytes.buffer), () => kind, whole);
    t.deepEqual(timesPs, [2000n, 1_000_000n, 1_000_000n, BigInt(wrapTicks - 1) * 2000n], kind);
    t.deepEqual(channels, [0, 0, 1, 3], kind);
    t.is(stop, 'end');
  }
});

/** Words of any kind: long plain stretches, several inputs, dummies with and without a pattern, wraps. */
function makeWords(random: Random, n: number): { words: Uint32Array; timesPs: bigint[]; channels: number[] } {
  const words = new Uint32Array(n), timesPs: bigint[] = [], channels: number[] = [];
  const mean = 2 ** random.integer(1, 22), plainness = random.next();
  for (let i = 0, ticks = random.integer(0, wrapTicks - 1); i < n; i++) {
    const isDummy = random.chance((1 - plainness) / 10), pattern = random.chance(plainness) ? 1 << random.integer(0, 3) : random.integer(1, 15);
    if (isDummy) ticks += soonTicks;
    words[i] = ((ticks % wrapTicks) << timeShift | (isDummy ? dummyBit | random.pick([0, 8, 15]) : pattern)) >>> 0;
    for (let input = 0; input < 4; input++) {
      if (isDummy || (pattern >> input & 1) === 0) continue;
      timesPs.push(BigInt(ticks) * 2000n);
      channels.push(input);
    }
    ticks += random.chance(0.02) ? random.integer(0, 30_000_000) : random.integer(0, 2 * mean);
  }
  return { words, timesPs, channels };
}

test('tdc1: wasm and twin give the tags that were put into words, at any cut, and may take turns', t => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed), { words, timesPs, channels } = makeWords(random, 1500), originPs = seed % 2 === 0 ? 0n : 2n ** 60n + 12_345n;
    for (const cut of cuts) {
      for (const [name, kindOf] of turns) {
        const tags = decode(words, kindOf, cut, originPs);
        const note = `seed ${seed}, ${name}, ${JSON.stringify(cut)}`;
        t.deepEqual(tags.timesPs, timesPs.map(timePs => timePs + originPs), note);
        t.deepEqual(tags.channels, channels, note);
      }
    }
  }
});

test('tdc1: both stop in front of the same word that is in doubt', t => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed), { words } = makeWords(random, 300), limitTicks = 2 ** random.integer(8, 26);
    if (random.chance(0.5)) words[random.integer(0, 299)]! &= ~31;
    if (random.chance(0.3)) words[random.integer(0, 299)]! |= dummyBit;
    const [wasm, twin] = kinds.map(kind => decode(words, () => kind, whole, 0n, limitTicks));
    t.deepEqual(wasm, twin, `seed ${seed}`);
    const ticks = Array.from(words, word => word >>> timeShift);
    const first = words.findIndex((word, i) => {
      const step = (ticks[i]! - ticks[i - 1]! + wrapTicks) % wrapTicks;
      return (word & 31) === 0 || (i > 0 && (step > limitTicks || ((word & dummyBit) > 0 && step < soonTicks)));
    });
    t.is(wasm!.consumed, first < 0 ? words.length : first, `seed ${seed}`);
    t.is(wasm!.stop, first < 0 ? 'end' : 'doubt', `seed ${seed}`);
  }
});

test('tdc1: a status is the last seven bytes or none', t => {
  const bytes = (text: string): Uint8Array => Uint8Array.from(text, char => char.charCodeAt(0));
  t.is(statusAtEnd(bytes('\u0021\0\0\u00000010 \r\n')), 0x10);
  t.is(statusAtEnd(bytes('00aF \r\n')), 0xaf);
  for (const text of ['', '0010', '0010\r\n', '0g10 \r\n', '0010 \n', '0010 \r\n\0']) t.is(statusAtEnd(bytes(text)), undefined, JSON.stringify(text));
});
