// dsp/measurements/first-stops.ts - Histogram2D and HistogramND: from one start to the first stop on each axis, counted together.
//
// Only the last start counts. Each axis takes the first stop at or after it, in its own bins; once every axis has one the cell
// counts, and whatever follows waits for the next start. A stop beyond its axis gives the start up. Of tags at one time starts
// act before stops, so d = 0 counts whichever channel sorts first; a stop on the start's own channel belongs to the start before.
import type { CheckedConfig } from '../../core/measurements.ts';
import { firstStopsPlan, writeFirstStopsPlan, type StopAxis } from '../kernels/first-stops-layout.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Totals, Workspace } from '../measurement.ts';
import { BinTotals, Bins, binsBytes } from './bins.ts';
import { listOf, numberOf } from './config.ts';
import { RegionPlan } from './region.ts';
import { Tally } from './tally.ts';

/** Axes with channel numbers as stops. */
type AxesOf = (config: CheckedConfig) => StopAxis[];
const axes2D: AxesOf = config => [1, 2].map(i => ({ stop: numberOf(config, `stop${i}`), bins: numberOf(config, `bins${i}`), binwidthPs: numberOf(config, `binwidth${i}Ps`) }));
const axesND: AxesOf = config => listOf(config, 'stop').map((stop, i) => ({ stop, bins: listOf(config, 'bins')[i]!, binwidthPs: listOf(config, 'binwidthPs')[i]! }));

const region = new RegionPlan();
const planPart = region.part(firstStopsPlan.bytes), untilPart = region.part(64);
const endOfTimePs = 2n ** 63n - 1n;

function cellsOf(axes: readonly StopAxis[]): number { return axes.reduce((product, { bins }) => product * bins, 1); }

class FirstStopsMeasurement implements Measurement {
  readonly done = false;
  readonly droppedStarts = 0;
  readonly #workspace: Workspace;
  readonly #bins: Bins;
  readonly #tally: Tally;

  constructor(axes: readonly StopAxis[], config: CheckedConfig, workspace: Workspace) {
    this.#workspace = workspace;
    const start = workspace.indexOf(numberOf(config, 'start')), own = axes.map(axis => ({ ...axis, stop: workspace.indexOf(axis.stop) }));
    writeFirstStopsPlan(workspace.memory, this.#planAt, { start, axes: own });
    this.#bins = new Bins(workspace, workspace.at + region.bytes, cellsOf(axes));
    this.#tally = new Tally(workspace, [start, ...own.map(({ stop }) => stop)]);
  }

  process(segment: Segment): void {
    this.#tally.add(segment);
    this.#count(segment.timesAt, segment.channelsAt, segment.n, segment.toPs);
  }

  endSegment(): void {
    this.#count(0, 0, 0, endOfTimePs);
    this.#plan.setUint32(firstStopsPlan.waiting, 0, true);
  }

  clear(): void {
    for (const mask of ['waiting', 'seen'] as const) this.#plan.setUint32(firstStopsPlan[mask], 0, true);
    this.#bins.clear();
    this.#tally.clear();
  }

  rebase(byPs: bigint): void {
    for (const time of ['opened', 'moment'] as const) this.#plan.setBigInt64(firstStopsPlan[time], this.#plan.getBigInt64(firstStopsPlan[time], true) - byPs, true);
  }

  publish(): Payload { return this.#bins.publish({}); }
  get tags(): number { return this.#tally.tags; }

  #count(timesAt: number, channelsAt: number, n: number, untilPs: bigint): void {
    const { kernels, memory, at } = this.#workspace, untilAt = at + untilPart.offset;
    new DataView(memory.buffer).setBigInt64(untilAt, untilPs, true);
    kernels.countFirstStops(timesAt, channelsAt, n, untilAt, this.#planAt, this.#bins.at);
  }

  get #planAt(): number { return this.#workspace.at + planPart.offset; }
  get #plan(): DataView { return new DataView(this.#workspace.memory.buffer, this.#planAt, firstStopsPlan.bytes); }
}

class FirstStopsTotals implements Totals {
  readonly #axes: readonly StopAxis[];
  readonly #isMap: boolean;
  readonly #bins: BinTotals;

  constructor(isMap: boolean, axes: readonly StopAxis[], workspace: Pick<Workspace, 'memory' | 'kernels'>) {
    this.#axes = axes;
    this.#isMap = isMap;
    this.#bins = new BinTotals(workspace, cellsOf(axes));
  }

  take(payload: Payload): void { this.#bins.take(payload); }
  clear(): void { this.#bins.clear(); }

  evaluate(getter: string, args: Readonly<Record<string, unknown>>): unknown {
    switch (getter) {
      case 'getData': return this.#bins.counts();
      case 'getIndex1': return this.#edges(0);
      case 'getIndex2': return this.#edges(1);
      case 'getIndex': return this.#isMap ? this.#mesh() : this.#edges(Number(args['dim'] ?? 0));
      default: throw new Error(`no getter ${getter}`);
    }
  }

  /** Left edges along one axis; none along an axis that is not there. */
  #edges(dim: number): Float64Array {
    const { bins, binwidthPs } = this.#axes[dim] ?? { bins: 0, binwidthPs: 0 };
    return Float64Array.from({ length: bins }, (_, k) => k * binwidthPs);
  }

  #mesh(): Float64Array {
    const [first, second] = [this.#edges(0), this.#edges(1)], mesh = new Float64Array(2 * first.length * second.length);
    for (let i = 0; i < mesh.length; i += 2) {
      mesh[i] = first[Math.floor(i / 2 / second.length)]!;
      mesh[i + 1] = second[(i / 2) % second.length]!;
    }
    return mesh;
  }
}

function classOf(axesOf: AxesOf): MeasurementClass {
  return {
    bytes: config => region.bytes + binsBytes(cellsOf(axesOf(config))),
    fills: true,
    create: (config, workspace) => new FirstStopsMeasurement(axesOf(config), config, workspace),
    totals: (config, workspace) => new FirstStopsTotals(axesOf === axes2D, axesOf(config), workspace),
  };
}

export const histogram2D: MeasurementClass = classOf(axes2D);
export const histogramND: MeasurementClass = classOf(axesND);
