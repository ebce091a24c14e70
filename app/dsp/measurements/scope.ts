// dsp/measurements/scope.ts - Scope: edges in windows behind a trigger; n and -n are the two edges of one input.
//
// The kernel writes rows in the order of the stream, two buffers in turn (rows.ts); scope-traces.ts makes traces of them on the results thread. With
// endless retriggering the worker keeps the latest whole trace and the open one, so that a reader who comes late sees the latest.
import type { CheckedConfig } from '../../core/measurements.ts';
import { scopePlan, scopeRole, scopeRow } from '../kernels/twin-scope.ts';
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Measurement, MeasurementClass, Payload, Segment, SegmentEnd, Workspace } from '../measurement.ts';
import { channelsOf, numberOf } from './config.ts';
import { RowBuffer, rowsBytes } from './rows.ts';
import { ScopeTotals, rolesOf } from './scope-traces.ts';
import { Tally } from './tally.ts';

/** Rows of one buffer: trigger, levels, edges and end of each trace, and edges written in advance. Endless: the latest trace and the open one. */
function rowsOf(config: CheckedConfig): number {
  const traces = numberOf(config, 'traces') || 2, maxPoints = numberOf(config, 'maxPoints');
  return traces * (maxPoints + channelsOf(config).length + 2) + maxPoints;
}

class ScopeMeasurement implements Measurement {
  readonly droppedStarts = 0;
  readonly #workspace: Workspace;
  readonly #traces: number;
  readonly #rows: RowBuffer;
  readonly #tally: Tally;
  readonly #views: () => Views;

  constructor(config: CheckedConfig, workspace: Workspace) {
    const { at, memory } = workspace, channels = channelsOf(config), trigger = workspace.indexOf(numberOf(config, 'trigger')), { roles } = rolesOf(channels);
    this.#workspace = workspace;
    this.#traces = numberOf(config, 'traces');
    this.#views = viewsOf(memory);
    const { u8, u32, f64 } = this.#views(), rolesAt = at + scopePlan.roles, indexes = channels.map(channel => workspace.indexOf(channel));
    u8.fill(scopeRole.none, rolesAt, rolesAt + 256);
    indexes.forEach((index, k) => { u8[rolesAt + index] = roles[k]!; });
    u8[rolesAt + trigger]! |= scopeRole.trigger;
    f64[(at + scopePlan.width) / 8] = numberOf(config, 'windowPs');
    u32[(at + scopePlan.mostPoints) / 4] = numberOf(config, 'maxPoints');
    u32[(at + scopePlan.endless) / 4] = this.#traces === 0 ? 1 : 0;
    this.#rows = new RowBuffer(workspace, at + scopePlan.bytes, rowsOf(config), scopeRow.bytes);
    this.#tally = new Tally(workspace, [trigger, ...indexes]);
    this.#begin();
  }

  process(segment: Segment): void {
    if (this.done) return;
    const used = this.#record(segment.timesAt, segment.channelsAt, segment.n, segment.toPs);
    this.#tally.add(used < segment.n ? { ...segment, n: used, countsAt: 0 } : segment);
  }

  endSegment(end: SegmentEnd): void {
    const { u32 } = this.#views(), breaks = (this.#workspace.at + scopePlan.breaks) / 4;
    u32[breaks] = 1;
    this.#record(this.#workspace.at, this.#workspace.at, 0, end.kind === 'lost' ? end.fromPs : end.atPs);
    u32[breaks] = 0;
  }

  clear(): void {
    this.#rows.clear();
    this.#tally.clear();
    this.#begin();
  }

  rebase(byPs: bigint): void {
    const { i64 } = this.#views(), { at } = this.#workspace;
    for (const offset of [scopePlan.opened, scopePlan.instant, scopePlan.endedAt]) i64[(at + offset) / 8]! -= byPs;
    this.#rows.rebase(byPs);
  }

  publish(): Payload {
    const payload = this.#rows.publish();
    this.#set('rows', 0);
    this.#set('own', 0);
    return { ...payload, scalars: { ...payload.scalars, triggered: this.#views().f64[(this.#workspace.at + scopePlan.triggered) / 8]! } };
  }

  get tags(): number { return this.#tally.tags; }
  get done(): boolean { return this.#get('left') === 0 && this.#get('isOpen') === 0; }
  get doneAtPs(): bigint | undefined { return this.done ? this.#views().i64[(this.#workspace.at + scopePlan.endedAt) / 8] : undefined; }

  #record(timesAt: number, channelsAt: number, n: number, untilPs: bigint): number {
    const { at, kernels } = this.#workspace;
    this.#views().i64[(at + scopePlan.until) / 8] = untilPs;
    const used = kernels.recordScope(timesAt, channelsAt, n, at + scopePlan.until, at, this.#rows.beginsAt);
    this.#rows.rows = this.#get('rows');
    return used;
  }

  #begin(): void {
    const { u32 } = this.#views(), { at } = this.#workspace;
    for (const key of ['isOpen', 'hasInstant', 'points', 'over', 'rows', 'own'] as const) this.#set(key, 0);
    // Levels, and how many triggers came: u64, f64.
    for (const offset of [scopePlan.high, scopePlan.known, scopePlan.triggered]) u32.fill(0, (at + offset) / 4, (at + offset) / 4 + 2);
    this.#set('left', this.#traces || 1);
  }

  #get(key: keyof typeof scopePlan): number { return this.#views().u32[(this.#workspace.at + scopePlan[key]) / 4]!; }
  #set(key: keyof typeof scopePlan, value: number): void { this.#views().u32[(this.#workspace.at + scopePlan[key]) / 4] = value; }
}

export const scope: MeasurementClass = {
  bytes: config => scopePlan.bytes + rowsBytes(rowsOf(config), scopeRow.bytes),
  create: (config, workspace) => new ScopeMeasurement(config, workspace),
  totals: (config, workspace) => new ScopeTotals(config, workspace),
};
