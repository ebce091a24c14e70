// test/bench/bias.test.ts - the short form of the bias bench: a tenth lost moves no result by more than its own error.
import test from 'ava';
import { measureBias } from './bias.ts';

test('rate, g2 and coincidences under a tenth of loss are within one sigma of those of the same tags without loss', async t => {
  const rows = await measureBias(1e6);
  t.is(rows.length, 7);
  for (const row of rows) {
    t.true(row.lost > 0.07 && row.lost < 0.13, `${row.lost} lost`);
    t.true(Math.abs(row['off by (sigma)']) < 1, JSON.stringify(row));
    t.true(Math.abs(row['if loss were ignored (sigma)']) > 5, `this test would see it: ${JSON.stringify(row)}`);
  }
});
