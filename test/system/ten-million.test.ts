// test/system/ten-million.test.ts - the short form of `npm run soak`: 10 Mtags/s, 8 measurements, a client that looks.
import test from 'ava';
import { soak } from '../soak/ten-million.ts';

test('10 Mtags/s with 8 measurements and a reader for 5 s: nothing is lost', async t => {
  const report = await soak(5);
  t.log(JSON.stringify(report));
  t.is(report.lossGrade, 'none');
  t.is(report.lostIntervals, 0);
  t.true(report.tags > 0);
});
