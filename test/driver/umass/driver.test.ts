// test/driver/umass/driver.test.ts - the UMass FPGA tagger by its emulated board: what every driver must keep, and what is its own.
import test from 'ava';
import { umass } from '../../../app/driver/umass/driver.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { UmassModel, type UmassOptions } from '../../../app/emulate/umass.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { Random } from '../../support/random.ts';
import { conformance } from '../conformance.ts';
import { openOn, runFor, usbLife, type UsbUnderTest } from '../usb-life.ts';

const signals = [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 80_000 }, { kind: 'periodic', channel: 4, periodPs: 20_000_000 }] as const;
const model = (options: UmassOptions = {}): UmassModel => new UmassModel({ clock: 'demand', signals, ...options });
const under: UsbUnderTest = { driver: umass, model };

async function open(options: UmassOptions = {}) {
  const bus = new EmulatedBus(), board = model(options);
  bus.plug(board);
  return { board, tagger: await openOn(bus, under) };
}

conformance(test, {
  name: 'umass', stopAfter: 3000, change: { channels: { 1: { enabled: false } } },
  open: async () => (await open()).tagger, openEndless: async () => (await open()).tagger,
});
usbLife(test, under);

test('umass: every tag that the board put into a record arrives, over wraps of its timer', async t => {
  const { board, tagger } = await open({ startTicks: 2 ** 36 - 1_000_000 });
  const sink = await runFor(tagger, 20_000);
  t.is(sink.tags, board.emitted);
  t.is(sink.losses.length, 0);
  t.true(sink.timesPs.at(-1)! > 536_870_912_000_000n, 'the timer came round');
  await tagger[Symbol.asyncDispose]();
});

/** A board in time that a test moves on; the host sees only what its FIFO holds. */
function moving(stepMs: () => number, options: UmassOptions = {}) {
  let nowMs = 0;
  const board = new UmassModel({ signals: [{ kind: 'poisson', channel: 1, rateHz: 400_000 }], clock: { nowMs: () => nowMs }, ...options });
  const timer = setInterval(() => { nowMs += stepMs(); }, 1);
  return { board, stop: (): void => { clearInterval(timer); } };
}

test('umass: delivered and lost together are what happened, while the FIFO overflows', async t => {
  // A host that is away for up to 30 ms of the board's time: the FIFO holds 5 ms.
  const random = new Random(7), { board, stop } = moving(() => random.pick([0.2, 0.5, 1, 30]));
  const bus = new EmulatedBus();
  bus.plug(board);
  const tagger = await openOn(bus, under), sink = await runFor(tagger, 30_000);
  stop();
  t.true(sink.losses.length > 3, `${sink.losses.length} losses, seed 7`);
  t.is(sink.tags + sink.losses.reduce((sum, { missedInAll = 0 }) => sum + missedInAll, 0), board.emitted + board.lost);
  t.is(sink.tags, board.emitted);
  const { timesPs } = sink;
  for (const { fromPs, toPs, grade, place } of sink.losses) {
    t.deepEqual([grade, place], ['flagged', 'device']);
    t.false(timesPs.some(timePs => timePs > fromPs && timePs < toPs), 'no tag lies in a gap');
  }
  await tagger[Symbol.asyncDispose]();
});

test('umass: a wrap record that the FIFO dropped is inferred and marked', async t => {
  const { board, tagger } = await open({ startTicks: 2 ** 36 - 200_000, faults: { dropsWraps: 1 } });
  const sink = await runFor(tagger, 5000);
  t.is(sink.tags, board.emitted);
  t.true(sink.losses.length === 1 && sink.timesPs.at(-1)! > 536_870_912_000_000n, `${sink.losses.length} losses`);
  await tagger[Symbol.asyncDispose]();
});

test('umass: at a few counts a second a tag is there within 25 ms of the board', async t => {
  const bus = new EmulatedBus(), board = new UmassModel({ signals: [{ kind: 'periodic', channel: 1, periodPs: 5e10 }] });
  bus.plug(board);
  const tagger = await openOn(bus, under), sink = new FakeSink(), delays: number[] = [], control = new AbortController();
  const running = tagger.run(sink, control.signal);
  for (let seen = 0; delays.length < 20;) {
    await new Promise(resolve => { setTimeout(resolve, 1); });
    if (sink.tags === seen) continue;
    seen = sink.tags;
    delays.push(board.sinceStartMs - Number(sink.timesPs.at(-1)!) * 1e-9);
  }
  control.abort();
  await running;
  await tagger[Symbol.asyncDispose]();
  t.log(`median ${delays.toSorted((a, b) => a - b)[10]!.toFixed(1)} ms`);
  // A busy computer may be late now and then; the board itself must not keep them.
  t.true(delays.toSorted((a, b) => a - b)[5]! < 25, delays.map(ms => ms.toFixed(1)).join(', '));
});

test('umass: an endpoint that stalls is read again after a gap', async t => {
  const { tagger } = await open({ faults: { stallsAfterPackets: 20 } });
  const sink = new FakeSink({ stopAfter: 60 });
  await tagger.run(sink, new AbortController().signal);
  t.true(sink.tags >= 60);
  t.true(sink.losses.some(({ place }) => place === 'usb'));
  await tagger[Symbol.asyncDispose]();
});
