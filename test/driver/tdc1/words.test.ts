// test/driver/tdc1/words.test.ts - bytes of a TDC1 into a sink: any split, slips at every place, and the account of what is missing.
import test, { type ExecutionContext } from 'ava';
import { Words } from '../../../app/driver/tdc1/words.ts';
import { Tdc1Model, type Tdc1Options } from '../../../app/emulate/tdc1.ts';
import { line, startCommand, defaults, tick } from '../../../app/driver/tdc1/protocol.ts';
import type { SimulatedSignal } from '../../../app/core/tagger.ts';
import { FakeSink } from '../../support/fake-sink.ts';
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

interface Account { delivered: number; missing: number; unmarked: number; bogus: number; bogusUnmarked: number; doubtPs: number }

/** What happened against what came: each tag that is missing must lie in an interval that is marked, and so must each that never was. */
function account({ ticks, channels }: Tdc1Model, { timesPs, channels: got, markers }: FakeSink, untilPs: bigint): Account {
  const intervals: { from: number; to: number }[] = [];
  for (const marker of markers) {
    if (marker.kind === 'lost') intervals.push({ from: Number(marker.loss.fromPs), to: Number(marker.loss.toPs) });
  }
  const isMarked = (ps: number): boolean => intervals.some(({ from, to }) => ps >= from && ps <= to);
  const key = (ps: number, channel: number): number => ps / tick.num * 4 + channel;
  const came = new Set(Array.from(timesPs, (timePs, i) => key(Number(timePs), got[i]!)));
  const result: Account = { delivered: came.size, missing: 0, unmarked: 0, bogus: 0, bogusUnmarked: 0, doubtPs: intervals.reduce((sum, { from, to }) => sum + to - from, 0) };
  const happened = new Set<number>();
  for (let i = 0; i < ticks.length; i++) {
    const ps = ticks[i]! * tick.num;
    happened.add(key(ps, channels[i]!));
    if (ps > Number(untilPs) || came.has(key(ps, channels[i]!))) continue;
    result.missing++;
    if (!isMarked(ps)) result.unmarked++;
  }
  for (let i = 0; i < timesPs.length; i++) {
    if (happened.has(key(Number(timesPs[i]), got[i]!))) continue;
    result.bogus++;
    if (!isMarked(Number(timesPs[i]))) result.bogusUnmarked++;
  }
  return result;
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
