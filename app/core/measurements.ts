// core/measurements.ts - the one table that describes every measurement.
//
// The remote interface, tagctl, its help, the types of the client, the docs and the checks of arguments are all made from it:
// a measurement is described once, in the family it belongs to under specs/. Engine classes with the same names live in
// dsp/measurements/.
import type { ArgumentsOf, MeasurementSpec, Returned } from './spec.ts';
import { binned } from './specs/bins.ts';
import { counting } from './specs/counting.ts';
import { delays } from './specs/delays.ts';
import { frequency } from './specs/frequency.ts';
import { imaging } from './specs/imaging.ts';
import { photons } from './specs/photons.ts';
import { streams } from './specs/streams.ts';
import { user } from './specs/user.ts';

export type { CounterData, FlimFrame, FrequencyCounterData, PulsePerSecondData, ScopeData, TagBuffer } from './objects.ts';
export type { CheckedConfig, Counts, Getter, MeasurementSpec, Parameter } from './spec.ts';

export const measurements = {
  ...counting, ...delays, ...binned, ...imaging, ...frequency, ...photons, ...streams, ...user,
} as const satisfies Record<string, MeasurementSpec>;

export type MeasurementName = keyof typeof measurements;
export const measurementNames = Object.keys(measurements) as MeasurementName[];

/** What a caller writes: `{ channel1: 1, channel2: 2, binwidthPs: 16, bins: 20000 }`. */
export type ConfigOf<N extends MeasurementName> = ArgumentsOf<(typeof measurements)[N]['parameters']>;
export type GetterName<N extends MeasurementName> = keyof (typeof measurements)[N]['getters'] & string;
export type GetterArgs<N extends MeasurementName, G extends GetterName<N>> =
  (typeof measurements)[N]['getters'][G] extends { args: infer A } ? ArgumentsOf<A> : Record<string, never>;
export type ValueOf<N extends MeasurementName, G extends GetterName<N>> = Returned<(typeof measurements)[N]['getters'][G]>;

/** Any measurement with its arguments, as it travels between client, daemon and worker. */
export interface MeasurementRequest { name: MeasurementName; config: Record<string, unknown> }
