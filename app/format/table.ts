// format/table.ts - what encoders of tables take: named columns of equal length, over plain typed arrays.
import { TaggerError } from '../core/errors.ts';

export type NumberArray =
  | Int8Array | Uint8Array | Uint16Array | Int32Array | Uint32Array | Float64Array | BigInt64Array | BigUint64Array;

/** `name` carries the unit (`index_ps`) and is a word every reader accepts: letters, digits, underscore. */
export interface Column { name: string; values: NumberArray }

/** The number of rows, after a check that every column has it. */
export function rowCount(columns: readonly Column[]): number {
  const [first] = columns;
  if (!first) throw new TaggerError('internal', 'Cannot encode a table without columns.');
  for (const { name, values } of columns) {
    if (!/^[A-Za-z]\w*$/.test(name)) throw new TaggerError('internal', `Cannot encode a column named '${name}': only letters, digits and _ are portable.`);
    if (values.length !== first.values.length) {
      throw new TaggerError('internal', `Cannot encode column ${name}: it has ${values.length} rows, ${first.name} has ${first.values.length}.`);
    }
  }
  return first.values.length;
}
