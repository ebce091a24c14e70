// dsp/measurements/start-stop.ts - StartStop: delays from the last start to the first click, without a limit on the range.
//
// Only the last start counts, and the first click at or after it uses it up. Of tags at one time starts act before clicks, so
// d = 0 counts whichever channel sorts first. With one channel these are the intervals between successive tags. The table
// lists only bins that occur; a delay for which it has no room, or of 2^53 ps and more, is counted as dropped.
import type { CheckedConfig } from '../../core/measurements.ts';
import { limits } from '../../core/limits.ts';
import { startStopPlan, writeStartStopPlan } from '../kernels/layouts.ts';
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Totals, Workspace } from '../measurement.ts';
import { numberOf, optionalOf } from './config.ts';
import { countAt, narrowNumbers } from './counts.ts';
import { RegionPlan } from './region.ts';
import { Tally } from './tally.ts';

const entryBytes = 16;
const capacity = limits.startStopEntries;
/** At most half full, so that a search is short. */
const slots = 2 * capacity;

const region = new RegionPlan();
const planPart = region.part(startStopPlan.bytes), untilPart = region.part(64), indexPart = region.part(4 * slots);
const entriesPart = region.part(entryBytes * capacity), copyPart = region.part(entryBytes * capacity);

const endOfTimePs = 2n ** 63n - 1n;

class StartStopMeasurement implements Measurement {
  readonly done = false;
  readonly #workspace: Workspace;
  readonly #views: () => Views;
  readonly #tally: Tally;

  constructor(config: CheckedConfig, workspace: Workspace) {
    this.#workspace = workspace;
    this.#views = viewsOf(workspace.memory);
    const click = workspace.indexOf(numberOf(config, 'click')), startChannel = optionalOf(config, 'start');
    const start = startChannel === undefined ? click : workspace.indexOf(startChannel);
    writeStartStopPlan(workspace.memory, this.#planAt, { click, start, capacity, slots, binwidthPs: numberOf(config, 'binwidthPs') });
    this.#tally = new Tally(workspace, [click, start]);
  }

  process(segment: Segment): void {
    this.#tally.add(segment);
    this.#count(segment.timesAt, segment.channelsAt, segment.n, segment.toPs);
  }

  endSegment(): void {
    this.#count(0, 0, 0, endOfTimePs);
    this.#plan.setUint32(startStopPlan.isOpen, 0, true);
  }

  clear(): void {
    const { u32 } = this.#views(), indexAt = this.#workspace.at + indexPart.offset;
    u32.fill(0, indexAt / 4, indexAt / 4 + slots);
    for (const flag of ['isOpen', 'clicked', 'started', 'entries'] as const) this.#plan.setUint32(startStopPlan[flag], 0, true);
    this.#plan.setFloat64(startStopPlan.dropped, 0, true);
    this.#tally.clear();
  }

  rebase(byPs: bigint): void {
    for (const time of ['opened', 'moment'] as const) {
      this.#plan.setBigInt64(startStopPlan[time], this.#plan.getBigInt64(startStopPlan[time], true) - byPs, true);
    }
  }

  /** A table of many entries is copied in shared memory: entries only come, so the copy is one block. */
  publish(): Payload {
    const { u8 } = this.#views(), { at } = this.#workspace;
    const entries = this.#plan.getUint32(startStopPlan.entries, true), from = at + entriesPart.offset, into = at + copyPart.offset;
    if (entries * entryBytes <= limits.inlineResultBytes) {
      return { kind: 'copy', data: u8.slice(from, from + entries * entryBytes).buffer, scalars: {} };
    }
    u8.copyWithin(into, from, from + entries * entryBytes);
    return { kind: 'delta', at: into, entries, table: true, scalars: {} };
  }

  get tags(): number { return this.#tally.tags; }
  get droppedStarts(): number { return this.#plan.getFloat64(startStopPlan.dropped, true); }

  #count(timesAt: number, channelsAt: number, n: number, untilPs: bigint): void {
    const { kernels, memory, at } = this.#workspace, untilAt = at + untilPart.offset;
    new DataView(memory.buffer).setBigInt64(untilAt, untilPs, true);
    kernels.countStartStop(timesAt, channelsAt, n, untilAt, this.#planAt, at + entriesPart.offset, at + indexPart.offset);
  }

  get #planAt(): number { return this.#workspace.at + planPart.offset; }
  get #plan(): DataView { return new DataView(this.#workspace.memory.buffer, this.#planAt, startStopPlan.bytes); }
}

class StartStopTotals implements Totals {
  readonly #binwidthPs: number;
  readonly #views: () => Views;
  #counts = new Map<number, number>();

  constructor(config: CheckedConfig, { memory }: Pick<Workspace, 'memory'>) {
    this.#binwidthPs = numberOf(config, 'binwidthPs');
    this.#views = viewsOf(memory);
  }

  /** Each payload is the whole table. */
  take(payload: Payload): void {
    const words = payload.kind === 'copy' ? new Uint32Array(payload.data)
      : payload.kind === 'delta' ? this.#views().u32.subarray(payload.at / 4, payload.at / 4 + 4 * payload.entries) : new Uint32Array(0);
    this.#counts = new Map();
    for (let i = 0; i < words.length / 2; i += 2) this.#counts.set(countAt(words, i), countAt(words, i + 1));
  }

  clear(): void { this.#counts = new Map(); }

  evaluate(getter: string): unknown {
    const bins = Float64Array.from(this.#counts.keys()).sort();
    switch (getter) {
      case 'getIndex': return bins.map(bin => bin * this.#binwidthPs);
      case 'getCounts': return narrowNumbers(Array.from(bins, bin => this.#counts.get(bin) ?? 0));
      case 'getData': {
        const rows = new Float64Array(2 * bins.length);
        bins.forEach((bin, i) => rows.set([bin * this.#binwidthPs, this.#counts.get(bin) ?? 0], 2 * i));
        return rows;
      }
      default: throw new Error(`no getter ${getter}`);
    }
  }
}

export const startStop: MeasurementClass = {
  bytes: () => region.bytes,
  create: (config, workspace) => new StartStopMeasurement(config, workspace),
  totals: (config, workspace) => new StartStopTotals(config, workspace),
};
