// dsp/measurements/pulse-per-second-monitor.ts - PulsePerSecondMonitor: how far pulses lie from those of a reference.
//
// A row per pulse of the reference: the nearest pulse of each signal within half a period, -P/2 <= d < P/2, before the next
// reference. NaN where there is none, and where a break leaves open whether another one was nearer.
import type { CheckedConfig, PulsePerSecondData } from '../../core/measurements.ts';
import { pulsePlan, pulseRecordWidth, pulseSignal, writePulsePlan } from '../kernels/pulse-layout.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Totals, Workspace } from '../measurement.ts';
import { listOf, numberOf } from './config.ts';
import { recordBytes, RecordLists, Records, type RecordShape } from './records.ts';
import { RegionPlan } from './region.ts';
import { Tally } from './tally.ts';

function shapeOf(config: CheckedConfig): RecordShape {
  return { width: pulseRecordWidth(listOf(config, 'signals').length), capacity: numberOf(config, 'values') };
}

function layoutOf(config: CheckedConfig) {
  const region = new RegionPlan(), bytes = recordBytes(shapeOf(config));
  const plan = region.part(pulsePlan.bytes), until = region.part(64), signals = region.part(pulseSignal.bytes * listOf(config, 'signals').length);
  return { plan, until, signals, first: region.part(bytes), second: region.part(bytes), bytes: region.bytes };
}

class PulseMeasurement implements Measurement {
  readonly done = false;
  readonly droppedStarts = 0;
  readonly #workspace: Workspace;
  readonly #layout: ReturnType<typeof layoutOf>;
  readonly #lists: RecordLists;
  readonly #tally: Tally;
  readonly #signals: number;
  /** A stretch begins with the next call. */
  #isBroken = true;
  #coveredPs = 0n;

