// tagctl/axis.ts - ticks of an axis: round numbers, one SI prefix for the whole axis.
import { formatSi } from '../core/units.ts';

export interface Axis {
  /** Factor from the data's unit to the one shown. */
  scale: number;
  /** The unit shown; '' where the values are plain counts. */
  unit: string;
}

const prefixes = [
  { power: 1e-12, prefix: 'p' }, { power: 1e-9, prefix: 'n' }, { power: 1e-6, prefix: 'u' }, { power: 1e-3, prefix: 'm' },
  { power: 1, prefix: '' }, { power: 1e3, prefix: 'k' }, { power: 1e6, prefix: 'M' }, { power: 1e9, prefix: 'G' },
];

/** The prefix in which the largest value of the axis has one to three digits before the point. */
export function axisFor(largest: number, unit: string): Axis {
  const [base, factor] = unit === 'ps' ? ['s', 1e-12] : [unit, 1];
  if (base !== 's' && base !== 'Hz') return { scale: 1, unit };
  const value = Math.abs(largest) * factor;
  // An hour is 3600 s and not 3.6 ks; nobody writes kiloseconds.
  const usable = prefixes.filter(({ power }) => base === 's' ? power <= 1 : power >= 1);
  const { power, prefix } = usable.findLast(({ power }) => value >= power * (1 - 1e-9)) ?? usable[base === 's' ? 0 : usable.length - 1]!;
  const chosen = value === 0 ? { power: base === 's' ? 1e-12 : 1, prefix: base === 's' ? 'p' : '' } : { power, prefix };
  return { scale: factor / chosen.power, unit: chosen.prefix + base };
}

/** Multiples of 1, 2 or 5 times a power of ten inside [from, to], about `count` of them. */
export function roundTicks(from: number, to: number, count: number): number[] {
  const step = roundStep((to - from) / Math.max(1, count));
  if (!(step > 0) || !Number.isFinite(step)) return [from];
  const ticks: number[] = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + step * 1e-9; k++) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

/** The smallest 1, 2 or 5 times a power of ten that is at least `least`. */
export function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map(digit => digit * power).find(step => step >= least * (1 - 1e-9)) ?? power * 10;
}

/** A tick in the axis' unit; large plain counts get a prefix: 20k. */
export function tickLabel(value: number, axis: Axis): string {
  const shown = value * axis.scale;
  if (Math.abs(shown) >= 10_000 && axis.unit === '') return formatSi(shown, '').replace(' ', '').trim();
  return String(Number(shown.toPrecision(6)));
}
