// test/bench/jobs.ts - what the bench of kernels runs: classes with their arguments, data, and the line for the C++ program.
import type { VirtualDefinition } from '../../app/core/virtual.ts';
import type { CheckedConfig, MeasurementName } from '../../app/core/measurements.ts';

export interface Data { name: string; channels: number; rateHz: number; /** Of channel 0, if that is periodic. */ clockHz?: number }
export const dataSets: readonly Data[] = [
  { name: 'd1: 2 x 1 Mcps', channels: 2, rateHz: 1e6 },
  { name: 'd2: 4 x 1 Mcps', channels: 4, rateHz: 1e6 },
  { name: 'd3: 8 x 10 Mcps', channels: 8, rateHz: 10e6 },
  { name: 'd4: 10 MHz + 3 x 1 Mcps', channels: 4, rateHz: 1e6, clockHz: 10e6 },
];

export interface Job {
  name: string;
  data: number;
  /** A measurement; a virtual channel: its kernel alone, or with the view that puts its tags between the others; or what is done to inputs. */
  does: { measurement: MeasurementName; config: CheckedConfig } | { virtual: VirtualDefinition; view?: true } | 'conditioning' | 'clock';
  /** `kernel start click width bins` for the C++ program. */
  cpp: string;
  target?: number;
}

