// dsp/measurements/count-between-markers.ts - CountBetweenMarkers: clicks from each begin to the next, or to an end.
//
// Bins are [begin, end). A bin whose stretch of stream time breaks off ends at the break and is flagged: no width spans time that
// nobody saw. Stopped by its owner, the open bin is given up. Complete bins never change, so a long list is read where it lies;
// after a clear the other of two lists is used, unless the results thread has let go of the first.
import type { CheckedConfig } from '../../core/measurements.ts';
import { limits } from '../../core/limits.ts';
import { betweenEntry, betweenPlan, writeBetweenPlan } from '../kernels/between-layout.ts';
import { viewsOf } from '../memory.ts';
import type { Measurement, MeasurementClass, Payload, Segment, SegmentEnd, Totals, Workspace } from '../measurement.ts';
import { numberOf, optionalOf } from './config.ts';
import { largestCount, narrowCounts } from './counts.ts';
import { RegionPlan } from './region.ts';
import { Tally } from './tally.ts';

const endOfTimePs = 2n ** 63n - 1n;

function layoutOf(config: CheckedConfig) {
  const region = new RegionPlan(), bytes = betweenEntry.bytes * numberOf(config, 'values');
  const plan = region.part(betweenPlan.bytes), until = region.part(64), first = region.part(bytes);
  return { plan, until, lists: [first, bytes > limits.inlineResultBytes ? region.part(bytes) : first], bytes: region.bytes };
}

class CountBetweenMarkersMeasurement implements Measurement {
  readonly droppedStarts = 0;
  doneAtPs: bigint | undefined;
  readonly #workspace: Workspace;
  readonly #layout: ReturnType<typeof layoutOf>;
  readonly #values: number;
  readonly #tally: Tally;
  #list: 0 | 1 = 0;
  /** The results thread may be reading this list. */
  #shown: 0 | 1 | undefined;
  #coveredPs = 0n;

