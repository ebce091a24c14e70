// core/units.ts - quantities as people write them (16ps, 0.5V, 2h) and as they read them (1.23 Mcps).
//
// A number without a unit is refused: 1000 may be picoseconds to one reader and milliseconds to the next.
import { TaggerError } from './errors.ts';

export type Dimension = 'time' | 'voltage' | 'rate' | 'count';

/** Factor to the unit that names end with: ps, V, Hz. */
const factors: Record<Exclude<Dimension, 'count'>, Record<string, number>> = {
  time: { ps: 1, ns: 1e3, us: 1e6, 'µs': 1e6, 'μs': 1e6, ms: 1e9, s: 1e12, min: 60e12, h: 3600e12, d: 86400e12 },
  voltage: { V: 1, mV: 1e-3, uV: 1e-6, 'µV': 1e-6, 'μV': 1e-6 },
  rate: { Hz: 1, kHz: 1e3, MHz: 1e6, GHz: 1e9, mHz: 1e-3, cps: 1, kcps: 1e3, Mcps: 1e6 },
};

const example: Record<Exclude<Dimension, 'count'>, string> = { time: '16ps', voltage: '0.5V', rate: '10kHz' };

/**
 * Reads a quantity.
 *
 * @param fractions a time need not be a whole number of ps: a mean period
 * @returns ps for a time (a whole number), V for a voltage, Hz for a rate
 * @throws {TaggerError} `usage` without a unit, with an unknown unit, or for a time that is not a whole number of ps
 */
export function parseQuantity(text: string, dimension: Exclude<Dimension, 'count'>, fractions = false): number {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-zA-Zµμ]*)$/i.exec(text.trim());
  const units = factors[dimension];
  const known = Object.keys(units).filter(unit => !/[µμ]/.test(unit)).join(', ');
  const hint = `Write a number with one of the units ${known}, for example ${example[dimension]}.`;
  if (!match) throw new TaggerError('usage', `Cannot read '${text}' as a ${dimension}.`, { hint });
  const [, digits = '', unit = ''] = match;
  if (unit === '') throw new TaggerError('usage', `Cannot read '${text}' as a ${dimension}: the unit is missing.`, { hint });
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (factor === undefined) {
    throw new TaggerError('usage', `Cannot read '${text}' as a ${dimension}: '${unit}' is not a unit of ${dimension}.`, { hint });
  }
  if (dimension !== 'time') return scale(Number(digits), factor);
  const ps = Number(digits) * factor;
  if (fractions) return ps;
  const whole = Math.round(ps);
  // 0.1 ns is 100 ps although 0.1 has no exact double: a time that is whole but for rounding is whole.
  if (Math.abs(ps - whole) > Math.abs(ps) * 1e-12) {
    throw new TaggerError('usage', `Cannot read '${text}' as a time: it is not a whole number of picoseconds.`, { hint: 'The smallest step is 1ps.' });
  }
  return whole;
}

/** 500 mV is 0.5 V and not 0.5000000000000001: divide where the factor is a fraction. */
function scale(value: number, factor: number): number {
  return factor < 1 ? value / Math.round(1 / factor) : value * factor;
}

/** `1234567, 'Hz'` -> `1.235 MHz`. */
export function formatSi(value: number, unit: string, digits = 4): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? `- ${unit}` : `${value} ${unit}`;
  if (value === 0) return `0 ${unit}`;
  // Rounded first: 999.99 ms is 1 s and not 1000 ms.
  const rounded = Math.abs(Number(value.toPrecision(digits)));
  const exponent = Math.max(-4, Math.min(4, Math.floor(Math.log10(rounded) / 3)));
  const prefix = ['p', 'n', 'u', 'm', '', 'k', 'M', 'G', 'T'][exponent + 4] ?? '';
  return `${Number((value / 1e3 ** exponent).toPrecision(digits))} ${prefix}${unit}`;
}

/** A duration in ps as a person reads it: `16 ps`, `1.5 ns`, `2 h`. */
export function formatPs(ps: number): string {
  if (Math.abs(ps) >= 3600e12) return `${Number((ps / 3600e12).toPrecision(4))} h`;
  return Math.abs(ps) < 1000 ? `${ps} ps` : formatSi(ps * 1e-12, 's');
}
