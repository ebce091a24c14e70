// test/client/client.test.ts - the client library against a fake station over a real socket.
import test from 'ava';
import { serveStation } from '../support/rpc-station.ts';

test('connect() opens a session, measures and reads as the README says', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  t.is((await session.info()).id, 'tagd-0123abcd');
  const tagger = await session.tagger();
  await using m = await tagger.measure('correlation', { channel1: 1, channel2: 2, binwidthPs: 16, bins: 20000 });
  await m.startFor(2e12);
  const waiting = m.waitUntilFinished();
  t.true(await m.isRunning());
  while (served.station.tagger().live[0]?.waiting !== 1) await new Promise(resolve => { setImmediate(resolve); });
  served.station.tagger().live[0]?.finish();
  t.true(await waiting);
  const counts = await m.getData();
  t.is(counts.length, 20000);
  const { value, info } = await m.read('getData');
  t.deepEqual(value, counts);
  t.is(info.startPs, 2n ** 60n);
  t.deepEqual(served.internal, []);
});
