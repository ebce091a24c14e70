// test/driver/fx2lafw/protocol.test.ts - what goes over the cable of a logic analyser: start commands, rates, and edges from samples.
import test from 'ava';
import { decodeExports } from '../../../app/driver/decode/exports.ts';
import { boards, channelNumbers, edgesState, edgesTwin, fits, sampleRates, startCommand, tickOf, transferBytes, writeState, type EdgesDecoder, type SampleRate } from '../../../app/driver/fx2lafw/protocol.ts';
import { Random } from '../../support/random.ts';

const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
const stateAt = 1024, rawAt = 4096, timesAt = 1024 * 1024, channelsAt = 3 * 1024 * 1024 + 1;
const decoders = { wasm: decodeExports<EdgesDecoder>(memory)!, twin: edgesTwin(memory) };
type Kind = keyof typeof decoders;
interface Tags { timesPs: bigint[]; channels: number[] }
interface Case { samples: number[]; rateHz: number; sampleBytes: number; inputs: number; mask: number; originPs: bigint }

test('start commands of hardware.md, byte by byte', t => {
  const hex = (rateHz: number, sampleBytes: number): string => Buffer.from(startCommand(rateHz, sampleBytes)).toString('hex');
  t.is(hex(24e6, 1), '400001');
  t.is(hex(16e6, 1), '400002');
  t.is(hex(12e6, 2), '600003');
  t.is(hex(8e6, 1), '400005');
  t.is(hex(1e6, 1), '40002f');
  t.is(hex(20e3, 1), '0005db');
  t.throws(() => startCommand(48e6, 1), { instanceOf: RangeError }, 'the firmware knows no delay of 0');
  t.throws(() => startCommand(7e6, 1), { instanceOf: RangeError });
});

test('each rate is one that the board really makes, and its tick is exact', t => {
  for (const rateHz of Object.values(sampleRates)) {
    const [flags, high, low] = startCommand(rateHz, 1);
    t.is((flags! & 0x40 ? 48e6 : 30e6) / ((high! << 8 | low!) + 1), rateHz);
    const { num, den } = tickOf(rateHz);
    t.is(BigInt(num) * BigInt(rateHz), BigInt(den) * 10n ** 12n, `${rateHz}`);
  }
  t.deepEqual(tickOf(24e6), { num: 125_000, den: 3 });
  t.deepEqual(tickOf(16e6), { num: 62_500, den: 1 });
});

test('transfers are 10 ms of whole packets; what the cable cannot carry does not fit', t => {
  t.is(transferBytes(24e6, 1), 240_128);
  t.is(transferBytes(20e3, 1), 512);
  const fitting = (sampleBytes: number, packetBytes: number): SampleRate[] => (Object.keys(sampleRates) as SampleRate[]).filter(rate => fits(sampleRates[rate], sampleBytes, packetBytes));
  t.is(fitting(1, 512).at(-1), '24M');
  t.is(fitting(2, 512).at(-1), '12M');
  t.is(fitting(1, 64).at(-1), '1M');
  t.is(fitting(2, 64).at(-1), '500k');
});

test('every board has its own firmware and 8 or 16 inputs; falling edges come in front of rising ones', t => {
  t.is(new Set(Object.values(boards).map(({ firmware }) => firmware)).size, Object.keys(boards).length);
  t.deepEqual(channelNumbers(2), [-2, -1, 1, 2]);
  t.is(channelNumbers(16).length, 32);
});

test('levels of the first sample are no edges; several lines at once are tags of one time, by channel', t => {
  for (const kind of ['wasm', 'twin'] as const) {
    const tags = decode({ samples: [0b1010, 0b1010, 0b0101, 0b0101, 0b0100, 0b0000], rateHz: 24e6, sampleBytes: 1, inputs: 8, mask: 0xff, originPs: 7n }, () => kind, [100], [100]);
    const numbers = channelNumbers(8);
    t.deepEqual(tags.timesPs, [83_340n, 83_340n, 83_340n, 83_340n, 166_673n, 208_340n], kind);
    t.deepEqual(tags.channels.map(index => numbers[index]), [-4, -2, 1, 3, -1, -3], kind);
  }
});

