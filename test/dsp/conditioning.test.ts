// test/dsp/conditioning.test.ts - input conditioning at ingest: through losses, epochs, disorder and moved origins, in blocks of any size.
import test from 'ava';
import type { KernelSet } from '../../app/dsp/kernels/kernels.ts';
import { loadKernels } from '../../app/dsp/kernels/load.ts';
import type { Conditioning } from '../../app/dsp/conditioning.ts';
import { createMemory, viewsOf } from '../../app/dsp/memory.ts';
import { Ring, RingReader, ringLayout, type Marker } from '../../app/dsp/ring.ts';
import { IngestSink, ingestBytes } from '../../app/dsp/sink.ts';
import { Random } from '../support/random.ts';
import { conditioned, randomRules } from './support/conditioned.ts';
import { randomActs } from './support/scenario.ts';
import type { Act, TagList } from './support/script.ts';

interface Tag { timePs: bigint; channel: number }

/** A sink without threads, and what a reader of its ring finds: driver's times again, in stretches. */
class Bench {
  readonly sink: IngestSink;
  readonly stretches: Tag[][] = [[]];
  /** Tags of the missed markers. */
  missed = 0;
  histories = 0;
  readonly #ring: Ring;
  readonly #reader: RingReader;
  readonly #random: Random;

  constructor(random: Random, kernel: KernelSet['kind'], maxBlockTags: number) {
    const layout = ringLayout(300);
    this.#random = random;
    this.#ring = new Ring(createMemory(layout.endAt + ingestBytes), layout);
    this.#ring.format();
    this.#ring.attach(0);
    this.#reader = new RingReader(this.#ring, 0);
    this.sink = new IngestSink({ ring: this.#ring, kernels: loadKernels(this.#ring.memory, kernel), channels: 4, scratchAt: layout.endAt, maxBlockTags });
  }

  perform(act: Act): void {
    const { sink } = this;
    switch (act.do) {
      case 'tags': case 'commit': this.#commit(act.tags, act.do === 'tags' ? 16_384 : act.atOnce); break;
      case 'heartbeat': sink.heartbeat(act.timePs); break;
      case 'lost': sink.lost(act.loss); break;
      case 'losing': sink.losing(act.fromPs, 'device'); break;
      case 'epoch': sink.epoch(act.atPs, 1000); break;
      case 'slip': sink.timeSlip(act.atPs); break;
      case 'settings': sink.settings(act.atPs, act.revision, act.channels); break;
      default: throw new Error(`The bench does not know '${act.do}'.`);
    }
    this.drain();
  }

  #commit({ timesPs, channels }: TagList, atOnce: number): void {
    for (let done = 0; done < timesPs.length;) {
      const room = this.sink.room();
      const n = Math.min(this.#random.integer(1, atOnce), room.tags, timesPs.length - done);
      const { i64, u8 } = viewsOf(this.sink.memory);
      for (let i = 0; i < n; i++) {
        i64[room.timesAt / 8 + i] = timesPs[done + i]!;
        u8[room.channelsAt + i] = channels[done + i]!;
      }
      this.sink.commit(n);
      done += n;
      this.drain();
    }
  }

  drain(): void {
    for (let block; (block = this.#reader.take()); this.#reader.release()) {
      const { i64, u8 } = viewsOf(this.sink.memory);
      const driverPs = (at: number): bigint => BigInt.asIntN(64, i64[at]! + BigInt(block!.rebases) * 2n ** 62n);
      if (block.history > this.stretches.at(-1)!.length) throw new Error('the tail of a block reaches over a break');
      const open = this.stretches.at(-1)!.slice(-block.history);
      for (const [i, { timePs }] of block.history === 0 ? [] : open.entries()) {
        if (driverPs(block.timesAt / 8 - open.length + i) !== timePs) throw new Error('the tail of a block is not what came before');
        this.histories++;
      }
      let next = 0;
      const until = (marker: Marker | undefined): void => {
        for (; next < (marker?.index ?? block!.n); next++) this.stretches.at(-1)!.push({ timePs: driverPs(block!.timesAt / 8 + next), channel: u8[block!.channelsAt + next]! });
      };
      for (const marker of block.markers) {
        until(marker);
        if (marker.kind === 'missed') this.missed += marker.count;
        else if (marker.kind !== 'settings') this.stretches.push([]);
      }
      until(undefined);
    }
  }
}

/** What the acts amount to before conditioning: a new stretch at each break, tags during an overflow in one of their own. */
function stretchesOf(acts: readonly Act[]): Tag[][] {
  const stretches: Tag[][] = [[]];
  let now: bigint | undefined;
  const after = (timePs: bigint): void => { if (now === undefined || timePs > now) now = timePs; };
  for (const act of acts) {
    if (act.do === 'tags' || act.do === 'commit') {
      for (const [i, timePs] of act.tags.timesPs.entries()) {
        if (now !== undefined && timePs < now) stretches.push([]);
        now = timePs;
        stretches.at(-1)!.push({ timePs, channel: act.tags.channels[i]! });
      }
      continue;
    }
    if (act.do !== 'settings' && act.do !== 'heartbeat') stretches.push([]);
    if (act.do === 'heartbeat') after(act.timePs);
    if (act.do === 'lost') after(act.loss.toPs);
    if (act.do === 'losing') after(act.fromPs);
    if (act.do === 'epoch') after(act.atPs);
    if (act.do === 'slip') now = act.atPs;
  }
  return stretches;
}

const starts = [0n, 2n ** 53n - 20_000n, 2n ** 62n - 20_000n, 2n ** 63n - 2n ** 40n - 60_000n, 2n ** 63n - 60_000n, -(2n ** 62n) - 50_000n];

for (const kernel of ['wasm', 'typescript'] as const) {
  test(`what passes, and what is counted as filtered, is the same for any blocks: ${kernel}`, t => {
    let histories = 0, removed = 0;
    for (let seed = 0; seed < 48; seed++) {
      const random = new Random(seed);
      const maxBlockTags = random.pick([1, 7, 100, 16_384]);
      const note = `seed ${seed}, ${kernel}, blocks of ${maxBlockTags}`;
      const acts = randomActs(random, { startPs: starts[seed % starts.length]!, tagsPerPiece: 100, pieces: 14 });
      const rules = randomRules(random, 4);
      const bench = new Bench(random, kernel, maxBlockTags);
      bench.sink.condition(rules);
      for (const act of wrapped(acts)) bench.perform(act);
      bench.sink.finish();
      bench.drain();
      const stretches = stretchesOf(acts);
      const expected = stretches.map(stretch => conditioned(stretch, rules));
      t.deepEqual(bench.stretches, wrapped(expected), note);
      const counts = (all: readonly Tag[][]): number[] => [0, 1, 2, 3].map(channel => all.flat().filter(tag => tag.channel === channel).length);
      const filtered = counts(stretches).map((count, channel) => count - counts(expected)[channel]!);
      const { channels } = bench.sink.ledger.snapshot();
      t.deepEqual(channels.map(entry => entry.delivered), counts(expected), note);
      t.deepEqual(channels.map(entry => entry.filtered), filtered, note);
      histories += bench.histories;
      removed += filtered.reduce((sum, count) => sum + count, 0);
    }
    t.true(histories > 1000 && removed > 3000, `${histories} ${removed}`);
  });
}

/** As a driver gives them: times go round modulo 2^64. */
function wrapped<T>(value: T): T {
  return (typeof value === 'bigint' ? BigInt.asIntN(64, value)
    : Array.isArray(value) ? value.map(wrapped)
    : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, wrapped(item)])) : value) as T;
}

