// format/csv.ts - comma-separated columns with the account of the measurement in `#` lines above them.
//
// `numpy.genfromtxt(names=True)`, gnuplot and pandas (`comment='#'`) read it as it is. Numbers are written in full, a value
// that is not known is `nan`, lines end in \n.
import { rowCount, type Column } from './table.ts';

/**
 * Chunks of text of a few thousand rows, so that 16 million bins never are one string.
 *
 * @param comments lines without their `# `; a line break in one becomes a space
 */
export function* encodeCsv(columns: readonly Column[], comments: readonly string[] = []): Generator<string> {
  const rows = rowCount(columns);
  const head = comments.map(line => `# ${line.replaceAll(/[\r\n]+/g, ' ')}\n`).join('');
  yield `${head}${columns.map(({ name }) => name).join(',')}\n`;
  for (let from = 0; from < rows; from += rowsPerChunk) {
    const lines: string[] = [];
    for (let row = from; row < Math.min(from + rowsPerChunk, rows); row++) {
      lines.push(columns.map(({ values }) => text(values[row] as number | bigint)).join(','));
    }
    yield `${lines.join('\n')}\n`;
  }
}

const rowsPerChunk = 4096;

function text(value: number | bigint): string {
  return Number.isNaN(value) ? 'nan' : Object.is(value, -0) ? '0' : String(value);
}