test('wasm and twin give every edge that is there, at any rate, width, mask and cut, taking turns too', t => {
  const rates = Object.values(sampleRates);
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed), sampleBytes = random.integer(1, 2), inputs = sampleBytes === 2 ? 16 : random.pick([8, 16]), full = 2 ** (8 * sampleBytes) - 1;
    const length = random.pick([1, 15, 64, 300, 5000]), density = random.pick([0, 0.001, 0.05, 0.6]);
    const samples = Array.from<number>({ length });
    for (let i = 0, level = random.integer(0, full); i < length; i++) {
      if (random.chance(density)) level ^= random.chance(0.7) ? 1 << random.integer(0, 8 * sampleBytes - 1) : random.integer(0, full);
      samples[i] = level;
    }
    const what: Case = { samples, rateHz: random.pick(rates), sampleBytes, inputs, mask: random.chance(0.5) ? full : random.integer(0, full), originPs: random.pick([0n, 2n ** 53n - 5n, 2n ** 61n + 3n]) };
    const expected = oracle(what);
    for (const [pieces, rooms] of [[[100_000], [100_000]], [[1], [1]], [[7, 16, 33, 64, 129], [10_000]], [[100_000], [17, 1, 40]], [[61, 500], [777, 3, 16]]] as const) {
      for (const kind of ['wasm', 'twin'] as const) t.deepEqual(decode(what, () => kind, pieces, rooms), expected, `seed ${seed}, ${kind}, pieces of ${pieces}, rooms of ${rooms}`);
      t.deepEqual(decode(what, call => (call % 2 ? 'wasm' : 'twin'), pieces, rooms), expected, `seed ${seed}, taking turns, pieces of ${pieces}, rooms of ${rooms}`);
    }
  }
});

test('times stay exact over days: nothing accumulates', t => {
  for (const kind of ['wasm', 'twin'] as const) {
    const view = new DataView(memory.buffer, stateAt, edgesState.bytes), bytes = new Uint8Array(memory.buffer);
    writeState(view, { rateHz: 24e6, sampleBytes: 1, inputs: 8, mask: 0xff }, 0n);
    bytes.fill(0, rawAt, rawAt + 65_537);
    let samples = 0n;
    for (const random = new Random(3); samples < 20_000_000n;) {
      const n = random.integer(60_000, 65_537);
      decoders[kind].decodeEdges(stateAt, rawAt, n, timesAt, channelsAt, 10);
      samples += BigInt(n);
      if (view.getBigInt64(edgesState.base, true) !== samples * 125_000n / 3n) t.fail(`${kind}: after ${samples} samples`);
    }
    t.pass();
  }
});

function oracle({ samples, rateHz, inputs, mask, originPs }: Case): Tags {
  const tags: Tags = { timesPs: [], channels: [] }, numbers = channelNumbers(inputs);
  for (let i = 1; i < samples.length; i++) {
    for (const number of numbers) {
      const bit = 1 << (Math.abs(number) - 1), before = samples[i - 1]! & bit, now = samples[i]! & bit;
      if ((mask & bit) === 0 || before === now || (number > 0) !== (now > 0)) continue;
      tags.timesPs.push(originPs + BigInt(i) * 10n ** 12n / BigInt(rateHz));
      tags.channels.push(numbers.indexOf(number));
    }
  }
  return tags;
}

/** Decodes in pieces and rooms of changing size; what lies behind a room is watched. */
function decode({ samples, sampleBytes, ...sampling }: Case, kindOf: (call: number) => Kind, pieces: readonly number[], rooms: readonly number[]): Tags {
  const view = new DataView(memory.buffer, stateAt, edgesState.bytes), all = new DataView(memory.buffer);
  writeState(view, { ...sampling, sampleBytes }, sampling.originPs);
  const tags: Tags = { timesPs: [], channels: [] };
  let call = 0;
  for (let from = 0, piece = 0; from < samples.length; piece++) {
    const n = Math.min(pieces[piece % pieces.length]!, samples.length - from);
    for (let i = 0; i < n; i++) {
      if (sampleBytes === 2) all.setUint16(rawAt + 2 * i, samples[from + i]!, true);
      else all.setUint8(rawAt + i, samples[from + i]!);
    }
    from += n;
    for (let done = 0, isFull = true; done < n || isFull;) {
      const room = rooms[call % rooms.length]!;
      all.setBigInt64(timesAt + 8 * room, 77n, true);
      all.setUint8(channelsAt + room, 77);
      const written = decoders[kindOf(call++)].decodeEdges(stateAt, rawAt + done * sampleBytes, n - done, timesAt, channelsAt, room);
      if (all.getBigInt64(timesAt + 8 * room, true) !== 77n || all.getUint8(channelsAt + room) !== 77) throw new Error('wrote behind the room');
      for (let i = 0; i < written; i++) {
        tags.timesPs.push(all.getBigInt64(timesAt + 8 * i, true));
        tags.channels.push(all.getUint8(channelsAt + i));
      }
      done += view.getUint32(edgesState.consumed, true);
      isFull = view.getUint32(edgesState.isFull, true) > 0;
    }
  }
  return tags;
}