test('new rules hold from the next tag on and begin anew; without rules nothing is looked at', t => {
  const rules: Conditioning = { trigger: [], filtered: [], dividers: [3], deadTimesPs: [] };
  for (const kernel of ['wasm', 'typescript'] as const) {
    const bench = new Bench(new Random(1), kernel, 100);
    const tags = (fromPs: number): Act => ({ do: 'tags', tags: { timesPs: [0, 1, 2, 3, 4].map(i => BigInt(fromPs + i)), channels: [0, 0, 0, 0, 0] } });
    bench.perform(tags(0));
    bench.sink.condition(rules);
    bench.perform(tags(10));
    bench.sink.condition({ ...rules, dividers: [4] });
    bench.perform(tags(20));
    bench.sink.condition({ ...rules, dividers: [1] });
    bench.perform(tags(30));
    bench.sink.finish();
    bench.drain();
    t.deepEqual(bench.stretches.flat().map(({ timePs }) => Number(timePs)), [0, 1, 2, 3, 4, 10, 13, 20, 24, 30, 31, 32, 33, 34]);
    t.is(bench.sink.ledger.snapshot().channels[0]!.filtered, 6, 'also what was removed under rules that are no more');
  }
});

/** A channel begins anew where its own rule changes, a filtered one also where the triggers do; `parts` under `rules`, one each. */
function changed(parts: readonly Tag[][], rules: readonly Conditioning[]): Tag[] {
  const ruleOf = ({ trigger, filtered, dividers, deadTimesPs }: Conditioning, channel: number): string => JSON.stringify([
    dividers[channel], deadTimesPs[channel], trigger.includes(channel), filtered.includes(channel) && trigger.toSorted(),
  ]);
  const passed = new Set<Tag>();
  for (let channel = 0; channel < 4; channel++) {
    for (let from = 0, to; from < parts.length; from = to) {
      for (to = from + 1; to < parts.length && ruleOf(rules[to]!, channel) === ruleOf(rules[from]!, channel);) to++;
      for (const tag of conditioned(parts.slice(from, to).flat(), rules[from]!)) if (tag.channel === channel) passed.add(tag);
    }
  }
  return parts.flat().filter(tag => passed.has(tag));
}

