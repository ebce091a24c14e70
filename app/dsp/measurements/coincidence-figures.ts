// dsp/measurements/coincidence-figures.ts - rates, accidentals, CAR, efficiencies and heralded g2 out of counts, each with its error.
//
// Counts are Poissonian; what is part of something else (a coincidence among singles) is treated as such where errors are propagated.
import type { CheckedConfig } from '../../core/measurements.ts';
import type { ResultInfo } from '../../core/results.ts';
import type { Payload, Totals } from '../measurement.ts';
import { coincidencesOf } from './coincidence-rates.ts';
import { narrowNumbers } from './counts.ts';

interface Figure { value: number; error: number }

const nothing: Figure = { value: NaN, error: NaN };

export class CoincidenceTotals implements Totals {
  readonly #set: ReturnType<typeof coincidencesOf>;
  #singles: readonly number[] = [];
  #prompt: readonly number[] = [];
  #shifted: readonly number[] = [];
  #shiftedPs: readonly number[] = [];
  #heralds: readonly number[] = [];

  constructor(config: CheckedConfig) {
    this.#set = coincidencesOf(config);
    this.clear();
  }

  take({ scalars }: Payload): void {
    const list = (key: string): readonly number[] => scalars[key] as readonly number[];
    this.#singles = list('singles');
    this.#prompt = list('prompt');
    this.#shifted = list('shifted');
    this.#shiftedPs = list('shiftedPs');
    this.#heralds = list('heralds');
  }

  clear(): void {
    const { channels, groups, heralded } = this.#set, none = groups.map(() => 0);
    this.#singles = channels.map(() => 0);
    this.#prompt = this.#shifted = this.#shiftedPs = none;
    this.#heralds = Array.from({ length: 4 * heralded.length }, () => 0);
  }

