// core/specs/bins.ts - delays in bins of growing width, and in several dimensions at once.
import { limits } from '../limits.ts';
import type { CheckedConfig, MeasurementSpec } from '../spec.ts';
import { bins, binwidth, click, pairsAtLoss, rates, sizeOf, start } from './common.ts';

const mostAxes = 7;
const oneStart = { kind: 'channel', help: 'Channel of the starts; each one begins anew.' } as const;
const firstStops = 'The open start and its stops are forgotten.';

function sizes(config: CheckedConfig, key: string): readonly number[] { return config[key] as readonly number[]; }

function outOfRange(pairs: readonly (readonly [number, number])[]): string | undefined {
  const axis = pairs.findIndex(([count, widthPs]) => count * widthPs > limits.windowPs);
  return axis < 0 ? undefined : `bins times binwidth of axis ${axis + 1} exceed ${limits.windowPs} ps`;
}

export const binned = {
  histogramLogBins: {
    className: 'HistogramLogBins',
    summary: 'Delays t(click) - t(start) > 0 of every pair in range, in bins that grow by a constant factor.',
    parameters: {
      click, start,
      expStart: { kind: 'number', min: -12, max: 3.9, unit: '', default: -9, help: 'The lowest edge is 10^this s.' },
      expStop: { kind: 'number', min: -12, max: 3.9, unit: '', default: -3, help: 'The highest edge is 10^this s.' },
      bins: { kind: 'integer', min: 1, max: 10_000, default: 60, help: 'Number of bins; fewer where edges coincide in whole ps.' },
      method: { kind: 'choice', choices: ['exact', 'multi-tau'], default: 'exact', help: 'multi-tau is faster: delays above 1 us +- 1/8, edges moved to 8 per octave.' },
    },
    getters: {
      getData: { type: 'counts', shape: '[bins]', unit: 'pairs', help: 'Bin k holds edge k <= d < edge k+1.' },
      getDataNormalizedCountsPerPs: { type: 'numbers', shape: '[bins]', unit: '', help: 'Counts / width of the bin, per ps.' },
      getDataNormalizedG2: { type: 'numbers', shape: '[bins]', unit: '', help: 'g2: counts / counts expected from uncorrelated channels; NaN where none is expected.', args: { rates } },
      getDataNormalizedG2Error: { type: 'numbers', shape: '[bins]', unit: '', help: 'sqrt(counts) in the units of getDataNormalizedG2.', args: { rates } },
      getBinEdges: { type: 'numbers', shape: '[edges]', unit: 'ps', help: 'All edges, one more than bins: 10^x s rounded to whole ps.' },
      getIndex: { type: 'numbers', shape: '[bins]', unit: 'ps', help: 'Left edges of the bins.' },
      getBinWidths: { type: 'numbers', shape: '[bins]', unit: 'ps', help: 'Widths of the bins.' },
    },
    outputs: { indexPs: 'getIndex', widthPs: 'getBinWidths', counts: 'getData', countsPerPs: 'getDataNormalizedCountsPerPs', edgesPs: 'getBinEdges' },
    normalized: { g2: 'getDataNormalizedG2', g2Error: 'getDataNormalizedG2Error' },
    plot: { getter: 'getData', x: 't(click) - t(start) (ps)', y: 'pairs', kind: 'edges', index: 'edgesPs', logX: true },
    example: '--click 2 --start 1 --exp-start -9 --exp-stop -3 --normalized',
    loss: pairsAtLoss,
    bins: config => sizeOf(config, 'bins'),
    check: config => (sizeOf(config, 'expStart') < sizeOf(config, 'expStop') ? undefined : 'expStop is not above expStart'),
  },
  histogram2D: {
    className: 'Histogram2D',
    summary: 'From each start the first stop on two channels, counted together in a map.',
    parameters: {
      start: oneStart,
      stop1: { kind: 'channel', help: 'Channel of the first axis.' }, stop2: { kind: 'channel', help: 'Channel of the second axis.' },
      binwidth1Ps: { ...binwidth, help: 'Width of a bin of axis 1.' }, binwidth2Ps: { ...binwidth, help: 'Width of a bin of axis 2.' },
      bins1: { ...bins, default: 100, help: 'Number of bins of axis 1.' }, bins2: { ...bins, default: 100, help: 'Number of bins of axis 2.' },
    },
    getters: {
      getData: { type: 'counts', shape: '[bins1, bins2]', unit: 'starts', help: 'Starts by the delays of their first stops, half-open bins; only those with both in range.' },
      getIndex: { type: 'numbers', shape: '[bins1, bins2, 2]', unit: 'ps', help: 'Left edges on both axes, for every cell.' },
      getIndex1: { type: 'numbers', shape: '[bins1]', unit: 'ps', help: 'Left edges on axis 1.' },
      getIndex2: { type: 'numbers', shape: '[bins2]', unit: 'ps', help: 'Left edges on axis 2.' },
    },
    outputs: { index1Ps: 'getIndex1', index2Ps: 'getIndex2', counts: 'getData' },
    plot: { getter: 'getData', x: 't(stop2) - t(start) (ps)', y: 't(stop1) - t(start) (ps)', kind: 'map', index: 'index2Ps', indexY: 'index1Ps' },
    example: '--start 1 --stop1 2 --stop2 3 --plot',
    loss: firstStops,
    bins: config => sizeOf(config, 'bins1') * sizeOf(config, 'bins2'),
    check: config => outOfRange([1, 2].map(i => [sizeOf(config, `bins${i}`), sizeOf(config, `binwidth${i}Ps`)])),
  },
  histogramND: {
    className: 'HistogramND',
    summary: 'From each start the first stop on every channel of a list, counted together in a grid.',
    parameters: {
      start: oneStart,
      stop: { kind: 'channels', min: 1, max: mostAxes, repeats: true, help: 'Channel of each axis.' },
      binwidthPs: { kind: 'durations', min: 1, max: limits.windowPs, least: 1, most: mostAxes, help: 'Width of a bin of each axis.' },
      bins: { kind: 'integers', min: 1, max: limits.binsPerMeasurement, least: 1, most: mostAxes, help: 'Number of bins of each axis.' },
    },
    getters: {
      getData: { type: 'counts', shape: '[cells]', unit: 'starts', help: 'Starts by the delays of their first stops, the last axis fastest; only those with all in range.' },
      getIndex: { type: 'numbers', shape: '[axis bins]', unit: 'ps', help: 'Left edges along one axis.',
        args: { dim: { kind: 'integer', min: 0, max: mostAxes - 1, default: 0, help: 'The axis, from 0; an axis that is not there is empty.' } } },
    },
    outputs: { counts: 'getData' },
    plot: { getter: 'getData', x: 'cell', y: 'starts', kind: 'none' },
    example: '--start 1 --stop 2,3,4 --bins 20,20,20 --binwidth 1ns,1ns,1ns',
    loss: firstStops,
    bins: config => sizes(config, 'bins').reduce((product, size) => product * size, 1),
    check: config => {
      const axes = sizes(config, 'stop').length, wrong = ['binwidthPs', 'bins'].find(key => sizes(config, key).length !== axes);
      if (wrong !== undefined) return `${wrong} lists ${sizes(config, wrong).length} numbers for ${axes} axes`;
      return outOfRange(sizes(config, 'bins').map((count, i) => [count, sizes(config, 'binwidthPs')[i]!]));
    },
  },
} as const satisfies Record<string, MeasurementSpec>;
