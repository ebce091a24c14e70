// test/driver/tdc1/words.test.ts - bytes of a TDC1 into a sink: any split, slips at every place, and the account of what is missing.
import test, { type ExecutionContext } from 'ava';
import { Words } from '../../../app/driver/tdc1/words.ts';
import { Tdc1Model, type Tdc1Options } from '../../../app/emulate/tdc1.ts';
import { line, startCommand, defaults, tick } from '../../../app/driver/tdc1/protocol.ts';
import type { SimulatedSignal } from '../../../app/core/tagger.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { account, type Account } from './account.ts';
import { Random } from '../../support/random.ts';

const out = 0x02, into = 0x86, transferBytes = 16 * 1024;

/** The stream of an emulated device, as many bytes as its packets make. */
function record(options: Tdc1Options, packets: number): { bytes: Uint8Array; device: Tdc1Model } {
  const device = new Tdc1Model({ clock: 'demand', ...options });
  device.reset();
  device.bulkOut(out, line(startCommand(defaults)));
  const parts: Uint8Array[] = [];
  while (parts.length < packets) {
    const packet = device.packet(into);
    if (packet) parts.push(packet);
    else if (!device.skip(into)) break;
  }
  return { bytes: Buffer.concat(parts), device };
}

/** Transfers of a busy stream: all full, or of the sizes given. */
function take(bytes: Uint8Array, sizes: readonly number[] = [transferBytes], options: { originPs?: bigint; rooms?: readonly number[] } = {}): { sink: FakeSink; words: Words } {
  const sink = new FakeSink(options.rooms ? { rooms: options.rooms } : {}), words = new Words(sink, options.originPs ?? 0n);
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    words.take(bytes.subarray(at, at + size), false);
    at += size;
  }
  return { sink, words };
}

const rates: Record<string, readonly SimulatedSignal[]> = {
  '4 MHz': [1, 2, 3, 4].map(channel => ({ kind: 'poisson', channel, rateHz: 1e6 })),
  '130 kHz': [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 80_000 }],
  '5 kHz': [{ kind: 'poisson', channel: 1, rateHz: 5000 }],
  'pulsed, 1 MHz': [{ kind: 'pulsed', channels: [1, 2, 3], periodPs: 1_000_000, probability: 0.6 }],
  'clock, 100 kHz': [{ kind: 'periodic', channel: 1, periodPs: 10_000_000 }],
};

test('tdc1: a clean stream has no marker and every tag, at any rate and any split, splits inside words too', t => {
  for (const [name, signals] of Object.entries(rates)) {
    const { bytes, device } = record({ signals, seed: 3, startTicks: 2 ** 27 - 10_000_000 }, 60);
    const expected = device.ticks.map(ticks => BigInt(ticks * tick.num));
    for (let seed = 1; seed <= 6; seed++) {
      const random = new Random(seed);
      const { sink } = take(bytes, Array.from({ length: 50 }, () => (random.chance(0.3) ? random.integer(1, 9) : random.integer(1, 5000))), { rooms: [random.integer(1, 3), 5000, 17] });
      const note = `${name}, seed ${seed}`;
      t.deepEqual(sink.timesPs, BigInt64Array.from(expected.slice(0, sink.tags)), note);
      t.deepEqual(sink.channels, Uint8Array.from(device.channels.slice(0, sink.tags)), note);
      t.true(expected.length - sink.tags <= 4, `${note}: ${sink.tags} of ${expected.length}`);
      t.deepEqual(sink.markers.filter(({ kind }) => kind !== 'heartbeat'), [], note);
    }
  }
});

function checkSlips(t: ExecutionContext, note: string, options: Tdc1Options, packets: number): Account {
  const { bytes, device } = record(options, packets);
  const { sink, words } = take(bytes);
  const result = account(device, sink, words.lastPs);
  t.is(result.unmarked, 0, `${note}: ${JSON.stringify(result)}`);
  t.is(result.bogusUnmarked, 0, `${note}: ${JSON.stringify(result)}`);
  return result;
}

test('tdc1: a half of a word that is lost or repeated, at every place of a transfer and from the first word on, costs a few words and is marked', t => {
  for (const [name, signals] of Object.entries(rates)) {
    let bogus = 0, missing = 0, slips = 0;
    for (let atWord = 0; atWord < 60; atWord++) {
      for (const half of [0, 1] as const) {
        for (const isRepeated of [false, true]) {
          const note = `${name}, word ${atWord}, half ${half}${isRepeated ? ' repeated' : ''}`;
          const result = checkSlips(t, note, { signals, seed: 1 + atWord, faults: { slips: [{ atWord, half, isRepeated }] } }, 6);
          bogus += result.bogus;
          missing += result.missing;
          slips++;
        }
      }
    }
    t.log(`${name}: ${slips} slips, ${missing} tags missing, ${bogus} that never were`);
    t.true(missing < 5 * slips, `${name}: ${missing} missing after ${slips} slips`);
    t.true(bogus < 0.05 * slips, `${name}: ${bogus} bogus after ${slips} slips`);
  }
});

/** TAGD_SLIPS has another number of streams. */
const streams = Number(process.env['TAGD_SLIPS'] ?? 12);

test('tdc1: many slips in one stream: emitted = delivered + what lies in marked intervals', t => {
  for (let seed = 1; seed <= streams; seed++) {
    const random = new Random(seed), signals = random.pick(Object.values(rates));
    const slips = Array.from({ length: 40 }, (_, i) => ({ atWord: 100 + i * 400 + random.integer(0, 300), half: random.pick([0, 1] as const), isRepeated: random.chance(0.3) }));
    const result = checkSlips(t, `seed ${seed}`, { signals, seed, startTicks: random.integer(0, 2 ** 26), faults: { slips } }, 130);
    t.true(result.missing < 200 && result.delivered > 15_000, `seed ${seed}: ${JSON.stringify(result)}`);
  }
});

