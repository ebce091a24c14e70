// dsp/measurements/sampler.ts - Sampler: levels of channels at each tag of a trigger.
import type { CheckedConfig } from '../../core/measurements.ts';
import { samplerPlan } from '../kernels/twin-rows.ts';
import { viewsOf } from '../kernels/words.ts';
import type { Measurement, MeasurementClass, Payload, Segment, SegmentEnd, Totals, Workspace } from '../measurement.ts';
import { channelsOf, listOf, numberOf } from './config.ts';
import { RowBuffer, WaitingRows, rowsBytes } from './rows.ts';
import { Tally } from './tally.ts';

const rowBytes = 24;

class SamplerMeasurement implements Measurement {
  readonly done = false;
  readonly droppedStarts = 0;
  readonly #workspace: Workspace;
  readonly #rows: RowBuffer;
  readonly #tally: Tally;

  constructor(config: CheckedConfig, workspace: Workspace) {
    const { memory, at } = workspace, { u8 } = viewsOf(memory)(), trigger = workspace.indexOf(numberOf(config, 'trigger'));
    u8.fill(255, at + samplerPlan.rising, at + samplerPlan.triggers);
    const rising = channelsOf(config).map(channel => workspace.indexOf(channel));
    const falling = config['falling'] === undefined ? [] : listOf(config, 'falling').map(channel => (channel === 0 ? undefined : workspace.indexOf(channel)));
    rising.forEach((index, place) => { u8[at + samplerPlan.rising + index] = place; });
    falling.forEach((index, place) => { if (index !== undefined) u8[at + samplerPlan.falling + index] = place; });
    u8[at + samplerPlan.triggers + trigger] = 1;
    this.#workspace = workspace;
    this.#rows = new RowBuffer(workspace, at + samplerPlan.bytes, numberOf(config, 'maxTriggers'), rowBytes);
    this.#tally = new Tally(workspace, [trigger, ...rising, ...falling.filter(index => index !== undefined)]);
  }

  process(segment: Segment): void {
    const { timesAt, channelsAt, n } = segment, { kernels, at } = this.#workspace, { room } = this.#rows;
    this.#tally.add(segment);
    const came = kernels.sampleLevels(timesAt, channelsAt, n, at, this.#rows.at, room);
    this.#rows.rows += Math.min(came, room);
    this.#rows.dropped += Math.max(0, came - room);
  }

  endSegment(_end: SegmentEnd): void { this.#forget(); }

  clear(): void {
    this.#forget();
    this.#rows.clear();
    this.#tally.clear();
  }

  rebase(byPs: bigint): void { this.#rows.rebase(byPs); }
  publish(): Payload { return this.#rows.publish(); }
  get tags(): number { return this.#tally.tags; }

  #forget(): void { viewsOf(this.#workspace.memory)().u8.fill(0, this.#workspace.at, this.#workspace.at + 16); }
}

class SamplerTotals implements Totals {
  readonly #channels: number;
  readonly #rows: WaitingRows;

  constructor(config: CheckedConfig, workspace: Pick<Workspace, 'memory'>) {
    this.#channels = channelsOf(config).length;
    this.#rows = new WaitingRows(workspace, numberOf(config, 'maxTriggers'), rowBytes);
  }

  take(payload: Payload): void { this.#rows.take(payload); }
  clear(): void { this.#rows.clear(); }

  evaluate(getter: string): unknown {
    const { size } = this.#rows, columns = this.#channels + 1;
    switch (getter) {
      case 'getTimestamps': return BigInt64Array.from({ length: size }, (_, i) => this.#rows.field(i, 0));
      case 'getLevels': return Int8Array.from({ length: size * this.#channels }, (_, k) => this.#level(Math.floor(k / this.#channels), k % this.#channels));
      case 'getDropped': return this.#rows.dropped;
      case 'getData': return this.#handOver(BigInt64Array.from({ length: size * columns }, (_, k) => {
        const i = Math.floor(k / columns);
        return k % columns === 0 ? this.#rows.field(i, 0) : BigInt(this.#level(i, k % columns - 1));
      }));
      case 'getDataAsMask': {
        const all = (1n << BigInt(this.#channels)) - 1n;
        return this.#handOver(BigInt64Array.from({ length: 2 * size }, (_, k) => {
          const i = k >> 1;
          return k % 2 === 0 ? this.#rows.field(i, 0) : this.#rows.field(i, 1) | ((this.#rows.field(i, 2) & all) === all ? 0n : -(2n ** 63n));
        }));
      }
      default: throw new Error(`no getter ${getter}`);
    }
  }

  #level(row: number, place: number): number {
    const bit = 1n << BigInt(place);
    return (this.#rows.field(row, 2) & bit) === 0n ? 2 : (this.#rows.field(row, 1) & bit) === 0n ? 0 : 1;
  }

  #handOver<T>(value: T): T {
    this.#rows.taken();
    return value;
  }
}

export const sampler: MeasurementClass = {
  bytes: config => samplerPlan.bytes + rowsBytes(numberOf(config, 'maxTriggers'), rowBytes),
  create: (config, workspace) => new SamplerMeasurement(config, workspace),
  totals: (config, workspace) => new SamplerTotals(config, workspace),
};
