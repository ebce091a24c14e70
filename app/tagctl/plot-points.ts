// tagctl/plot-points.ts - values at points as a line of characters, on axes that are linear or logarithmic.
//
// Unlike a histogram nothing begins at 0: a frequency is looked at for its last digits, a deviation for its slope. Points without
// a value (NaN), or not above 0 on a logarithmic axis, leave a gap. The result depends on its arguments alone.
import { axisFor, roundStep, roundTicks, tickLabel, type Axis } from './axis.ts';
import { brailleOrAscii, type Canvas } from './canvas.ts';
import { formatSi } from '../core/units.ts';
import { paint, visible, type Terminal } from './terminal.ts';

export interface PointOptions {
  title: string;
  /** Labels with their units in parentheses: `tau (s)`. */
  xLabel: string;
  yLabel: string;
  terminal: Pick<Terminal, 'colour' | 'unicode' | 'columns'>;
  rows?: number;
  logX?: boolean;
  logY?: boolean;
}

/** Where a value lies on an axis, 0 to 1, and the values that have a label. */
interface Scale { label: string; at: (value: number) => number; ticks: { at: number; label: string }[] }

/** Lines without a line break at the end; none is longer than the terminal is wide. */
export function plotPoints(x: ArrayLike<number>, y: ArrayLike<number | bigint>, options: PointOptions): string[] {
  const { terminal, rows = 16, logX = false, logY = false } = options;
  const points = Array.from({ length: Math.min(x.length, y.length) }, (_, i): [number, number] => [Number(x[i]), Number(y[i])]);
  const isShown = ([a, b]: [number, number]): boolean => Number.isFinite(a) && Number.isFinite(b) && (!logX || a > 0) && (!logY || b > 0);
  const shown = points.filter(isShown);
  const yScale = scaleOf(shown.map(([, b]) => b), options.yLabel, logY, rows / 4);
  const gutter = Math.max(0, ...yScale.ticks.map(({ label }) => visible(label)));
  const columns = Math.max(10, terminal.columns - gutter - 2);
  const xScale = scaleOf(shown.map(([a]) => a), options.xLabel, logX, columns / 9);
  const canvas = brailleOrAscii(columns, rows, terminal.unicode);
  let last: [number, number] | undefined;
  for (const point of points) {
    const place: [number, number] | undefined = isShown(point)
      ? [Math.round(xScale.at(point[0]) * (canvas.dotColumns - 1)), Math.round(yScale.at(point[1]) * (canvas.dotRows - 1))] : undefined;
    if (place) stroke(canvas, last ?? place, place);
    last = place;
  }
  const box = terminal.unicode ? { side: '│', tick: '┤', corner: '└', floor: '─', mark: '┬' } : { side: '|', tick: '+', corner: '+', floor: '-', mark: '+' };
  const body = canvas.lines().map(line => paint(line, 'cyan', terminal));
  if (shown.length === 0) body[Math.floor(rows / 2)] = centre('no data', columns);
  const tickRows = new Map(yScale.ticks.map(({ at, label }) => [rows - 1 - Math.floor(Math.round(at * (canvas.dotRows - 1)) / canvas.dotsPerRow), label]));
  const lines = body.map((line, row) => {
    const label = tickRows.get(row);
    return `${paint(`${(label ?? '').padStart(gutter)} ${label === undefined ? box.side : box.tick}`, 'dim', terminal)}${line}`.trimEnd();
  });
  const marks = Array.from({ length: columns }, () => box.floor), labels = Array.from({ length: columns }, () => ' ');
  let free = 0;
  for (const { at, label } of xScale.ticks) {
    const column = Math.min(columns - 1, Math.floor(at * columns)), from = Math.min(columns - label.length, Math.max(0, column - Math.floor(label.length / 2)));
    if (from < free) continue;
    marks[column] = box.mark;
    [...label].forEach((character, i) => { labels[from + i] = character; });
    free = from + label.length + 1;
  }
  const indent = ' '.repeat(gutter);
  return [
    paint(fit(options.title, terminal.columns), 'bold', terminal), paint(fit(yScale.label, terminal.columns), 'dim', terminal), ...lines,
    paint(`${indent} ${box.corner}${marks.join('')}`, 'dim', terminal), paint(`${indent}  ${labels.join('')}`.trimEnd(), 'dim', terminal),
    paint(`${indent}  ${centre(fit(xScale.label, columns), columns)}`.trimEnd(), 'dim', terminal),
  ];
}

