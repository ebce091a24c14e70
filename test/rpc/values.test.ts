// test/rpc/values.test.ts - every value arrives as it was sent, whatever its type and size and whatever the encoding.
import test from 'ava';
import { connect } from '../../app/client/index.ts';
import { limits } from '../../app/core/limits.ts';
import { arrays, decodeFrame, encodeFrame } from '../../app/core/wire.ts';
import { Random } from '../support/random.ts';
import { failure, until } from '../support/raw-rpc.ts';
import { serveStation } from '../support/rpc-station.ts';

const seed = 7;

/** Random bytes as an array of this type; floats get their special values too. */
function filled(Class: (typeof arrays)[keyof typeof arrays], bytes: number): ArrayBufferView {
  const random = new Random(seed);
  const raw = new Uint8Array(bytes);
  for (let i = 0; i < Math.min(bytes, 4096); i++) raw[i] = random.integer(0, 255);
  raw.set(raw.subarray(0, Math.min(1000, bytes)), Math.max(0, bytes - 1000));
  const array = new Class(raw.buffer, 0, bytes / Class.BYTES_PER_ELEMENT);
  // One NaN is as good as another, but only one survives a comparison by bytes.
  if (array instanceof Float64Array || array instanceof Float32Array) array.forEach((value, i) => { if (Number.isNaN(value)) array[i] = i % 2 === 0 ? NaN : Infinity; });
  return array;
}

const bytesOf = (value: unknown): Buffer => {
  const { buffer, byteOffset, byteLength } = value as ArrayBufferView;
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
};

for (const encoding of ['binary', 'json'] as const) {
  test(`arrays of every type and size arrive as they were sent (${encoding})`, async t => {
    await using served = await serveStation();
    await using session = await connect(served.link, { encoding });
    const tagger = await session.tagger();
    await using m = await tagger.measure('correlation', { channel1: 1 });
    const port = served.station.tagger().live[0]!;
    const { inlineResultBytes: inline, chunkBytes: chunk } = limits;
    for (const [name, Class] of Object.entries(arrays)) {
      const sizes = name === 'Float64Array' ? [0, 8, inline - 8, inline, inline + 8, chunk - 8, chunk, chunk + 8, 3 * chunk + 16] : [0, 8, inline, inline + 8];
      for (const size of sizes) {
        const sent = filled(Class, size);
        port.values.set('getData', sent);
        const got: unknown = await m.getData();
        if (/^(Big)?Uint/.test(name)) {
          t.deepEqual(got, Float64Array.from(sent as unknown as ArrayLike<number | bigint>, Number), `${name}: counts are numbers, ${size} bytes, seed ${seed}`);
          continue;
        }
        t.is(Object.getPrototypeOf(got), Class.prototype, `${name}, ${size} bytes`);
        t.true(bytesOf(got).equals(bytesOf(sent)), `${name}, ${size} bytes, seed ${seed}`);
      }
    }
    const large = filled(Float64Array, 8 * 1024 * 1024);
    port.values.set('getData', large);
    const { value, info } = await m.read('getData');
    t.true(bytesOf(value).equals(bytesOf(large)), '8 MiB');
    t.is(info.stopPs - info.startPs, 1_000_000_000_000n);
    const window = new Uint32Array(filled(Uint32Array, 1024).buffer, 64, 16);
    port.values.set('getData', window);
    t.deepEqual([...await m.getData()], [...window], 'a window is sent, not what lies around it');
  });

  test(`an object with arrays small and large arrives whole (${encoding})`, async t => {
    await using served = await serveStation();
    await using session = await connect(served.link, { encoding });
    const tagger = await session.tagger();
    await using m = await tagger.measure('counter', { channels: [1, 2], values: 50_000 });
    const data = await m.getDataObject();
    t.is(data.counts.length, 100_000);
    t.true(data.counts instanceof Float64Array && data.rateHz instanceof Float64Array && data.timePs instanceof BigInt64Array && data.totalCounts instanceof Float64Array);
    t.is(data.timePs[49_999], 2n ** 55n + 49_999n);
    t.deepEqual([data.channels, data.overflow, data.totalCounts[1]], [[1, 2], false, 2 ** 40]);
    const { value } = await m.read('getDataObject', { remove: true });
    t.is(value.rateHz[99_999], 3e3);
    const reading = Promise.withResolvers<number>();
    using _updates = await m.onUpdate(({ value: update }) => { reading.resolve(update.indexPs.length); }, { everyMs: 50, getter: 'getDataObject' });
    t.is(await reading.promise, 50_000, 'in updates too');
  });
}

test('many large reads at once all arrive, a few at a time, and a broken off one frees its place', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  const tagger = await session.tagger();
  const { session: guestSession, id } = await served.guest({ facet: 'measure' });
  await using guest = guestSession;
  await using m = await tagger.measure('correlation', { channel1: 1, bins: 50_000 });
  await using doomed = await (await guest.tagger()).measure('correlation', { channel1: 1, bins: 200_000 });
  const readings = Array.from({ length: 20 }, () => m.getIndex());
  const broken = Array.from({ length: 12 }, () => failure(() => doomed.getIndex()));
  await until(() => served.station.tagger().live[1]?.calls.some(call => call.startsWith('read')) ?? false, 'reading has begun');
  await served.grants.revoke(id);
  t.true((await Promise.all(broken)).every(error => error?.code === 'closed'), JSON.stringify(await Promise.all(broken)));
  t.true((await Promise.all(readings)).every(index => index.length === 50_000 && index[49_999] === 49_999.5));
});

test('frames survive the way there and back, also texts that look like references to bytes', t => {
  const random = new Random(seed);
  const text = (): string => Array.from({ length: random.integer(0, 5) }, () => random.pick(['\0', '0', ',', '8', 'é', '😀', '"', '\\', '\ud800'])).join('');
  const make = (depth: number): unknown => {
    switch (random.integer(0, depth > 4 ? 3 : 5)) {
      case 0: return text();
      case 1: return random.pick([0, -1, 1.5, 2 ** 53, null, true]);
      case 2: return Uint8Array.from({ length: random.integer(0, 40) }, () => random.integer(0, 255));
      case 3: return [];
      case 4: return Array.from({ length: random.integer(0, 4) }, () => make(depth + 1));
      default: return Object.fromEntries(Array.from({ length: random.integer(0, 3) }, (_, i) => [`k${i}`, make(depth + 1)]));
    }
  };
  const plain = (item: unknown): unknown => item instanceof Uint8Array ? [...item]
    : Array.isArray(item) ? item.map(plain) : typeof item === 'object' && item !== null ? Object.fromEntries(Object.entries(item).map(([key, each]) => [key, plain(each)])) : item;
  for (let i = 0; i < 2000; i++) {
    const value = make(0);
    t.deepEqual(plain(decodeFrame(encodeFrame(value))), plain(value), `seed ${seed}, frame ${i}`);
  }
  const frame = encodeFrame({ a: new Uint8Array(8), b: 'text' });
  for (let cut = 0; cut < frame.length; cut++) t.throws(() => decodeFrame(frame.subarray(0, cut)), undefined, `cut at ${cut}`);
});