function counter(data: number, width: string, binwidthPs: number, target: number): Job {
  const channels = Array.from({ length: dataSets[data]!.channels }, (_, i) => i);
  const config = { channels, binwidthPs, values: 1000 };
  return { name: `counter ${width}`, data, does: { measurement: 'counter', config }, cpp: `counter 0 0 ${binwidthPs} 0`, target };
}
function histogram(name: string, data: number, binwidthPs: number, bins: number, target: number): Job {
  return { name, data, does: { measurement: 'histogram', config: { click: 1, start: 0, binwidthPs, bins } }, cpp: `correlate 0 1 ${binwidthPs} ${bins}`, target };
}
function correlation(name: string, data: number, binwidthPs: number, bins: number): Job {
  return { name, data, does: { measurement: 'correlation', config: { channel1: 1, channel2: 0, binwidthPs, bins } }, cpp: `both 0 1 ${binwidthPs} ${bins}`, target: 0.5 };
}
function coincidence(data: number, members: number, target: number | undefined, windowPs = 1000): Job {
  const channels = Array.from({ length: members }, (_, i) => i);
  return { name: `coincidence, ${members}-fold ${windowPs / 1000} ns`, data, does: { virtual: { kind: 'coincidence', channels, windowPs } }, cpp: `coincide ${members} 0 ${windowPs} 0`, ...(target !== undefined && { target }) };
}
/** 63 edges from 1 ns to 10 ms. */
function logBins(method: string, target: number): Job {
  const config = { click: 1, start: 0, expStart: -9, expStop: -2, bins: 62, method };
  return { name: `log bins, ${method}`, data: 0, does: { measurement: 'histogramLogBins', config }, cpp: 'laurence 0 1 1e10 62', target };
}
function stops(data: number): Job {
  const config = { start: 0, stop1: 1, stop2: 2, binwidth1Ps: 10_000, binwidth2Ps: 10_000, bins1: 200, bins2: 200 };
  return { name: 'first stops 200 x 200', data, does: { measurement: 'histogram2D', config }, cpp: 'stops 0 0 10000 200', target: 0.5 };
}
function measurement(name: string, data: number, kind: MeasurementName, config: CheckedConfig, cpp: string): Job { return { name, data, does: { measurement: kind, config }, cpp, target: 0.5 }; }
function virtual(name: string, data: number, definition: VirtualDefinition, cpp: string): Job { return { name, data, does: { virtual: definition }, cpp, target: 0.5 }; }
/** A pixel marker as often as a tag of any other channel: the C++ program knows how many pixels there are. */
function flim(data: number): Job {
  const config = { start: 0, click: 1, pixelBegin: 2, pixelEnd: undefined, frameBegin: undefined, pixels: 1024, bins: 100, binwidthPs: 1000, finishAfterFrames: 0, framesPerOutput: 1, keptFrames: 1 };
  return { name: 'flim 1024 pixels x 100', data, does: { measurement: 'flim', config }, cpp: 'flim 0 1 1000 100', target: 0.5 };
}
/** Powers of ten as steps, since the C++ program takes their number alone. */
function stability(data: number, average: number, steps: readonly number[]): Job {
  const measurement = steps.length > 0 ? 'frequencyStability' : 'phaseNoise';
  const config = steps.length > 0 ? { channel: 0, average, steps, traceLength: 1024 } : { channel: 0, average, samples: 256, segments: 7 };
  return { name: `${measurement} /${average}`, data, does: { measurement, config }, cpp: `phases 0 ${average} 1 ${steps.length}`, target: 0.5 };
}
export const jobs: readonly Job[] = [
  { name: 'count', data: 0, does: { measurement: 'countrate', config: { channels: [0, 1] } }, cpp: 'count 0 0 0 0', target: 5 },
  { name: 'count', data: 2, does: { measurement: 'countrate', config: { channels: [0, 1] } }, cpp: 'count 0 0 0 0' },
  logBins('exact', 1), logBins('multi-tau', 9), stops(1), stops(2), flim(1), flim(2),
  counter(0, '1 ms', 1e9, 2), counter(2, '10 us', 1e7, 0.9),
  histogram('sparse 100 x 1 ns', 0, 1000, 100, 2.5), histogram('sparse 100 x 1 ns', 1, 1000, 100, 2.5),
  histogram('medium 1000 x 1 ns', 2, 1000, 1000, 0.85), histogram('dense 1000 x 10 ns', 0, 10_000, 1000, 1),
  correlation('both signs 200 x 1 ns', 0, 1000, 200), correlation('both signs 2000 x 10 ns', 0, 10_000, 2000),
  { name: 'startStop 1 ns', data: 0, does: { measurement: 'startStop', config: { click: 1, start: 0, binwidthPs: 1000 } }, cpp: 'startStop 0 1 1000 0', target: 0.5 },
  ...[1, 2].map((data): Job => ({ name: 'conditioning', data, does: 'conditioning', cpp: 'condition 0 1 100000 2', target: 0.5 })),
  ...[1, 2].flatMap((data): Job[] => [
    measurement('timeDifferences, next', data, 'timeDifferences', { click: 1, start: 0, next: 2, sync: undefined, binwidthPs: 1000, bins: 100, histograms: 16, maxCounts: 0 }, 'stepped 1 0 1000 100'),
    measurement('timeDifferencesND 16 x 16', data, 'timeDifferencesND', { click: 1, start: 0, next: [2, 3], sync: undefined, histograms: [16, 16], binwidthPs: 1000, bins: 100 }, 'stepped 2 0 1000 100'),
    measurement('countBetweenMarkers', data, 'countBetweenMarkers', { click: 1, begin: 0, end: undefined, values: 1_000_000 }, 'between 0 1 0 1000000'),
    measurement('timeTagStream', data, 'timeTagStream', { channels: [0, 1], maxTags: 1_048_576 }, 'list 0 1 0 1048576'),
    measurement('sampler', data, 'sampler', { trigger: 0, channels: [1], falling: [2], maxTriggers: 1_000_000 }, 'sample 0 0 0 1000000'),
    measurement('scope 10 us', data, 'scope', { channels: [1, 2], trigger: 0, windowPs: 1e7, traces: 0, maxPoints: 10_000 }, 'scope 0 0 10000000 10000'),
    measurement('coincidenceRates, one pair', data, 'coincidenceRates', { groups: [[0, 1]], windowPs: 1000, shiftPs: 0 }, 'rates 0 0 1000 0'),
    virtual('coincidences, 2 groups', data, { kind: 'coincidences', groups: [[0, 1], [1, 2]], windowPs: 1000 }, 'groups 0 0 1000 0'),
    virtual('combinations of 3', data, { kind: 'combinations', channels: [0, 1, 2], windowPs: 1000 }, 'combinations 0 0 1000 0'),
    virtual('delayed', data, { kind: 'delayed', channel: 0, delayPs: 5000 }, 'delayed 0 0 5000 0'),
    virtual('constantFractionDiscriminator', data, { kind: 'constantFractionDiscriminator', rising: 0, falling: 1, searchWindowPs: 10_000 }, 'middles 0 0 10000 0'),
    virtual('eventGenerator, 2 tags', data, { kind: 'eventGenerator', trigger: 0, patternPs: [0, 5000] }, 'generate 0 0 5000 0'),
    virtual('triggerOnCountrate 10 us', data, { kind: 'triggerOnCountrate', channel: 0, referenceRateHz: 1e6, timeWindowPs: 1e7 }, 'switches 10 0 10000000 0'),
  ]),
  virtual('frequencyMultiplier x 4', 3, { kind: 'frequencyMultiplier', channel: 0, multiplier: 4 }, 'multiply 4 0 0 0'),
  { name: 'reference clock', data: 3, does: 'clock', cpp: 'follow 1000 0 100000 0', target: 0.5 },
  measurement('pulsedG2', 0, 'pulsedG2', { channel1: 1, channel2: 0, sync: undefined, periodPs: 12_500, gatePs: 0, sidePeaks: 0, zeroPs: 0, rangePs: 200_000, binwidthPs: 16 }, 'both 0 1 16 25000'),
  stability(0, 1000, []), stability(0, 10, [1, 10, 100]), stability(0, 1, [1, 10, 100]), stability(2, 1000, []),
  {
    name: 'frequencyCounter 1 ms', data: 0, does: { measurement: 'frequencyCounter', config: { channels: [0, 1], samplingIntervalPs: 1e9, fittingWindowPs: 5e8, values: 1000 } },
    cpp: 'windows 0 1 1e9 500000000', target: 0.5,
  },
  {
    name: 'pulsePerSecondMonitor', data: 0, does: { measurement: 'pulsePerSecondMonitor', config: { reference: 0, signals: [1], periodPs: 1e6, values: 1000 } },
    cpp: 'pulses 0 1 1e6 0', target: 0.5,
  },
  coincidence(0, 2, 1.4), coincidence(1, 2, 1.4), coincidence(1, 4, 2), coincidence(2, 4, 2), coincidence(2, 4, 0.5, 100_000),
  { ...coincidence(1, 2, undefined), name: '2-fold in a view', does: { virtual: { kind: 'coincidence', channels: [0, 1], windowPs: 1000 }, view: true } },
  { name: 'combiner', data: 1, does: { virtual: { kind: 'combiner', channels: [0, 1] } }, cpp: 'combine 0 1 0 0', target: 0.5 },
  { name: 'gated', data: 1, does: { virtual: { kind: 'gated', channel: 0, gateStart: 1, gateStop: 2 } }, cpp: 'gate 1 2 0 0', target: 0.5 },
];
