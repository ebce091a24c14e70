// core/specs/delays.ts - measurements of delays between tags, in equal bins.
import type { MeasurementSpec } from '../spec.ts';
import { binIndex, bins, binwidth, centres, click, g2, pairsAtLoss, rates, sizeOf, start } from './common.ts';

const normalised = {
  getDataNormalized: { type: 'numbers', shape: '[bins]', unit: '', help: 'g2: counts / counts expected from uncorrelated channels.', args: { rates } },
  getDataNormalizedError: { type: 'numbers', shape: '[bins]', unit: '', help: 'sqrt(counts) in the units of getDataNormalized.', args: { rates } },
} as const;

export const delays = {
  histogram: {
    className: 'Histogram',
    summary: 'Delays t(click) - t(start), every start with every later click in range.',
    parameters: { click, start, binwidthPs: binwidth, bins },
    getters: {
      getData: { type: 'counts', shape: '[bins]', unit: 'pairs', help: 'Bin k holds k*w <= d < (k+1)*w.' },
      ...normalised, getIndex: binIndex, getCentres: centres,
    },
    outputs: { indexPs: 'getIndex', counts: 'getData' },
    normalized: g2,
    plot: { getter: 'getData', x: 't(click) - t(start) (ps)', y: 'pairs' },
    example: '--click 2 --start 1 --binwidth 16ps --bins 1000',
    loss: pairsAtLoss,
    bins: config => sizeOf(config, 'bins'),
  },
  correlation: {
    className: 'Correlation',
    summary: 'Delays t(channel 1) - t(channel 2) of every pair in range, both signs.',
    parameters: {
      channel1: { kind: 'channel', help: 'Channel whose time counts positive: d > 0 means it fired later.' },
      channel2: { kind: 'channel', optional: true, help: 'The other channel; channel 1 itself (auto-correlation) if not given.' },
      binwidthPs: binwidth, bins,
    },
    getters: {
      getData: { type: 'counts', shape: '[bins]', unit: 'pairs', help: 'Bin k holds (k - floor(n/2))*w <= d < (k+1 - floor(n/2))*w.' },
      ...normalised, getIndex: binIndex, getCentres: centres,
    },
    outputs: { indexPs: 'getIndex', counts: 'getData' },
    normalized: g2,
    plot: { getter: 'getData', x: 't(ch1) - t(ch2) (ps)', y: 'pairs' },
    example: '--channels 1,2 --binwidth 16ps --plot',
    loss: pairsAtLoss,
    bins: config => sizeOf(config, 'bins'),
  },
  timeDifferences: {
    className: 'TimeDifferences',
    summary: 'Histograms of t(click) - t(start), stepped by a next channel and reset by a sync channel.',
    parameters: {
      click, start,
      next: { kind: 'channel', optional: true, help: 'Each of its tags moves on to the next histogram; the first one opens histogram 0.' },
      sync: { kind: 'channel', optional: true, help: 'Goes back to histogram 0 and waits for next.' },
      binwidthPs: binwidth, bins,
      histograms: { kind: 'integer', min: 1, max: 1_000_000, default: 1, help: 'Number of histograms.' },
      maxCounts: { kind: 'integer', min: 0, max: 2 ** 31, default: 0, help: 'Stop after so many complete rounds of histograms; 0 = never.' },
    },
    getters: {
      getData: { type: 'counts', shape: '[histograms, bins]', unit: 'pairs', help: 'Bin k holds k*w <= d < (k+1)*w.' },
      getIndex: binIndex, getCentres: centres,
      getCounts: { type: 'scalar', unit: 'rounds', help: 'Complete rounds through all histograms.' },
      getHistogramIndex: { type: 'scalar', help: 'The histogram in use; -1 waits for next, -2 waits for sync.' },
      ready: { type: 'boolean', help: 'True once maxCounts rounds are complete.' },
    },
    outputs: { indexPs: 'getIndex', counts: 'getData', rounds: 'getCounts', histogramIndex: 'getHistogramIndex', ready: 'ready' },
    plot: { getter: 'getData', x: 't(click) - t(start) (ps)', y: 'pairs' },
    example: '--click 2 --start 1 --next 3',
    loss: 'Open starts are forgotten, and the steps begin anew: it waits for sync, or for next, since tags of those may be among the lost. ' +
      'An epoch does the same.',
    bins: config => sizeOf(config, 'bins') * sizeOf(config, 'histograms'),
  },
  startStop: {
    className: 'StartStop',
    summary: 'Delays from the last start to the first click after it, without a limit on the range.',
    parameters: { click, start, binwidthPs: binwidth },
    getters: {
      getData: { type: 'numbers', shape: '[entries, 2]', unit: 'ps, pairs', help: 'Left edge and count of each bin that is not empty, ascending.' },
      getCounts: { type: 'counts', shape: '[entries]', unit: 'pairs', help: 'Counts of the bins that are not empty.' },
      getIndex: { type: 'numbers', shape: '[entries]', unit: 'ps', help: 'Left edges of the bins that are not empty.' },
    },
    outputs: { indexPs: 'getIndex', counts: 'getCounts' },
    plot: { getter: 'getData', x: 't(click) - t(start) (ps)', y: 'pairs', sparse: true },
    example: '--click 2 --start 1 --binwidth 100ps --npy out.npy',
    loss: 'The open start is forgotten, at an epoch too: no delay spans either.',
  },
} as const satisfies Record<string, MeasurementSpec>;
