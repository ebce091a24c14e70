// core/measurements.ts - the one table that describes every measurement.
//
// The remote interface, tagctl, its help, the types of the client and the checks of arguments are all made from it:
// a measurement is listed here and nowhere else. Engine classes with the same names live in dsp/measurements/.
import { limits } from './limits.ts';

/** How one argument is written, checked and explained. */
export type Parameter = {
  readonly help: string;
  /** `--name VALUE` in tagctl has the same name in kebab case without its unit: binwidthPs -> --binwidth. */
} & (
  | { readonly kind: 'channels'; readonly min: number; readonly max: number }
  | { readonly kind: 'channel'; readonly optional?: true }
  | { readonly kind: 'duration'; readonly min: number; readonly max: number; readonly default?: number }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number; readonly default?: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[]; readonly default: string }
);

/** How one getter is called and what comes back. */
export interface Getter {
  readonly help: string;
  /** `counts` come in the narrowest integer array that fits, `times` as BigInt64Array, the rest as Float64Array. */
  readonly type: 'counts' | 'numbers' | 'times' | 'scalar' | 'boolean' | 'object';
  /** Shape in words, for docs and help: `[bins]`, `[channels, values]`. */
  readonly shape?: string;
  readonly unit?: string;
  readonly args?: Readonly<Record<string, Parameter | { readonly kind: 'boolean'; readonly default: boolean; readonly help: string }>>;
}

export interface MeasurementSpec {
  /** The class of the reference interface. */
  readonly className: string;
  readonly summary: string;
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly getters: Readonly<Record<string, Getter>>;
  /** What a plot shows; the y values come from `getter`, x from `getIndex`. */
  readonly plot: { readonly getter: string; readonly x: string; readonly y: string };
}

const binwidth = {
  kind: 'duration', min: 1, max: limits.windowPs, default: 1000, help: 'Width of a bin.',
} as const;
const bins = {
  kind: 'integer', min: 1, max: limits.binsPerMeasurement, default: 1000, help: 'Number of bins.',
} as const;
const binIndex = { type: 'numbers', shape: '[bins]', unit: 'ps', help: 'Left edges of the bins.' } as const;
const centres = { type: 'numbers', shape: '[bins]', unit: 'ps', help: 'Centres of the bins: left edge + (binwidth - tick) / 2.' } as const;
const rates = {
  kind: 'choice', choices: ['global', 'segment'], default: 'global',
  help: 'Rates for the normalisation: over the whole live time, or of each uninterrupted segment.',
} as const;

export const measurements = {
  countrate: {
    className: 'Countrate',
    summary: 'Mean rate of each channel: received tags / live time.',
    parameters: { channels: { kind: 'channels', min: 1, max: 64, help: 'Channels to count.' } },
    getters: {
      getData: { type: 'numbers', shape: '[channels]', unit: 'Hz', help: 'Received tags / live time; NaN before any live time.' },
      getDataNormalized: { type: 'numbers', shape: '[channels]', unit: 'Hz', help: 'The same as getData.' },
      getUncertainty: { type: 'numbers', shape: '[channels]', unit: 'Hz', help: 'sqrt(tags) / live time.' },
      getCountsTotal: { type: 'counts', shape: '[channels]', unit: 'tags', help: 'Received tags plus missed tags where the device counted them.' },
      getCountsReceived: { type: 'counts', shape: '[channels]', unit: 'tags', help: 'Received tags.' },
      getIndex: { type: 'numbers', shape: '[channels]', unit: 'channel', help: 'The channel numbers.' },
    },
    plot: { getter: 'getData', x: 'channel', y: 'rate (Hz)' },
  },
  counter: {
    className: 'Counter',
    summary: 'Tags per time bin, for the last n complete bins.',
    parameters: {
      channels: { kind: 'channels', min: 1, max: 64, help: 'Channels to count.' },
      binwidthPs: { kind: 'duration', min: 1, max: limits.windowPs, default: 1e9, help: 'Width of a bin.' },
      values: { kind: 'integer', min: 1, max: limits.binsPerMeasurement, default: 1, help: 'Number of bins kept.' },
    },
    getters: {
      getData: {
        type: 'counts', shape: '[channels, values]', unit: 'tags',
        help: 'Counts of the complete bins; 0 where a bin is not complete.',
        args: { rolling: { kind: 'boolean', default: true, help: 'Newest bin last; otherwise a sweep that starts over at 0.' } },
      },
      getDataNormalized: {
        type: 'numbers', shape: '[channels, values]', unit: 'Hz',
        help: 'Rates; NaN where a bin was not complete or touched a lost interval.',
        args: { rolling: { kind: 'boolean', default: true, help: 'Newest bin last; otherwise a sweep that starts over at 0.' } },
      },
      getDataTotalCounts: { type: 'counts', shape: '[channels]', unit: 'tags', help: 'All tags since the start, the open bin and counted missed tags included.' },
      getDataObject: { type: 'object', help: 'Bins with times and overflow mask; with remove, every bin is handed out exactly once.',
        args: { remove: { kind: 'boolean', default: false, help: 'Hand out each complete bin once.' } } },
      getIndex: { type: 'numbers', shape: '[values]', unit: 'ps', help: 'k * binwidth.' },
    },
    plot: { getter: 'getDataNormalized', x: 'time (ps)', y: 'rate (Hz)' },
  },
  histogram: {
    className: 'Histogram',
    summary: 'Delays t(click) - t(start), every start with every later click in range.',
    parameters: {
      click: { kind: 'channel', help: 'Channel of the clicks.' },
      start: { kind: 'channel', optional: true, help: 'Channel of the starts; the click channel itself if not given.' },
      binwidthPs: binwidth, bins,
    },
    getters: {
      getData: { type: 'counts', shape: '[bins]', unit: 'pairs', help: 'Bin k holds k*w <= d < (k+1)*w.' },
      getDataNormalized: { type: 'numbers', shape: '[bins]', unit: '', help: 'g2: counts / counts expected from uncorrelated channels.', args: { rates } },
      getDataNormalizedError: { type: 'numbers', shape: '[bins]', unit: '', help: 'sqrt(counts) in the units of getDataNormalized.', args: { rates } },
      getIndex: binIndex, getCentres: centres,
    },
    plot: { getter: 'getData', x: 't(click) - t(start) (ps)', y: 'pairs' },
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
      getDataNormalized: { type: 'numbers', shape: '[bins]', unit: '', help: 'g2: counts / counts expected from uncorrelated channels.', args: { rates } },
      getDataNormalizedError: { type: 'numbers', shape: '[bins]', unit: '', help: 'sqrt(counts) in the units of getDataNormalized.', args: { rates } },
      getIndex: binIndex, getCentres: centres,
    },
    plot: { getter: 'getData', x: 't(ch1) - t(ch2) (ps)', y: 'pairs' },
  },
  timeDifferences: {
    className: 'TimeDifferences',
    summary: 'Histograms of t(click) - t(start), stepped by a next channel and reset by a sync channel.',
    parameters: {
      click: { kind: 'channel', help: 'Channel of the clicks.' },
      start: { kind: 'channel', optional: true, help: 'Channel of the starts; the click channel itself if not given.' },
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
    plot: { getter: 'getData', x: 't(click) - t(start) (ps)', y: 'pairs' },
  },
  startStop: {
    className: 'StartStop',
    summary: 'Delays from the last start to the first click after it, without a limit on the range.',
    parameters: {
      click: { kind: 'channel', help: 'Channel of the clicks.' },
      start: { kind: 'channel', optional: true, help: 'Channel of the starts; the click channel itself if not given.' },
      binwidthPs: binwidth,
    },
    getters: {
      getData: { type: 'numbers', shape: '[entries, 2]', unit: 'ps, pairs', help: 'Left edge and count of each bin that is not empty, ascending.' },
      getIndex: { type: 'numbers', shape: '[entries]', unit: 'ps', help: 'Left edges of the bins that are not empty.' },
    },
    plot: { getter: 'getData', x: 't(click) - t(start) (ps)', y: 'pairs' },
  },
} as const satisfies Record<string, MeasurementSpec>;

