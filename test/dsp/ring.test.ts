// test/dsp/ring.test.ts - one writer at full speed against readers that are slow, stuck or dead.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { createMemory, viewsOf } from '../../app/dsp/memory.ts';
import { Ring, RingReader, ringLayout, type Block } from '../../app/dsp/ring.ts';
import { ingestBytes } from '../../app/dsp/sink.ts';
import { Random } from '../support/random.ts';

function makeRing(slots: number): { ring: Ring; scratchAt: number } {
  const layout = ringLayout(slots);
  const ring = new Ring(createMemory(layout.endAt + ingestBytes), layout);
  ring.format();
  return { ring, scratchAt: layout.endAt };
}

function startWriter(ring: Ring, scratchAt: number, tags: number, blockTags: number): { finished: Promise<unknown>; worker: Worker } {
  const workerData = { memory: ring.memory, layout: ring.layout, tags, blockTags, scratchAt };
  const worker = new Worker(new URL('./support/ring-writer.worker.ts', import.meta.url), { workerData });
  return { worker, finished: Promise.race([once(worker, 'message'), once(worker, 'error').then(([error]) => { throw error; })]) };
}

/** Everything in a block follows from the tags in front of it; a torn or overwritten block cannot pass. */
function isWhole(block: Block, memory: WebAssembly.Memory): boolean {
  const { i64, u8, u32, f64 } = viewsOf(memory);
  let before = 0;
  let counted = 0;
  for (let channel = 0; channel < 4; channel++) {
    before += f64[block.beforeAt / 8 + channel]!;
    counted += u32[block.countsAt / 4 + channel]!;
  }
  if (counted !== block.n) return false;
  for (let i = -block.history; i < block.n; i++) {
    const t = before + i;
    if (i64[block.timesAt / 8 + i] !== BigInt(t) || u8[block.channelsAt + i] !== t % 4) return false;
  }
  return block.toPs === BigInt(before + block.n - 1);
}

function spin(rounds: number): void {
  const until = performance.now() + rounds / 1000;
  while (performance.now() < until);
}

/** Reads until the end. @returns tags seen and tags that the headers say were overwritten */
function drain(t: ExecutionContext, ring: Ring, reader: RingReader, pause: () => void): { seen: number; lapped: number } {
  let seen = 0;
  let lapped = 0;
  for (;;) {
    const { ended } = ring;
    const bell = reader.bell;
    const block = reader.take();
    if (!block) {
      if (ended !== 'no') return { seen, lapped };
      reader.wait(bell, 20);
      continue;
    }
    const { f64 } = viewsOf(ring.memory);
    const before = [0, 1, 2, 3].reduce((sum, channel) => sum + f64[block.beforeAt / 8 + channel]!, 0);
    lapped += before - seen - lapped;
    if (!isWhole(block, ring.memory)) t.fail(`block ${block.sequence} is torn`);
    pause();
    if (!isWhole(block, ring.memory)) t.fail(`block ${block.sequence} was overwritten while it was held`);
    seen += block.n;
    reader.release();
  }
}

test('a live ring never overwrites a held block, and what a slow reader missed can be counted', async t => {
  const seed = 1;
  const random = new Random(seed);
  const { ring, scratchAt } = makeRing(2);
  ring.attach(0);
  const reader = new RingReader(ring, 0);
  const tags = 3_000_000;
  const { finished, worker } = startWriter(ring, scratchAt, tags, 50);
  await once(worker, 'online');
  const { seen, lapped } = drain(t, ring, reader, () => spin(random.integer(0, 60)));
  await finished;
  t.is(seen + lapped, tags, `seed ${seed}`);
  t.true(lapped > 0, 'the reader was never overtaken: the test proves nothing');
});

test('a live writer passes a reader that is stuck for ever, and leaves it its block', async t => {
  const { ring, scratchAt } = makeRing(2);
  ring.attach(0);
  ring.attach(1);
  const stuck = new RingReader(ring, 0);
  const other = new RingReader(ring, 1);
  const { finished, worker } = startWriter(ring, scratchAt, 200_000, 50);
  await once(worker, 'online');
  let held: Block | undefined;
  while (!held) {
    const { bell } = stuck;
    held = stuck.take();
    if (!held) stuck.wait(bell, 20);
  }
  const { seen, lapped } = drain(t, ring, other, () => {});
  await finished;
  t.is(seen + lapped, 200_000);
  t.true(isWhole(held, ring.memory));
});

test('a waitable ring loses nothing, however slow the reader', async t => {
  const seed = 3;
  const random = new Random(seed);
  const { ring, scratchAt } = makeRing(2);
  ring.waitable = true;
  ring.attach(0);
  const reader = new RingReader(ring, 0);
  const { finished } = startWriter(ring, scratchAt, 200_000, 50);
  t.deepEqual(drain(t, ring, reader, () => spin(random.integer(0, 100))), { seen: 200_000, lapped: 0 }, `seed ${seed}`);
  await finished;
});

test('a waitable writer goes on when the reader it waits for is detached', async t => {
  const { ring, scratchAt } = makeRing(2);
  ring.waitable = true;
  ring.attach(0);
  ring.attach(1);
  const reader = new RingReader(ring, 1);
  const { finished } = startWriter(ring, scratchAt, 50_000, 50);
  let seen = 0;
  for (let block; (block = reader.take()) || seen === 0;) {
    if (!block) continue;
    seen += block.n;
    reader.release();
  }
  t.true(seen < 50_000);
  ring.detach(0);
  t.is(seen + drain(t, ring, reader, () => {}).seen, 50_000);
  await finished;
});

test('a ring of thousands of blocks keeps them all apart', async t => {
  const { ring, scratchAt } = makeRing(600);
  ring.waitable = true;
  ring.attach(0);
  const reader = new RingReader(ring, 0), first = ring.written;
  const { finished } = startWriter(ring, scratchAt, 20_000, 10);
  // The reader begins when the ring is full: every block of it is found again.
  while (((ring.written - first) & 0x7fffffff) < 600) await new Promise(resolve => { setTimeout(resolve, 5); });
  t.deepEqual(drain(t, ring, reader, () => {}), { seen: 20_000, lapped: 0 });
  await finished;
  t.deepEqual(Array.from(ring.totals(4)).reduce((all, n) => all + n, 0), 20_000);
});

test('who attaches after years finds a block by the low bits of its sequence', t => {
  const { ring } = makeRing(2);
  for (const sequence of [0, 1, 2 ** 31 - 1]) {
    for (const rounds of [1, 2, 1000]) t.is(ring.directoryIndex(sequence + rounds * 2 ** 31), ring.directoryIndex(sequence), `${rounds} rounds and ${sequence}`);
  }
});
