// dsp/measurements/pulsed-figures.ts - g2(0) of a pulsed source out of the histogram: peaks, their mean, Poisson, background, errors.
import type { CheckedConfig } from '../../core/measurements.ts';
import type { ResultInfo } from '../../core/results.ts';
import type { Payload, Totals, Workspace } from '../measurement.ts';
import { BinTotals } from './bins.ts';
import { numberOf } from './config.ts';
import { countAt, narrowNumbers } from './counts.ts';
import { binCentres, binEdges } from './histogram.ts';
import type { PairRange } from './pairs.ts';
import { combOf, fitPeriod } from './period.ts';
import { pulsedRange } from './pulsed-g2.ts';
import { expectedPerPs, fromScalars, none } from './stretches.ts';

interface Peak { k: number; delayPs: number; counts: number }
interface Figure { value: number; error: number }

interface Figures {
  period: Figure; peaks: Peak[]; centrePs: number; central: number; side: Figure; deviation: number; poisson: Figure; background: Figure;
  g2: Figure; g2Poisson: Figure; g2Corrected: Figure;
}

const unknown: Figure = { value: NaN, error: NaN };
const without: Figures = {
  period: unknown, peaks: [], centrePs: NaN, central: NaN, side: unknown, deviation: NaN, poisson: unknown, background: unknown,
  g2: unknown, g2Poisson: unknown, g2Corrected: unknown,
};

export class PulsedTotals implements Totals {
  readonly #config: CheckedConfig;
  readonly #range: PairRange;
  readonly #bins: BinTotals;
  #stretches = none();
  #sync = { periods: 0, periodsPs: 0 };
  /** Of what has been taken; made when first asked for. */
  #figures: Figures | undefined;

  constructor(config: CheckedConfig, workspace: Pick<Workspace, 'memory' | 'kernels'>) {
    this.#config = config;
    this.#range = pulsedRange(config);
    this.#bins = new BinTotals(workspace, this.#range.bins);
  }

  take(payload: Payload): void {
    this.#bins.take(payload);
    this.#stretches = fromScalars(payload.scalars);
    this.#sync = { periods: Number(payload.scalars['periods']), periodsPs: Number(payload.scalars['periodsPs']) };
    this.#figures = undefined;
  }

  clear(): void {
    this.#bins.clear();
    this.#stretches = none();
    this.#sync = { periods: 0, periodsPs: 0 };
    this.#figures = undefined;
  }

