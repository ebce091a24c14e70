// dsp/measurements/flim.ts - Flim: histograms of delays per pixel of a scan, frame by frame.
//
// The kernel fills the frame under way. A complete one is added to the sum of its output frame, and that, when it has all its frames, becomes
// the ready frame and goes into the sum of all. A frame that a loss or an early marker breaks off goes into neither: it stays visible as the
// current one until the next begins. What readers get are copies made when they ask: a frame is handed on in the middle of the tags.
import type { CheckedConfig } from '../../core/measurements.ts';
import { limits } from '../../core/limits.ts';
import { frameOf, pixelPlan, resetPixels, writePixelPlan } from '../kernels/pixels-layout.ts';
import { viewsOf, type Views } from '../kernels/words.ts';
import type { Measurement, MeasurementClass, Payload, Segment, SegmentEnd, Workspace } from '../measurement.ts';
import { numberOf, optionalOf } from './config.ts';
import { FlimTotals, type FlimScalars } from './flim-frames.ts';
import { OpenTimes, keepFor } from './open-times.ts';
import { RegionPlan } from './region.ts';
import { Tally } from './tally.ts';

const portion = 16_384, endOfTimePs = 2n ** 63n - 1n;
const lists = ['clicks', 'begins', 'ends', 'frames'] as const;
const markers = { begins: 'pixelBegin', ends: 'pixelEnd', frames: 'frameBegin' } as const;

function reachOf(config: CheckedConfig): number { return numberOf(config, 'bins') * numberOf(config, 'binwidthPs'); }

export function flimFrame(config: CheckedConfig) { return frameOf({ pixels: numberOf(config, 'pixels'), bins: numberOf(config, 'bins') }); }

function layoutOf(config: CheckedConfig) {
  const region = new RegionPlan(), { bytes } = flimFrame(config), kept = numberOf(config, 'keptFrames'), keep = Math.max(portion, keepFor(reachOf(config)));
  return {
    keep, plan: region.part(pixelPlan.bytes), starts: region.part(OpenTimes.bytes(keep)), lists: lists.map(() => region.part(8 * (portion + 4))),
    current: region.part(bytes), output: region.part(numberOf(config, 'framesPerOutput') > 1 ? bytes : 0), ready: region.part(kept * bytes), summed: region.part(bytes),
    shown: region.part((kept + 2) * bytes), kept, bytes: region.bytes,
  };
}

class FlimMeasurement implements Measurement {
  droppedStarts = 0;
  doneAtPs: bigint | undefined;
  readonly #workspace: Workspace;
  readonly #layout: ReturnType<typeof layoutOf>;
  readonly #frame: ReturnType<typeof flimFrame>;
  readonly #reachPs: number;
  readonly #framesPerOutput: number;
  readonly #finishAfter: number;
  /** Channel index of each of `lists`; undefined: not used. */
  readonly #channels: readonly (number | undefined)[];
  readonly #start: number;
  readonly #starts: OpenTimes;
  readonly #tally: Tally;
  readonly #views: () => Views;
  /** Frames of the output frame under way. */
  #parts = 0;
  #outputs = 0;
  /** Frames that a loss broke off; those that a marker broke off are in the plan. */
  #lost = 0;
  /** Outputs that `shown` holds. */
  #shownOutputs = -1;
  #coveredPs = 0n;