  constructor(config: CheckedConfig, workspace: Workspace) {
    this.#workspace = workspace;
    this.#layout = layoutOf(config);
    this.#lists = new RecordLists(workspace.at + this.#layout.first.offset, workspace.at + this.#layout.second.offset);
    const reference = workspace.indexOf(numberOf(config, 'reference')), signals = listOf(config, 'signals').map(channel => workspace.indexOf(channel));
    this.#signals = signals.length;
    this.#tally = new Tally(workspace, [reference, ...signals]);
    writePulsePlan(workspace.memory, this.#planAt, { reference, signals, periodPs: numberOf(config, 'periodPs'), capacity: numberOf(config, 'values') });
  }

  process(segment: Segment): void {
    this.#tally.add(segment);
    if (this.#isBroken) this.#plan.setBigInt64(pulsePlan.stretchFrom, segment.fromPs, true);
    this.#isBroken = false;
    this.#watch(segment.timesAt, segment.channelsAt, segment.n, segment.toPs);
    this.#coveredPs = segment.toPs;
  }

  endSegment(): void {
    this.#plan.setUint32(pulsePlan.breaks, 1, true);
    this.#watch(0, 0, 0, this.#coveredPs);
    this.#forget();
  }

  clear(): void {
    this.#forget();
    this.#plan.setUint32(pulsePlan.hasOrigin, 0, true);
    this.#plan.setUint32(pulsePlan.slot, 0, true);
    this.#plan.setFloat64(pulsePlan.records, 0, true);
    this.#tally.clear();
  }

  rebase(byPs: bigint): void {
    const shift = (view: DataView, at: number): void => view.setBigInt64(at, view.getBigInt64(at, true) - byPs, true);
    for (const time of ['opened', 'previous', 'stretchFrom', 'origin'] as const) shift(this.#plan, pulsePlan[time]);
    for (let s = 0; s < this.#signals; s++) for (const time of ['latest', 'before', 'after'] as const) shift(this.#signal(s), pulseSignal[time]);
    this.#coveredPs -= byPs;
  }

  publish(): Payload {
    const plan = this.#plan, slot = plan.getUint32(pulsePlan.slot, true), records = plan.getFloat64(pulsePlan.records, true);
    plan.setUint32(pulsePlan.slot, 0, true);
    plan.setFloat64(pulsePlan.records, 0, true);
    return this.#lists.flip(slot, records, { originPs: plan.getBigInt64(pulsePlan.origin, true) });
  }

  get tags(): number { return this.#tally.tags; }

  #watch(timesAt: number, channelsAt: number, n: number, untilPs: bigint): void {
    const { kernels, memory, at } = this.#workspace, untilAt = at + this.#layout.until.offset;
    new DataView(memory.buffer).setBigInt64(untilAt, untilPs, true);
    kernels.watchPulses(timesAt, channelsAt, n, untilAt, this.#planAt, at + this.#layout.signals.offset, this.#lists.at);
  }

  #forget(): void {
    for (const field of ['isOpen', 'hasPrevious', 'breaks'] as const) this.#plan.setUint32(pulsePlan[field], 0, true);
    for (let s = 0; s < this.#signals; s++) this.#signal(s).setUint32(pulseSignal.known, 0, true);
    this.#isBroken = true;
  }

  get #planAt(): number { return this.#workspace.at + this.#layout.plan.offset; }
  get #plan(): DataView { return new DataView(this.#workspace.memory.buffer, this.#planAt, pulsePlan.bytes); }
  #signal(s: number): DataView {
    return new DataView(this.#workspace.memory.buffer, this.#workspace.at + this.#layout.signals.offset + pulseSignal.bytes * s, pulseSignal.bytes);
  }
}

class PulseTotals implements Totals {
  readonly #rows: Records;
  readonly #signals: readonly number[];
  #originPs = 0n;

  constructor(config: CheckedConfig, { memory }: Pick<Workspace, 'memory'>) {
    this.#rows = new Records(memory, shapeOf(config));
    this.#signals = listOf(config, 'signals');
  }

  take(payload: Payload): void {
    this.#rows.take(payload);
    this.#originPs = payload.scalars['originPs'] as bigint;
  }

  clear(): void { this.#rows.clear(); }

  evaluate(getter: string, args: Readonly<Record<string, unknown>>): unknown {
    const data = this.#data(getter === 'getDataObject' && args['remove'] === true);
    switch (getter) {
      case 'getDataObject': return data;
      case 'getData': case 'getSignalOffsets': return data.signalOffsetsPs;
      case 'getReferenceOffsets': return data.referenceOffsetsPs;
      case 'getIndices': return data.indices;
      case 'getIndex': return data.indexPs;
      case 'getTime': return data.timePs;
      case 'getStatus': return data.status;
      default: throw new Error(`no getter ${getter}`);
    }
  }

  #data(remove: boolean): PulsePerSecondData {
    const { from, to, dropped } = this.#rows.range(remove), size = to - from, columns = this.#signals.length;
    const numbers = (value: (i: number) => number): Float64Array => Float64Array.from({ length: size }, (_, i) => value(from + i));
    const signalOffsetsPs = Float64Array.from({ length: size * columns }, (_, k) => this.#rows.number(from + k % size, 2 + Math.floor(k / size)));
    return {
      size, droppedRows: dropped, channels: [...this.#signals], indices: numbers(i => i), indexPs: numbers(i => Number(this.#rows.bigint(i, 0))),
      timePs: BigInt64Array.from({ length: size }, (_, i) => this.#originPs + this.#rows.bigint(from + i, 0)),
      referenceOffsetsPs: numbers(i => this.#rows.number(i, 1)), signalOffsetsPs,
      status: Int8Array.from({ length: size }, (_, i) => (this.#signals.some((_, s) => Number.isNaN(signalOffsetsPs[s * size + i])) ? 0 : 1)),
    };
  }
}

export const pulsePerSecondMonitor: MeasurementClass = {
  bytes: config => layoutOf(config).bytes,
  create: (config, workspace) => new PulseMeasurement(config, workspace),
  totals: (config, workspace) => new PulseTotals(config, workspace),
};