function scaleOf(values: readonly number[], label: string, log: boolean, count: number): Scale {
  const [, name = label, unit = ''] = /^(.*) \(([^()]+)\)$/.exec(label) ?? [];
  const low = values.reduce((a, b) => Math.min(a, b), Infinity), high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (values.length === 0) return { label: named(name, unit), at: () => 0, ticks: [] };
  return log ? logarithmic(low, high, name, unit, count) : linear(low, high, name, unit, count);
}

/** Values that agree in many digits are shown as what they differ by. */
function linear(low: number, high: number, name: string, unit: string, count: number): Scale {
  const largest = Math.max(Math.abs(low), Math.abs(high)), isNarrow = high - low < largest * 1e-4 && low !== high;
  const base = isNarrow ? Number(((low + high) / 2).toPrecision(Math.min(15, 1 + Math.ceil(Math.log10(largest / (high - low)))))) : 0;
  const margin = high > low ? (high - low) * 0.02 : Math.max(Math.abs(low) * 0.01, Number.MIN_VALUE * 2 ** 60);
  const from = low - base - margin, to = high - base + margin, step = roundStep((to - from) / Math.max(2, count));
  const axis = axisOf(Math.max(Math.abs(from), Math.abs(to)), unit), at = (value: number): number => (value - base - from) / (to - from);
  const ticks = roundTicks(from, to, (to - from) / step).map(value => ({ at: at(value + base), label: tickLabel(value, axis) }));
  return { label: named(base === 0 ? name : `${name} - ${base} ${unit}`.trimEnd(), axis.unit), at, ticks };
}

/** Differences of frequencies go below 1 Hz, where rates have no prefix. */
function axisOf(largest: number, unit: string): Axis {
  if (unit !== 'Hz' || largest >= 1) return axisFor(largest, unit);
  return largest >= 1e-3 ? { scale: 1e3, unit: 'mHz' } : largest >= 1e-6 ? { scale: 1e6, unit: 'uHz' } : { scale: 1e9, unit: 'nHz' };
}

/** Powers of ten; where there are less than two, also twice and five times one. */
function logarithmic(low: number, high: number, name: string, unit: string, count: number): Scale {
  const from = Math.log10(low) - 0.02, to = Math.log10(high) + 0.02, at = (value: number): number => (Math.log10(value) - from) / (to - from);
  const decades = Array.from({ length: Math.floor(to) - Math.ceil(from) + 3 }, (_, i) => Math.ceil(from) - 1 + i);
  const every = Math.max(1, Math.ceil((to - from) / Math.max(2, count)));
  const values = to - from < 2 ? decades.flatMap(power => [1, 2, 5].map(digit => digit * 10 ** power)) : decades.filter(power => power % every === 0).map(power => 10 ** power);
  const [base, factor] = unit === 'ps' ? ['s', 1e-12] : [unit, 1];
  const written = (value: number): string => (base === 's' || base === 'Hz' ? formatSi(value * factor, base).replace(' ', '') : logLabel(value));
  const ticks = values.filter(value => at(value) >= 0 && at(value) <= 1).map(value => ({ at: at(value), label: written(value) }));
  return { label: `${name}${base === '' || base === 's' || base === 'Hz' ? '' : ` (${base})`}, log`, at, ticks: ticks.length > 0 ? ticks : [{ at: 0, label: written(low) }] };
}

function logLabel(value: number): string { 
  const rounded = Number(value.toPrecision(3));
  return value >= 0.01 && value < 1e5 ? String(rounded) : rounded.toExponential().replace('+', '');
}

/** A straight line of dots. */
function stroke(canvas: Canvas, [fromColumn, fromRow]: [number, number], [toColumn, toRow]: [number, number]): void {
  const steps = Math.max(1, Math.abs(toColumn - fromColumn), Math.abs(toRow - fromRow));
  for (let i = 0; i <= steps; i++) canvas.dot(Math.round(fromColumn + (toColumn - fromColumn) * i / steps), Math.round(fromRow + (toRow - fromRow) * i / steps));
}

function named(name: string, unit: string): string { return unit === '' ? name : `${name} (${unit})`; }
function centre(text: string, columns: number): string { return ' '.repeat(Math.max(0, Math.floor((columns - text.length) / 2))) + text; }
function fit(text: string, columns: number): string { return text.length > columns ? `${text.slice(0, columns - 3)}...` : text; }
