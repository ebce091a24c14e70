// test/format/npy.test.ts - .npy files byte by byte, through a reader written from the format's description.
import test from 'ava';
import { encodeNpyTable } from '../../app/format/npy.ts';
import type { Column, NumberArray } from '../../app/format/table.ts';
import { Random } from '../support/random.ts';

interface Parsed { descr: string; shape: number[]; data: DataView }

/** Reads the fixed part, then the dictionary by pattern; independent of the encoder's way of building it. */
function parse(bytes: Uint8Array): Parsed {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY' || bytes[0] !== 0x93) throw new Error('no magic');
  if (bytes[6] !== 1 || bytes[7] !== 0) throw new Error('not version 1.0');
  const headerBytes = view.getUint16(8, true);
  if ((10 + headerBytes) % 64 !== 0) throw new Error(`data starts at ${10 + headerBytes}, no multiple of 64`);
  const header = new TextDecoder('latin1').decode(bytes.subarray(10, 10 + headerBytes));
  const match = /^\{'descr': (.+), 'fortran_order': False, 'shape': \(([\d, ]*)\), \} *\n$/.exec(header);
  if (!match) throw new Error(`header ${JSON.stringify(header)}`);
  return { descr: match[1]!, shape: match[2]!.split(',').filter(part => part.trim() !== '').map(Number), data: new DataView(bytes.buffer, 10 + headerBytes) };
}

test('encodeNpyTable() names type and shape of every kind of column and keeps values and order', t => {
  const cases: [NumberArray, string, (view: DataView, i: number) => number | bigint][] = [
    [Uint8Array.of(0, 255), `'|u1'`, (v, i) => v.getUint8(i)],
    [Int8Array.of(-128, 127), `'|i1'`, (v, i) => v.getInt8(i)],
    [Uint16Array.of(1, 65535), `'<u2'`, (v, i) => v.getUint16(2 * i, true)],
    [Int32Array.of(-1, 2 ** 31 - 1), `'<i4'`, (v, i) => v.getInt32(4 * i, true)],
    [Uint32Array.of(1, 2 ** 32 - 1), `'<u4'`, (v, i) => v.getUint32(4 * i, true)],
    [Float64Array.of(-0.5, NaN), `'<f8'`, (v, i) => v.getFloat64(8 * i, true)],
    [BigInt64Array.of(-(2n ** 63n), 1n), `'<i8'`, (v, i) => v.getBigInt64(8 * i, true)],
    [BigUint64Array.of(2n ** 64n - 1n, 2n), `'<u8'`, (v, i) => v.getBigUint64(8 * i, true)],
  ];
  for (const [values, descr, get] of cases) {
    const parsed = parse(encodeNpyTable([{ name: 'x', values }]));
    t.is(parsed.descr, `[('x', ${descr})]`);
    t.deepEqual(parsed.shape, [2]);
    t.is(parsed.data.byteLength, values.byteLength);
    t.deepEqual([get(parsed.data, 0), get(parsed.data, 1)], [...values] as (number | bigint)[]);
  }
});

test('encodeNpyTable() packs one record per row', t => {
  const random = new Random(20);
  const index = Float64Array.from({ length: 100 }, () => random.integer(-1e9, 1e9));
  const counts = Uint16Array.from({ length: 100 }, () => random.integer(0, 65535));
  const { descr, shape, data } = parse(encodeNpyTable([{ name: 'index_ps', values: index }, { name: 'counts', values: counts }]));
  t.is(descr, `[('index_ps', '<f8'), ('counts', '<u2')]`);
  t.deepEqual(shape, [100]);
  t.is(data.byteLength, 1000);
  for (let row = 0; row < 100; row++) {
    t.is(data.getFloat64(row * 10, true), index[row]!, `seed ${random.seed}, row ${row}`);
    t.is(data.getUint16(row * 10 + 8, true), counts[row]!, `seed ${random.seed}, row ${row}`);
  }
});

test('encodeNpyTable() refuses what a reader could not open', t => {
  const column = (name: string, length = 1): Column => ({ name, values: new Uint8Array(length) });
  t.throws(() => encodeNpyTable([]), { code: 'internal' });
  t.throws(() => encodeNpyTable([column('a'), column('b', 2)]), { code: 'internal', message: /column b.*2 rows, a has 1/ });
  t.throws(() => encodeNpyTable([column(`x'`)]), { code: 'internal' });
  t.throws(() => encodeNpyTable(Array.from({ length: 5000 }, (_, i) => column(`channel_${i}`))), { code: 'limit' });
});
