// test/driver/usb-line.test.ts - a USB tagger in a whole line: clients keep it and their measurements while it is unplugged.
import { BroadcastChannel } from 'node:worker_threads';
import test from 'ava';
import type { TaggerState } from '../../app/core/station.ts';
import { Line } from '../../app/dsp/line.ts';
import { until } from '../support/until.ts';

test('an unplugged tagger is gone and still there: measurements go on over its return, with the gap marked', async t => {
  const name = `hands ${process.pid}`, hands = new BroadcastChannel(name), tell = hands.postMessage.bind(hands);
  t.teardown(() => { hands.close(); });
  await using line = await Line.open({ id: 'usb', source: { kind: 'usb', serial: name }, ingestWorker: new URL('./support/emulated.worker.ts', import.meta.url) });
  const states: TaggerState[] = [];
  line.onEvent(event => {
    if (event.kind === 'state' && states.at(-1) !== line.status().state) states.push(line.status().state);
  });
  const [rate] = await line.createMeasurements([{ name: 'countrate', config: { channels: [1, 2] } }]);
  await until(async () => (await rate!.account()).tags > 1000, 'tags flow');
  tell('pull');
  await until(() => line.status().state === 'gone', 'it is seen to be gone');
  t.regex(line.status().detail, /is gone.*Plug it in again/);
  const before = (await rate!.account()).tags;
  const [late] = await line.createMeasurements([{ name: 'countrate', config: { channels: [1] } }]);
  t.is(line.rates().totalHz, null, 'no rate is claimed of a tagger that is away');
  tell('plug');
  await until(() => line.status().state === 'streaming', 'it is back');
  await until(async () => (await rate!.account()).tags > before + 1000 && (await late!.account()).tags > 500, 'tags flow again, to old and new measurements');
  const { lossGrade, epochs } = await rate!.account(), { ledger } = line.status();
  // A busy computer may lose more in the board's FIFO; on the cable it was this one interval.
  t.deepEqual([lossGrade, epochs, ledger.epochs, ledger.channels[0]!.unknown.usb], ['flagged', 1, 1, 1]);
  t.deepEqual(states.filter(state => state !== 'probing'), ['streaming', 'gone', 'streaming']);
});