  constructor(config: CheckedConfig, workspace: Workspace) {
    const indexOf = (key: string): number | undefined => {
      const channel = optionalOf(config, key);
      return channel === undefined ? undefined : workspace.indexOf(channel);
    };
    this.#workspace = workspace;
    this.#layout = layoutOf(config);
    this.#frame = flimFrame(config);
    this.#reachPs = reachOf(config);
    this.#framesPerOutput = numberOf(config, 'framesPerOutput');
    this.#finishAfter = numberOf(config, 'finishAfterFrames');
    this.#start = workspace.indexOf(numberOf(config, 'start'));
    this.#channels = [workspace.indexOf(numberOf(config, 'click')), indexOf(markers.begins), indexOf(markers.ends), indexOf(markers.frames)];
    this.#views = viewsOf(workspace.memory);
    this.#starts = new OpenTimes(workspace, workspace.at + this.#layout.starts.offset, this.#layout.keep);
    this.#tally = new Tally(workspace, [this.#start, ...this.#channels.filter(index => index !== undefined)]);
    writePixelPlan(workspace.memory, this.#planAt, {
      pixels: numberOf(config, 'pixels'), bins: numberOf(config, 'bins'), binwidthPs: numberOf(config, 'binwidthPs'), hasFrame: optionalOf(config, markers.frames) !== undefined,
    });
    this.clear();
  }

  process(segment: Segment): void {
    if (this.done) return;
    const { timesAt, channelsAt, n, toPs } = segment, { kernels } = this.#workspace;
    let used = 0;
    while (!this.done) {
      const count = Math.min(portion, n - used), at = timesAt + 8 * used, { i64 } = this.#views();
      this.#starts.append(at, channelsAt + used, count, this.#start);
      lists.forEach((list, k) => {
        const channel = this.#channels[k], listAt = this.#listAt(k);
        this.#setList(list, listAt, channel === undefined ? 0 : kernels.pickTimes(at, channelsAt + used, count, channel, listAt));
      });
      used += count;
      this.#coveredPs = used === n ? toPs : i64[(timesAt + 8 * (used - 1)) / 8]!;
      this.#count(this.#coveredPs);
      if (count > 0) this.droppedStarts += this.#starts.trim(at + 8 * (count - 1), this.#reachPs);
      if (used === n) break;
    }
    if (this.done) used = this.#tagsThrough(timesAt, used);
    this.#tally.add(used < n ? { ...segment, n: used, countsAt: 0 } : segment);
  }

  endSegment(end: SegmentEnd): void {
    if (!this.done) {
      lists.forEach((list, k) => { this.#setList(list, this.#listAt(k), 0); });
      this.#count(endOfTimePs);
    }
    const plan = this.#plan;
    if (end.kind !== 'pause' && plan.getUint32(pixelPlan.isOpen, true) > 0 && plan.getInt32(pixelPlan.position, true) >= 0) this.#lost++;
    resetPixels(plan);
    this.#starts.clear();
  }

  clear(): void {
    const { current, output, ready, summed } = this.#layout, plan = this.#plan, { u8 } = this.#views();
    for (const { offset, bytes } of [current, output, ready, summed]) u8.fill(0, this.#workspace.at + offset, this.#workspace.at + offset + bytes);
    resetPixels(plan);
    plan.setUint32(pixelPlan.isStale, 0, true);
    plan.setUint32(pixelPlan.broken, 0, true);
    plan.setInt32(pixelPlan.position, -1, true);
    this.#starts.clear();
    this.#tally.clear();
    this.droppedStarts = this.#parts = this.#outputs = this.#lost = 0;
    this.#shownOutputs = -1;
    this.doneAtPs = undefined;
  }

  rebase(byPs: bigint): void {
    const plan = this.#plan;
    for (const time of ['heldTime', 'pixelBegan', 'frameBegan', 'completed'] as const) plan.setBigInt64(pixelPlan[time], plan.getBigInt64(pixelPlan[time], true) - byPs, true);
    this.#starts.rebase(byPs);
    this.#coveredPs -= byPs;
    const { i64 } = this.#views();
    for (let k = 0; k < Math.min(this.#outputs, this.#layout.kept); k++) i64[(this.#readyAt(k) + this.#frame.began) / 8]! -= byPs;
    // Frames that were shown are of the old time base.
    this.#shownOutputs = -1;
    if (this.doneAtPs !== undefined) this.doneAtPs -= byPs;
  }

  publish(): Payload {
    const { current, summed, shown, kept } = this.#layout, { bytes, began } = this.#frame, { at } = this.#workspace, { u8, i64 } = this.#views(), plan = this.#plan;
    const shownAt = (place: number): number => at + shown.offset + place * bytes;
    const show = (from: number, place: number): void => { u8.copyWithin(shownAt(place), from, from + bytes); };
    const isOpen = plan.getUint32(pixelPlan.isOpen, true), position = plan.getInt32(pixelPlan.position, true);
    show(at + current.offset, 0);
    i64[(shownAt(0) + began) / 8] = position < 0 && isOpen === 0 ? 0n : plan.getBigInt64(pixelPlan.frameBegan, true);
    if (this.#shownOutputs !== this.#outputs) {
      show(at + summed.offset, 1);
      const first = this.#shownOutputs < 0 ? 0 : Math.max(this.#shownOutputs, this.#outputs - kept);
      for (let k = first; k < Math.max(this.#outputs, first === 0 ? kept : 0); k++) show(this.#readyAt(k), 2 + k % kept);
      this.#shownOutputs = this.#outputs;
    }
    const scalars: FlimScalars = { outputs: this.#outputs, broken: plan.getUint32(pixelPlan.broken, true) + this.#lost, position, isOpen };
    const all = (kept + 2) * bytes;
    if (all <= limits.inlineResultBytes) return { kind: 'copy', data: u8.slice(shownAt(0), shownAt(0) + all).buffer, scalars };
    return { kind: 'delta', at: shownAt(0), entries: this.#frame.cells, table: true, scalars };
  }

  get tags(): number { return this.#tally.tags; }
  get done(): boolean { return this.doneAtPs !== undefined; }

  /** Counts what is in the lists; times before `untilPs` are settled. */
  #count(untilPs: bigint): void {
    const plan = this.#plan, frameAt = this.#workspace.at + this.#layout.current.offset;
    this.#setList('starts', this.#starts.at, this.#starts.n);
    plan.setUint32(pixelPlan.past, this.#starts.at, true);
    plan.setBigInt64(pixelPlan.until, untilPs, true);
    plan.setBigInt64(pixelPlan.covered, this.#coveredPs, true);
    while (!this.done && this.#workspace.kernels.countPixels(this.#planAt, frameAt) === 1) this.#handOn();
  }

  /** The current frame is complete: adds it up and leaves it empty. */
  #handOn(): void {
    const { kernels, at } = this.#workspace, { current, output, summed } = this.#layout, { u8, i64 } = this.#views(), { begins, began, sums } = this.#frame;
    const isSummed = this.#framesPerOutput > 1, from = at + (isSummed ? output.offset : current.offset);
    const copyPlaces = (into: number, source: number): void => { u8.copyWithin(into + begins, source + begins, source + began); };
    if (isSummed) {
      kernels.addBins(from, at + current.offset, sums);
      copyPlaces(from, at + current.offset);
    }
    if (++this.#parts === this.#framesPerOutput) {
      const ready = this.#readyAt(this.#outputs), total = at + summed.offset, beganPs = this.#plan.getBigInt64(pixelPlan.frameBegan, true);
      u8.copyWithin(ready, from, from + began);
      copyPlaces(total, from);
      kernels.addBins(total, from, sums);
      i64[(ready + began) / 8] = beganPs;
      this.#parts = 0;
      if (++this.#outputs === this.#finishAfter) this.doneAtPs = this.#plan.getBigInt64(pixelPlan.completed, true);
    }
    u8.fill(0, at + current.offset + begins, at + current.offset + began);
  }

  /** Where output frame `k` is, if it is one of the newest. */
  #readyAt(k: number): number { return this.#workspace.at + this.#layout.ready.offset + k % this.#layout.kept * this.#frame.bytes; }

  /** How many of n tags lie at or before the end of the last frame. */
  #tagsThrough(timesAt: number, n: number): number {
    const plan = this.#plan;
    plan.setBigInt64(pixelPlan.until, this.doneAtPs! + 1n, true);
    return this.#workspace.kernels.lowerBound(timesAt, n, this.#planAt + pixelPlan.until);
  }

  #setList(list: (typeof lists)[number] | 'starts', at: number, n: number): void {
    const plan = this.#plan;
    plan.setUint32(pixelPlan[list], at, true);
    plan.setUint32(pixelPlan[`${list}End`], at + 8 * n, true);
  }

  #listAt(k: number): number { return this.#workspace.at + this.#layout.lists[k]!.offset; }
  get #planAt(): number { return this.#workspace.at + this.#layout.plan.offset; }
  get #plan(): DataView { return new DataView(this.#workspace.memory.buffer, this.#planAt, pixelPlan.bytes); }
}

export const flim: MeasurementClass = {
  bytes: config => layoutOf(config).bytes,
  fills: true,
  create: (config, workspace) => new FlimMeasurement(config, workspace),
  totals: (config, workspace) => new FlimTotals(config, workspace),
};
