// test/driver/tdc1/ledger.test.ts - slips and steps back of a TDC1 in the account that the line keeps: nothing of them is taken for disorder, all is graded.
import test from 'ava';
import { tdc1 } from '../../../app/driver/tdc1/driver.ts';
import { loadKernels } from '../../../app/dsp/kernels/load.ts';
import { createMemory } from '../../../app/dsp/memory.ts';
import { Ring, ringLayout } from '../../../app/dsp/ring.ts';
import { IngestSink, ingestBytes } from '../../../app/dsp/sink.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { Tdc1Model, type Tdc1Faults } from '../../../app/emulate/tdc1.ts';
import { openOn } from '../usb-life.ts';

async function ledgerOf(faults: Tdc1Faults, tags: number) {
  const signals = [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 3, rateHz: 80_000 }] as const;
  const device = new Tdc1Model({ clock: 'demand', signals, startTicks: 5_000_000, faults }), bus = new EmulatedBus();
  bus.plug(device);
  await using tagger = await openOn(bus, { driver: tdc1, model: () => device });
  const layout = ringLayout(300), ring = new Ring(createMemory(layout.endAt + ingestBytes), layout);
  ring.format();
  const sink = new IngestSink({ ring, kernels: loadKernels(ring.memory, 'wasm'), channels: 4, scratchAt: layout.endAt });
  const control = new AbortController();
  const commit = sink.commit.bind(sink);
  let taken = 0;
  sink.commit = count => {
    commit(count);
    taken += count;
    if (taken >= tags) control.abort();
  };
  await tagger.run(sink, control.signal);
  sink.finish();
  return { ledger: sink.ledger.snapshot(), taken };
}

test('tdc1: a clean run has a clean account', async t => {
  const { ledger, taken } = await ledgerOf({}, 50_000);
  t.like(ledger, { grade: 'none', intervals: 0, disorder: 0, epochs: 0 });
  t.is(ledger.channels.reduce((sum, { delivered }) => sum + delivered, 0), taken);
});

test('tdc1: slips and a clock that steps back are suspect intervals, never disorder', async t => {
  const { ledger, taken } = await ledgerOf({ slipsEvery: 1300, stepsBack: { atWord: 20_000, ticks: 40_000 } }, 45_000);
  t.like(ledger, { grade: 'suspect', disorder: 0, epochs: 0 });
  t.true(ledger.intervals >= 33 && ledger.intervals <= 42, `${ledger.intervals} intervals`);
  t.true(ledger.lostPs > 0 && ledger.lostPs < 42 * 300e6, `${ledger.lostPs} ps`);
  t.is(ledger.channels.reduce((sum, { delivered }) => sum + delivered, 0), taken);
});
