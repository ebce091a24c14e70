// test/driver/bridge/decode.test.ts - records of a bridge: wasm = twin = plain BigInt arithmetic, over seeds and any split of the bytes.
import test from 'ava';
import { isTaggerError } from '../../../app/core/errors.ts';
import type { TaggerInfo } from '../../../app/core/tagger.ts';
import type { RecordFormat } from '../../../app/driver/bridge/protocol.ts';
import { Records } from '../../../app/driver/bridge/records.ts';
import { FakeSink, type FakeSinkOptions } from '../../support/fake-sink.ts';
import { Random } from '../../support/random.ts';

const numbers = [-7, 1, 2, 3, 999];
const info = { model: 'Test', channels: numbers.map(number => ({ number, name: `Ch ${number}` })) } as TaggerInfo;
const a1Info = { model: 'Test', channels: [1, 2, 3, 4].map(number => ({ number, name: `Ch ${number}` })) } as TaggerInfo;

interface Record16 { type: number; missed?: number; channel?: number; ps: bigint }

function si16(records: readonly Record16[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(16 * records.length));
  for (const [i, { type, missed = 0, channel = 0, ps }] of records.entries()) {
    view.setUint8(16 * i, type);
    view.setUint16(16 * i + 2, missed, true);
    view.setInt32(16 * i + 4, channel, true);
    view.setBigInt64(16 * i + 8, ps, true);
  }
  return new Uint8Array(view.buffer);
}

function a1(words: readonly { units: bigint; low: number }[], swapped = false): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * words.length));
  for (const [i, { units, low }] of words.entries()) {
    const word = BigInt.asUintN(64, (units << 10n) | BigInt(low));
    view.setUint32(8 * i + (swapped ? 4 : 0), Number(word & 0xffffffffn), true);
    view.setUint32(8 * i + (swapped ? 0 : 4), Number(word >> 32n), true);
  }
  return new Uint8Array(view.buffer);
}

/** What a sink was told, without heartbeats, whose number depends on the split. */
function decode(bytes: Uint8Array, format: RecordFormat, kind: 'wasm' | 'typescript', sizes: () => number, { basePs = 0n, originPs = 0n, ...options }: FakeSinkOptions & { basePs?: bigint; originPs?: bigint } = {}) {
  const sink = new FakeSink(options), records = new Records(sink, format === 'si16' ? info : a1Info, format, basePs, originPs, kind);
  for (let at = 0; at < bytes.length;) {
    const n = sizes();
    records.take(bytes.slice(at, at + n));
    at += n;
  }
  records.finish();
  return { times: [...sink.timesPs], channels: [...sink.channels], markers: sink.markers.filter(({ kind: what }) => what !== 'heartbeat'), lastPs: records.lastPs, taken: records.taken };
}

const whole = (): number => 1 << 20;

function randomRecords(random: Random): Record16[] {
  const records: Record16[] = [];
  let ps = BigInt(random.integer(0, 1e9)) * (random.chance(0.3) ? 1_000_003_000n : 1n) * (random.chance(0.2) ? -1n : 1n);
  for (let i = random.integer(0, 600); i >= 0; i--) {
    ps += BigInt(random.integer(1, random.chance(0.05) ? 1e12 : 1000));
    if (random.chance(0.9)) records.push({ type: 0, channel: random.pick(numbers), ps, missed: random.chance(0.1) ? 7 : 0 });
    if (random.chance(0.02)) ps -= BigInt(random.integer(2e12, 5e12));
    if (random.chance(0.05)) records.push({ type: random.pick([2, 3, 4]), ps, missed: random.integer(0, 0xffff), channel: random.pick([0, ...numbers]) });
    // A clock that began anew and went forward; one that went back is placed by this computer's clock.
    if (random.chance(0.005)) records.push({ type: 1, ps: ps += 100_000_000_000_000n });
    if (random.chance(0.1)) {
      ps += 2n;
      for (const channel of numbers) records.push({ type: 0, channel, ps });
    }
  }
  return records;
}

