// core/specs/frequency.ts - measurements of periodic signals: how stable a frequency is, and where its phase is.
import type { MeasurementSpec } from '../spec.ts';
import { sizeOf } from './common.ts';

const signal = { kind: 'channel', help: 'Channel of the periodic signal.' } as const;
const average = { kind: 'integer', min: 1, max: 1_000_000, default: 1000, help: 'Tags of one sample of the phase: the mean of their times.' } as const;
const deviation = (help: string) => ({ type: 'numbers', shape: '[steps]', help }) as const;
const scaled = (help: string) => ({ type: 'numbers', shape: '[steps]', unit: 's', help }) as const;
const trace = (unit: string, help: string) => ({ type: 'numbers', shape: '[trace]', unit, help }) as const;

export const frequency = {
  frequencyStability: {
    className: 'FrequencyStability',
    summary: 'Overlapping Allan, modified Allan, Hadamard and time deviation of a periodic signal.',
    parameters: {
      channel: signal,
      steps: { kind: 'integers', min: 1, max: 1_000_000, least: 1, most: 64, default: [1, 2, 4, 10, 20, 40, 100, 200, 400, 1000], help: 'Samples between the phases that are compared.' },
      average,
      traceLength: { kind: 'integer', min: 1, max: 1_000_000, default: 1000, help: 'Samples kept for the traces.' },
    },
    getters: {
      getTau: { type: 'numbers', shape: '[steps]', unit: 's', help: 'Step times the mean time between samples.' },
      getData: deviation('The same as getADEV.'),
      getADEV: deviation('Overlapping Allan deviation; NaN before 2 * step + 1 samples.'),
      getMDEV: deviation('Modified Allan deviation.'),
      getHDEV: deviation('Overlapping Hadamard deviation.'),
      getSTDD: deviation('Standard deviation of the relative period; does not converge for every kind of noise.'),
      getTDEV: scaled('Time deviation: MDEV * tau / sqrt(3).'),
      getADEVScaled: scaled('ADEV * tau / sqrt(3).'),
      getHDEVScaled: scaled('HDEV * tau / sqrt(10 / 3).'),
      getCounts: { type: 'numbers', shape: '[steps]', help: 'Second differences that went into ADEV.' },
      getTraceIndex: trace('s', 'Time of each sample of the traces since its stretch began.'),
      getTracePhase: trace('s', 'Time error against the mean frequency, 0 at the first sample shown; positive = early.'),
      getTraceFrequency: trace('', 'Relative error of the frequency before each sample; the first is NaN.'),
      getTraceFrequencyAbsolute: {
        type: 'numbers', shape: '[trace]', unit: 'Hz', help: '(1 + relative error) * frequency.',
        args: { frequencyHz: { kind: 'number', min: 0, max: 1e15, unit: 'Hz', default: 0, help: 'Frequency that stands for the mean; 0 = as measured.' } },
      },
    },
    outputs: {
      tauS: 'getTau', adev: 'getADEV', mdev: 'getMDEV', hdev: 'getHDEV', stdd: 'getSTDD', tdevS: 'getTDEV', counts: 'getCounts',
      traceS: 'getTraceIndex', phaseS: 'getTracePhase', frequency: 'getTraceFrequency',
    },
    plot: { getter: 'getADEV', x: 'tau (s)', y: 'Allan deviation', index: 'tauS', kind: 'points', logX: true, logY: true },
    example: '--channel 1 --steps 1,10,100 --average 100 --plot',
    loss: 'The open sample is forgotten, and no difference spans the break: sums go on with the differences inside stretches. The traces show the newest stretch.',
    bins: config => 3 * Math.max(...(config['steps'] as readonly number[])) + 4 * sizeOf(config, 'traceLength'),
  },
} as const satisfies Record<string, MeasurementSpec>;
