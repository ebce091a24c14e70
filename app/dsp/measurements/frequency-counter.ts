// dsp/measurements/frequency-counter.ts - FrequencyCounter: phase and frequency of periodic signals at even instants.
//
// Window j begins j * interval after time first flowed; its instant is its middle. Time against number of the cycle is fitted by
// a line (the error is in the time), and the phase is where the line meets the instant. A window that touches a lost interval is
// broken; cycles count from the first tag of a stretch, so no phase is compared across a break.
import type { CheckedConfig, FrequencyCounterData } from '../../core/measurements.ts';
import { windowColumn, windowPlan, windowRecordWidth, writeWindowPlan } from '../kernels/window-layout.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Totals, Workspace } from '../measurement.ts';
import { channelsOf, numberOf } from './config.ts';
import { recordBytes, RecordLists, Records, type RecordShape } from './records.ts';
import { RegionPlan } from './region.ts';
import { Tally } from './tally.ts';

/** One more than is shown: a frequency needs the sample before. */
function shapeOf(config: CheckedConfig): RecordShape {
  return { width: windowRecordWidth(channelsOf(config).length), capacity: numberOf(config, 'values') + 1 };
}

function layoutOf(config: CheckedConfig) {
  const region = new RegionPlan(), bytes = recordBytes(shapeOf(config));
  const plan = region.part(windowPlan.bytes), until = region.part(64), columns = region.part(windowColumn.bytes * channelsOf(config).length);
  return { plan, until, columns, first: region.part(bytes), second: region.part(bytes), bytes: region.bytes };
}

class FrequencyCounterMeasurement implements Measurement {
  readonly done = false;
  readonly droppedStarts = 0;
  readonly #workspace: Workspace;
  readonly #layout: ReturnType<typeof layoutOf>;
  readonly #lists: RecordLists;
  readonly #tally: Tally;
  readonly #columns: number;
  /** Begin of window 0; known when time first flows. */
  #originPs: bigint | undefined;
  /** A stretch begins with the next call. */
  #isBroken = true;