  evaluate(getter: string, args: Readonly<Record<string, unknown>>, { liveTimePs }: ResultInfo): unknown {
    const { channels, groups } = this.#set, shifted = args['accidentals'] === 'shifted';
    const perGroup = (figure: (g: number) => number): Float64Array => Float64Array.from(groups, (_, g) => figure(g));
    const accidentals = (g: number): Figure => (shifted ? this.#measured(g, liveTimePs) : this.#byFormula(g, liveTimePs));
    const hz = (count: number): number => (liveTimePs > 0 ? count / liveTimePs * 1e12 : NaN);
    switch (getter) {
      case 'getChannels': return Int32Array.from(channels);
      case 'getSingles': return narrowNumbers(this.#singles);
      case 'getSinglesRate': return Float64Array.from(this.#singles, hz);
      case 'getSinglesRateError': return Float64Array.from(this.#singles, count => hz(Math.sqrt(count)));
      case 'getIndex': return Float64Array.from(groups, (_, g) => g);
      case 'getCoincidences': return narrowNumbers(this.#prompt);
      case 'getData': case 'getDataNormalized': return perGroup(g => hz(this.#prompt[g]!));
      case 'getDataError': return perGroup(g => hz(Math.sqrt(this.#prompt[g]!)));
      case 'getAccidentals': return perGroup(g => hz(this.#byFormula(g, liveTimePs).value));
      case 'getAccidentalsError': return perGroup(g => hz(this.#byFormula(g, liveTimePs).error));
      case 'getAccidentalsShifted': return perGroup(g => hz(this.#measured(g, liveTimePs).value));
      case 'getAccidentalsShiftedError': return perGroup(g => hz(this.#measured(g, liveTimePs).error));
      case 'getNet': return perGroup(g => hz(this.#net(g, accidentals(g)).value));
      case 'getNetError': return perGroup(g => hz(this.#net(g, accidentals(g)).error));
      case 'getCAR': return perGroup(g => this.#ratio(g, accidentals(g)).value);
      case 'getCARError': return perGroup(g => this.#ratio(g, accidentals(g)).error);
      case 'getHeralds': return Float64Array.from(groups.flatMap((_, g) => [...this.#heraldsOf(g)]));
      case 'getHeraldedG2': return perGroup(g => this.#heraldedG2(g).value);
      case 'getHeraldedG2Error': return perGroup(g => this.#heraldedG2(g).error);
      case 'getMemberGroup': return Int32Array.from(groups.flatMap((group, g) => group.map(() => g)));
      case 'getMemberChannel': return Int32Array.from(groups.flatMap(group => group.map(slot => channels[slot]!)));
      case 'getEfficiency': return Float64Array.from(groups.flatMap((group, g) => group.map((_, place) => this.#klyshko(g, place, accidentals(g)).value)));
      case 'getEfficiencyError': return Float64Array.from(groups.flatMap((group, g) => group.map((_, place) => this.#klyshko(g, place, accidentals(g)).error)));
      default: throw new Error(`no getter ${getter}`);
    }
  }

  /** n * W^(n - 1) * the product of the rates: chance that uncorrelated tags fit into a window. */
  #byFormula(g: number, livePs: number): Figure {
    const counts = this.#countsOf(g), n = counts.length;
    if (!(livePs > 0)) return nothing;
    const value = n * counts.reduce((product, count) => product * count / livePs, 1) * this.#set.windowPs ** (n - 1) * livePs;
    return { value, error: value * Math.sqrt(counts.reduce((sum, count) => sum + (count > 0 ? 1 / count : 0), 0)) };
  }

  /** The shifted channels overlap for a little less than the live time. */
  #measured(g: number, livePs: number): Figure {
    const seenPs = this.#shiftedPs[g]!, count = this.#shifted[g]!;
    return seenPs > 0 ? { value: count * livePs / seenPs, error: Math.sqrt(count) * livePs / seenPs } : nothing;
  }

  #net(g: number, { value, error }: Figure): Figure {
    const count = this.#prompt[g]!;
    return { value: count - value, error: Math.hypot(Math.sqrt(count), error) };
  }

  #ratio(g: number, { value, error }: Figure): Figure {
    const count = this.#prompt[g]!;
    if (!(value > 0)) return nothing;
    return { value: count / value, error: Math.hypot(Math.sqrt(count) / value, count * error / value ** 2) };
  }

  /** Of the arm at `place` of a pair: net coincidences / singles of the other arm. */
  #klyshko(g: number, place: number, accidental: Figure): Figure {
    const counts = this.#countsOf(g), other = counts[1 - place], count = this.#prompt[g]!;
    if (counts.length !== 2 || other === undefined || other === 0) return nothing;
    const net = count - accidental.value, value = net / other;
    // Each coincidence is one of the singles, the rest are independent of it.
    const variance = count * ((1 - value) / other) ** 2 + (other - count) * (value / other) ** 2 + (accidental.error / other) ** 2;
    return { value, error: Math.sqrt(variance) };
  }

  /** N123 * N1 / (N12 * N13); heralds fall into four classes, each a count of its own. */
  #heraldedG2(g: number): Figure {
    const [all, two, three, both] = this.#heraldsOf(g);
    if (!(two > 0 && three > 0)) return nothing;
    const value = both * all / (two * three);
    const slope = (has2: number, has3: number): number => {
      const relative = (has2 * has3) / Math.max(both, 1) + 1 / all - has2 / two - has3 / three;
      return both > 0 ? value * relative : has2 * has3 * all / (two * three);
    };
    const variance = Math.max(both, 1) * slope(1, 1) ** 2 + (two - both) * slope(1, 0) ** 2 + (three - both) * slope(0, 1) ** 2
      + (all - two - three + both) * slope(0, 0) ** 2;
    return { value, error: Math.sqrt(variance) };
  }

  #heraldsOf(g: number): [all: number, two: number, three: number, both: number] {
    const k = this.#set.heralded.indexOf(this.#set.groups[g]!);
    return k < 0 ? [NaN, NaN, NaN, NaN] : this.#heralds.slice(4 * k, 4 * k + 4) as [number, number, number, number];
  }

  #countsOf(g: number): number[] { return this.#set.groups[g]!.map(slot => this.#singles[slot]!); }
}
