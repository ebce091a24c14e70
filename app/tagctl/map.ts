// tagctl/map.ts - values over two axes as characters: darker, or warmer where the terminal has colours, is more.
//
// Each character shows the largest of the cells it covers, so a single high cell in a large map stays visible. Cells of 0 and
// cells without a value are blank; everything above 0 can be seen.
import { axisFor, roundTicks, tickLabel } from './axis.ts';
import { bottom, boxOf, centre, fit, splitLabel, withUnit, type PlotOptions } from './plot.ts';
import { paint, visible, type Style, type Terminal } from './terminal.ts';

export interface MapSeries {
  /** Left edges of equal bins along the horizontal axis, ascending. */
  x: ArrayLike<number>;
  /** Lower edges along the vertical axis. */
  y: ArrayLike<number>;
  /** [y, x] in rows. */
  values: ArrayLike<number | bigint>;
}

const colours: readonly Style[] = ['blue', 'cyan', 'green', 'yellow', 'red'];

/** Lines without a line break at the end; none is longer than the terminal is wide. */
export function plotMap({ x, y, values }: MapSeries, options: PlotOptions & { valueLabel: string }): string[] {
  const { terminal, rows: most = 16, log = false } = options;
  const [xName, xUnit] = splitLabel(options.xLabel), [yName, yUnit] = splitLabel(options.yLabel);
  const [left, right] = rangeOf(x), [low, high] = rangeOf(y), rows = Math.max(1, Math.min(most, y.length));
  const xAxis = axisFor(Math.max(Math.abs(left), Math.abs(right)), xUnit), yAxis = axisFor(Math.max(Math.abs(low), Math.abs(high)), yUnit);
  const ticks = new Map(roundTicks(low * yAxis.scale, high * yAxis.scale, rows / 4).map(shown => (
    [rows - 1 - Math.min(rows - 1, Math.floor((shown / yAxis.scale - low) / (high - low) * rows)), tickLabel(shown, { scale: 1, unit: yAxis.unit })])));
  const gutter = Math.max(...[...ticks.values()].map(visible), 1), columns = Math.max(10, terminal.columns - gutter - 2), box = boxOf(terminal);
  const cells = largestOf({ x, y, values }, columns, rows), largest = cells.reduce((most, value) => (value > most ? value : most), 0);
  const body = Array.from({ length: rows }, (_, row) => {
    const label = ticks.get(row), line = cells.subarray((rows - 1 - row) * columns, (rows - row) * columns);
    return `${paint(`${(label ?? '').padStart(gutter)} ${label === undefined ? box.side : box.tick}`, 'dim', terminal)}${shaded(line, largest, log, terminal)}`.trimEnd();
  });
  const floor = bottom({ from: left, to: right, columns, axis: xAxis, box });
  return [
    paint(fit(options.title, terminal.columns), 'bold', terminal),
    paint(fit(withUnit(yName, yAxis), terminal.columns), 'dim', terminal),
    ...body,
    paint(`${' '.repeat(gutter)} ${box.corner}${floor.marks}`, 'dim', terminal),
    paint(`${' '.repeat(gutter)}  ${floor.labels}`.trimEnd(), 'dim', terminal),
    paint(`${' '.repeat(gutter)}  ${centre(withUnit(xName, xAxis), columns)}`.trimEnd(), 'dim', terminal),
    largest > 0 ? `${' '.repeat(gutter)}  ${scale(terminal)} 1 to ${tickLabel(largest, { scale: 1, unit: '' })} ${options.valueLabel} a cell${log ? ', log' : ''}` : `${' '.repeat(gutter)}  no data`,
  ];
}

function rangeOf(edges: ArrayLike<number>): [number, number] {
  const n = edges.length;
  if (n === 0) return [0, 1];
  const first = Number(edges[0]), last = Number(edges[n - 1]);
  return [first, n > 1 ? last + (last - first) / (n - 1) : first + 1];
}

/** The largest cell under each character, row 0 lowest; a small map's cells repeat. */
function largestOf({ x, y, values }: MapSeries, columns: number, rows: number): Float64Array {
  const cells = new Float64Array(columns * rows), span = (k: number, n: number, characters: number): [number, number] => {
    const first = Math.floor(k * characters / n);
    return [first, Math.max(first + 1, Math.floor((k + 1) * characters / n))];
  };
  for (let j = 0; j < y.length; j++) {
    const [bottom, top] = span(j, y.length, rows);
    for (let i = 0; i < x.length; i++) {
      const value = Number(values[j * x.length + i]), [from, to] = span(i, x.length, columns);
      for (let row = bottom; row < top; row++) for (let column = from; column < to; column++) if (value > cells[row * columns + column]!) cells[row * columns + column] = value;
    }
  }
  return cells;
}

function shadesOf({ colour, unicode }: Pick<Terminal, 'colour' | 'unicode'>): string { return colour ? (unicode ? '█████' : '#####') : unicode ? '░▒▓█' : '.:-=+*#%@'; }

/** Neighbours of one shade are painted together. */
function shaded(line: Float64Array, largest: number, log: boolean, terminal: Pick<Terminal, 'colour' | 'unicode'>): string {
  const shades = [...shadesOf(terminal)];
  const levels = Array.from(line, value => (value > 0 ? Math.max(0, Math.ceil((log && largest > 1 ? Math.log(Math.max(value, 1)) / Math.log(largest) : value / largest) * shades.length) - 1) : -1));
  let text = '';
  for (let i = 0, to = 0; i < levels.length; i = to) {
    for (to = i; to < levels.length && levels[to] === levels[i];) to++;
    const level = levels[i]!, run = (level < 0 ? ' ' : shades[level]!).repeat(to - i);
    text += level < 0 ? run : terminal.colour ? paint(run, colours[level]!, terminal) : run;
  }
  return text;
}

function scale(terminal: Pick<Terminal, 'colour' | 'unicode'>): string {
  return [...shadesOf(terminal)].map((shade, level) => (terminal.colour ? paint(shade, colours[level]!, terminal) : shade)).join('');
}
