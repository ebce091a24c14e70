// tagctl/plot.ts - a histogram or a rate against time as characters, for a look and not for a paper.
//
// Each column of dots shows the smallest and the largest of all bins it covers, so a single high bin among a million
// stays visible. Bins without a value (NaN) leave a gap. The result depends on its arguments alone.
import { axisFor, roundStep, roundTicks, tickLabel, type Axis } from './axis.ts';
import { brailleOrAscii, type Canvas } from './canvas.ts';
import { paint, visible, type Terminal } from './terminal.ts';

export interface Series {
  /** Left edges, ascending; with `unequal` one more than values, and the width plays no part. */
  x: ArrayLike<number>;
  y: ArrayLike<number | bigint>;
  /** Bin k covers [x[k], x[k] + width). */
  width: number;
  /** Bins between entries are not listed because they are 0. */
  sparse?: boolean;
  unequal?: boolean;
}

export interface PlotOptions {
  title: string;
  /** A label with its unit in parentheses, as in the table of measurements: `time (ps)`. */
  xLabel: string;
  yLabel: string;
  terminal: Pick<Terminal, 'colour' | 'unicode' | 'columns'>;
  rows?: number;
  log?: boolean;
  /** x from its lowest edge above 0, by powers of ten. */
  logX?: boolean;
}

/** Lines without a line break at the end; none is longer than the terminal is wide. */
export function plot(series: Series, options: PlotOptions): string[] {
  const { terminal, log = false, logX = false, rows = 16 } = options;
  const [xName, xUnit] = splitLabel(options.xLabel);
  const [yName, yUnit] = splitLabel(options.yLabel);
  const n = Math.min(series.x.length, series.y.length);
  const [largest, smallestPositive] = extremes(series.y, n);
  const range = log ? logRange(smallestPositive, largest) : linearRange(largest, rows);
  const yAxis = axisFor(range.to, yUnit);
  const labels = range.ticks.map(value => tickLabel(value, yAxis));
  const gutter = Math.max(...labels.map(visible));
  const columns = Math.max(10, terminal.columns - gutter - 2);
  const canvas = brailleOrAscii(columns, rows, terminal.unicode);
  const along = logX ? (value: number): number => Math.log10(Math.max(value, 1)) : (value: number): number => value;
  const from = n > 0 ? along(Number(series.x[0])) : 0;
  const to = n > 0 ? along(rightOf(series, n - 1)) : 1;
  const heightOf = (value: number): number => {
    const at = log ? Math.log10(Math.max(value, range.from)) : value;
    const [low, high] = log ? [Math.log10(range.from), Math.log10(range.to)] : [range.from, range.to];
    return Math.round((at - low) / (high - low) * (canvas.dotRows - 1));
  };
  draw(canvas, series, n, from, to, along, heightOf);

  const xAxis = axisFor(Math.max(Math.abs(from), Math.abs(to)), xUnit);
  const box = boxOf(terminal);
  const body = canvas.lines().map(line => paint(line, 'cyan', terminal));
  if (n === 0 || Number.isNaN(largest)) body[Math.floor(rows / 2)] = centre('no data', columns);
  const tickRows = new Map(range.ticks.map((value, i) => [rows - 1 - Math.floor(heightOf(value) / canvas.dotsPerRow), labels[i] ?? '']));
  const lines = body.map((line, row) => {
    const label = tickRows.get(row);
    const left = `${(label ?? '').padStart(gutter)} ${label === undefined ? box.side : box.tick}`;
    return `${paint(left, 'dim', terminal)}${line}`.trimEnd();
  });
  const floor = bottom({ from, to, columns, axis: xAxis, box, ...(logX ? { unit: xUnit } : {}) });
  return [
    paint(fit(options.title, terminal.columns), 'bold', terminal),
    paint(fit(withUnit(yName, yAxis) + (log ? ', log' : ''), terminal.columns), 'dim', terminal),
    ...lines,
    paint(`${' '.repeat(gutter)} ${box.corner}${floor.marks}`, 'dim', terminal),
    paint(`${' '.repeat(gutter)}  ${floor.labels}`.trimEnd(), 'dim', terminal),
    paint(`${' '.repeat(gutter)}  ${centre(logX ? `${xName}, log` : withUnit(xName, xAxis), columns)}`.trimEnd(), 'dim', terminal),
  ];
}

/** `[largest, smallest above 0]` of the finite values; NaN if there are none. */
function extremes(y: ArrayLike<number | bigint>, n: number): [number, number] {
  let largest = NaN;
  let positive = NaN;
  for (let k = 0; k < n; k++) {
    const value = Number(y[k]);
    if (!Number.isFinite(value)) continue;
    if (!(value <= largest)) largest = value;
    if (value > 0 && !(value >= positive)) positive = value;
  }
  return [largest, positive];
}

interface Range { from: number; to: number; ticks: number[] }

/** From 0: a rate that only looks unsteady because its axis starts at 99 % misleads. */
function linearRange(largest: number, rows: number): Range {
  const top = largest > 0 ? largest : 1;
  const step = roundStep(top / Math.max(1, Math.floor(rows / 4)));
  const to = Math.max(step, Math.ceil(top / step - 1e-9) * step);
  return { from: 0, to, ticks: roundTicks(0, to, to / step) };
}