  evaluate(getter: string, _args: Readonly<Record<string, unknown>>, info: ResultInfo): unknown {
    if (getter === 'getData') return this.#bins.counts();
    if (getter === 'getIndex') return binEdges(this.#range);
    const figures = this.#figures ??= this.#evaluated(info);
    switch (getter) {
      case 'getPeakIndex': return Int32Array.from(figures.peaks, ({ k }) => k);
      case 'getPeakDelays': return Float64Array.from(figures.peaks, ({ delayPs }) => delayPs);
      case 'getPeakCounts': return narrowNumbers(figures.peaks.map(({ counts }) => counts));
      case 'getPeriod': return figures.period.value;
      case 'getPeriodError': return figures.period.error;
      case 'getCentre': return figures.centrePs;
      case 'getCentralCounts': return figures.central;
      case 'getSideMean': return figures.side.value;
      case 'getSideMeanError': return figures.side.error;
      case 'getSideDeviation': return figures.deviation;
      case 'getPoissonCounts': return figures.poisson.value;
      case 'getPoissonCountsError': return figures.poisson.error;
      case 'getBackground': return figures.background.value;
      case 'getBackgroundError': return figures.background.error;
      case 'getG2': return figures.g2.value;
      case 'getG2Error': return figures.g2.error;
      case 'getG2Poisson': return figures.g2Poisson.value;
      case 'getG2PoissonError': return figures.g2Poisson.error;
      case 'getG2Corrected': return figures.g2Corrected.value;
      case 'getG2CorrectedError': return figures.g2Corrected.error;
      default: throw new Error(`no getter ${getter}`);
    }
  }

  #evaluated(info: ResultInfo): Figures {
    const words = this.#bins.words(), counts = Float64Array.from({ length: this.#range.bins }, (_, i) => countAt(words, i));
    const centres = binCentres(this.#range, info), period = this.#period(counts, centres), periodPs = period.value;
    if (!(periodPs > 0)) return without;
    const zeroPs = numberOf(this.#config, 'zeroPs'), combPs = combOf(counts, centres, periodPs).phasePs;
    const centrePs = combPs + Math.round((zeroPs - combPs) / periodPs) * periodPs;
    const { peaks, background } = this.#peaks(counts, centrePs, periodPs);
    const central = peaks.find(({ k }) => k === 0)?.counts ?? NaN, sides = peaks.filter(({ k }) => k !== 0).map(peak => peak.counts);
    const sum = sides.reduce((total, each) => total + each, 0), mean = sum / sides.length;
    const deviation = sides.length > 1 ? Math.sqrt(sides.reduce((total, each) => total + (each - mean) ** 2, 0) / (sides.length - 1)) : NaN;
    const side = { value: mean, error: Math.max(Math.sqrt(sum) / sides.length, (deviation || 0) / Math.sqrt(sides.length)) };
    const [first, second] = this.#stretches.counts, poissonPairs = this.#stretches.livePs > 0 ? periodPs * expectedPerPs(this.#stretches, 'global')(Math.abs(centrePs)) : NaN;
    const poisson = { value: poissonPairs, error: poissonPairs * Math.sqrt(1 / first + 1 / second) };
    const zero = { value: central, error: Math.sqrt(Math.max(central, 1)) };
    return {
      period, peaks, centrePs, central, side, deviation, poisson, background,
      g2: ratio(zero, side), g2Poisson: ratio(zero, poisson), g2Corrected: correctedRatio(zero, side, background),
    };
  }

  #period(counts: Float64Array, centres: Float64Array): Figure {
    const given = numberOf(this.#config, 'periodPs'), { periods, periodsPs } = this.#sync;
    if (given > 0) return { value: given, error: 0 };
    if (this.#config['sync'] !== undefined) return periods > 0 ? { value: periodsPs / periods, error: 0 } : unknown;
    return fitPeriod(counts, centres, this.#range.binwidthPs);
  }

  /** Peaks whose whole gate is in range, in order; gates of a whole period tile the histogram. */
  #peaks(counts: Float64Array, centrePs: number, periodPs: number): { peaks: Peak[]; background: Figure } {
    const { below, bins, binwidthPs } = this.#range, gatePs = Math.min(numberOf(this.#config, 'gatePs') || periodPs, periodPs);
    const most = numberOf(this.#config, 'sidePeaks') || Infinity, binOf = (delayPs: number): number => Math.round(delayPs / binwidthPs) + below;
    const peaks: Peak[] = [];
    let gap = 0, gapBins = 0, end: number | undefined;
    const lowest = Math.max(-most, Math.ceil((-below * binwidthPs + gatePs / 2 - centrePs) / periodPs));
    for (let k = lowest; k <= most; k++) {
      const delayPs = centrePs + k * periodPs, from = binOf(delayPs - gatePs / 2), to = Math.max(from + 1, binOf(delayPs + gatePs / 2));
      if (from < 0) continue;
      if (to > bins) break;
      peaks.push({ k, delayPs, counts: sumOf(counts, from, to) });
      if (end !== undefined && from > end) {
        gap += sumOf(counts, end, from);
        gapBins += from - end;
      }
      end = to;
    }
    const share = gatePs / binwidthPs / gapBins;
    return { peaks, background: gapBins > 0 ? { value: gap * share, error: Math.sqrt(gap) * share } : unknown };
  }
}

function sumOf(counts: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += counts[i]!;
  return sum;
}

function ratio(a: Figure, b: Figure): Figure {
  if (!(b.value > 0)) return unknown;
  return { value: a.value / b.value, error: Math.hypot(a.error / b.value, a.value * b.error / b.value ** 2) };
}

/** (a - c) / (b - c). */
function correctedRatio(a: Figure, b: Figure, c: Figure): Figure {
  const below = b.value - c.value, value = (a.value - c.value) / below;
  if (!(below > 0)) return unknown;
  return { value, error: Math.hypot(a.error / below, value * b.error / below, (1 - value) * c.error / below) };
}
