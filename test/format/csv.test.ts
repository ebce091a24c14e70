// test/format/csv.test.ts - comments, one line of names, full numbers, `nan`, and no row lost at a chunk border.
import test from 'ava';
import { encodeCsv } from '../../app/format/csv.ts';

test('encodeCsv() writes comments, names and rows', t => {
  const text = [...encodeCsv([
    { name: 'index_ps', values: Float64Array.of(-16, -0, 0.1) },
    { name: 'counts', values: BigUint64Array.of(1n, 2n ** 64n - 1n, 0n) },
    { name: 'g2', values: Float64Array.of(NaN, 1e21, 1 / 3) },
  ], ['Correlation', 'a label\nwith a break'])].join('');
  t.is(text, '# Correlation\n# a label with a break\nindex_ps,counts,g2\n-16,1,nan\n0,18446744073709551615,1e+21\n0.1,0,0.3333333333333333\n');
});

test('encodeCsv() yields every row once for every length near a chunk', t => {
  for (const rows of [0, 1, 4095, 4096, 4097, 8192]) {
    const chunks = [...encodeCsv([{ name: 'i', values: Uint32Array.from({ length: rows }, (_, i) => i) }])];
    t.deepEqual(chunks.join('').trimEnd().split('\n').slice(1), Array.from({ length: rows }, (_, i) => String(i)), `${rows} rows`);
    t.true(chunks.length >= Math.ceil(rows / 4096), `${rows} rows in ${chunks.length} chunks`);
  }
});