test('a change of rules touches no channel but those whose rule it changes', t => {
  let undisturbed = 0;
  for (let seed = 0; seed < 80; seed++) {
    const random = new Random(seed);
    // Sometimes one channel alone, as a client would; sometimes everything, or nothing.
    let last: Conditioning = { ...randomRules(random, 4), dividers: [2, 1, 3, 1], deadTimesPs: [0, 5000, 500, 1e12] };
    const rules = Array.from({ length: 6 }, () => {
      const channel = random.integer(0, 3), next = randomRules(random, 4);
      const kind = random.pick(['all', 'divider', 'divider', 'dead', 'filter', 'trigger', 'nothing']);
      // Never all off: then nothing is remembered.
      if (kind === 'all') last = { ...next, deadTimesPs: last.deadTimesPs };
      if (kind === 'divider') last = { ...last, dividers: last.dividers.with(channel, random.pick([1, 2, 5])) };
      if (kind === 'dead') last = { ...last, deadTimesPs: last.deadTimesPs.with(channel, random.pick([1, 700, 20_000])) };
      const isFree = last.trigger.length > 0 && ![...last.trigger, ...last.filtered].includes(channel);
      if (kind === 'trigger' && isFree) last = { ...last, trigger: [...last.trigger, channel] };
      if (kind === 'filter') last = { ...last, trigger: next.trigger, filtered: next.filtered };
      return last;
    });
    let now = random.pick([0n, 2n ** 53n - 20_000n, 2n ** 62n - 20_000n, 2n ** 63n - 2n ** 40n - 20_000n]);
    const parts = rules.map(() => {
      const tags = Array.from({ length: random.integer(0, 40) }, (): Tag => ({ timePs: now += BigInt(random.pick([0, 1, 100, 400])), channel: random.integer(0, 3) }));
      // Equal times come in the order of channels, as drivers give them.
      return tags.sort((a, b) => Number(a.timePs - b.timePs) || a.channel - b.channel);
    });
    const expected = changed(parts, rules);
    for (const kernel of ['wasm', 'typescript'] as const) {
      const bench = new Bench(random, kernel, random.pick([1, 7, 16_384]));
      for (const [i, part] of parts.entries()) {
        bench.sink.condition(rules[i]!);
        bench.perform({ do: 'commit', atOnce: 9, tags: { timesPs: part.map(({ timePs }) => timePs), channels: part.map(({ channel }) => channel) } });
      }
      bench.sink.finish();
      bench.drain();
      t.deepEqual(bench.stretches.flat(), expected, `seed ${seed}, ${kernel}`);
      const { channels } = bench.sink.ledger.snapshot();
      t.is(channels.reduce((sum, { delivered, filtered }) => sum + delivered + filtered, 0), parts.flat().length, `seed ${seed}, ${kernel}`);
    }
    if (expected.length !== parts.flatMap((part, i) => conditioned(part, rules[i]!)).length) undisturbed++;
  }
  t.true(undisturbed > 40, `${undisturbed} of 80 depend on what was before a change`);
});

test('a tag that conditioning took out during an overflow is not missed', t => {
  const bench = new Bench(new Random(1), 'wasm', 100);
  bench.sink.condition({ trigger: [], filtered: [], dividers: [2], deadTimesPs: [] });
  bench.perform({ do: 'heartbeat', timePs: 0n });
  bench.perform({ do: 'losing', fromPs: 1n });
  bench.perform({ do: 'tags', tags: { timesPs: [2n, 3n, 4n, 5n, 6n], channels: [0, 0, 0, 0, 1] } });
  bench.perform({ do: 'lost', loss: { grade: 'counted', place: 'device', fromPs: 1n, toPs: 9n, missed: [{ channelIndex: 0, count: 10 }] } });
  bench.sink.finish();
  bench.drain();
  t.is(bench.missed, 10 + 2 + 1);
  t.deepEqual(bench.sink.ledger.snapshot().channels[0], { delivered: 2, filtered: 2, lost: { device: 10, usb: 0, host: 0 }, unknown: { device: 0, usb: 0, host: 0 } });
});
