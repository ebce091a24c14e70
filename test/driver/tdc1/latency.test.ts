// test/driver/tdc1/latency.test.ts - how long a tag of the TDC1 is on its way at low rates, by the clock on the wall; a file of its own, so that nothing else runs here.
import test from 'ava';
import { tdc1 } from '../../../app/driver/tdc1/driver.ts';
import { wallClock } from '../../../app/emulate/device.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { Tdc1Model } from '../../../app/emulate/tdc1.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { openOn } from '../usb-life.ts';

test('tdc1: at low rates a tag is here 25 ms after it happened', async t => {
  for (const periodMs of [97, 7]) {
    const device = new Tdc1Model({ clock: wallClock, signals: [{ kind: 'periodic', channel: 1, periodPs: periodMs * 1e9 }] }), bus = new EmulatedBus();
    bus.plug(device);
    await using tagger = await openOn(bus, { driver: tdc1, model: () => device });
    const lateMs: number[] = [], sink = new FakeSink(), commit = sink.commit.bind(sink);
    sink.commit = count => {
      lateMs.push(performance.now() - device.startedMs - Number(new BigInt64Array(sink.memory.buffer, sink.room().timesAt, 1)[0]) / 1e9);
      commit(count);
    };
    const control = new AbortController(), running = tagger.run(sink, control.signal);
    while (lateMs.length < 20) await new Promise(resolve => { setTimeout(resolve, 20); });
    control.abort();
    await running;
    const sorted = lateMs.toSorted((a, b) => a - b);
    t.log(`every ${periodMs} ms: median ${sorted[10]!.toFixed(1)} ms, slowest ${sorted.at(-1)!.toFixed(1)} ms`);
    t.true(sorted[0]! >= 0 && sorted[10]! <= 25, `${sorted[10]} ms`);
  }
});
