// format/npy.ts - NumPy's .npy, version 1.0: what `numpy.load` opens without a package or a pickle.
//
// Little endian whatever the machine. A table becomes a structured array, so that `data['counts']` keeps the narrow
// integer type next to the float64 of `data['index_ps']`.
// @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { TaggerError } from '../core/errors.ts';
import { rowCount, type Column, type NumberArray } from './table.ts';

/** A structured array with one packed record per row. */
export function encodeNpyTable(columns: readonly Column[]): Uint8Array {
  const rows = rowCount(columns);
  const fields = columns.map(({ name, values }) => `('${name}', '${typeOf(values).code}')`).join(', ');
  const stride = columns.reduce((sum, { values }) => sum + values.BYTES_PER_ELEMENT, 0);
  const { bytes, dataAt } = withHeader(`[${fields}]`, rows, rows * stride);
  const view = new DataView(bytes.buffer, dataAt);
  let offset = 0;
  for (const { values } of columns) {
    writeStrided(view, values, offset, stride);
    offset += values.BYTES_PER_ELEMENT;
  }
  return bytes;
}

/** Magic, version, u16 length, a Python dictionary padded with spaces so that the data starts on a multiple of 64. */
function withHeader(descr: string, rows: number, dataBytes: number): { bytes: Uint8Array<ArrayBuffer>; dataAt: number } {
  const dictionary = `{'descr': ${descr}, 'fortran_order': False, 'shape': (${rows},), }`;
  const dataAt = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  const headerBytes = dataAt - 10;
  if (headerBytes > 0xffff) throw new TaggerError('limit', 'Cannot write .npy: its header of 64 KiB does not hold so many columns.', { hint: 'Use CSV, or fewer channels.' });
  const bytes = new Uint8Array(dataAt + dataBytes);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, headerBytes & 0xff, headerBytes >> 8]);
  bytes.set(new TextEncoder().encode(`${dictionary.padEnd(headerBytes - 1)}\n`), 10);
  return { bytes, dataAt };
}

interface ElementType { code: string; set: 'setInt8' | 'setUint8' | 'setUint16' | 'setInt32' | 'setUint32' | 'setFloat64' | 'setBigInt64' | 'setBigUint64' }

function typeOf(values: NumberArray): ElementType {
  if (values instanceof Int8Array) return { code: '|i1', set: 'setInt8' };
  if (values instanceof Uint8Array) return { code: '|u1', set: 'setUint8' };
  if (values instanceof Uint16Array) return { code: '<u2', set: 'setUint16' };
  if (values instanceof Int32Array) return { code: '<i4', set: 'setInt32' };
  if (values instanceof Uint32Array) return { code: '<u4', set: 'setUint32' };
  if (values instanceof Float64Array) return { code: '<f8', set: 'setFloat64' };
  if (values instanceof BigInt64Array) return { code: '<i8', set: 'setBigInt64' };
  return { code: '<u8', set: 'setBigUint64' };
}

function writeStrided(view: DataView, values: NumberArray, offset: number, stride: number): void {
  const { set } = typeOf(values);
  const write = (view[set] as (at: number, value: number | bigint, littleEndian: boolean) => void).bind(view);
  for (let i = 0, at = offset; i < values.length; i++, at += stride) write(at, values[i] as number | bigint, true);
}
