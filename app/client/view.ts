// client/view.ts - private delays and virtual channels that several measurements share.
import type { ConfigOf, MeasurementName } from '../core/measurements.ts';
import type { MeasureOptions } from '../rpc/api.ts';
import type { Measurement } from './measurement.ts';
import type { MeasurementsOf, Request, Tagger } from './tagger.ts';

/** What a view adds to the tagger's channels. */
export type ViewOptions = Pick<MeasureOptions, 'delaysPs' | 'virtual'>;

/**
 * The tagger's channels as you want to see them; nobody else sees them so. The station makes equal views once.
 *
 * ```ts
 * const view = tagger.view({ delaysPs: { 2: -1500 }, virtual: { 1001: { kind: 'coincidence', channels: [1, 2], windowPs: 1000 } } });
 * await using pairs = await view.measure('countrate', { channels: [1, 2, 1001] });
 * ```
 */
export class View {
  readonly #tagger: Tagger;
  readonly #options: ViewOptions;

  /** @internal */
  constructor(tagger: Tagger, options: ViewOptions) {
    this.#tagger = tagger;
    this.#options = { ...options };
  }

  /** As `Tagger.measure`, in this view. */
  async measure<N extends MeasurementName>(name: N, config: ConfigOf<N>, options: Omit<MeasureOptions, keyof ViewOptions> = {}): Promise<Measurement<N>> {
    return await this.#tagger.measure(name, config, { ...options, ...this.#options });
  }

  /** As `Tagger.measureTogether`, in this view. */
  async measureTogether<const R extends readonly Request[]>(requests: R, options: Omit<MeasureOptions, keyof ViewOptions> = {}): Promise<MeasurementsOf<R>> {
    return await this.#tagger.measureTogether(requests, { ...options, ...this.#options });
  }
}