export type MeasurementName = keyof typeof measurements;
export const measurementNames = Object.keys(measurements) as MeasurementName[];

type Plain<P> =
  P extends { kind: 'channels' } ? readonly number[]
    : P extends { kind: 'choice'; choices: readonly (infer C)[] } ? C
      : P extends { kind: 'boolean' } ? boolean
        : number;
type Optional<P> = P extends { optional: true } | { default: unknown } ? true : false;
type Arguments<T> =
  & { -readonly [K in keyof T as Optional<T[K]> extends true ? never : K]: Plain<T[K]> }
  & { -readonly [K in keyof T as Optional<T[K]> extends true ? K : never]?: Plain<T[K]> | undefined };

/** What a caller writes: `{ channel1: 1, channel2: 2, binwidthPs: 16, bins: 20000 }`. */
export type ConfigOf<N extends MeasurementName> = Arguments<(typeof measurements)[N]['parameters']>;
export type GetterName<N extends MeasurementName> = keyof (typeof measurements)[N]['getters'] & string;
export type GetterArgs<N extends MeasurementName, G extends GetterName<N>> =
  (typeof measurements)[N]['getters'][G] extends { args: infer A } ? Arguments<A> : Record<string, never>;

/** Counts on the wire: the narrowest that fits, never wrapped. */
export type Counts = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;
type Returned<T> =
  T extends 'counts' ? Counts : T extends 'numbers' ? Float64Array : T extends 'times' ? BigInt64Array
    : T extends 'scalar' ? number : T extends 'boolean' ? boolean : CounterData;
export type ValueOf<N extends MeasurementName, G extends GetterName<N>> =
  (typeof measurements)[N]['getters'][G] extends { type: infer T } ? Returned<T> : never;

/** The answer of `Counter.getDataObject`. Arrays are [channels, size] in row order. */
export interface CounterData {
  size: number;
  /** Complete bins that were overwritten before anybody took them (only with remove). */
  droppedBins: number;
  overflow: boolean;
  channels: number[];
  counts: Counts;
  rateHz: Float64Array;
  /** Start of each bin since the start of the measurement, ps. */
  indexPs: Float64Array;
  /** Start of each bin in stream time, ps. */
  timePs: BigInt64Array;
  /** 1 where a bin touched a lost interval. */
  overflowMask: Int8Array;
  totalCounts: Counts;
}

/** Any measurement with its arguments, as it travels between client, daemon and worker. */
export interface MeasurementRequest { name: MeasurementName; config: Record<string, unknown> }

/** Arguments after the check: defaults filled in, nothing unknown. `undefined` stands for a channel that was not given. */
export type CheckedConfig = Record<string, number | readonly number[] | string | undefined>;
