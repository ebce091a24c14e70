// dsp/measurements/phase-samples.ts - samples of the phase of one channel, in the worker and on the results thread.
//
// What FrequencyStability and PhaseNoise have in common: means of the times of `average` tags against an even grid.
import { phasePlan, phaseRecordBytes, phaseStep, historyOf, writePhasePlan, type PhasePlan } from '../kernels/phase-layout.ts';
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Measurement, Payload, Segment, Totals, Workspace } from '../measurement.ts';
import { Records, RecordLists } from './records.ts';
import { RegionPlan } from './region.ts';
import { Tally } from './tally.ts';

export type PhaseShape = Omit<PhasePlan, 'channel'>;

function layoutOf({ steps, capacity }: PhaseShape) {
  const region = new RegionPlan(), plan = region.part(phasePlan.bytes), sums = region.part(phaseStep.bytes * steps.length);
  const history = region.part(8 * historyOf(steps)), first = region.part(phaseRecordBytes * capacity), second = region.part(phaseRecordBytes * capacity);
  return { plan, sums, history, first, second, bytes: region.bytes };
}

export function phaseBytes(shape: PhaseShape): number { return layoutOf(shape).bytes; }

export class PhaseMeasurement implements Measurement {
  readonly done = false;
  readonly droppedStarts = 0;
  readonly #workspace: Workspace;
  readonly #views: () => Views;
  readonly #layout: ReturnType<typeof layoutOf>;
  readonly #shape: PhaseShape;
  readonly #lists: RecordLists;
  readonly #tally: Tally;

  constructor(channel: number, shape: PhaseShape, workspace: Workspace) {
    this.#workspace = workspace;
    this.#views = viewsOf(workspace.memory);
    this.#shape = shape;
    this.#layout = layoutOf(shape);
    this.#lists = new RecordLists(workspace.at + this.#layout.first.offset, workspace.at + this.#layout.second.offset);
    const index = workspace.indexOf(channel);
    this.#tally = new Tally(workspace, [index]);
    writePhasePlan(workspace.memory, this.#planAt, this.#stepsAt, { ...shape, channel: index });
  }

  process(segment: Segment): void {
    this.#tally.add(segment);
    const { kernels, at } = this.#workspace;
    kernels.takePhases(segment.timesAt, segment.channelsAt, segment.n, this.#planAt, this.#lists.at, this.#stepsAt, at + this.#layout.history.offset);
  }

  /** No difference spans the break: the next sample is the first of a stretch. Its grid keeps the period, so periods can be compared. */
  endSegment(): void {
    this.#plan.setUint32(phasePlan.inGroup, 0, true);
    this.#plan.setFloat64(phasePlan.index, 0, true);
    this.#forSteps(step => step.setFloat64(phaseStep.open, 0, true));
  }

  clear(): void {
    for (const field of ['inGroup', 'slot', 'known'] as const) this.#plan.setUint32(phasePlan[field], 0, true);
    for (const field of ['index', 'records', 'drift', 'periods', 'period'] as const) this.#plan.setFloat64(phasePlan[field], 0, true);
    this.#forSteps(step => { for (let at: number = phaseStep.open; at < phaseStep.bytes; at += 8) step.setFloat64(at, 0, true); });
    this.#tally.clear();
  }

  rebase(byPs: bigint): void {
    for (const time of ['first', 'expected'] as const) this.#plan.setBigInt64(phasePlan[time], this.#plan.getBigInt64(phasePlan[time], true) - byPs, true);
  }

  publish(): Payload {
    const plan = this.#plan, slot = plan.getUint32(phasePlan.slot, true), records = plan.getFloat64(phasePlan.records, true);
    const number = (name: 'period' | 'drift' | 'periods'): number => plan.getFloat64(phasePlan[name], true);
    const from = this.#stepsAt / 8, sums = Array.from(this.#views().f64.subarray(from, from + this.#shape.steps.length * phaseStep.bytes / 8));
    plan.setUint32(phasePlan.slot, 0, true);
    plan.setFloat64(phasePlan.records, 0, true);
    return this.#lists.flip(slot, records, { sums, period: number('period'), drift: number('drift'), periods: number('periods') });
  }

  get tags(): number { return this.#tally.tags; }

  #forSteps(change: (step: DataView) => void): void {
    this.#shape.steps.forEach((_, i) => change(new DataView(this.#workspace.memory.buffer, this.#stepsAt + phaseStep.bytes * i, phaseStep.bytes)));
  }

  get #planAt(): number { return this.#workspace.at + this.#layout.plan.offset; }
  get #stepsAt(): number { return this.#workspace.at + this.#layout.sums.offset; }
  get #plan(): DataView { return new DataView(this.#workspace.memory.buffer, this.#planAt, phasePlan.bytes); }
}

/** Samples and mean period on the results thread; getters are what a class makes of them. */
export abstract class PhaseTotals implements Totals {
  protected readonly shape: PhaseShape;
  protected readonly samples: Records;
  protected sums: readonly number[] = [];
  #gridPs = 0;
  #drift = 0;
  protected periods = 0;

  constructor(shape: PhaseShape, { memory }: Pick<Workspace, 'memory'>) {
    this.shape = shape;
    this.samples = new Records(memory, { width: phaseRecordBytes / 8, capacity: shape.capacity });
  }

  take(payload: Payload): void {
    this.samples.take(payload);
    this.sums = payload.scalars['sums'] as readonly number[];
    this.#gridPs = Number(payload.scalars['period']);
    this.#drift = Number(payload.scalars['drift']);
    this.periods = Number(payload.scalars['periods']);
  }

  clear(): void {
    this.samples.clear();
    this.sums = [];
    this.periods = 0;
  }

  abstract evaluate(getter: string, args: Readonly<Record<string, unknown>>): unknown;

  /** By how much the mean time between two samples is longer than the grid's, ps. */
  protected get excessPs(): number { return this.#drift / this.shape.average / this.periods; }

  /** Mean time between two samples; NaN before there are two. */
  protected get samplePs(): number { return this.periods > 0 ? this.#gridPs + this.excessPs : NaN; }

  /**
   * The newest samples of one uninterrupted stretch, at most `most`, as time errors k * mean - t in ps, 0 at the first one: positive
   * where the signal is early.
   */
  protected timeErrors(most: number): { firstIndex: number; errorsPs: Float64Array } {
    const { complete, available } = this.samples;
    if (available === 0) return { firstIndex: 0, errorsPs: new Float64Array(0) };
    const inStretch = this.samples.number(complete - 1, 1) + 1, n = Math.min(most, available, inStretch), from = complete - n;
    const zero = this.samples.number(from, 0), excess = this.periods > 0 ? this.excessPs : 0;
    return {
      firstIndex: inStretch - n,
      errorsPs: Float64Array.from({ length: n }, (_, i) => i * excess - (this.samples.number(from + i, 0) - zero) / this.shape.average),
    };
  }
}
