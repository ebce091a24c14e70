// core/spec.ts - the words in which the tables describe a measurement or a virtual channel: arguments, getters, outputs.
//
// Remote interface, tagctl, its help, the client's types, the docs and the check of arguments are all made from these.
import type { ObjectTypes } from './objects.ts';

/** How one argument is written, checked and explained. `--name VALUE` in tagctl is the name in kebab case without its unit. */
export type Parameter = {
  readonly help: string;
} & (
  /** Distinct channels, unless `repeats`; with `unused`, 0 holds the place of none. */
  | { readonly kind: 'channels'; readonly min: number; readonly max: number; readonly optional?: true; readonly repeats?: true; readonly unused?: true }
  | { readonly kind: 'channel'; readonly optional?: true }
  /** Groups of distinct channels: `min` to `max` groups of `least` to `most` channels; at most 64 different channels in all. */
  | { readonly kind: 'groups'; readonly min: number; readonly max: number; readonly least: number; readonly most: number }
  /** Whole ps. */
  | { readonly kind: 'duration'; readonly min: number; readonly max: number; readonly default?: number; readonly optional?: true }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number; readonly default?: number; readonly optional?: true }
  /** Lists of `least` to `most` whole ps, whole numbers or numbers, each from `min` to `max`. */
  | { readonly kind: 'durations' | 'integers' | 'numbers'; readonly min: number; readonly max: number; readonly least: number; readonly most: number; readonly default?: readonly number[] }
  /** Any finite number in [min, max]. `unit` as in names: '' where it has none. */
  | { readonly kind: 'number'; readonly min: number; readonly max: number; readonly unit: '' | 'Hz' | 'ps'; readonly default?: number; readonly optional?: true }
  | { readonly kind: 'boolean'; readonly default: boolean }
  /** A name of something on the station: letters, digits and . _ - */
  | { readonly kind: 'name' }
  | { readonly kind: 'choice'; readonly choices: readonly string[]; readonly default: string }
);

export type Parameters = Readonly<Record<string, Parameter>>;

/** How one getter is called and what comes back. */
export type Getter = {
  readonly help: string;
  /** Shape in words, for docs, help and nested output: `[bins]`, `[channels, values]`. */
  readonly shape?: string;
  readonly unit?: string;
  readonly args?: Parameters;
  /** Reading takes away what it gives (`remove`: where that argument is true): answers are never shared between readers. */
  readonly takes?: true | 'remove';
} & (
  /**
   * `counts` come in the narrowest unsigned array that fits, `times` as BigInt64Array (absolute times), `numbers` as
   * Float64Array, `integers` as Int32Array, `flags` as Int8Array.
   */
  | { readonly type: 'counts' | 'numbers' | 'times' | 'integers' | 'flags' | 'scalar' | 'boolean' }
  /** One of `ObjectTypes`, plain data with arrays in its fields. */
  | { readonly type: 'object'; readonly of: keyof ObjectTypes }
);

export interface MeasurementSpec {
  /** The class of the reference interface, or of our own where it has none. */
  readonly className: string;
  readonly summary: string;
  readonly parameters: Parameters;
  readonly getters: Readonly<Record<string, Getter>>;
  /**
   * What tagctl reads, in the order in which it prints and writes: name in JSON, columns and files -> getter. An array of the
   * same shape as another is a column beside it; leading dimensions become rows.
   */
  readonly outputs: Readonly<Record<string, string>>;
  /** Further outputs, read where g2 is asked for; getters that take `rates` get them. */
  readonly normalized?: Readonly<Record<string, string>>;
  readonly plot: Plot;
  /** An example of its options for tagctl's help. */
  readonly example: string;
  /** What happens at a lost interval, and at an epoch if that is not the same; for the docs and for whoever asks. */
  readonly loss: string;
  /** Bins that these arguments ask for; held against `limits.binsPerMeasurement`. */
  readonly bins?: (config: CheckedConfig) => number;
  /** What is wrong with arguments that are fine one by one: a sentence without a subject ("starts where it stops"), or nothing. */
  readonly check?: (config: CheckedConfig) => string | undefined;
}

/** What a plot shows; `getter` is also what a subscription gives if nothing else is asked for. */
export interface Plot {
  readonly getter: string;
  /** Label with its unit: `time (ps)`. */
  readonly x: string;
  readonly y: string;
  /** Output with the x values; default `indexPs`. */
  readonly index?: string;
  /**
   * `bins` (default): equal bins from left edges. `edges`: unequal bins, one edge more than values. `points`: values at x. `map`: a value
   * for each x and y. `none`: a table says more.
   */
  readonly kind?: 'bins' | 'edges' | 'points' | 'map' | 'none';
  /** With `map`: output with the y values; a row of values for each. */
  readonly indexY?: string;
  /** Bins that are not listed are 0. */
  readonly sparse?: true;
  readonly logX?: true;
  /** A logarithmic y axis is what people expect here. */
  readonly logY?: true;
}

/** Arguments after the check: defaults filled in, nothing unknown. `undefined` stands for what was not given. */
export type CheckedConfig = Record<string, number | boolean | string | readonly number[] | readonly (readonly number[])[] | undefined>;

type Plain<P> =
  P extends { kind: 'channels' | 'durations' | 'integers' | 'numbers' } ? readonly number[]
    : P extends { kind: 'groups' } ? readonly (readonly number[])[]
      : P extends { kind: 'choice'; choices: readonly (infer C)[] } ? C
        : P extends { kind: 'boolean' } ? boolean
          : P extends { kind: 'name' } ? string
            : number;
type IsOptional<P> = P extends { optional: true } | { default: unknown } ? true : false;

/** What a caller writes for a list of parameters. */
export type ArgumentsOf<T> =
  & { -readonly [K in keyof T as IsOptional<T[K]> extends true ? never : K]: Plain<T[K]> }
  & { -readonly [K in keyof T as IsOptional<T[K]> extends true ? K : never]?: Plain<T[K]> | undefined };

/** Counts on the wire: the narrowest that fits, never wrapped. */
export type Counts = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/** What a getter gives. */
export type Returned<G> =
  G extends { type: 'object'; of: infer K extends keyof ObjectTypes } ? ObjectTypes[K]
    : G extends { type: 'counts' } ? Counts : G extends { type: 'numbers' } ? Float64Array : G extends { type: 'times' } ? BigInt64Array
      : G extends { type: 'integers' } ? Int32Array : G extends { type: 'flags' } ? Int8Array
        : G extends { type: 'scalar' } ? number : G extends { type: 'boolean' } ? boolean : never;
