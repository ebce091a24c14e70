// core/specs/counting.ts - measurements that count tags: rates and counts per time bin.
import { limits } from '../limits.ts';
import type { MeasurementSpec } from '../spec.ts';
import { channels, click, sizeOf } from './common.ts';

const rolling = { rolling: { kind: 'boolean', default: true, help: 'Newest bin last; otherwise a sweep that starts over at 0.' } } as const;

export const counting = {
  countrate: {
    className: 'Countrate',
    summary: 'Mean rate of each channel: received tags / live time.',
    parameters: { channels },
    getters: {
      getData: { type: 'numbers', shape: '[channels]', unit: 'Hz', help: 'Received tags / live time; NaN before any live time.' },
      getDataNormalized: { type: 'numbers', shape: '[channels]', unit: 'Hz', help: 'The same as getData.' },
      getUncertainty: { type: 'numbers', shape: '[channels]', unit: 'Hz', help: 'sqrt(tags) / live time.' },
      getCountsTotal: { type: 'counts', shape: '[channels]', unit: 'tags', help: 'Received tags plus missed tags where the device counted them.' },
      getCountsReceived: { type: 'counts', shape: '[channels]', unit: 'tags', help: 'Received tags.' },
      getIndex: { type: 'numbers', shape: '[channels]', unit: 'channel', help: 'The channel numbers.' },
    },
    outputs: { channels: 'getIndex', rateHz: 'getData', uncertaintyHz: 'getUncertainty', counts: 'getCountsReceived', countsTotal: 'getCountsTotal' },
    plot: { getter: 'getData', x: 'channel', y: 'rate (Hz)', kind: 'none' },
    example: '--channels 1,2',
    loss: 'Counts go on behind it; live time leaves it out, counted missed tags enter the totals only.',
  },
  counter: {
    className: 'Counter',
    summary: 'Tags per time bin, for the last n complete bins.',
    parameters: {
      channels,
      binwidthPs: { kind: 'duration', min: 1, max: limits.windowPs, default: 1e9, help: 'Width of a bin.' },
      values: { kind: 'integer', min: 1, max: limits.binsPerMeasurement, default: 1, help: 'Number of bins kept.' },
    },
    getters: {
      getData: { type: 'counts', shape: '[channels, values]', unit: 'tags', help: 'Counts of the complete bins; 0 where a bin is not complete.', args: rolling },
      getDataNormalized: {
        type: 'numbers', shape: '[channels, values]', unit: 'Hz', help: 'Rates; NaN where a bin was not complete or touched a lost interval.', args: rolling,
      },
      getDataTotalCounts: { type: 'counts', shape: '[channels]', unit: 'tags', help: 'All tags since the start, the open bin and counted missed tags included.' },
      getDataObject: { type: 'object', of: 'CounterData', takes: 'remove', help: 'Bins with times and overflow mask; with remove, every bin is handed out exactly once.',
        args: { remove: { kind: 'boolean', default: false, help: 'Hand out each complete bin once.' } } },
      getIndex: { type: 'numbers', shape: '[values]', unit: 'ps', help: 'k * binwidth.' },
    },
    outputs: { indexPs: 'getIndex', counts: 'getData', rateHz: 'getDataNormalized', countsTotal: 'getDataTotalCounts' },
    plot: { getter: 'getDataNormalized', x: 'time (ps)', y: 'rate (Hz)' },
    example: '--channels 1,2 --binwidth 10ms --values 100',
    loss: 'The grid of bins goes on; every bin that touches the interval is flagged: its rate is NaN, its counts are what was received. An epoch flags the bin it falls in and those that nobody saw.',
    bins: config => sizeOf(config, 'channels') * sizeOf(config, 'values'),
  },
  countBetweenMarkers: {
    className: 'CountBetweenMarkers',
    summary: 'Clicks from each begin marker to the next one, or to an end marker.',
    parameters: {
      click,
      begin: { kind: 'channel', help: 'Channel of the markers that begin a bin.' },
      end: { kind: 'channel', optional: true, help: 'Channel of the markers that end a bin; the next begin if not given.' },
      values: { kind: 'integer', min: 1, max: 4_000_000, default: 1000, help: 'Number of bins; it stops when they are full.' },
    },
    getters: {
      getData: { type: 'counts', shape: '[values]', unit: 'tags', help: 'Clicks with begin <= t < end; 0 where there is no bin yet.' },
      getDataNormalized: { type: 'numbers', shape: '[values]', unit: 'Hz', help: 'Clicks / width; NaN where there is no bin yet or its flag is set.' },
      getIndex: { type: 'numbers', shape: '[values]', unit: 'ps', help: 'Begin of each bin since the begin of the first; rounded beyond 2^53 ps (2.5 h).' },
      getBinWidths: { type: 'numbers', shape: '[values]', unit: 'ps', help: 'Width of each bin.' },
      getOverflowMask: { type: 'flags', shape: '[values]', help: '1 where a bin ended at a lost interval or another break of the stream.' },
      getBinsComplete: { type: 'scalar', unit: 'bins', help: 'Bins that are complete.' },
      ready: { type: 'boolean', help: 'True once all bins are complete.' },
    },
    outputs: {
      indexPs: 'getIndex', widthPs: 'getBinWidths', counts: 'getData', rateHz: 'getDataNormalized', overflow: 'getOverflowMask',
      binsComplete: 'getBinsComplete', ready: 'ready',
    },
    plot: { getter: 'getData', x: 'begin (ps)', y: 'tags', kind: 'points' },
    example: '--click 1 --begin 3 --values 500',
    loss: 'The open bin ends where tags begin to be lost, keeps what it has and is flagged: its rate is NaN. The next begin opens the next bin. ' +
      'An epoch ends the bin in the same way, so that no width spans it; stopping gives the open bin up.',
    bins: config => 3 * sizeOf(config, 'values'),
    check: config => (config['begin'] === config['end'] ? 'begin and end are the same channel' : undefined),
  },
} as const satisfies Record<string, MeasurementSpec>;
