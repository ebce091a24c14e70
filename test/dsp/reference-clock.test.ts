// test/dsp/reference-clock.test.ts - a channel as time base: true times come out of a drifting clock; unlocked means overflow, in any cut.
import test from 'ava';
import type { KernelSet } from '../../app/dsp/kernels/kernels.ts';
import { loadKernels } from '../../app/dsp/kernels/load.ts';
import { createMemory, viewsOf } from '../../app/dsp/memory.ts';
import { ReferenceClockSink, referenceClockBytes } from '../../app/dsp/reference-clock.ts';
import { Ring, RingReader, ringLayout, type Marker } from '../../app/dsp/ring.ts';
import { IngestSink, ingestBytes } from '../../app/dsp/sink.ts';
import { Random } from '../support/random.ts';

interface Tag { timePs: bigint; channel: number; truePs: number }
interface Found { timePs: bigint; channel: number }

/** The clock sink over a sink over a ring, and what a reader finds: driver-like times, whether a result would take them, and markers. */
class Bench {
  readonly sink: IngestSink;
  readonly clock: ReferenceClockSink;
  readonly found: (Found & { isTaken: boolean })[] = [];
  readonly markers: (Pick<Marker, 'kind' | 'fromPs' | 'toPs' | 'count'> & { tags: number })[] = [];
  #losing = false;
  readonly #reader: RingReader;

  constructor(kernel: KernelSet['kind'], maxBlockTags: number) {
    const layout = ringLayout(600), ring = new Ring(createMemory(layout.endAt + ingestBytes), layout);
    ring.format();
    ring.attach(0);
    this.#reader = new RingReader(ring, 0);
    const kernels = loadKernels(ring.memory, kernel);
    this.sink = new IngestSink({ ring, kernels, channels: 3, scratchAt: layout.endAt, maxBlockTags });
    this.clock = new ReferenceClockSink(this.sink, kernels, layout.endAt + ingestBytes - referenceClockBytes);
  }

  give(tags: readonly Tag[], atOnce: () => number): void {
    for (let done = 0; done < tags.length;) {
      const room = this.clock.room(), n = Math.min(atOnce(), room.tags, tags.length - done);
      const { i64, u8 } = viewsOf(this.sink.memory);
      for (let i = 0; i < n; i++) {
        i64[room.timesAt / 8 + i] = BigInt.asIntN(64, tags[done + i]!.timePs);
        u8[room.channelsAt + i] = tags[done + i]!.channel;
      }
      this.clock.commit(n);
      done += n;
      this.drain();
    }
  }

  finish(): void {
    this.sink.finish();
    this.drain();
  }

