// test/driver/umass/protocol.test.ts - records and commands of the UMass tagger: golden vectors, and the two decoders against each other.
import test from 'ava';
import { decodeExports } from '../../../app/driver/decode/exports.ts';
import { command, recordBytes, stops, tickOf, umassState, umassTwin, windowFor, writeState, type UmassDecoder } from '../../../app/driver/umass/protocol.ts';
import { Random } from '../../support/random.ts';

const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
const decoders = { wasm: decodeExports<UmassDecoder>(memory)!, typescript: umassTwin(memory) };
const stateAt = 1024, rawAt = 4096, peekAt = 2048, timesAt = 512 * 1024, channelsAt = 900 * 1024;
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(hex.match(/[0-9a-f]{2}/g)!, pair => Number.parseInt(pair, 16));

interface Decoded { timesPs: bigint[]; channels: number[]; stops: [stop: string, atTag: number, aheadPs: bigint][]; state: string }

/** Everything in `bytes`, in pieces and rooms of any size. */
function decode(kind: keyof typeof decoders, bytes: Uint8Array, pieces: () => number, rooms: () => number, tick = { num: 15_625, den: 2 }): Decoded {
  const decoder = decoders[kind], view = new DataView(memory.buffer, stateAt, umassState.bytes), all = new DataView(memory.buffer);
  const result: Decoded = { timesPs: [], channels: [], stops: [], state: '' };
  writeState(view, tick, 1000n);
  for (let from = 0; from < bytes.length;) {
    const count = Math.min(pieces(), (bytes.length - from) / recordBytes), raw = new Uint8Array(memory.buffer, rawAt, count * recordBytes);
    raw.set(bytes.subarray(from, from + count * recordBytes));
    for (let used = 0; ;) {
      const written = decoder.decodeUmass(stateAt, rawAt + used * recordBytes, count - used, timesAt, channelsAt, rooms());
      result.timesPs.push(...new BigInt64Array(memory.buffer, timesAt, written));
      result.channels.push(...new Uint8Array(memory.buffer, channelsAt, written));
      used += view.getUint32(umassState.consumed, true);
      const stop = stops[view.getUint32(umassState.status, true)]!;
      if (stop === 'end') break;
      if (stop === 'room') continue;
      decoder.peekUmass(stateAt, rawAt + used * recordBytes, peekAt);
      result.stops.push([stop, result.timesPs.length, all.getBigInt64(peekAt, true)]);
    }
    from += count * recordBytes;
  }
  result.state = Buffer.from(new Uint8Array(memory.buffer, stateAt, umassState.consumed)).toString('hex');
  return result;
}

test('golden vectors of records', t => {
  for (const kind of ['wasm', 'typescript'] as const) {
    const { timesPs, channels, stops: found } = decode(kind, bytesOf('400000000000 001007a12000 00afffffffff a06200000005'), () => 4, () => 100);
    const psOf = (ticks: bigint): bigint => 1000n + ticks * 15_625n / 2n;
    // The last one: the levels of two lines have risen, records before it were lost, and its time is earlier.
    t.deepEqual(timesPs, [psOf(128_000_000n), psOf(2n ** 36n - 1n), psOf(2n ** 36n - 1n), psOf(2n ** 36n + 2n ** 33n + 5n), psOf(2n ** 36n + 2n ** 33n + 5n)], kind);
    t.deepEqual(channels, [4, 5, 7, 9, 10], kind);
    t.deepEqual(found, [['loss', 3, psOf(2n ** 36n + 2n ** 33n + 5n)]], kind);
  }
});

test('golden vectors of commands; ticks and windows', t => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  t.deepEqual([hex(command(1)), hex(command(3, 3)), hex(command(0x2a, 80))], ['aa00010000000000', 'aa01030003000000', 'aa012a0050000000']);
  t.deepEqual([tickOf(128_000_000), tickOf(100_000_000), tickOf(96_000_000)], [{ num: 15_625, den: 2 }, { num: 10_000, den: 1 }, { num: 31_250, den: 3 }]);
  t.deepEqual([windowFor(0, 20), windowFor(10, 20), windowFor(1000, 20), windowFor(1e6, 20)], [1, 1, 20, 85]);
});

/** Records as the board makes them, and some that it cannot make. */
function randomRecords(random: Random): Uint8Array {
  const n = random.integer(1, 400), bytes = new Uint8Array(n * recordBytes), view = new DataView(bytes.buffer), plain = random.chance(0.5) ? 0.97 : 0.6;
  let time = random.pick([0, 2 ** 36 - 5000, 2 ** 32 - 100]);
  for (let i = 0; i < n; i++) {
    time += random.pick([0, 1, 1, 7, 500, 100_000]);
    const hasWrapped = time >= 2 ** 36;
    time %= 2 ** 36;
    if (random.chance(0.005)) time = Math.max(0, time - 1000);
    const isPlain = random.chance(plain), channels = isPlain ? 1 << random.integer(0, 3) : random.integer(0, 15);
    const flags = (hasWrapped && random.chance(0.8) ? 0x400 : 0) | (!isPlain && random.chance(0.3) ? 0x200 : 0) | (random.chance(0.01) ? 0x800 : 0) | channels;
    view.setUint16(i * recordBytes, flags << 4 | Math.floor(time / 2 ** 32));
    view.setUint32(i * recordBytes + 2, time >>> 0);
  }
  return bytes;
}

test('wasm and twin agree on every tag, stop and bit of the state, whatever the pieces and the rooms', t => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed), bytes = randomRecords(random), tick = random.pick([{ num: 15_625, den: 2 }, { num: 10_000, den: 1 }, { num: 31_250, den: 3 }]);
    const whole = decode('typescript', bytes, () => 1000, () => 10_000, tick);
    for (const kind of ['wasm', 'typescript'] as const) {
      for (const [pieces, rooms] of [[() => 1000, () => 10_000], [() => 1, () => 10_000], [() => random.integer(1, 9), () => random.integer(1, 5)], [() => 1000, () => 1]] as const) {
        t.deepEqual(decode(kind, bytes, pieces, rooms, tick), whole, `seed ${seed}, ${kind}`);
      }
    }
  }
});

test('times are exact over thousands of wraps, also where a tick is a third of a ps', t => {
  const wraps = 3000, bytes = new Uint8Array((2 * wraps + 1) * recordBytes), view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4000);
  for (let i = 0; i < wraps; i++) {
    view.setUint16((2 * i + 1) * recordBytes, 0x001f);
    view.setUint32((2 * i + 1) * recordBytes + 2, 0xffffffff);
    view.setUint16((2 * i + 2) * recordBytes, 0x4000);
  }
  for (const kind of ['wasm', 'typescript'] as const) {
    const { timesPs } = decode(kind, bytes, () => 1000, () => 10_000, { num: 31_250, den: 3 });
    t.is(timesPs.length, wraps);
    timesPs.forEach((timePs, i) => { if (timePs !== 1000n + (BigInt(i + 1) * 2n ** 36n - 1n) * 31_250n / 3n) t.fail(`${kind}: wrap ${i}: ${timePs}`); });
  }
});
