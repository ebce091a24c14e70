// dsp/measurements/bin-ring.ts - the last n time bins of a counter, in the worker and on the results thread.
//
// A ring has one slot more than it shows, for the open bin: u64[slots][columns], then a flag byte per slot, which is 1 where
// the bin touched a lost interval. Small rings are copied whole. Large ones exist twice, and once more as the total: the worker
// goes on in the other ring and carries only the open bin over, so that nobody writes where the results thread reads.
import { limits } from '../../core/limits.ts';
import { intervalPlan, writeIntervalPlan } from '../kernels/layouts.ts';
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Payload, Scalars, Segment, Workspace } from '../measurement.ts';
import { countAt } from './counts.ts';
import { RegionPlan } from './region.ts';

export interface RingShape { columns: number; values: number; binwidthPs: number }

function ringBytes({ columns, values }: RingShape): number { return (values + 1) * (8 * columns + 1); }

function layoutOf(shape: RingShape) {
  const region = new RegionPlan(), bytes = ringBytes(shape), isLarge = bytes > limits.inlineResultBytes;
  const plan = region.part(intervalPlan.bytes), until = region.part(64), first = region.part(bytes);
  const second = isLarge ? region.part(bytes) : first, total = isLarge ? region.part(bytes) : first;
  return { isLarge, plan, until, first, second, total, bytes: region.bytes };
}

export function binRingBytes(shape: RingShape): number { return layoutOf(shape).bytes; }

/** The worker's side. */
export class BinRing {
  readonly #shape: RingShape;
  readonly #layout: ReturnType<typeof layoutOf>;
  readonly #workspace: Workspace;
  readonly #views: () => Views;
  readonly #channels: readonly number[];
  readonly #planAt: number;
  #at: number;
  /** Oldest bin of the ring in use. */
  #first = 0;
  /** Start of bin 0; known when time first flows. */
  #originPs: bigint | undefined;
  /** Bins are counted up to here. */
  #coveredPs = 0n;