test('16-byte records: wasm = twin, over seeds, splits and rooms', t => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed), bytes = si16(randomRecords(random)), basePs = BigInt(random.integer(-5, 5)) * 3_000_000_000_001n;
    const judge = decode(bytes, 'si16', 'typescript', whole, { basePs, originPs: -(2n ** 62n) });
    for (const sizes of [whole, () => 1, () => 7, () => random.integer(1, 300)]) {
      const options = { basePs, originPs: -(2n ** 62n), rooms: [random.pick([1, 3, 64, 16384])] };
      for (const kind of ['wasm', 'typescript'] as const) t.deepEqual(decode(bytes, 'si16', kind, sizes, options), judge, `seed ${seed}, ${kind}`);
    }
    const tags = randomRecords(new Random(seed)).filter(({ type }) => type === 0);
    if (!judge.markers.some(({ kind }) => kind === 'epoch')) {
      t.deepEqual(judge.times, tags.map(({ ps }) => ps + basePs), `seed ${seed}`);
      t.deepEqual(judge.channels, tags.map(({ channel }) => numbers.indexOf(channel!)), `seed ${seed}`);
    }
  }
});

test('16-byte records: equal times are put in the order of channels, as far as they came together', t => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new Random(seed);
    const records = Array.from({ length: 200 }, (_, i) => ({ type: 0, channel: random.pick(numbers), ps: BigInt(100 + Math.floor(i / 5)) }));
    const expected = records.map(({ channel, ps }) => ({ index: numbers.indexOf(channel), ps })).toSorted((a, b) => Number(a.ps - b.ps) || a.index - b.index);
    for (const kind of ['wasm', 'typescript'] as const) {
      const { times, channels } = decode(si16(records), 'si16', kind, whole);
      t.deepEqual(times, expected.map(({ ps }) => ps), `seed ${seed}, ${kind}`);
      t.deepEqual(channels, expected.map(({ index }) => index), `seed ${seed}, ${kind}`);
    }
  }
});

test('16-byte records: what each type means', t => {
  const told = (records: readonly Record16[]) => decode(si16([{ type: 0, channel: 1, ps: 1000n }, ...records, { type: 0, channel: 2, ps: 9000n }]), 'si16', 'wasm', whole).markers;
  const counted = { kind: 'lost', tagsBefore: 1, loss: { grade: 'counted', place: 'device', fromPs: 2000n, toPs: 3000n, missed: [{ channelIndex: 1, count: 70_000 }, { channelIndex: 4, count: 3 }] } };
  const losing = { kind: 'losing', tagsBefore: 1, atPs: 2000n, place: 'device' };
  const [begin, end] = [{ type: 2, ps: 2000n }, { type: 3, ps: 3000n }];
  const missed = (channel: number, count: number): Record16 => ({ type: 4, channel, missed: count, ps: 2500n });
  t.deepEqual(told([begin, missed(999, 3), missed(1, 65_535), missed(1, 4465), end]), [losing, counted] as never);
  t.like(told([begin, end])[1], { loss: { grade: 'flagged', fromPs: 2000n, toPs: 3000n } }, 'without a number it is flagged');
  t.like(told([begin, missed(0, 5), missed(1, 2), end])[1], { loss: { grade: 'flagged', missedInAll: 7 } }, 'channel 0 stands for all of them');
  t.like(told([missed(2, 9)])[0], { loss: { grade: 'counted', fromPs: 1000n, toPs: 2500n, missed: [{ channelIndex: 2, count: 9 }] } }, 'outside an overflow: since the record before');
  t.deepEqual(told([missed(0, 0)]), [], 'none was missed: time passes');
  t.like(told([begin]).at(-1), { kind: 'lost', loss: { grade: 'flagged', fromPs: 2000n, toPs: 9000n } }, 'an overflow that never ends is told at the end');
  const restart = told([{ type: 1, ps: 5000n }]);
  t.deepEqual(restart.map(({ kind }) => kind), ['losing', 'lost', 'epoch']);
  t.like(restart[2], { kind: 'epoch', atPs: 5000n });
  const back = decode(si16([{ type: 0, channel: 1, ps: 1000n }, { type: 1, ps: 7n }, { type: 0, channel: 1, ps: 17n }]), 'si16', 'wasm', whole);
  const epoch = back.markers.find(({ kind }) => kind === 'epoch') as { atPs: bigint };
  t.is(back.times[1], epoch.atPs + 10n, 'a clock that begins at 7 goes on behind what was');
  t.true(epoch.atPs > 1000n);
});

