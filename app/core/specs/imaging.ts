// core/specs/imaging.ts - measurements whose histograms are chosen by marker channels: scans and images.
import { limits } from '../limits.ts';
import type { CheckedConfig, MeasurementSpec } from '../spec.ts';
import { binIndex, bins, binwidth, centres, click, sizeOf, start } from './common.ts';

const mostAxes = 8;
/** A histogram is kept three times, a frame five times and each output frame twice; beside its bins a pixel has live time, begin and end. */
const pixelRecords = 3;
const mostFrameCounts = (config: CheckedConfig): number => limits.binsPerMeasurement * 3 / (5 + 2 * sizeOf(config, 'keptFrames'));
const marker = { kind: 'channel', optional: true } as const;
const frameShape = { type: 'counts', shape: '[pixels, bins]', unit: 'pairs' } as const;
const intensity = { type: 'numbers', shape: '[pixels]', unit: 'Hz' } as const;
const newest = { index: { kind: 'integer', min: -1000, max: 1_000_000_000, default: -1, help: 'Number of the output frame, one that is kept; -1 = the newest, -2 = the one before.' } } as const;
const frameObject = { type: 'object', of: 'FlimFrame' } as const;
const summed = {
  onlyReady: { kind: 'boolean', default: true, help: 'Otherwise the current frame is added, as far as it came.' },
  remove: { kind: 'boolean', default: false, help: 'The next call sums only what comes from now on.' },
} as const;

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
  flim: {
    className: 'Flim',
    summary: 'Lifetime imaging: delays t(click) - t(start) by pixel, frame by frame.',
    parameters: {
      start: { kind: 'channel', help: 'Channel of the starts, as a rule the laser.' }, click,
      pixelBegin: { kind: 'channel', help: 'Marker that begins the next pixel.' },
      pixelEnd: { ...marker, help: 'Marker that ends a pixel; else the next one does.' },
      frameBegin: { ...marker, help: 'Marker that begins a frame; else the next pixel.' },
      pixels: { kind: 'integer', min: 1, max: 4_194_304, help: 'Pixels of a frame.' },
      bins: { ...bins, default: 100 }, binwidthPs: binwidth,
      finishAfterFrames: { kind: 'integer', min: 0, max: 1_000_000_000, default: 0, help: 'Done after so many output frames; 0 = never.' },
      framesPerOutput: { kind: 'integer', min: 1, max: 1_000_000, default: 1, help: 'Frames that are summed in an output frame.' },
      keptFrames: { kind: 'integer', min: 1, max: 1000, default: 1, help: 'Output frames that stay to be read.' },
    },
    getters: {
      getData: { ...frameShape, help: 'The same as getSummedFrames without arguments, but removes nothing.' },
      getCurrentFrame: { ...frameShape, help: 'The frame under way; one that was broken off stays until the next begins.' },
      getReadyFrame: { ...frameShape, args: newest, help: 'An output frame; a click counts where it lies, bin k holds k*w <= d < (k+1)*w.' },
      getSummedFrames: { ...frameShape, args: summed, takes: 'remove', help: 'All output frames summed.' },
      getCurrentFrameIntensity: { ...intensity, help: 'Counts / live time of each pixel of the current frame; NaN where it was not reached.' },
      getReadyFrameIntensity: { ...intensity, args: newest, help: 'The same of the newest output frame.' },
      getSummedFramesIntensity: { ...intensity, args: summed, takes: 'remove', help: 'The same of all output frames.' },
      getCurrentFrameEx: { ...frameObject, help: 'The current frame with what is known of it.' },
      getReadyFrameEx: { ...frameObject, args: newest, help: 'An output frame with what is known of it.' },
      getSummedFramesEx: { ...frameObject, args: summed, takes: 'remove', help: 'All output frames summed, with what is known of them.' },
      getFramesAcquired: { type: 'scalar', unit: 'frames', help: 'Output frames that are complete.' },
      getFramesBroken: { type: 'scalar', unit: 'frames', help: 'Frames that a loss, an epoch or an early frame marker broke off; they are in no sum.' },
      getPixelPosition: { type: 'scalar', unit: '', help: 'The pixel that began last in the current frame, from 0; -1 before the first.' },
      isAcquiring: { type: 'boolean', help: 'True while a frame is under way.' },
      ready: { type: 'boolean', help: 'True once all frames of finishAfterFrames are complete.' },
      getIndex: binIndex, getCentres: centres,
      getPixels: { type: 'integers', shape: '[pixels]', help: 'Numbers of the pixels, from 0.' },
    },
    outputs: {
      pixel: 'getPixels', indexPs: 'getIndex', counts: 'getData', intensityHz: 'getSummedFramesIntensity', framesAcquired: 'getFramesAcquired', framesBroken: 'getFramesBroken',
    },
    plot: { getter: 'getData', x: 't(click) - t(start) (ps)', y: 'pixel', kind: 'map', indexY: 'pixel' },
    example: '--start 1 --click 2 --pixel-begin 3 --frame-begin 4 --pixels 64 --bins 100 --binwidth 100ps',
    loss: 'The frame is given up and counted as broken, since markers may be among the lost: it is in no sum and no output frame. The next begins with its marker. An epoch does the same; a stop gives up without counting.',
    bins: config => sizeOf(config, 'pixels') * sizeOf(config, 'bins'),
    check: config => {
      if (config['start'] === config['click']) return 'start and click are the same channel';
      const used = ['pixelBegin', 'pixelEnd', 'frameBegin'].flatMap(key => (config[key] === undefined ? [] : [config[key]]));
      if (new Set(used).size < used.length) return 'two of its markers are the same channel';
      const pixels = sizeOf(config, 'pixels'), most = Math.max(0, Math.floor(mostFrameCounts(config) / pixels) - pixelRecords);
      return sizeOf(config, 'bins') <= most || sizeOf(config, 'bins') * pixels > limits.binsPerMeasurement ? undefined : `${pixels} pixels have room for ${most} bins at most`;
    },
  },
} as const satisfies Record<string, MeasurementSpec>;