/** A device that is read as the driver does: what has not come by itself is asked for every 15 ms, and 5 ms later what waits is decided. */
function live(options: Tdc1Options, forMs: number): { sink: FakeSink; words: Words; device: Tdc1Model } {
  let nowMs = 0, quietMs = 0;
  const device = new Tdc1Model({ ...options, clock: { nowMs: () => nowMs } }), sink = new FakeSink(), words = new Words(sink, 0n);
  device.reset();
  device.bulkOut(out, line(startCommand(defaults)));
  const flush = (): boolean => {
    device.bulkOut(out, line('INPKT'));
    const parts: Uint8Array[] = [];
    for (let packet; (packet = device.packet(into)) !== undefined;) parts.push(packet);
    const bytes = Buffer.concat(parts);
    for (let at = 0; at < bytes.length; at += transferBytes) words.take(bytes.subarray(at, at + transferBytes), bytes.length - at < transferBytes, quietMs);
    if (bytes.length > 0) quietMs = 0;
    return bytes.length > 0;
  };
  for (; nowMs < forMs; nowMs += 15) {
    if (!flush()) quietMs += 15;
    if (!words.isHolding) continue;
    nowMs += 5;
    if (!flush()) words.settle();
  }
  return { sink, words, device };
}

test('tdc1: at low rates, where steps tell little, a batch that ends with half a word tells of the slip: emitted = delivered + what is marked', t => {
  for (const rateHz of [50, 400, 1000, 3000, 30_000]) {
    let missing = 0, bogus = 0, slips = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const random = new Random(seed), forMs = Math.min(40_000, 3e6 / rateHz), n = Math.floor(forMs * rateHz / 1000 / 250);
      const faults = { slips: Array.from({ length: n }, (_, i) => ({ atWord: 20 + i * 250 + random.integer(0, 200), half: random.pick([0, 1] as const), isRepeated: random.chance(0.3) })) };
      const { sink, words, device } = live({ seed, faults, signals: [{ kind: 'poisson', channel: 1, rateHz }], startTicks: random.integer(0, 2 ** 26) }, forMs);
      const result = account(device, sink, words.lastPs), note = `${rateHz} Hz, seed ${seed}: ${JSON.stringify(result)}`;
      t.is(result.unmarked, 0, note);
      t.is(result.bogusUnmarked, 0, note);
      t.true(result.delivered > device.ticks.length * 0.85, note);
      missing += result.missing;
      bogus += result.bogus;
      slips += n;
    }
    t.log(`${rateHz} Hz: ${slips} slips, ${missing} tags missing, ${bogus} that never were`);
    t.true(bogus < 0.05 * slips, `${rateHz} Hz`);
  }
});

test('tdc1: a dummy that is lost in the dark is missed by its silence, and the wrap that went with it is put back and marked', t => {
  const { sink, device } = live({ signals: [{ kind: 'periodic', channel: 1, periodPs: 410e9 }], faults: { dropsDummies: 3 } }, 20_000);
  const slips = sink.markers.filter(({ kind }) => kind === 'slip');
  t.true(slips.length >= 10, `${slips.length} slips`);
  t.deepEqual(sink.timesPs, BigInt64Array.from(device.ticks.slice(0, sink.tags), ticks => BigInt(ticks) * 2000n), 'the time is right again');
});

test('tdc1: dummies that are late are left out, and marked', t => {
  const { bytes, device } = record({ signals: rates['130 kHz']!, seed: 5, faults: { staleDummies: { every: 700, ticks: 25_000 } } }, 30);
  const { sink, words } = take(bytes);
  const result = account(device, sink, words.lastPs);
  t.like(result, { missing: 0, bogus: 0 });
  t.true(sink.losses.length >= 4 && sink.losses.every(({ grade }) => grade === 'suspect'), `${sink.losses.length}`);
});

test('tdc1: a clock that steps back is followed and marked', t => {
  const { bytes } = record({ signals: rates['130 kHz']!, seed: 6, startTicks: 1_000_000, faults: { stepsBack: { atWord: 1000, ticks: 30_000 } } }, 30);
  const { sink } = take(bytes), { timesPs } = sink;
  const steps = Array.from(timesPs.subarray(1), (timePs, i) => timePs - timesPs[i]!).flatMap((step, i) => (step < 0n ? [i + 1] : []));
  t.deepEqual(steps.length, 1);
  const slips = sink.markers.filter(marker => marker.kind === 'slip');
  t.like(slips, { 0: { atPs: timesPs[steps[0]!]!, tagsBefore: steps[0]! }, length: 1 });
});

test('tdc1: bytes of no TDC1 end in an error, soon, and nothing of them is unmarked for long', t => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = new Random(seed), sink = new FakeSink(), words = new Words(sink, 0n);
    const error = t.throws(() => {
      for (let transfers = 0; transfers < 200; transfers++) words.take(Uint8Array.from({ length: transferBytes }, () => random.integer(0, 255)), random.chance(0.5));
    });
    t.like(error, { code: 'protocol' }, `seed ${seed}`);
  }
  for (const byte of [0x00, 0xff, 0x10, 0x21]) {
    const words = new Words(new FakeSink(), 0n), begun = performance.now();
    try {
      for (let transfers = 0; transfers < 50; transfers++) words.take(new Uint8Array(transferBytes).fill(byte), false);
    } catch (error) {
      t.like(error, { code: 'protocol' }, `0x${byte.toString(16)}`);
    }
    t.true(performance.now() - begun < 10_000);
  }
});
