// core/specs/imaging.ts - measurements whose histograms are chosen by marker channels: scans and images.
import type { CheckedConfig, MeasurementSpec } from '../spec.ts';
import { binIndex, bins, binwidth, centres, click, sizeOf, start } from './common.ts';

const mostAxes = 8;

function lengthOf(config: CheckedConfig, key: string): number | undefined {
  const value = config[key];
  return Array.isArray(value) ? value.length : undefined;
}

export const imaging = {
  timeDifferencesND: {
    className: 'TimeDifferencesND',
    summary: 'Histograms of t(click) - t(start) on a grid whose axes are stepped independently.',
    parameters: {
      click, start,
      next: { kind: 'channels', min: 1, max: mostAxes, repeats: true, unused: true, optional: true, help: 'Per axis, the channel that steps it; 0 = none.' },
      sync: { kind: 'channels', min: 1, max: mostAxes, repeats: true, unused: true, optional: true, help: 'Per axis, the channel that sets it back; 0 = none.' },
      histograms: { kind: 'integers', min: 1, max: 1_000_000, least: 1, most: mostAxes, help: 'Number of histograms along each axis.' },
      binwidthPs: binwidth, bins,
    },
    getters: {
      getData: { type: 'counts', shape: '[cells, bins]', unit: 'pairs', help: 'A histogram per cell of the grid, the last axis fastest; bin k holds k*w <= d < (k+1)*w.' },
      getIndex: binIndex, getCentres: centres,
      getHistogramIndex: { type: 'integers', shape: '[axes]', help: 'Position on each axis; -1 waits for next, -2 waits for sync.' },
    },
    outputs: { indexPs: 'getIndex', counts: 'getData', histogramIndex: 'getHistogramIndex' },
    plot: { getter: 'getData', x: 't(click) - t(start) (ps)', y: 'pairs' },
    example: '--click 2 --start 1 --next 3,4 --histograms 8,8',
    loss: 'Open starts are forgotten, and every axis begins anew: it waits for its sync, or for its next, since those may be among the lost. An epoch does the same.',
    bins: config => (config['histograms'] as readonly number[]).reduce((product, size) => product * size, sizeOf(config, 'bins')),
    check: config => {
      const axes = lengthOf(config, 'histograms');
      const wrong = ['next', 'sync'].find(key => (lengthOf(config, key) ?? axes) !== axes);
      if (wrong !== undefined) return `${wrong} lists ${lengthOf(config, wrong)} channels for ${axes} axes`;
      const next = config['next'] as readonly number[] | undefined;
      const stuck = (config['histograms'] as readonly number[]).findIndex((size, axis) => size > 1 && (next?.[axis] ?? 0) === 0);
      return stuck < 0 ? undefined : `axis ${stuck + 1} has several histograms and no next channel`;
    },
  },
} as const satisfies Record<string, MeasurementSpec>;
