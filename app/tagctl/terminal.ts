// tagctl/terminal.ts - what the place we print to can show: colour, Unicode, how wide.
//
// Decided once from the stream and the environment; everything that prints takes the answer and never asks itself.

export interface Terminal {
  tty: boolean;
  colour: boolean;
  unicode: boolean;
  columns: number;
}

type Output = Pick<NodeJS.WriteStream, 'isTTY'> & { columns?: number };

/** 80 columns where nobody knows better, so that a pipe and a file look the same everywhere. */
export function terminalOf(stream: Output, environment: NodeJS.ProcessEnv): Terminal {
  const tty = stream.isTTY === true;
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '';
  return {
    tty,
    colour: tty && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb',
    unicode: /utf-?8/i.test(locale),
    columns: tty && stream.columns !== undefined ? Math.max(40, stream.columns) : 80,
  };
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'blue' | 'magenta';

const codes: Record<Style, readonly [number, number]> = {
  bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], blue: [34, 39], magenta: [35, 39], cyan: [36, 39],
};

/** Wraps `text` in a style if the terminal shows colours. */
export function paint(text: string, style: Style, terminal: Pick<Terminal, 'colour'>): string {
  if (!terminal.colour) return text;
  const [on, off] = codes[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

// Names and labels come from other people: a control character in one must not steer the terminal of who reads it.
// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g;
export function printable(text: string): string { return text.replaceAll(control, '?'); }

/** Columns of text, padded; numbers to the right where `right` says so. Widths count visible characters. */
export function table(rows: readonly (readonly string[])[], right: readonly boolean[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => { widths[i] = Math.max(widths[i] ?? 0, visible(cell)); });
  return rows.map(row => row.map((cell, i) => {
    const padding = ' '.repeat((widths[i] ?? 0) - visible(cell));
    return right[i] ? padding + cell : cell + padding;
  }).join('  ').trimEnd());
}

/** Characters that take a place on the screen: colours do not. */
export function visible(text: string): number {
  // oxlint-disable-next-line no-control-regex
  return [...text.replaceAll(/\u001b\[\d+m/g, '')].length;
}