function logRange(smallest: number, largest: number): Range {
  if (!(smallest > 0)) return { from: 1, to: 10, ticks: [1, 10] };
  const first = Math.floor(Math.log10(smallest) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(largest) - 1e-9));
  const every = Math.ceil((last - first) / 6);
  const ticks: number[] = [];
  for (let power = first; power <= last; power += every) ticks.push(10 ** power);
  return { from: 10 ** first, to: 10 ** last, ticks };
}

/** Finds the smallest and largest value under each column of dots and joins neighbours with vertical strokes. */
function draw(
  canvas: Canvas, series: Series, n: number, from: number, to: number, along: (x: number) => number, heightOf: (value: number) => number,
): void {
  const { x, y, sparse = false } = series;
  const low = new Float64Array(canvas.dotColumns).fill(sparse && n > 0 ? 0 : NaN);
  const high = low.slice();
  const perPs = canvas.dotColumns / (to - from);
  for (let k = 0; k < n; k++) {
    const value = Number(y[k]);
    if (!Number.isFinite(value)) continue;
    const first = Math.min(canvas.dotColumns - 1, Math.floor((along(Number(x[k])) - from) * perPs + 1e-6));
    const last = Math.max(first, Math.min(canvas.dotColumns, Math.ceil((along(rightOf(series, k)) - from) * perPs - 1e-6)) - 1);
    for (let column = first; column <= last; column++) {
      if (!(low[column]! <= value)) low[column] = value;
      if (!(high[column]! >= value)) high[column] = value;
    }
  }
  let previousLow = NaN;
  let previousHigh = NaN;
  for (let column = 0; column < canvas.dotColumns; column++) {
    const bottom = heightOf(low[column]!);
    const top = heightOf(high[column]!);
    if (!Number.isNaN(bottom)) {
      const strokeFrom = previousHigh < bottom ? previousHigh + 1 : bottom;
      const strokeTo = previousLow > top ? previousLow - 1 : top;
      for (let row = Math.min(strokeFrom, bottom); row <= Math.max(strokeTo, top); row++) canvas.dot(column, row);
    }
    previousLow = bottom;
    previousHigh = top;
  }
}

function rightOf({ x, width, unequal = false }: Series, k: number): number { return unequal ? Number(x[k + 1]) : Number(x[k]) + width; }

interface Floor { from: number; to: number; columns: number; axis: Axis; box: { floor: string; mark: string }; unit?: string }

/** The x axis: marks under the columns of round numbers, labels below that do not touch each other. With `unit`, powers of ten. */
export function bottom({ from, to, columns, axis, box, unit }: Floor): { marks: string; labels: string } {
  const marks = Array.from({ length: columns }, () => box.floor);
  const labels = Array.from({ length: columns }, () => ' ');
  let free = 0;
  for (const { at: value, label } of unit === undefined ? roundMarks(from, to, columns, axis) : decades(from, to, columns, unit)) {
    const column = Math.min(columns - 1, Math.max(0, Math.floor((value - from) / (to - from) * columns)));
    const at = Math.min(columns - label.length, Math.max(0, column - Math.floor(label.length / 2)));
    if (at < free) continue;
    marks[column] = box.mark;
    [...label].forEach((character, i) => { labels[at + i] = character; });
    free = at + label.length + 1;
  }
  return { marks: marks.join(''), labels: labels.join('') };
}

interface Mark { at: number; label: string }

function roundMarks(from: number, to: number, columns: number, axis: Axis): Mark[] {
  return roundTicks(from * axis.scale, to * axis.scale, columns / 9).map(shown => ({ at: shown / axis.scale, label: tickLabel(shown, { scale: 1, unit: axis.unit }) }));
}

/** Powers of ten, or within less than two of them 1, 2 and 5 too; each label has its own prefix. */
function decades(from: number, to: number, columns: number, unit: string): Mark[] {
  const step = Math.max(1, Math.ceil((to - from) / (columns / 9))), marks: Mark[] = [];
  for (let power = Math.floor(from); power <= to; power++) {
    for (const digit of to - from < 2 ? [1, 2, 5] : [1]) {
      const at = power + Math.log10(digit), axis = axisFor(digit * 10 ** power, unit);
      if (at < from - 1e-9 || at > to + 1e-9 || power % step !== 0) continue;
      marks.push({ at, label: withSuffix(tickLabel(digit * 10 ** power, axis), axis) });
    }
  }
  return marks;
}

function withSuffix(label: string, { unit }: Axis): string { return unit === '' ? label : `${label} ${unit}`; }

export function boxOf({ unicode }: Pick<Terminal, 'unicode'>) {
  return unicode ? { side: '│', tick: '┤', corner: '└', floor: '─', mark: '┬' } : { side: '|', tick: '+', corner: '+', floor: '-', mark: '+' };
}

/** `rate (Hz)` -> `['rate', 'Hz']`. */
export function splitLabel(label: string): [string, string] {
  const match = /^(.*) \((ps|Hz)\)$/.exec(label);
  return match ? [match[1] ?? '', match[2] ?? ''] : [label, ''];
}

export function withUnit(name: string, axis: Axis): string { return axis.unit === '' ? name : `${name} (${axis.unit})`; }
export function centre(text: string, columns: number): string { return ' '.repeat(Math.max(0, Math.floor((columns - text.length) / 2))) + text; }
export function fit(text: string, columns: number): string { return text.length > columns ? `${text.slice(0, columns - 3)}...` : text; }
