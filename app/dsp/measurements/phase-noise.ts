// dsp/measurements/phase-noise.ts - PhaseNoise: spectral density of the phase of a periodic signal, and L(f) of it.
//
// L(f) = S(f) / 2, S one-sided in rad^2/Hz of phi = 2 pi f0 x, x the time error: IEEE 1139. The spectrum is that of the newest
// samples of the newest stretch, `segments` half-overlapping segments at most, however often it is read.
import type { CheckedConfig } from '../../core/measurements.ts';
import { spectralDensity } from '../fft.ts';
import type { MeasurementClass, Payload, Workspace } from '../measurement.ts';
import { numberOf } from './config.ts';
import { PhaseMeasurement, PhaseTotals, phaseBytes, type PhaseShape } from './phase-samples.ts';

function shapeOf(config: CheckedConfig): PhaseShape {
  return { average: numberOf(config, 'average'), steps: [], capacity: numberOf(config, 'samples') / 2 * (numberOf(config, 'segments') + 1) };
}

class PhaseNoiseTotals extends PhaseTotals {
  readonly #samples: number;
  /** Of the state taken last; made when first asked for. */
  #spectrum: { density: Float64Array; segments: number } | undefined;

  constructor(config: CheckedConfig, workspace: Pick<Workspace, 'memory'>) {
    super(shapeOf(config), workspace);
    this.#samples = numberOf(config, 'samples');
  }

  override take(payload: Payload): void {
    super.take(payload);
    this.#spectrum = undefined;
  }

  override clear(): void {
    super.clear();
    this.#spectrum = undefined;
  }

  evaluate(getter: string): unknown {
    const rateHz = 1e12 / this.samplePs, carrierHz = rateHz * this.shape.average;
    switch (getter) {
      case 'getData': return this.#density().map(density => 10 * Math.log10(density / 2));
      case 'getSpectralDensity': return this.#density().slice();
      case 'getIndex': return Float64Array.from({ length: this.#samples / 2 }, (_, k) => (k + 1) * rateHz / this.#samples);
      case 'getCarrier': return carrierHz;
      case 'getSegments': return (this.#density(), this.#spectrum!.segments);
      case 'getJitter': return Math.sqrt(this.#density().reduce((sum, density) => sum + density, 0) * rateHz / this.#samples) / (2 * Math.PI * carrierHz);
      default: throw new Error(`no getter ${getter}`);
    }
  }

  #density(): Float64Array {
    if (!this.#spectrum) {
      const { errorsPs } = this.timeErrors(this.shape.capacity), rateHz = 1e12 / this.samplePs;
      const radians = 2 * Math.PI * rateHz * this.shape.average * 1e-12;
      this.#spectrum = spectralDensity(errorsPs.map(ps => ps * radians), this.#samples, rateHz);
    }
    return this.#spectrum.density;
  }
}

export const phaseNoise: MeasurementClass = {
  bytes: config => phaseBytes(shapeOf(config)),
  create: (config, workspace) => new PhaseMeasurement(numberOf(config, 'channel'), shapeOf(config), workspace),
  totals: (config, workspace) => new PhaseNoiseTotals(config, workspace),
};