  constructor(workspace: Workspace, at: number, shape: RingShape, channels: readonly number[]) {
    this.#shape = shape;
    this.#layout = layoutOf(shape);
    this.#workspace = workspace;
    this.#channels = channels;
    this.#views = viewsOf(workspace.memory);
    this.#planAt = at + this.#layout.plan.offset;
    this.#at = at + this.#layout.first.offset;
    writeIntervalPlan(workspace.memory, this.#planAt, { channels, binwidthPs: shape.binwidthPs, slots: this.#slots });
  }

  count(segment: Segment): void {
    const { fromPs, toPs } = segment;
    if (this.#originPs === undefined) this.#begin(fromPs);
    else if (fromPs > this.#coveredPs) {
      this.#setU32(intervalPlan.flagNew, 1);
      this.#advance({ timesAt: 0, channelsAt: 0, n: 0 }, 0, fromPs - 1n);
      this.#setU32(intervalPlan.flagNew, 0);
    }
    this.#advance(segment, this.#workspace.shared.channels(segment, this.#channels), toPs);
    this.#coveredPs = toPs;
  }

  /** The open bin has touched time that nobody saw. */
  flagOpenBin(): void {
    if (this.#originPs !== undefined) this.#views().u8[this.#at + this.#flagsOffset + this.#openSlot] = 1;
  }

  publish(scalars: Scalars): Payload {
    const { u8, u32, f64 } = this.#views();
    const row = this.#rowOf(this.#at);
    const state: Scalars = {
      ...scalars, first: this.#first, open: f64[(this.#planAt + intervalPlan.openBin) / 8]!, openSlot: this.#openSlot,
      originPs: this.#originPs ?? 0n, openCounts: Array.from({ length: this.#shape.columns }, (_, i) => countAt(u32, row / 2 + i)),
    };
    if (!this.#layout.isLarge) return { kind: 'copy', data: u8.slice(this.#at, this.#at + ringBytes(this.#shape)).buffer, scalars: state };
    const full = this.#at, base = this.#planAt - this.#layout.plan.offset;
    const { first, second, total } = this.#layout;
    this.#at = base + (full === base + first.offset ? second : first).offset;
    const into = this.#rowOf(this.#at);
    u32.copyWithin(into, row, row + 2 * this.#shape.columns);
    u8[this.#at + this.#flagsOffset + this.#openSlot] = u8[full + this.#flagsOffset + this.#openSlot]!;
    this.#first = Number(state['open']);
    return { kind: 'ring', at: full, scalars: { ...state, totalAt: base + total.offset } };
  }

  /** Whatever is handed over before time flows again has no bins. */
  clear(): void {
    this.#originPs = undefined;
    this.#first = 0;
    this.#setU32(intervalPlan.openSlot, 0);
    this.#plan.setFloat64(intervalPlan.openBin, 0, true);
    // Every other slot is zeroed when its bin opens.
    const { u8, u32 } = this.#views();
    u32.fill(0, this.#at / 4, this.#at / 4 + 2 * this.#shape.columns);
    u8[this.#at + this.#flagsOffset] = 0;
  }

  rebase(byPs: bigint): void {
    if (this.#originPs === undefined) return;
    this.#originPs -= byPs;
    this.#coveredPs -= byPs;
    const plan = this.#plan;
    plan.setBigInt64(intervalPlan.openEnd, plan.getBigInt64(intervalPlan.openEnd, true) - byPs, true);
  }

  #begin(originPs: bigint): void {
    this.#originPs = this.#coveredPs = originPs;
    this.#plan.setBigInt64(intervalPlan.openEnd, originPs + BigInt(this.#shape.binwidthPs), true);
  }

  #advance({ timesAt, channelsAt, n }: Pick<Segment, 'timesAt' | 'channelsAt' | 'n'>, bitsAt: number, untilPs: bigint): void {
    const untilAt = this.#planAt - this.#layout.plan.offset + this.#layout.until.offset;
    this.#views().i64[untilAt / 8] = untilPs;
    const { kernels, shared } = this.#workspace;
    kernels.countIntervals(timesAt, channelsAt, n, bitsAt, shared.stride, untilAt, this.#planAt, this.#at);
  }

  get #plan(): DataView { return new DataView(this.#workspace.memory.buffer, this.#planAt, intervalPlan.bytes); }
  get #slots(): number { return this.#shape.values + 1; }
  get #openSlot(): number { return this.#views().u32[(this.#planAt + intervalPlan.openSlot) / 4]!; }
  get #flagsOffset(): number { return 8 * this.#slots * this.#shape.columns; }
  #rowOf(ringAt: number): number { return ringAt / 4 + 2 * this.#openSlot * this.#shape.columns; }
  #setU32(field: number, value: number): void { this.#plan.setUint32(field, value, true); }
}

/** The results thread's side: complete bins by number, the last `values` of them. */
export class BinRingTotals {
  readonly #shape: RingShape;
  readonly #views: () => Views;
  #copy: ArrayBuffer | undefined;
  #totalAt: number | undefined;
  #openSlot = 0;
  /** Number of complete bins since the start; the bins [complete - available, complete) can be read. */
  complete = 0;
  originPs = 0n;

  constructor({ memory }: Pick<Workspace, 'memory'>, shape: RingShape) {
    this.#shape = shape;
    this.#views = viewsOf(memory);
  }

  get available(): number { return Math.min(this.complete, this.#shape.values); }

  take(payload: Payload): void {
    const { scalars } = payload;
    this.complete = Number(scalars['open']);
    this.#openSlot = Number(scalars['openSlot']);
    this.originPs = BigInt(scalars['originPs'] as bigint);
    if (payload.kind === 'copy') this.#copy = payload.data;
    if (payload.kind !== 'ring') return;
    this.#totalAt = Number(scalars['totalAt']);
    const { u8, u32 } = this.#views();
    for (let back = Math.min(this.complete - Number(scalars['first']), this.#shape.values); back > 0; back--) {
      const slot = this.#slotOf(back), from = payload.at / 4 + this.#wordOf(slot);
      u32.copyWithin(this.#totalAt / 4 + this.#wordOf(slot), from, from + 2 * this.#shape.columns);
      u8[this.#totalAt + this.#flagOf(slot)] = u8[payload.at + this.#flagOf(slot)]!;
    }
  }

  clear(): void {
    this.complete = 0;
    this.originPs = 0n;
  }

  /**
   * Visits the newest `n` complete bins, oldest first: `i` runs from 0 to n - 1, `words` at `index` is the first column. Bins go
   * by their age, since numbers of picosecond bins pass 2^53 after hours.
   */
  forNewest(n: number, visit: (i: number, words: Uint32Array, index: number, flagged: boolean) => void): void {
    const views = this.#views();
    const words = this.#copy ? new Uint32Array(this.#copy, 0, 2 * this.#slots * this.#shape.columns) : views.u32;
    const flags = this.#copy ? new Uint8Array(this.#copy) : views.u8;
    const base = this.#copy ? 0 : this.#totalAt ?? 0;
    for (let i = 0; i < n; i++) {
      const slot = this.#slotOf(n - i);
      visit(i, words, base / 4 + this.#wordOf(slot), flags[base + this.#flagOf(slot)] === 1);
    }
  }

  get #slots(): number { return this.#shape.values + 1; }
  /** Slot of the bin that lies `back` before the open one. */
  #slotOf(back: number): number { return (this.#openSlot - back + this.#slots) % this.#slots; }
  #wordOf(slot: number): number { return 2 * slot * this.#shape.columns; }
  #flagOf(slot: number): number { return 8 * this.#slots * this.#shape.columns + slot; }
}
