// client/synchronized.ts - measurements steered as one, so that they see exactly the same tags.
import { TaggerError } from '../core/errors.ts';
import type { ConfigOf, MeasurementName } from '../core/measurements.ts';
import type { MeasureOptions, Measurement as RemoteMeasurement, SynchronizedMeasurements as Remote } from '../rpc/api.ts';
import type { Caller } from './calls.ts';
import { numberOn, ownMeasurement, type Measurement } from './measurement.ts';

/**
 * Members begin, stop and are cleared at one place of the tagger's stream, whatever else the station does.
 *
 * ```ts
 * await using together = await tagger.synchronized();
 * const rates = await together.measure('countrate', { channels: [1, 2] });
 * const pairs = await together.measure('correlation', { channel1: 1, channel2: 2 });
 * await together.startFor(1e12);
 * await together.waitUntilFinished();
 * ```
 */
export class SynchronizedMeasurements implements Disposable {
  readonly #caller: Caller;
  readonly #stub: Remote;

  /** @internal */
  constructor(caller: Caller, stub: Remote) {
    this.#caller = caller;
    this.#stub = stub;
  }

  /** Creates a measurement that is a member and waits for `start` of all. */
  async measure<N extends MeasurementName>(name: N, config: ConfigOf<N>, options: Omit<MeasureOptions, 'start'> = {}): Promise<Measurement<N>> {
    return ownMeasurement(name, this.#caller, (await this.#caller.call(() => this.#stub.measure(name, config, options))) as unknown as RemoteMeasurement);
  }

  /**
   * Makes a measurement of the same tagger and session a member.
   *
   * @throws {TaggerError} `usage` if it is of another one, `conflict` if it is synchronized with others
   */
  async register(measurement: Member): Promise<void> {
    const number = await this.#number(measurement, 'register');
    await this.#caller.call(() => this.#stub.register(number));
  }

  async unregister(measurement: Member): Promise<void> {
    const number = await this.#number(measurement, 'unregister');
    await this.#caller.call(() => this.#stub.unregister(number));
  }

  /** Members that run already go on. */
  async start(): Promise<void> { await this.#caller.call(() => this.#stub.start()); }

  /** All run for exactly the same part of the tagger's time, this long. */
  async startFor(durationPs: number, clear = true): Promise<void> { await this.#caller.call(() => this.#stub.startFor(durationPs, clear)); }

  /** Returns when all have stopped, at the same place. */
  async stop(): Promise<void> { await this.#caller.call(() => this.#stub.stop()); }
  async clear(): Promise<void> { await this.#caller.call(() => this.#stub.clear()); }

  /** True while any member runs. */
  async isRunning(): Promise<boolean> { return await this.#caller.call(() => this.#stub.isRunning()); }

  /** @returns false if one still runs after `timeoutMs`; -1 waits for ever */
  async waitUntilFinished(timeoutMs = -1): Promise<boolean> { return await this.#caller.call(() => this.#stub.waitUntilFinished(timeoutMs)); }

  async #number(measurement: Member, action: string): Promise<number> {
    const number = await numberOn(measurement, this.#caller);
    if (number === undefined) throw new TaggerError('usage', `Cannot ${action} this measurement: it was not made in this session.`);
    return number;
  }

  /** Gives up this handle; its members go on as they are. */
  dispose(): void { this.#stub[Symbol.dispose](); }

  [Symbol.dispose](): void { this.dispose(); }
}

/** A measurement of any name. */
export type Member = { [N in MeasurementName]: Measurement<N> }[MeasurementName] | Measurement;