  constructor(config: CheckedConfig, workspace: Workspace) {
    this.#workspace = workspace;
    this.#layout = layoutOf(config);
    this.#values = numberOf(config, 'values');
    const indexOf = (key: string): number => workspace.indexOf(numberOf(config, key));
    const click = indexOf('click'), begin = indexOf('begin'), end = optionalOf(config, 'end') === undefined ? undefined : indexOf('end');
    writeBetweenPlan(workspace.memory, this.#planAt, { click, begin, end, capacity: this.#values });
    this.#tally = new Tally(workspace, end === undefined ? [click, begin] : [click, begin, end]);
  }

  process(segment: Segment): void {
    if (this.done) return;
    const used = this.#count(segment.timesAt, segment.channelsAt, segment.n, segment.toPs);
    this.#tally.add(used < segment.n ? { ...segment, n: used, countsAt: 0 } : segment);
    this.#coveredPs = segment.toPs;
    this.#noteDone();
  }

  endSegment(end: SegmentEnd): void {
    if (this.done) return;
    this.#count(0, 0, 0, endOfTimePs);
    const plan = this.#plan;
    if (plan.getUint32(betweenPlan.isOpen, true) === 0) this.#noteDone();
    else if (end.kind !== 'pause') {
      const { i64 } = viewsOf(this.#workspace.memory), at = (this.#entriesAt + betweenEntry.bytes * this.#complete) / 8;
      i64[at + betweenEntry.width / 8] = this.#coveredPs - plan.getBigInt64(betweenPlan.opened, true);
      i64[at + betweenEntry.flag / 8] = 1n;
      plan.setUint32(betweenPlan.entries, this.#complete + 1, true);
      this.#noteDone();
    }
    plan.setUint32(betweenPlan.isOpen, 0, true);
  }

  clear(): void {
    for (const field of ['isOpen', 'clicked', 'begun', 'ended', 'entries', 'hasOrigin'] as const) this.#plan.setUint32(betweenPlan[field], 0, true);
    if (this.#shown === this.#list) this.#list = this.#list === 0 ? 1 : 0;
    this.#tally.clear();
    this.doneAtPs = undefined;
  }

  rebase(byPs: bigint): void {
    const plan = this.#plan;
    for (const time of ['moment', 'opened', 'origin'] as const) plan.setBigInt64(betweenPlan[time], plan.getBigInt64(betweenPlan[time], true) - byPs, true);
    this.#coveredPs -= byPs;
    if (this.doneAtPs !== undefined) this.doneAtPs -= byPs;
  }

  publish(): Payload {
    const at = this.#entriesAt, entries = this.#complete, bytes = betweenEntry.bytes * entries;
    if (this.#layout.lists[0] === this.#layout.lists[1]) {
      return { kind: 'copy', data: viewsOf(this.#workspace.memory).u8.slice(at, at + bytes).buffer, scalars: {} };
    }
    this.#shown = this.#list;
    return { kind: 'delta', at, entries, table: true, scalars: {} };
  }

  get tags(): number { return this.#tally.tags; }
  get done(): boolean { return this.#complete === this.#values; }

  #count(timesAt: number, channelsAt: number, n: number, untilPs: bigint): number {
    const { kernels, memory, at } = this.#workspace, untilAt = at + this.#layout.until.offset;
    viewsOf(memory, untilAt + 8).i64[untilAt / 8] = untilPs;
    return kernels.countBetween(timesAt, channelsAt, n, untilAt, this.#planAt, this.#entriesAt);
  }

  #noteDone(): void {
    if (!this.done) return;
    const { i64 } = viewsOf(this.#workspace.memory), last = (this.#entriesAt + betweenEntry.bytes * (this.#values - 1)) / 8;
    this.doneAtPs = this.#plan.getBigInt64(betweenPlan.opened, true) + i64[last + betweenEntry.width / 8]!;
  }

  get #complete(): number { return this.#plan.getUint32(betweenPlan.entries, true); }
  get #planAt(): number { return this.#workspace.at + this.#layout.plan.offset; }
  get #plan(): DataView { return new DataView(this.#workspace.memory.buffer, this.#planAt, betweenPlan.bytes); }
  get #entriesAt(): number { return this.#workspace.at + this.#layout.lists[this.#list]!.offset; }
}

class CountBetweenMarkersTotals implements Totals {
  readonly #values: number;
  readonly #memory: WebAssembly.Memory;
  #bytes: ArrayBufferLike = new ArrayBuffer(0);
  #at = 0;
  #entries = 0;

  constructor(config: CheckedConfig, { memory }: Pick<Workspace, 'memory'>) {
    this.#values = numberOf(config, 'values');
    this.#memory = memory;
  }

  take(payload: Payload): void {
    if (payload.kind === 'copy') {
      this.#bytes = payload.data;
      this.#entries = payload.data.byteLength / betweenEntry.bytes;
    } else if (payload.kind === 'delta') {
      this.#entries = payload.entries;
      this.#at = payload.at;
      this.#bytes = viewsOf(this.#memory, payload.at + payload.entries * betweenEntry.bytes).buffer;
    }
  }

  clear(): void { this.#entries = 0; }

  evaluate(getter: string): unknown {
    const entries = new BigInt64Array(this.#bytes, this.#at, this.#entries * 4);
    const field = (i: number, name: 'begin' | 'width' | 'flag'): number => Number(entries[4 * i + betweenEntry[name] / 8]);
    const numbers = (absent: number, value: (i: number) => number): Float64Array =>
      Float64Array.from({ length: this.#values }, (_, i) => (i < this.#entries ? value(i) : absent));
    switch (getter) {
      case 'getData': {
        const words = new Uint32Array(2 * this.#values), source = new Uint32Array(this.#bytes, this.#at, this.#entries * 8);
        for (let i = 0; i < this.#entries; i++) words.set(source.subarray(8 * i + betweenEntry.clicks / 4, 8 * i + betweenEntry.clicks / 4 + 2), 2 * i);
        return narrowCounts(words, largestCount(words));
      }
      case 'getDataNormalized':
        return numbers(NaN, i => (field(i, 'flag') === 1 ? NaN : Number(entries[4 * i + betweenEntry.clicks / 8]) / field(i, 'width') * 1e12));
      case 'getIndex': return numbers(0, i => field(i, 'begin'));
      case 'getBinWidths': return numbers(0, i => field(i, 'width'));
      case 'getOverflowMask': return Int8Array.from({ length: this.#values }, (_, i) => (i < this.#entries ? field(i, 'flag') : 0));
      case 'getBinsComplete': return this.#entries;
      case 'ready': return this.#entries === this.#values;
      default: throw new Error(`no getter ${getter}`);
    }
  }
}

export const countBetweenMarkers: MeasurementClass = {
  bytes: config => layoutOf(config).bytes,
  create: (config, workspace) => new CountBetweenMarkersMeasurement(config, workspace),
  totals: (config, workspace) => new CountBetweenMarkersTotals(config, workspace),
};