  constructor(config: CheckedConfig, workspace: Workspace) {
    this.#workspace = workspace;
    this.#layout = layoutOf(config);
    this.#lists = new RecordLists(workspace.at + this.#layout.first.offset, workspace.at + this.#layout.second.offset);
    const channels = channelsOf(config).map(channel => workspace.indexOf(channel));
    this.#columns = channels.length;
    this.#tally = new Tally(workspace, channels);
    writeWindowPlan(workspace.memory, this.#planAt, {
      channels, intervalPs: numberOf(config, 'samplingIntervalPs'), widthPs: numberOf(config, 'fittingWindowPs'), capacity: shapeOf(config).capacity,
    });
  }

  process(segment: Segment): void {
    this.#tally.add(segment);
    if (this.#isBroken) this.#begin(segment.fromPs);
    const { kernels, memory, at } = this.#workspace, untilAt = at + this.#layout.until.offset;
    new DataView(memory.buffer).setBigInt64(untilAt, segment.toPs, true);
    kernels.fitWindows(segment.timesAt, segment.channelsAt, segment.n, untilAt, this.#planAt, this.#columnsAt, this.#lists.at);
  }

  endSegment(): void { this.#isBroken = true; }

  clear(): void {
    const plan = this.#plan;
    plan.setUint32(windowPlan.slot, 0, true);
    for (const field of ['number', 'stretch', 'records'] as const) plan.setFloat64(windowPlan[field], 0, true);
    this.#originPs = undefined;
    this.#isBroken = true;
    this.#tally.clear();
  }

  rebase(byPs: bigint): void {
    if (this.#originPs === undefined) return;
    this.#originPs -= byPs;
    const plan = this.#plan;
    for (const time of ['from', 'lostUntil'] as const) plan.setBigInt64(windowPlan[time], plan.getBigInt64(windowPlan[time], true) - byPs, true);
  }

  publish(): Payload {
    const plan = this.#plan, slot = plan.getUint32(windowPlan.slot, true), records = plan.getFloat64(windowPlan.records, true);
    plan.setUint32(windowPlan.slot, 0, true);
    plan.setFloat64(windowPlan.records, 0, true);
    return this.#lists.flip(slot, records, { originPs: this.#originPs ?? 0n });
  }

  get tags(): number { return this.#tally.tags; }

  #begin(fromPs: bigint): void {
    const plan = this.#plan, { buffer } = this.#workspace.memory;
    if (this.#originPs === undefined) {
      this.#originPs = fromPs;
      plan.setBigInt64(windowPlan.from, fromPs, true);
    }
    plan.setBigInt64(windowPlan.lostUntil, fromPs, true);
    plan.setFloat64(windowPlan.stretch, plan.getFloat64(windowPlan.stretch, true) + 1, true);
    new Uint8Array(buffer, this.#columnsAt, windowColumn.bytes * this.#columns).fill(0);
    this.#isBroken = false;
  }

  get #planAt(): number { return this.#workspace.at + this.#layout.plan.offset; }
  get #plan(): DataView { return new DataView(this.#workspace.memory.buffer, this.#planAt, windowPlan.bytes); }
  get #columnsAt(): number { return this.#workspace.at + this.#layout.columns.offset; }
}

/** Cycles at the instant as whole and part, and cycles per ps; NaN with fewer than two tags, or where all are at one time. */
interface Fit { whole: number; part: number; perPs: number }
const nothing: Fit = { whole: NaN, part: NaN, perPs: NaN };

/** Line of u against i = 0 ... n - 1. */
function fitted(before: number, n: number, sum: number, moment: number): Fit {
  const middle = (n - 1) / 2, periodPs = (moment - middle * sum) / (n * (n * n - 1) / 12);
  if (!(n >= 2 && periodPs > 0)) return nothing;
  const cycle = middle - sum / n / periodPs, whole = Math.floor(cycle);
  return { whole: before + whole, part: cycle - whole, perPs: 1 / periodPs };
}

class FrequencyCounterTotals implements Totals {
  readonly #rows: Records;
  readonly #channels: readonly number[];
  readonly #intervalPs: number;
  readonly #halfPs: number;
  #originPs = 0n;

  constructor(config: CheckedConfig, { memory }: Pick<Workspace, 'memory'>) {
    this.#rows = new Records(memory, shapeOf(config));
    this.#channels = channelsOf(config);
    this.#intervalPs = numberOf(config, 'samplingIntervalPs');
    this.#halfPs = Math.floor(numberOf(config, 'fittingWindowPs') / 2);
  }

  take(payload: Payload): void {
    this.#rows.take(payload);
    this.#originPs = payload.scalars['originPs'] as bigint;
  }

  clear(): void { this.#rows.clear(); }

  evaluate(getter: string, args: Readonly<Record<string, unknown>>): unknown {
    const divider = typeof args['eventDivider'] === 'number' ? args['eventDivider'] : 1;
    const data = this.#data(divider, getter === 'getDataObject' && args['remove'] === true);
    switch (getter) {
      case 'getDataObject': return data;
      case 'getData': case 'getFrequency': return data.frequencyHz;
      case 'getFrequencyInstantaneous': return data.frequencyInstantaneousHz;
      case 'getPeriodsCount': return data.periodsCount;
      case 'getPeriodsFraction': return data.periodsFraction;
      case 'getOverflowMask': return data.overflowMask;
      case 'getIndex': return data.indexPs;
      case 'getTime': return data.timePs;
      default: throw new Error(`no getter ${getter}`);
    }
  }

  #fit(i: number, column: number): Fit {
    const field = (k: number): number => this.#rows.number(i, 2 + 4 * column + k);
    return this.#stretch(i) < 0 ? nothing : fitted(field(0), field(1), field(2), field(3));
  }

  #stretch(i: number): number { return this.#rows.number(i, 1); }

  #data(divider: number, remove: boolean): FrequencyCounterData {
    const rows = this.#rows, oldest = rows.complete - rows.available, { from, to, dropped } = rows.range(remove, rows.shape.capacity - 1), size = to - from;
    const length = this.#channels.length * size, numbers = (): Float64Array => new Float64Array(length);
    const periodsCount = numbers(), periodsFraction = numbers(), frequencyHz = numbers(), frequencyInstantaneousHz = numbers();
    this.#channels.forEach((_, column) => {
      let last = from > oldest ? this.#fit(from - 1, column) : nothing;
      for (let i = from; i < to; i++) {
        const fit = this.#fit(i, column), k = column * size + i - from;
        // A divider lets each n-th cycle through: the phase is n times what was seen, and its parts add up to whole cycles again.
        const part = fit.part * divider, carry = Math.floor(part);
        periodsCount[k] = fit.whole * divider + carry;
        periodsFraction[k] = part - carry;
        frequencyInstantaneousHz[k] = fit.perPs * 1e12 * divider;
        const isNext = i > oldest && this.#stretch(i) === this.#stretch(i - 1);
        frequencyHz[k] = isNext ? (fit.whole - last.whole + (fit.part - last.part)) / this.#intervalPs * 1e12 * divider : NaN;
        last = fit;
      }
    });
    const overflowMask = Int8Array.from({ length: size }, (_, i) => (this.#stretch(from + i) < 0 ? 1 : 0));
    // Numbers of windows are whole doubles; the products pass 2^53 after hours.
    const sincePs = (i: number): bigint => BigInt(from + i) * BigInt(this.#intervalPs) + BigInt(this.#halfPs);
    return {
      size, droppedSamples: dropped, overflow: overflowMask.includes(1), channels: [...this.#channels],
      indexPs: Float64Array.from({ length: size }, (_, i) => Number(sincePs(i))), timePs: BigInt64Array.from({ length: size }, (_, i) => this.#originPs + sincePs(i)),
      periodsCount, periodsFraction, frequencyHz, frequencyInstantaneousHz, overflowMask,
    };
  }
}

export const frequencyCounter: MeasurementClass = {
  bytes: config => layoutOf(config).bytes,
  create: (config, workspace) => new FrequencyCounterMeasurement(config, workspace),
  totals: (config, workspace) => new FrequencyCounterTotals(config, workspace),
};
