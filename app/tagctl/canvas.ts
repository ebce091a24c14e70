// tagctl/canvas.ts - small dots out of characters: braille where the terminal knows Unicode, `'.:` where not.

export interface Canvas {
  dotColumns: number;
  dotRows: number;
  dotsPerRow: number;
  /** Row 0 is the lowest; dots outside are ignored. */
  dot(column: number, row: number): void;
  lines(): string[];
}

/** Bits of a braille cell, [column][row from the top]. @see Unicode block U+2800 */
const braille = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
const ascii = [[1, 2]];

export function brailleOrAscii(columns: number, rows: number, unicode: boolean): Canvas {
  const bits = unicode ? braille : ascii;
  const across = bits.length;
  const dotsPerRow = bits[0]!.length;
  const cells = new Uint8Array(columns * rows);
  const glyph = unicode ? (cell: number) => cell === 0 ? ' ' : String.fromCharCode(0x2800 + cell) : (cell: number) => ` '.:`[cell] ?? ' ';
  return {
    dotColumns: columns * across, dotRows: rows * dotsPerRow, dotsPerRow,
    dot(column, row) {
      if (column < 0 || column >= columns * across || row < 0 || row >= rows * dotsPerRow) return;
      const fromTop = rows * dotsPerRow - 1 - row;
      const cell = Math.floor(fromTop / dotsPerRow) * columns + Math.floor(column / across);
      cells[cell]! |= bits[column % across]![fromTop % dotsPerRow]!;
    },
    lines: () => Array.from({ length: rows }, (_, row) => Array.from(cells.subarray(row * columns, (row + 1) * columns), glyph).join('')),
  };
}

/** One character per value, from 0 to the largest; a space where there is none. */
export function sparkline(values: readonly (number | null)[], unicode: boolean): string {
  const levels = unicode ? '▁▂▃▄▅▆▇█' : '_.-=+*%#';
  const largest = Math.max(0, ...values.filter(value => value !== null));
  return values.map(value => value === null || Number.isNaN(value) ? ' ' : levels[largest > 0 ? Math.round(value / largest * 7) : 0]).join('');
}

/** A horizontal bar of `part` (0 to 1) of `columns`. */
export function bar(part: number, columns: number, unicode: boolean): string {
  const clipped = Math.max(0, Math.min(1, Number.isNaN(part) ? 0 : part));
  if (!unicode) return '#'.repeat(Math.round(clipped * columns));
  const eighths = Math.round(clipped * columns * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + (['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '');
}