  drain(): void {
    for (let block; (block = this.#reader.take()); this.#reader.release()) {
      const { i64, u8 } = viewsOf(this.sink.memory), basePs = BigInt(block.rebases) * 2n ** 62n;
      let next = 0;
      for (const marker of [...block.markers, undefined]) {
        for (; next < (marker?.index ?? block.n); next++) {
          this.found.push({ timePs: i64[block.timesAt / 8 + next]! + basePs, channel: u8[block.channelsAt + next]!, isTaken: !this.#losing });
        }
        if (!marker) continue;
        if (marker.kind === 'losing' || marker.kind === 'lost') this.#losing = marker.kind === 'losing';
        this.markers.push({ kind: marker.kind, fromPs: marker.fromPs + basePs, toPs: marker.toPs + basePs, count: marker.count, tags: this.found.length });
      }
    }
  }
}

const periodPs = 100_000;

/** Channel 0 is a 10 MHz clock; the tagger's own clock is off by `ppm` and drifts; every tag is jittered. */
function stream(random: Random, options: { clicks: number; ppm?: number; driftPpmPerMs?: number; jitterPs?: number; startPs?: bigint; silentFromPs?: number; silentToPs?: number }): Tag[] {
  const { clicks, ppm = 0, driftPpmPerMs = 0, jitterPs = 0, startPs = 0n, silentFromPs = Infinity, silentToPs = Infinity } = options;
  const tags: Tag[] = [];
  const seen = (truePs: number): bigint => startPs + BigInt(Math.round(truePs * (1 + ppm * 1e-6) + 0.5 * driftPpmPerMs * 1e-6 * truePs * (truePs / 1e9) + (random.next() + random.next() - 1) * jitterPs));
  for (let k = 1; k <= clicks; k++) {
    const truePs = k * periodPs;
    if (truePs < silentFromPs || truePs >= silentToPs) tags.push({ timePs: seen(truePs), channel: 0, truePs });
    for (let more = random.integer(0, 2); more > 0; more--) {
      const at = truePs + random.integer(1000, periodPs - 1000);
      tags.push({ timePs: seen(at), channel: random.integer(1, 2), truePs: at });
    }
  }
  return tags.sort((a, b) => (a.timePs === b.timePs ? a.channel - b.channel : a.timePs < b.timePs ? -1 : 1));
}

const clock = { channelIndex: 0, frequencyHz: 10e6, averagingPeriods: 100 };

for (const kernel of ['wasm', 'typescript'] as const) {
  test(`true times come out of a clock that is off, drifts and jitters: ${kernel}`, t => {
    const cases = [
      { ppm: 0, driftPpmPerMs: 0, jitterPs: 0, withinPs: 1 }, { ppm: 80, driftPpmPerMs: 0, jitterPs: 0, withinPs: 2 }, { ppm: -30, driftPpmPerMs: 0, jitterPs: 50, withinPs: 25 },
      { ppm: 5, driftPpmPerMs: 0.05, jitterPs: 50, withinPs: 25 }, { ppm: 1000, driftPpmPerMs: 0, jitterPs: 0, withinPs: 5 },
    ];
    for (const [seed, { withinPs, ...about }] of cases.entries()) {
      const note = `seed ${seed}, ${kernel}, ${JSON.stringify(about)}`;
      const random = new Random(seed), bench = new Bench(kernel, 777);
      const tags = stream(random, { clicks: 4000, startPs: [0n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 2n ** 40n - 10n ** 8n, -(2n ** 61n)][seed]!, ...about });
      bench.clock.follow(clock);
      bench.give(tags, () => random.integer(1, 200));
      bench.finish();
      t.is(bench.found.length, tags.length, note);
      t.deepEqual(bench.markers.map(({ kind }) => kind).filter(kind => kind !== 'missed'), ['losing', 'lost', 'clock'], note);
      t.like(bench.clock.state, { locked: true, errors: 0 }, note);
      t.true(Math.abs(bench.clock.state!.periodPs / periodPs - 1 - about.ppm * 1e-6 - about.driftPpmPerMs * 0.4e-6) < (about.jitterPs === 0 ? 1e-9 : 2e-5), `${note}: ${bench.clock.state!.periodPs}`);
      const from = bench.found.findIndex(({ isTaken }) => isTaken);
      t.true(from > 90 && from < 400, `${note}: locked at tag ${from}`);
      // Where time begins is a matter of the lock; differences are not. Jitter of the tag itself stays.
      const shifts = bench.found.slice(from).map(({ timePs }, i) => Number(timePs - bench.found[from]!.timePs) - (tags[from + i]!.truePs - tags[from]!.truePs));
      const mean = shifts.reduce((sum, shift) => sum + shift, 0) / shifts.length;
      const worst = Math.max(...shifts.map(shift => Math.abs(shift - mean)));
      t.true(worst <= withinPs + about.jitterPs, `${note}: ${worst} ps`);
      const halves = [shifts.slice(0, shifts.length / 2), shifts.slice(shifts.length / 2)].map(half => half.reduce((sum, shift) => sum + shift, 0) / half.length);
      t.true(Math.abs(halves[0]! - halves[1]!) < withinPs, `${note}: ${halves.join(' and ')}`);
    }
  });
}

test('wasm and twin agree to the last bit of the state, whatever happens and however it is cut', t => {
  for (let seed = 0; seed < 24; seed++) {
    const random = new Random(seed);
    const tags = stream(random, {
      clicks: 700, ppm: random.pick([0, 50, -200]), driftPpmPerMs: random.pick([0, 20]), jitterPs: random.pick([0, 300, 20_000, 60_000]),
      startPs: random.pick([0n, 2n ** 63n - 3n * 10n ** 7n, -(2n ** 53n)]), silentFromPs: 4e7, silentToPs: random.pick([4e7, 4.02e7, 4.6e7]),
    });
    // Tags at the very time of the one before, and a step back or forward.
    for (const [i, tag] of tags.entries()) if (i > 0 && tag.channel > tags[i - 1]!.channel && random.chance(0.2)) tag.timePs = tags[i - 1]!.timePs;
    const stepPs = random.pick([0n, -70_000n, 70_000n, 10n ** 13n]);
    for (const tag of tags.slice(random.integer(0, tags.length - 1))) tag.timePs += stepPs;
    const results = (['wasm', 'typescript', 'wasm'] as const).map((kernel, i) => {
      const bench = new Bench(kernel, [16_384, 7, 50][i]!), cuts = new Random(seed + i);
      bench.clock.follow({ ...clock, frequencyHz: 10e6, averagingPeriods: 50 });
      bench.give(tags, () => cuts.integer(1, [300, 1, 40][i]!));
      bench.finish();
      const memory = viewsOf(bench.sink.memory);
      const at = ringLayout(600).endAt + ingestBytes - referenceClockBytes;
      return { found: bench.found, markers: bench.markers, state: Buffer.from(memory.u8.slice(at, at + 112)).toString('hex'), errors: bench.clock.state!.errors };
    });
    t.deepEqual(results[1], results[0], `seed ${seed}`);
    t.deepEqual(results[2], results[0], `seed ${seed}`);
  }
});

test('a clock that falls silent puts the stream in overflow until it is found again', t => {
  for (const silentToPs of [2.05e8, 2.5e8]) {
    const random = new Random(1), bench = new Bench('wasm', 1000);
    const tags = stream(random, { clicks: 4000, ppm: 10, silentFromPs: 2e8, silentToPs });
    bench.clock.follow(clock);
    bench.give(tags, () => 100);
    bench.finish();
    const kinds = bench.markers.filter(({ kind }) => kind !== 'missed');
    t.deepEqual(kinds.map(({ kind, count }) => [kind, kind === 'clock' ? count : 0]), [['losing', 0], ['lost', 0], ['clock', 1], ['losing', 0], ['clock', 0], ['lost', 0], ['clock', 1]]);
    t.like(bench.clock.state, { locked: true, errors: 1 });
    const again = kinds[5]!;
    t.true(Number(kinds[3]!.fromPs) <= 2e8 * 1.00002 + 1.5 * periodPs && Number(again.toPs) > silentToPs, 'from the silence to the lock');
    // What was delivered meanwhile is known: no result has it, so all of it is missed.
    const withheld = bench.found.filter(({ isTaken }) => !isTaken).length;
    t.is(bench.markers.filter(({ kind }) => kind === 'missed').reduce((sum, { count }) => sum + count, 0), withheld);
    t.true(withheld > 200);
    const { channels, intervals, grade, lostPs } = bench.sink.ledger.snapshot();
    t.is(channels.reduce((sum, { delivered }) => sum + delivered, 0), tags.length);
    t.deepEqual([intervals, grade], [2, 'counted']);
    t.true(Math.abs(lostPs - Number(kinds[1]!.toPs - kinds[1]!.fromPs + again.toPs - kinds[3]!.fromPs)) <= 1);
    t.true(bench.found.every(({ timePs }, i) => i === 0 || timePs >= bench.found[i - 1]!.timePs), 'time never steps back');
  }
});

for (const ppm of [500, -500]) test(`a heartbeat in silence, losses and epochs of the driver lose the lock; off, time goes on without a jump: ${ppm} ppm`, t => {
  const random = new Random(2), bench = new Bench('wasm', 1000);
  const tags = stream(random, { clicks: 3000, ppm });
  const given: Tag[] = [];
  const piece = (from: number, to: number): Tag[] => {
    const some = tags.filter(({ truePs }) => truePs >= from && truePs < to);
    given.push(...some);
    return some;
  };
  const seenAt = (truePs: number): bigint => BigInt(Math.round(truePs * (1 + ppm * 1e-6)));
  bench.give(piece(0, 1e7), () => 50);
  t.is(bench.clock.state, undefined);
  bench.clock.follow(clock);
  bench.give(piece(1e7, 5e7), () => 50);
  t.true(bench.clock.state!.locked);
  bench.clock.heartbeat(seenAt(5e7));
  t.true(bench.clock.state!.locked, 'less than a period and a half');
  bench.clock.heartbeat(seenAt(6e7));
  t.like(bench.clock.state, { locked: false, errors: 1 });
  bench.give(piece(6.1e7, 1e8), () => 50);
  t.true(bench.clock.state!.locked);
  bench.clock.lost({ grade: 'flagged', place: 'device', fromPs: seenAt(1e8), toPs: seenAt(1.1e8) });
  bench.finish();
  const before = bench.found.length;
  t.like(bench.clock.state, { locked: false, errors: 2 });
  bench.give(piece(1.2e8, 1.6e8), () => 50);
  bench.finish();
  t.deepEqual([before + 20, bench.found.length - 1].map(i => bench.found[i]!.isTaken), [false, true], 'a loss of the driver goes on until the next lock');
  t.true(bench.clock.state!.locked);
  bench.clock.losing(seenAt(1.6e8), 'device');
  bench.give(piece(1.61e8, 1.9e8), () => 50);
  t.false(bench.clock.state!.locked, 'not in an overflow of the device');
  bench.clock.lost({ grade: 'flagged', place: 'device', fromPs: seenAt(1.6e8), toPs: seenAt(1.9e8) });
  bench.give(piece(1.91e8, 2.2e8), () => 50);
  t.like(bench.clock.state, { locked: true, errors: 3 });
  bench.clock.epoch(seenAt(2.2e8), 1000);
  t.like(bench.clock.state, { locked: false, errors: 4 });
  bench.clock.follow(undefined);
  bench.give(piece(2.25e8, 3e8), () => 50);
  bench.finish();
  const isSteady = bench.found.every(({ timePs }, i) => {
    if (i === 0) return true;
    const truePs = given[i]!.truePs - given[i - 1]!.truePs;
    return timePs >= bench.found[i - 1]!.timePs && Math.abs(Number(timePs - bench.found[i - 1]!.timePs) - truePs) < 600e-6 * truePs + 3;
  });
  t.true(isSteady, 'time never jumps');
  t.true(bench.found.at(-1)!.isTaken, 'no overflow without a clock');
  const last = bench.found.slice(-100), end = given.slice(-100);
  t.deepEqual(last.map(({ timePs }) => timePs - last[0]!.timePs), end.map(({ timePs }) => timePs - end[0]!.timePs), 'as the tagger has it');
  t.is(bench.found.length, bench.sink.ledger.snapshot().channels.reduce((sum, { delivered }) => sum + delivered, 0));
});

test('an overflow that is under way when time steps back goes on from there: no lost interval ends before it began', t => {
  for (const kernel of ['wasm', 'typescript'] as const) {
    for (const how of ['disorder', 'slip'] as const) {
      for (const startPs of [0n, 2n ** 62n, 2n ** 63n - 2n ** 40n - 4n * 10n ** 7n]) {
        const note = `${how}, ${kernel}, from ${startPs}`;
        const ticks = (fromPs: bigint, count: number): Tag[] => Array.from({ length: count }, (_, k) => ({ timePs: fromPs + BigInt(k * periodPs), channel: 0, truePs: 0 }));
        const backPs = startPs + 10_000_000n;
        const bench = new Bench(kernel, 777);
        bench.clock.follow(clock);
        bench.give(ticks(startPs, 300), () => 50);
        if (how === 'slip') bench.clock.timeSlip(backPs);
        bench.give(ticks(backPs, 300), () => 50);
        bench.finish();
        const lost = bench.markers.filter(({ kind }) => kind === 'lost');
        // The lock takes as many periods each time; after the step it begins where time has stepped to.
        t.deepEqual(lost.map(({ fromPs, toPs }) => [fromPs - startPs, toPs - startPs]), [[0n, 9_900_000n], [10_000_000n, 19_900_000n]], note);
        t.is(bench.sink.ledger.snapshot().lostPs, 19_800_000, note);
      }
    }
    // The same for an overflow of the instrument, without a clock.
    const bench = new Bench(kernel, 777);
    const tag = (timePs: bigint): Tag => ({ timePs, channel: 1, truePs: 0 });
    bench.give([tag(0n), tag(500n)], () => 1);
    bench.sink.losing(1000n, 'device');
    bench.give([tag(1200n), tag(300n), tag(400n)], () => 3);
    bench.sink.lost({ grade: 'flagged', place: 'device', fromPs: 1000n, toPs: 700n });
    bench.finish();
    t.deepEqual(bench.markers.map(({ kind, fromPs, toPs }) => [kind, fromPs, toPs]), [['losing', 1000n, 0n], ['disorder', 1200n, 300n], ['lost', 300n, 700n]], kernel);
    t.is(bench.sink.ledger.snapshot().lostPs, 400, kernel);
  }
});
