// dsp/measurements/time-differences-nd.ts - TimeDifferencesND: histograms in a grid whose axes are stepped independently.
//
// Starts stay open when the histogram changes; a pair counts where its later tag finds the axes. After a break the steps begin
// anew, since a next or a sync may be among the lost.
import type { CheckedConfig } from '../../core/measurements.ts';
import type { ResultInfo } from '../../core/results.ts';
import { gridAxis, gridPlan, resetGrid, writeGridPlan, type GridAxis } from '../kernels/grid-layout.ts';
import { noChannel } from '../kernels/layouts.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Totals, Workspace } from '../measurement.ts';
import { BinTotals, Bins, binsBytes } from './bins.ts';
import { listOf, numberOf, optionalOf } from './config.ts';
import { binCentres, binEdges } from './histogram.ts';
import { OpenTimes, keepFor } from './open-times.ts';
import type { PairRange } from './pairs.ts';
import { Tally } from './tally.ts';

function rangeOf(config: CheckedConfig): PairRange {
  return { below: 0, bins: numberOf(config, 'bins'), binwidthPs: numberOf(config, 'binwidthPs') };
}

function reachOf(config: CheckedConfig): number { return numberOf(config, 'bins') * numberOf(config, 'binwidthPs'); }

function binsOf(config: CheckedConfig): number { return listOf(config, 'histograms').reduce((product, size) => product * size, numberOf(config, 'bins')); }

/** A list of channels, one for each axis; 0, or no list, stands for none. */
function channelOf(config: CheckedConfig, key: 'next' | 'sync', axis: number): number { return config[key] === undefined ? 0 : listOf(config, key)[axis] ?? 0; }

function startsBytes(config: CheckedConfig): number { return Math.ceil(OpenTimes.bytes(keepFor(reachOf(config))) / 64) * 64; }

class TimeDifferencesNDMeasurement implements Measurement {
  readonly done = false;
  droppedStarts = 0;
  readonly #workspace: Workspace;
  readonly #start: number;
  readonly #axes: number;
  readonly #reachPs: number;
  readonly #starts: OpenTimes;
  readonly #bins: Bins;
  readonly #tally: Tally;

  constructor(config: CheckedConfig, workspace: Workspace) {
    const click = workspace.indexOf(numberOf(config, 'click')), startChannel = optionalOf(config, 'start');
    const start = startChannel === undefined ? click : workspace.indexOf(startChannel);
    const indexOf = (channel: number): number => (channel === 0 ? noChannel : workspace.indexOf(channel));
    const axes = listOf(config, 'histograms').map((size, axis): GridAxis => (
      { size, next: indexOf(channelOf(config, 'next', axis)), sync: indexOf(channelOf(config, 'sync', axis)) }));
    this.#workspace = workspace;
    this.#start = start;
    this.#axes = axes.length;
    this.#reachPs = reachOf(config);
    writeGridPlan(workspace.memory, workspace.at, { click, start, axes, bins: numberOf(config, 'bins'), binwidthPs: numberOf(config, 'binwidthPs') });
    this.#starts = new OpenTimes(workspace, workspace.at + gridPlan.bytes, keepFor(this.#reachPs));
    this.#bins = new Bins(workspace, workspace.at + gridPlan.bytes + startsBytes(config), binsOf(config));
    this.#tally = new Tally(workspace, [click, start, ...axes.flatMap(({ next, sync }) => [next, sync])].filter(index => index !== noChannel));
  }

  process(segment: Segment): void {
    const { timesAt, channelsAt, n } = segment, { kernels, at: planAt } = this.#workspace;
    this.#tally.add(segment);
    for (let i = 0; i < n; i += this.#starts.keep) {
      const count = Math.min(this.#starts.keep, n - i), at = timesAt + 8 * i, oldStarts = this.#starts.n;
      this.#starts.append(at, channelsAt + i, count, this.#start);
      kernels.gridPairs(at, channelsAt + i, count, this.#starts.at, oldStarts, planAt, this.#bins.at);
      this.droppedStarts += this.#starts.trim(at + 8 * (count - 1), this.#reachPs);
    }
  }

  endSegment(): void {
    this.#starts.clear();
    resetGrid(this.#plan);
  }

  clear(): void {
    this.endSegment();
    this.#bins.clear();
    this.#tally.clear();
    this.droppedStarts = 0;
  }

  rebase(byPs: bigint): void {
    this.#starts.rebase(byPs);
    const plan = this.#plan;
    plan.setBigInt64(gridPlan.clickTime, plan.getBigInt64(gridPlan.clickTime, true) - byPs, true);
  }

  publish(): Payload {
    const plan = this.#plan;
    const positions = Array.from({ length: this.#axes }, (_, i) => plan.getInt32(gridPlan.axis + gridAxis.bytes * i + gridAxis.position, true));
    return this.#bins.publish({ positions });
  }

  get tags(): number { return this.#tally.tags; }
  get #plan(): DataView { return new DataView(this.#workspace.memory.buffer, this.#workspace.at, gridPlan.bytes); }
}

class TimeDifferencesNDTotals implements Totals {
  readonly #config: CheckedConfig;
  readonly #bins: BinTotals;
  #positions: readonly number[];

  constructor(config: CheckedConfig, workspace: Pick<Workspace, 'memory' | 'kernels'>) {
    this.#config = config;
    this.#bins = new BinTotals(workspace, binsOf(config));
    this.#positions = this.#first;
  }

  take(payload: Payload): void {
    this.#bins.take(payload);
    this.#positions = payload.scalars['positions'] as readonly number[];
  }

  clear(): void {
    this.#bins.clear();
    this.#positions = this.#first;
  }

  evaluate(getter: string, _args: Readonly<Record<string, unknown>>, info: ResultInfo): unknown {
    switch (getter) {
      case 'getData': return this.#bins.counts();
      case 'getIndex': return binEdges(rangeOf(this.#config));
      case 'getCentres': return binCentres(rangeOf(this.#config), info);
      case 'getHistogramIndex': return Int32Array.from(this.#positions);
      default: throw new Error(`no getter ${getter}`);
    }
  }

  get #first(): number[] {
    return listOf(this.#config, 'histograms').map((_, axis) => (channelOf(this.#config, 'sync', axis) !== 0 ? -2 : channelOf(this.#config, 'next', axis) !== 0 ? -1 : 0));
  }
}

export const timeDifferencesND: MeasurementClass = {
  bytes: config => gridPlan.bytes + startsBytes(config) + binsBytes(binsOf(config)),
  fills: true,
  create: (config, workspace) => new TimeDifferencesNDMeasurement(config, workspace),
  totals: (config, workspace) => new TimeDifferencesNDTotals(config, workspace),
};
