// client/tagger.ts - one tagger in the client's program. What the link does not allow fails with `forbidden`.
import type { ConfigOf, MeasurementName } from '../core/measurements.ts';
import type { Rates, StationEvent, TaggerStatus } from '../core/station.ts';
import type { Settings } from '../core/tagger.ts';
import type { Measurement as RemoteMeasurement, MeasureOptions, SharedMeasurementInfo, TaggerControl } from '../rpc/api.ts';
import { Subscription, type Caller } from './calls.ts';
import { ownMeasurement, sharedMeasurement, type Measurement, type SharedMeasurement } from './measurement.ts';
import { SynchronizedMeasurements } from './synchronized.ts';
import { View, type ViewOptions } from './view.ts';

/** One measurement of several that are to see the same tags. */
export type Request = { [N in MeasurementName]: { readonly name: N; readonly config: ConfigOf<N> } }[MeasurementName];

/** The measurements of a list of requests, each with its own type. */
export type MeasurementsOf<R extends readonly Request[]> = { readonly [K in keyof R]: R[K] extends { readonly name: infer N extends MeasurementName } ? Measurement<N> : never };

export class Tagger implements Disposable {
  readonly #caller: Caller;
  readonly #stub: TaggerControl;

  /** @internal */
  constructor(caller: Caller, stub: TaggerControl) {
    this.#caller = caller;
    this.#stub = stub;
  }

  /** State, channels, settings with their ranges, and the account of loss. */
  async status(): Promise<TaggerStatus> { return await this.#caller.call(() => this.#stub.status()); }

  /** The settings in force and their revision. */
  async settings(): Promise<{ settings: Settings; revision: number }> { return await this.#caller.call(() => this.#stub.settings()); }

  /** Mean rates over the last `windowMs`; `null` where nobody knows, never 0 for that. */
  async rates(windowMs = 1000): Promise<Rates> { return await this.#caller.call(() => this.#stub.rates(windowMs)); }

  /** Calls back with the newest rates; everyMs is at least 50, default 1000. */
  async onRates(listener: (rates: Rates) => unknown, { everyMs = 1000 }: { everyMs?: number } = {}): Promise<Subscription> {
    const callback = this.#caller.callback(listener);
    return new Subscription(await this.#caller.call(() => this.#stub.subscribeRates(callback, everyMs)));
  }

  /** Calls back when state, settings, loss or clock changed. */
  async onChange(listener: (event: StationEvent) => unknown): Promise<Subscription> {
    const callback = this.#caller.callback(listener);
    return new Subscription(await this.#caller.call(() => this.#stub.watch(callback)));
  }

  /**
   * Creates a measurement, which runs at once unless `start: false`.
   *
   * ```ts
   * await using m = await tagger.measure('correlation', { channel1: 1, channel2: 2, binwidthPs: 16, bins: 20000 });
   * await m.startFor(2e12);
   * await m.waitUntilFinished();
   * const counts = await m.getData(); // [bins]
   * ```
   *
   * @throws {TaggerError} `usage` names the argument and its range, `not-found` a channel, `limit` a bound of the box
   */
  async measure<N extends MeasurementName>(name: N, config: ConfigOf<N>, options: MeasureOptions = {}): Promise<Measurement<N>> {
    return ownMeasurement(name, this.#caller, (await this.#caller.call(() => this.#stub.measure(name, config, options))) as unknown as RemoteMeasurement);
  }

  /** Creates measurements that see exactly the same tags, from the same first one on. */
  async measureTogether<const R extends readonly Request[]>(requests: R, options: MeasureOptions = {}): Promise<MeasurementsOf<R>> {
    const stubs = await this.#caller.call(() => this.#stub.measureTogether(requests as never, options));
    return requests.map(({ name }, i) => ownMeasurement(name, this.#caller, stubs[i] as RemoteMeasurement)) as unknown as MeasurementsOf<R>;
  }

  /** Private delays and virtual channels for several measurements. They are checked when the first is made. */
  view(options: ViewOptions): View { return new View(this, options); }

  /** Measurements that are started, stopped and cleared as one, at one place of the stream. */
  async synchronized(): Promise<SynchronizedMeasurements> {
    return new SynchronizedMeasurements(this.#caller, await this.#caller.call(() => this.#stub.synchronized()));
  }

  /**
   * A place in the stream, behind every tag that the station has received.
   *
   * @param alloc false: the place that was named last
   */
  async getFence(alloc = true): Promise<number> { return await this.#caller.call(() => this.#stub.getFence(alloc)); }

  /**
   * Waits until every measurement has taken all tags in front of the fence: what is read later shows them.
   *
   * @param timeoutMs 0 only looks, -1 waits for ever
   * @returns false if that is not so after `timeoutMs`
   * @throws {TaggerError} `device-lost` if the tagger left before it
   */
  async waitForFence(fence: number, timeoutMs = -1): Promise<boolean> { return await this.#caller.call(() => this.#stub.waitForFence(fence, timeoutMs)); }

  /** Waits until every measurement has taken all tags that the station had received before this call. */
  async sync(timeoutMs = -1): Promise<boolean> { return await this.#caller.call(() => this.#stub.sync(timeoutMs)); }

  /**
   * Changes physical settings, all or none; what is absent stays.
   *
   * ```ts
   * await tagger.configure({ channels: { 1: { triggerLevelV: 0.5 } } });
   * ```
   *
   * @throws {TaggerError} `conflict` if `revision` is given and somebody changed the settings since
   */
  async configure(change: Settings, options: { revision?: number } = {}): Promise<{ settings: Settings; revision: number }> {
    return await this.#caller.call(() => this.#stub.configure(change, options));
  }

  /** Measurements that others keep on this tagger and you may read. */
  async shared(): Promise<SharedMeasurementInfo[]> { return await this.#caller.call(() => this.#stub.shared()); }

  /** @throws {TaggerError} `not-found` */
  async sharedMeasurement(name: string): Promise<SharedMeasurement> {
    const stub = await this.#caller.call(() => this.#stub.sharedMeasurement(name));
    const { name: measurement } = await this.#caller.call(() => stub.getConfiguration());
    return sharedMeasurement(measurement, this.#caller, stub);
  }

  /** Gives up this handle; its subscriptions end, measurements and other people are not affected. */
  dispose(): void { this.#stub[Symbol.dispose](); }

  [Symbol.dispose](): void { this.dispose(); }
}
