// core/specs/frequency.ts - measurements of periodic signals: how stable a frequency is, and where its phase is.
import { limits } from '../limits.ts';
import type { MeasurementSpec } from '../spec.ts';
import { sizeOf } from './common.ts';

const signal = { kind: 'channel', help: 'Channel of the periodic signal.' } as const;
const average = { kind: 'integer', min: 1, max: 1_000_000, default: 1000, help: 'Tags of one sample of the phase: the mean of their times.' } as const;
const deviation = (help: string) => ({ type: 'numbers', shape: '[steps]', help }) as const;
const scaled = (help: string) => ({ type: 'numbers', shape: '[steps]', unit: 's', help }) as const;
const remove = (what: string) => ({ kind: 'boolean', default: false, help: `Hand out each ${what} once.` }) as const;
const divided = { eventDivider: { kind: 'integer', min: 1, max: 1_000_000, default: 1, help: 'Cycles per tag, where a divider is in front.' } } as const;
const sampled = (unit: string, help: string) => ({ type: 'numbers', shape: '[channels, samples]', unit, help, args: divided }) as const;
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
  frequencyCounter: {
    className: 'FrequencyCounter',
    summary: 'Phase and frequency of periodic signals at even instants, by a line through the tags around each.',
    parameters: {
      channels: { kind: 'channels', min: 1, max: 64, help: 'Channels of the periodic signals.' },
      samplingIntervalPs: { kind: 'duration', min: 1e6, max: limits.windowPs, default: 1e12, help: 'Time between two instants.' },
      fittingWindowPs: { kind: 'duration', min: 2, max: limits.windowPs, default: 5e11, help: 'Tags this long around an instant are fitted; at most the sampling interval.' },
      values: { kind: 'integer', min: 1, max: 1_000_000, default: 1000, help: 'Number of samples kept.' },
    },
    getters: {
      getData: sampled('Hz', 'The same as getFrequency.'),
      getFrequency: sampled('Hz', 'Change of the phase since the sample before / interval; NaN across a break.'),
      getFrequencyInstantaneous: sampled('Hz', 'Slope of the line; NaN with fewer than two tags.'),
      getPeriodsCount: sampled('cycles', 'Whole cycles at the instant since the first tag of the stretch; NaN where there is no line.'),
      getPeriodsFraction: sampled('cycles', 'What is above the whole cycles, 0 <= f < 1.'),
      getOverflowMask: { type: 'flags', shape: '[samples]', help: '1 where the window touched a lost interval.' },
      getIndex: { type: 'numbers', shape: '[samples]', unit: 'ps', help: 'The instants since the start.' },
      getTime: { type: 'times', shape: '[samples]', unit: 'ps', help: 'The instants in stream time.' },
      getDataObject: { type: 'object', of: 'FrequencyCounterData', help: 'All of it at once; with remove, every sample is handed out exactly once.',
        args: { ...divided, remove: remove('sample') } },
    },
    outputs: {
      indexPs: 'getIndex', frequencyHz: 'getFrequency', instantaneousHz: 'getFrequencyInstantaneous', periods: 'getPeriodsCount', fraction: 'getPeriodsFraction',
      overflow: 'getOverflowMask',
    },
    plot: { getter: 'getFrequency', x: 'time (ps)', y: 'frequency (Hz)', kind: 'points' },
    example: '--channels 1,2 --sampling-interval 100ms --fitting-window 50ms',
    loss: 'The grid of instants goes on; samples whose window touches the interval are flagged and NaN. Cycles count anew behind it, no frequency spans it.',
    bins: config => 3 * sizeOf(config, 'values') * (2 + 4 * sizeOf(config, 'channels')),
    check: config => ((config['fittingWindowPs'] as number) > (config['samplingIntervalPs'] as number)
      ? `fittingWindowPs (${config['fittingWindowPs']}) is longer than samplingIntervalPs (${config['samplingIntervalPs']})` : undefined),
  },
  pulsePerSecondMonitor: {
    className: 'PulsePerSecondMonitor',
    summary: 'How far pulses of signals lie from those of a reference, one row per reference pulse.',
    parameters: {
      reference: { kind: 'channel', help: 'Channel of the reference pulses.' },
      signals: { kind: 'channels', min: 1, max: 64, help: 'Channels that are compared with it.' },
      periodPs: { kind: 'duration', min: 2, max: limits.windowPs, default: 1e12, help: 'Nominal time between pulses.' },
      values: { kind: 'integer', min: 1, max: 1_000_000, default: 1000, help: 'Number of rows kept.' },
    },
    getters: {
      getData: { type: 'numbers', shape: '[signals, rows]', unit: 'ps', help: 'The same as getSignalOffsets.' },
      getSignalOffsets: { type: 'numbers', shape: '[signals, rows]', unit: 'ps', help: 't(signal) - t(reference) of the nearest pulse within half a period; NaN: missing.' },
      getReferenceOffsets: { type: 'numbers', shape: '[rows]', unit: 'ps', help: 'Time since the reference pulse before, less the period; NaN for the first.' },
      getIndices: { type: 'numbers', shape: '[rows]', help: 'Number of each reference pulse since the start.' },
      getIndex: { type: 'numbers', shape: '[rows]', unit: 'ps', help: 'Time of each reference pulse since the first.' },
      getTime: { type: 'times', shape: '[rows]', unit: 'ps', help: 'Time of each reference pulse in stream time.' },
      getStatus: { type: 'flags', shape: '[rows]', help: '1 where every signal had its pulse.' },
      getDataObject: { type: 'object', of: 'PulsePerSecondData', help: 'All of it at once; with remove, every row is handed out exactly once.', args: { remove: remove('row') } },
    },
    outputs: { row: 'getIndices', indexPs: 'getIndex', referenceOffsetsPs: 'getReferenceOffsets', offsetsPs: 'getSignalOffsets', status: 'getStatus' },
    plot: { getter: 'getSignalOffsets', x: 'time (ps)', y: 'offset (ps)', kind: 'points' },
    example: '--reference 1 --signals 2,3 --for 60s',
    loss: 'The open row ends: an offset is kept only if no nearer pulse can have been lost, otherwise it is NaN. The next reference begins a new chain of periods.',
    bins: config => 3 * sizeOf(config, 'values') * (2 + sizeOf(config, 'signals')),
    check: config => ((config['signals'] as readonly number[]).includes(config['reference'] as number) ? `signals lists the reference ${config['reference']}` : undefined),
  },
  phaseNoise: {
    className: 'PhaseNoise',
    summary: 'Phase noise L(f) of a periodic signal: spectrum of its phase by Welch, in dBc/Hz.',
    parameters: {
      channel: signal,
      average: { ...average, default: 1 },
      samples: { kind: 'integer', min: 16, max: 1_048_576, default: 4096, help: 'Samples of one spectrum, a power of two: how low the offset frequency goes.' },
      segments: { kind: 'integer', min: 1, max: 255, default: 15, help: 'Half-overlapping spectra that are averaged at most, the newest ones.' },
    },
    getters: {
      getData: { type: 'numbers', shape: '[offsets]', unit: 'dBc/Hz', help: 'L(f) = S(f) / 2 in decibels; NaN before there are samples for one spectrum.' },
      getSpectralDensity: { type: 'numbers', shape: '[offsets]', unit: 'rad^2/Hz', help: 'S(f), one-sided.' },
      getIndex: { type: 'numbers', shape: '[offsets]', unit: 'Hz', help: 'Offset frequencies: k times the rate of samples / their number, k = 1 ... samples / 2.' },
      getCarrier: { type: 'scalar', unit: 'Hz', help: 'Mean frequency of the signal.' },
      getSegments: { type: 'scalar', help: 'Spectra that were averaged.' },
      getJitter: { type: 'scalar', unit: 's', help: 'Rms time error over all offset frequencies.' },
    },
    outputs: { offsetHz: 'getIndex', noiseDbc: 'getData', carrierHz: 'getCarrier', segments: 'getSegments', jitterS: 'getJitter' },
    plot: { getter: 'getData', x: 'offset (Hz)', y: 'L(f) (dBc/Hz)', index: 'offsetHz', kind: 'points', logX: true },
    example: '--channel 1 --samples 4096 --for 10s --plot',
    loss: 'Samples begin anew: a spectrum is made of the newest uninterrupted stretch alone, and NaN until that is long enough.',
    bins: config => 3 * sizeOf(config, 'samples') * (sizeOf(config, 'segments') + 1),
    check: config => (Number.isInteger(Math.log2(config['samples'] as number)) ? undefined : `${config['samples']} samples are no power of two`),
  },
} as const satisfies Record<string, MeasurementSpec>;
