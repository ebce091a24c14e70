// dsp/measurements/frequency-stability.ts - FrequencyStability: Allan, modified Allan, Hadamard and their kin, overlapping.
//
// Formulas of the estimators: Riley, Handbook of Frequency Stability Analysis, NIST SP 1065 (2008). All sums are exact
// whole numbers below 2^53; only squares round.
import type { CheckedConfig } from '../../core/measurements.ts';
import { phaseStep } from '../kernels/phase-layout.ts';
import type { MeasurementClass, Workspace } from '../measurement.ts';
import { listOf, numberOf } from './config.ts';
import { PhaseMeasurement, PhaseTotals, phaseBytes, type PhaseShape } from './phase-samples.ts';

function shapeOf(config: CheckedConfig): PhaseShape {
  return { average: numberOf(config, 'average'), steps: listOf(config, 'steps'), capacity: numberOf(config, 'traceLength') };
}

class FrequencyStabilityTotals extends PhaseTotals {
  evaluate(getter: string, args: Readonly<Record<string, unknown>>): unknown {
    switch (getter) {
      case 'getTau': return this.#perStep((_, tauS) => tauS);
      case 'getData': case 'getADEV': return this.#perStep(step => this.#deviation(step, 'secondSquare', 'seconds', 2));
      case 'getMDEV': return this.#perStep((step, _, m) => this.#deviation(step, 'movingSquare', 'moving', 2 * m * m));
      case 'getHDEV': return this.#perStep(step => this.#deviation(step, 'thirdSquare', 'thirds', 6));
      case 'getSTDD': return this.#perStep(step => this.#standardDeviation(step));
      case 'getTDEV': return this.#scaled('getMDEV', 3);
      case 'getADEVScaled': return this.#scaled('getADEV', 3);
      case 'getHDEVScaled': return this.#scaled('getHDEV', 10 / 3);
      case 'getCounts': return this.#perStep(step => this.#field(step, 'seconds'));
      case 'getTraceIndex': {
        const { firstIndex, errorsPs } = this.timeErrors(this.shape.capacity);
        return errorsPs.map((_, i) => (firstIndex + i) * this.samplePs * 1e-12);
      }
      case 'getTracePhase': return this.timeErrors(this.shape.capacity).errorsPs.map(ps => ps * 1e-12);
      case 'getTraceFrequency': return this.#frequencies();
      case 'getTraceFrequencyAbsolute': {
        const given = Number(args['frequencyHz']), frequencyHz = given > 0 ? given : this.shape.average / this.samplePs * 1e12;
        return this.#frequencies().map(y => (1 + y) * frequencyHz);
      }
      default: throw new Error(`no getter ${getter}`);
    }
  }

  #field(step: number, name: keyof typeof phaseStep): number { return this.sums[(phaseStep.bytes * step + phaseStep[name]) / 8] ?? 0; }

  #perStep(value: (step: number, tauS: number, m: number) => number): Float64Array {
    return Float64Array.from(this.shape.steps, (m, step) => value(step, m * this.samplePs * 1e-12, m));
  }

  /** sqrt(sum / (divisor * count)) / tau, where the sum is of squares of ps / average. */
  #deviation(step: number, sum: keyof typeof phaseStep, count: keyof typeof phaseStep, divisor: number): number {
    const n = this.#field(step, count), tauPs = this.shape.steps[step]! * this.samplePs;
    return n > 0 ? Math.sqrt(this.#field(step, sum) / (divisor * n)) / this.shape.average / tauPs : NaN;
  }

  #standardDeviation(step: number): number {
    const n = this.#field(step, 'periods'), sum = this.#field(step, 'sum'), tauPs = this.shape.steps[step]! * this.samplePs;
    return n > 1 ? Math.sqrt(Math.max(0, this.#field(step, 'square') - sum * sum / n) / (n - 1)) / this.shape.average / tauPs : NaN;
  }

  /** A deviation times tau / sqrt(divisor), in seconds. */
  #scaled(getter: string, divisor: number): Float64Array {
    const deviation = this.evaluate(getter, {}) as Float64Array;
    return this.#perStep((step, tauS) => deviation[step]! * tauS / Math.sqrt(divisor));
  }

  /** Relative error of the frequency over the time before each sample of the trace; nothing is known before the first. */
  #frequencies(): Float64Array {
    const { errorsPs } = this.timeErrors(this.shape.capacity), meanPs = this.samplePs;
    return errorsPs.map((error, i) => {
      const gain = i > 0 ? error - errorsPs[i - 1]! : NaN;
      return gain / (meanPs - gain);
    });
  }
}

export const frequencyStability: MeasurementClass = {
  bytes: config => phaseBytes(shapeOf(config)),
  create: (config, workspace) => new PhaseMeasurement(numberOf(config, 'channel'), shapeOf(config), workspace),
  totals: (config, workspace: Pick<Workspace, 'memory'>) => new FrequencyStabilityTotals(shapeOf(config), workspace),
};