test('16-byte records: what is none is refused, with what was seen', t => {
  const refused = (bytes: Uint8Array): string => {
    const error = t.throws(() => decode(bytes, 'si16', 'wasm', whole));
    t.true(isTaggerError(error) && error.code === 'protocol', String(error));
    return error!.message;
  };
  t.regex(refused(si16([{ type: 0, channel: 1, ps: 1n }, { type: 9, ps: 5n }])), /record 2 is none, type 9/);
  t.regex(refused(si16([{ type: 0, channel: 5, ps: 1n }])), /channel 5/);
  t.regex(refused(si16([{ type: 4, channel: 5, missed: 1, ps: 1n }])), /channel 5/);
  t.regex(refused(si16([{ type: 0, channel: 2_000_000, ps: 1n }])), /channel 2000000/);
  t.regex(refused(si16([{ type: 0, channel: -2_000_000, ps: 1n }])), /channel -2000000/);
  t.regex(refused(new TextEncoder().encode('Traceback (most recent call last)')), /text: 'Traceback \(most'/);
});

test('a1 words: wasm = twin = plain arithmetic, over seeds, splits and rooms', t => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed), swapped = random.chance(0.5), format = swapped ? 'a1x' : 'a1', originPs = BigInt(random.integer(0, 1e15));
    const round = 2n ** 54n, words: { units: bigint; low: number }[] = [];
    // Some begin shortly before their 54 bits come round.
    let time = random.chance(0.5) ? round - BigInt(random.integer(1, 100_000)) : BigInt(random.integer(0, 2 ** 52));
    const expected: { ps: bigint; index: number }[] = [];
    let slips = 0, first: bigint | undefined, last: bigint | undefined;
    for (let i = random.integer(1, 500); i > 0; i--) {
      if (random.chance(0.02)) {
        words.push({ units: 0n, low: 0 });
        continue;
      }
      time += BigInt(random.chance(0.02) ? -random.integer(1, 30_000) : random.integer(0, 3000));
      const low = random.chance(0.1) ? 0b11_1101_1000 & ~(random.integer(0, 1) * 8) : 0x300 | random.integer(0, 15) | (random.chance(0.5) ? 32 : 0);
      words.push({ units: BigInt.asUintN(54, time), low });
      if (last !== undefined && time < last) slips++;
      last = time;
      first ??= time;
      if ((low & 16) === 0) for (let index = 0; index < 4; index++) if (low >> index & 1) expected.push({ ps: originPs - floor(first) + floor(time), index });
    }
    const bytes = a1(words, swapped);
    for (const kind of ['wasm', 'typescript'] as const) {
      for (const sizes of [whole, () => 1, () => random.integer(1, 100)]) {
        const got = decode(bytes, format, kind, sizes, { basePs: originPs, originPs, rooms: [random.pick([1, 3, 16384])] });
        t.deepEqual(got.times, expected.map(({ ps }) => ps), `seed ${seed}, ${kind}`);
        t.deepEqual(got.channels, expected.map(({ index }) => index), `seed ${seed}, ${kind}`);
        t.deepEqual(got.markers.map(({ kind: what }) => what), Array.from({ length: slips }, () => 'slip'), `seed ${seed}, ${kind}`);
      }
    }
  }
  /** 1/256 ns to whole ps; rounds of 2^54 are whole ps. */
  function floor(units: bigint): bigint { return units * 125n >> 5n; }
});

test('a1 words: text and noise are refused, not taken for tags', t => {
  const random = new Random(7), noise = Uint8Array.from({ length: 8000 }, () => random.integer(0, 255));
  const text = new TextEncoder().encode('usage: readevents7 [-U devicename] [-a outmode]\n'.repeat(100));
  for (const bytes of [noise, text]) t.throws(() => decode(bytes, 'a1', 'wasm', whole), { code: 'protocol', message: /go back in time, so they are no a1 words/ });
});

test('bytes of any kind end in tags or in one clear error, never in an exception or a hang', t => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed), format = random.pick(['si16', 'a1', 'a1x'] as const), bytes = Uint8Array.from({ length: random.integer(0, 3000) }, () => random.integer(0, 255));
    // Mostly tags, with a wrong byte here and there, are the nastier noise.
    if (random.chance(0.7)) bytes.set(format === 'si16' ? si16(randomRecords(random)).subarray(0, bytes.length) : new Uint8Array(0));
    const begun = performance.now();
    for (const kind of ['wasm', 'typescript'] as const) {
      try {
        decode(bytes, format, kind, () => random.integer(1, 500), { rooms: [random.pick([1, 5, 1000])] });
      } catch (error) {
        t.true(isTaggerError(error) && error.code === 'protocol' && error.message.length < 500, `seed ${seed}: ${String(error)}`);
      }
    }
    t.true(performance.now() - begun < 5000, `seed ${seed}`);
  }
});
