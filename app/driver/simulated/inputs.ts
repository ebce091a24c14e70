// driver/simulated/inputs.ts - the front end of the simulated tagger: trigger, test signal, dead time, event divider.
//
// Pulses are 0.6 V to 1.4 V high, most often 1 V. A trigger level below all of them loses none, one within loses those
// that are lower, one above or at the baseline (0 V) loses all. Order of the stages: trigger, dead time, divider; the
// input delay is added by the sources.
import type { SettingInfo, Settings, SettingValue } from '../../core/tagger.ts';
import { bounds, PulsedSource, type Source } from './signals.ts';
import { Generator } from './random.ts';
import { slicePs, type Slice } from './slice.ts';

/** 62.5 MHz / 74 = 845 kHz, as instruments of this kind make it. */
export const testSignalPeriodPs = 1_184_000;
const testSignalJitterPs = 20;
/** Marks a click of the test signal until it is known which channels have it. */
const testFlag = 0x80;

export const inputSettings: SettingInfo[] = [
  { key: 'triggerLevelV', label: 'trigger level', kind: 'number', unit: 'V', scope: 'channel', min: -2.5, max: 2.5, step: 0.001, default: 0.5 },
  { key: 'inputDelayPs', label: 'input delay', kind: 'number', unit: 'ps', scope: 'channel', min: -bounds.inputDelayPs, max: bounds.inputDelayPs, step: 1, default: 0 },
  { key: 'deadTimePs', label: 'dead time', kind: 'number', unit: 'ps', scope: 'channel', min: 0, max: 1_000_000_000, step: 1, default: 0 },
  { key: 'eventDivider', label: 'event divider', kind: 'number', unit: '', scope: 'channel', min: 1, max: 65_535, step: 1, default: 1 },
  { key: 'testSignal', label: 'test signal', kind: 'boolean', unit: '', scope: 'channel', default: false },
];

/** Fraction of the pulses that cross a trigger level: their heights are spread as a raised cosine, 0.6 V to 1.4 V. */
export function triggeredFraction(levelV: number): number {
  if (levelV <= 0 || levelV >= 1.4) return 0;
  if (levelV <= 0.6) return 1;
  const x = (levelV - 1) / 0.4;
  return 0.5 * (1 - x - Math.sin(Math.PI * x) / Math.PI);
}

/** One run of the front end. Settings change between slices. */
export class Inputs {
  readonly delaysPs: Float64Array;
  readonly #count: number;
  readonly #seed: number;
  readonly #fractions: Float64Array;
  readonly #deadPs: Float64Array;
  readonly #dividers: Uint32Array;
  readonly #test: Uint8Array;
  readonly #lastPs: Float64Array;
  readonly #seen: Uint32Array;
  readonly #generators: Generator[];
  #testSource: Source | undefined;
  #triggers = false;
  /** Clicks of a test signal that was turned off may still come from the slice before. */
  #lingering = false;
  #holdsOff = false;

  constructor(channels: number, seed: number) {
    this.#count = channels;
    this.#seed = seed;
    this.delaysPs = new Float64Array(channels);
    this.#fractions = new Float64Array(channels).fill(1);
    this.#deadPs = new Float64Array(channels);
    this.#dividers = new Uint32Array(channels).fill(1);
    this.#test = new Uint8Array(channels);
    this.#lastPs = new Float64Array(channels).fill(-Infinity);
    this.#seen = new Uint32Array(channels);
    this.#generators = Array.from({ length: channels }, (_, index) => new Generator(seed, 1_000_000 + index));
  }

  /** @param slice number of the slice from which on the settings hold */
  apply(settings: Settings, slice: number): void {
    for (let index = 0; index < this.#count; index++) {
      const values: Record<string, SettingValue> = settings.channels?.[index + 1] ?? {};
      this.#fractions[index] = triggeredFraction(Number(values['triggerLevelV']));
      this.delaysPs[index] = Number(values['inputDelayPs']);
      this.#deadPs[index] = Number(values['deadTimePs']);
      this.#dividers[index] = Number(values['eventDivider']);
      this.#test[index] = values['testSignal'] === true ? 1 : 0;
    }
    const tested = this.#test.includes(1);
    this.#triggers = tested || this.#fractions.some(fraction => fraction < 1);
    this.#holdsOff = this.#deadPs.some(ps => ps > 0) || this.#dividers.some(divider => divider > 1);
    if (tested && !this.#testSource) this.#testSource = this.#startTestSignal(slice);
    if (!tested) this.#testSource = undefined;
  }

  /** Adds the test signal and takes out what does not cross the trigger. Before the slice is sorted. */
  trigger(slice: Slice): void {
    this.#testSource?.generate(slice, this.delaysPs);
    if (!this.#triggers && !this.#lingering) return;
    this.#lingering = this.#testSource !== undefined;
    const { times, channels, n } = slice;
    const test = this.#test, fractions = this.#fractions;
    let kept = 0;
    for (let i = 0; i < n; i++) {
      let index = channels[i]!;
      if (index >= testFlag) {
        index -= testFlag;
        if (test[index] === 0) continue;
      } else {
        if (test[index] === 1) continue;
        const fraction = fractions[index]!;
        if (fraction < 1 && this.#generators[index]!.unit() >= fraction) continue;
      }
      times[kept] = times[i]!;
      channels[kept++] = index;
    }
    slice.n = kept;
  }

  /** Applies dead time (non-extending) and divider. After the slice is sorted; it stays sorted. */
  holdOff(slice: Slice): void {
    const last = this.#lastPs;
    if (this.#holdsOff) {
      const { times, channels, n } = slice;
      const dead = this.#deadPs, dividers = this.#dividers, seen = this.#seen;
      let kept = 0;
      for (let i = 0; i < n; i++) {
        const time = times[i]!, index = channels[i]!;
        if (time - last[index]! < dead[index]!) continue;
        last[index] = time;
        const count = seen[index]! + 1;
        if (count < dividers[index]!) {
          seen[index] = count;
          continue;
        }
        seen[index] = 0;
        times[kept] = time;
        channels[kept++] = index;
      }
      slice.n = kept;
    }
    for (let index = 0; index < last.length; index++) last[index]! -= slicePs;
  }

  #startTestSignal(slice: number): Source {
    // The generator runs on whether it is connected or not: pulses lie at multiples of the period in stream time.
    const phasePs = -Number((BigInt(slice + 1) * BigInt(slicePs)) % BigInt(testSignalPeriodPs));
    return new PulsedSource(
      Array.from({ length: this.#count }, (_, index) => ({ index: index + testFlag, periodPs: testSignalPeriodPs, probability: 1, jitterPs: testSignalJitterPs, phasePs })),
      this.#seed, 2_000_000);
  }
}
