// dsp/sink.ts - the writer's side of the seam to drivers: checks order, counts, marks, and fills the ring.
//
// Times of a driver are taken modulo 2^64. Before they pass 2^63 the sink moves the origin by 2^62 (`rebase`), always for
// a whole block with its tail and markers: the block's header says how often, so no reader ever meets two origins at
// once. Tags earlier than the watermark are disorder: they are kept, but a marker cuts the stretch in front of them.
// Longer than usual because every call of the seam keeps the same few numbers consistent.
import { Ledger } from '../core/ledger.ts';
import { limits } from '../core/limits.ts';
import type { Loss, LossPlace, Room, TagSink } from '../core/tags.ts';
import type { KernelSet } from './kernels/kernels.ts';
import { Conditioner, conditioningBytes, type Conditioning } from './conditioning.ts';
import { referenceClockBytes } from './reference-clock.ts';
import { blockTags, everyChannel, markersPerBlock, type Marker, type OpenBlock, type Ring, RingWriter } from './ring.ts';

/** Memory that ingest needs beside the ring: the driver's scratch, then delays f64[256], one i64, counts u32[256], the plan of conditioning, and that of the reference clock. */
export const driverScratchBytes = 256 * 1024;
export const ingestBytes = driverScratchBytes + 256 * 8 + 64 + 256 * 4 + conditioningBytes + referenceClockBytes;

/** The origin moves by this much: exact in a double, and four moves come back to the driver's own count. */
const rebaseStepPs = 2n ** 62n;
const closeAfterMs = 20;
const closeSoonAfterMs = 5;
/** Below this many tags in 20 ms the rate is low and waiting for more saves nothing. */
const fewTags = 16_000;
const ledgerEveryMs = 100;

export interface SinkOptions {
  ring: Ring;
  kernels: KernelSet;
  channels: number;
  scratchAt: number;
  maxBlockTags?: number;
  onLedger?: (ledger: Ledger) => void;
  onLoss?: (loss: Loss) => void;
  onClock?: (locked: boolean) => void;
}

/** State at the beginning of the open block, for its header. */
interface Opening { block: OpenBlock; fromPs: bigint; epoch: number; fence: number; losses: number; revision: number; losingFromPs: bigint | undefined; openedAt: number }

export class IngestSink implements TagSink {
  readonly memory: WebAssembly.Memory;
  readonly scratchAt: number;
  readonly scratchBytes = driverScratchBytes;
  readonly ledger: Ledger;
  readonly #ring: Ring;
  readonly #writer: RingWriter;
  readonly #kernels: KernelSet;
  readonly #options: SinkOptions;
  readonly #maxBlockTags: number;
  readonly #offsetsAt: number;
  readonly #previousAt: number;
  /** Tags per channel that came while an overflow was in progress: no result takes them. */
  readonly #withheldAt: number;
  readonly #conditioner: Conditioner;
  readonly #room: Room = { timesAt: 0, channelsAt: 0, tags: 0 };

  #open: Opening | undefined;
  #n = 0;
  #markers: Marker[] = [];
  /** Tags since the last break, those of earlier blocks included. */
  #stretch = 0;
  /** No later tag is earlier than this; undefined before the source has said anything. */
  #watermarkPs: bigint | undefined;
  #livePs = 0;
  #losingFromPs: bigint | undefined;
  /** Driver time minus stream time, modulo 2^64. */
  #offsetPs = 0n;
  #rebases = 0;
  #epoch = 0;
  #losses = 0;
  #revision = 0;
  #busy = false;
  #ledgerAt = 0;
  /** The newest fence that was passed. */
  #fenced: number;

  constructor(options: SinkOptions) {
    this.#options = options;
    this.#ring = options.ring;
    this.memory = options.ring.memory;
    this.scratchAt = options.scratchAt;
    this.#offsetsAt = options.scratchAt + driverScratchBytes;
    this.#previousAt = this.#offsetsAt + 256 * 8;
    this.#withheldAt = this.#previousAt + 64;
    this.#conditioner = new Conditioner(this.memory, this.#withheldAt + 256 * 4, options.channels);
    this.#kernels = options.kernels;
    this.#maxBlockTags = Math.min(blockTags, options.maxBlockTags ?? blockTags);
    this.#writer = new RingWriter(options.ring, options.channels);
    this.#fenced = options.ring.fenced;
    this.ledger = new Ledger(options.channels);
  }

  get stopped(): boolean { return this.#ring.stopped; }
  /** True once the stream has a time. */
  get begun(): boolean { return this.#watermarkPs !== undefined; }
  get revision(): number { return this.#revision; }
  /** Driver time of the watermark, for markers that ingest makes itself. */
  get nowPs(): bigint { return BigInt.asIntN(64, (this.#watermarkPs ?? 0n) + this.#offsetPs); }

  room(): Room {
    const { block } = this.#opened();
    this.#room.timesAt = block.timesAt + this.#n * 8;
    this.#room.channelsAt = block.channelsAt + this.#n;
    this.#room.tags = this.#maxBlockTags - this.#n;
    return this.#room;
  }

  commit(count: number): void {
    if (count <= 0) return;
    const { block } = this.#opened();
    let at = block.timesAt + this.#n * 8;
    for (let rest = count; rest > 0;) {
      const { i64 } = this.#ring.views;
      const first = i64[at / 8]!;
      this.#watermarkPs ??= this.#begin(this.#stream(first));
      const previous = BigInt.asIntN(64, this.#watermarkPs + this.#offsetPs);
      i64[this.#previousAt / 8] = previous;
      let run = this.#kernels.firstDescent(at, rest, this.#previousAt);
      if (run === 0) {
        // Earlier as a signed number: either time went back, or the driver's count has passed 2^63 and is ahead.
        if (BigInt.asIntN(64, first - previous) < 0n) {
          if (this.#markers.length >= markersPerBlock) at = this.#carryOver(at, rest);
          this.#disorder(this.#stream(first));
        }
        run = 1 + this.#kernels.firstDescent(at + 8, rest - 1, at);
      }
      this.#accept(at, run);
      at += run * 8;
      rest -= run;
    }
    this.#closeIfDue();
  }

  write(timesPs: BigInt64Array, channels: Uint8Array, count: number): void {
    for (let done = 0; done < count;) {
      const room = this.room();
      const n = Math.min(room.tags, count - done);
      const { i64, u8 } = this.#ring.views;
      i64.set(timesPs.subarray(done, done + n), room.timesAt / 8);
      u8.set(channels.subarray(done, done + n), room.channelsAt);
      this.commit(n);
      done += n;
    }
  }

  heartbeat(timePs: bigint): void {
    this.#moveTo(this.#stream(timePs));
    this.#closeIfDue();
  }

  lost(loss: Loss): void {
    const missed = loss.grade === 'counted' && loss.missed ? this.#withWithheld(loss.missed) : undefined;
    this.#makeRoomForMarkers(1 + (missed?.length ?? 0));
    if (this.#losingFromPs === undefined) this.#moveTo(this.#stream(loss.fromPs));
    const wasLosing = this.#losingFromPs !== undefined;
    const marker = this.#mark({ kind: 'lost', grade: loss.grade, place: loss.place, count: missed ? 1 : 0, fromPs: this.#losingFromPs ?? this.#watermarkPs! });
    for (const { channelIndex, count } of missed ?? []) this.#mark({ kind: 'missed', channel: channelIndex, count });
    this.#losingFromPs = undefined;
    this.#moveTo(this.#stream(loss.toPs), 'dead');
    marker.toPs = this.#watermarkPs!;
    this.#break();
    // Where an overflow began is known here: time may have stepped back since it was announced.
    this.#lostTags(wasLosing ? { ...loss, fromPs: marker.fromPs, toPs: marker.toPs } : loss);
  }

  losing(fromPs: bigint, place: LossPlace): void {
    if (this.#losingFromPs !== undefined) return;
    this.#ring.views.u32.fill(0, this.#withheldAt / 4, this.#withheldAt / 4 + 256);
    this.#makeRoomForMarkers(1);
    this.#moveTo(this.#stream(fromPs));
    this.#losingFromPs = this.#watermarkPs!;
    this.#mark({ kind: 'losing', place, grade: 'flagged', fromPs: this.#losingFromPs });
    this.#break();
    this.#closeIfDue();
  }

  epoch(atPs: bigint, uncertaintyPs: number): void {
    this.#makeRoomForMarkers(1);
    const marker = this.#mark({ kind: 'epoch', count: uncertaintyPs, fromPs: this.#watermarkPs ?? this.#stream(atPs) });
    this.#moveTo(this.#stream(atPs), 'dead');
    marker.toPs = this.#watermarkPs!;
    this.#epoch++;
    this.ledger.epochs++;
    this.#break();
    this.#closeIfDue();
  }

  timeSlip(atPs: bigint): void {
    this.#makeRoomForMarkers(1);
    const toPs = this.#stream(atPs);
    const fromPs = this.#watermarkPs ?? this.#begin(toPs);
    this.#stepTo(toPs);
    this.#mark({ kind: 'slip', grade: 'suspect', place: 'device', fromPs, toPs });
    this.#break();
    this.#lostTags({ grade: 'suspect', place: 'device', fromPs, toPs: largest(fromPs, toPs) });
  }

  clock(state: 'locked' | 'lost', atPs: bigint): void {
    this.#makeRoomForMarkers(1);
    this.#mark({ kind: 'clock', count: state === 'locked' ? 1 : 0, fromPs: this.#stream(atPs) });
    this.#options.onClock?.(state === 'locked');
  }

  settings(_atPs: bigint, revision: number, channelIndexes: readonly number[]): void {
    this.#makeRoomForMarkers(Math.max(1, channelIndexes.length));
    this.#revision = revision;
    if (this.#watermarkPs === undefined) {
      // Nothing has been measured under the settings before: the stream begins with these.
      this.#opened().revision = revision;
      return;
    }
    // The place of the change is here, behind every tag so far: no later than the next tag, and not at the time of the last.
    const fromPs = this.#watermarkPs + (this.#lastTagPs() === this.#watermarkPs ? 1n : 0n);
    for (const channel of channelIndexes.length > 0 ? channelIndexes : [everyChannel]) this.#mark({ kind: 'settings', channel, revision, fromPs });
    this.#closeIfDue();
  }

  /** What is done to tags from here on; call it together with `settings`. Tags so far are not touched. */
  condition(rules: Conditioning): void {
    this.#conditioner.account(this.ledger);
    this.#conditioner.set(rules);
  }

  /** Called now and then while nothing comes: publishes what waits, and a watermark that has moved. */
  tick(): void { this.#closeIfDue(); }

  /** Publishes the open block; the last call. */
  finish(): void {
    if (this.#open) this.#publish();
    this.#passFence();
    this.#options.onLedger?.(this.ledger);
  }

  /** Everything that was handed over is published. A block carries a fence only after this: whoever sees it unpassed may count on it. */
  #passFence(): void {
    const { flush } = this.#ring;
    if (flush === this.#fenced) return;
    this.#fenced = flush;
    this.#ring.passFence(flush);
  }

  /** What the device missed, and what it delivered inside the interval: to every result both are missing. */
  #withWithheld(missed: NonNullable<Loss['missed']>): NonNullable<Loss['missed']> {
    if (this.#losingFromPs === undefined) return missed;
    const { u32 } = this.#ring.views;
    const device = new Map(missed.map(({ channelIndex, count }) => [channelIndex, count]));
    return Array.from({ length: this.#options.channels }, (_, channelIndex) => ({
      channelIndex, count: (device.get(channelIndex) ?? 0) + u32[this.#withheldAt / 4 + channelIndex]!,
    })).filter(({ channelIndex, count }) => count > 0 || device.has(channelIndex));
  }

  /** Driver time to stream time. */
  #stream(timePs: bigint): bigint { return BigInt.asIntN(64, timePs - this.#offsetPs); }

  /** Stream time begins here, for the open block too, whenever it was opened: nothing is in it that came before a fence. */
  #begin(atPs: bigint): bigint {
    const open = this.#opened();
    open.fromPs = atPs;
    this.#passFence();
    open.fence = this.#fenced;
    return atPs;
  }

  #opened(): Opening {
    if (this.#open) return this.#open;
    const block = this.#writer.open(this.#stretch);
    this.#passFence();
    this.#n = 0;
    this.#markers = [];
    this.#open = {
      block, fromPs: this.#watermarkPs ?? 0n, epoch: this.#epoch, fence: this.#fenced, losses: this.#losses, revision: this.#revision,
      losingFromPs: this.#losingFromPs, openedAt: performance.now(),
    };
    return this.#open;
  }

  /** The run at `at` is in order: moves it into stream time, the watermark to its last tag, and what passes behind the tags so far. */
  #accept(at: number, run: number): void {
    const last = this.#ring.views.i64[at / 8 + run - 1]!;
    this.#moveTo(this.#stream(last));
    // After a rebase of this very block the tags in front were moved already, these were not.
    const { block } = this.#opened();
    const channelsAt = block.channelsAt + (at - block.timesAt) / 8;
    if (this.#offsetPs !== 0n) this.#kernels.delayTags(at, channelsAt, run, this.#offsetsAt);
    const intoAt = block.channelsAt + this.#n;
    const kept = this.#conditioner.active ? this.#conditioner.pass(this.#kernels, at, channelsAt, run, block.timesAt + this.#n * 8, intoAt) : run;
    if (this.#losingFromPs !== undefined) this.#kernels.countChannels(intoAt, kept, this.#withheldAt);
    this.#n += kept;
    this.#stretch += kept;
  }

  /** Moves the watermark forward, over the end of int64 if need be; a time behind it changes nothing. */
  #moveTo(timePs: bigint, time: 'live' | 'dead' = 'live'): void {
    const before = this.#watermarkPs;
    if (before === undefined) {
      this.#watermarkPs = this.#begin(timePs);
      return;
    }
    const stepPs = BigInt.asIntN(64, timePs - before);
    if (stepPs <= 0n) return;
    if (time === 'live' && this.#losingFromPs === undefined) this.#livePs += Number(stepPs);
    this.#opened();
    if (timePs < before || timePs >= limits.rebaseBeforePs) this.#rebase();
    this.#watermarkPs = this.#watermarkPs! + stepPs;
  }

  /** The open block, its tail and everything known in stream time move back by 2^62 ps. */
  #rebase(): void {
    const open = this.#opened();
    const { i64, f64 } = this.#ring.views;
    const from = open.block.timesAt / 8;
    for (let i = from - open.block.history; i < from + this.#n; i++) i64[i]! -= rebaseStepPs;
    for (const marker of this.#markers) {
      marker.fromPs -= rebaseStepPs;
      marker.toPs -= rebaseStepPs;
    }
    open.fromPs -= rebaseStepPs;
    if (open.losingFromPs !== undefined) open.losingFromPs -= rebaseStepPs;
    if (this.#losingFromPs !== undefined) this.#losingFromPs -= rebaseStepPs;
    if (this.#watermarkPs !== undefined) this.#watermarkPs -= rebaseStepPs;
    this.#conditioner.rebase(rebaseStepPs);
    this.#offsetPs = BigInt.asIntN(64, this.#offsetPs + rebaseStepPs);
    this.#rebases++;
    f64.fill(Number(BigInt.asIntN(64, -this.#offsetPs)), this.#offsetsAt / 8, this.#offsetsAt / 8 + 256);
  }

  #disorder(atPs: bigint): void {
    this.ledger.disorder++;
    this.#mark({ kind: 'disorder', fromPs: this.#watermarkPs!, toPs: atPs });
    this.#stepTo(atPs);
    this.#break();
  }

  /** Time may go back. An overflow that is under way goes on from here: it cannot have begun later than now. */
  #stepTo(atPs: bigint): void {
    this.#watermarkPs = atPs;
    if (this.#losingFromPs !== undefined && this.#losingFromPs > atPs) this.#losingFromPs = atPs;
  }

  #mark(facts: Partial<Marker> & Pick<Marker, 'kind'>): Marker {
    this.#opened();
    const marker: Marker = { index: this.#n, channel: everyChannel, grade: 'flagged', place: 'device', revision: this.#revision, count: 0, fromPs: 0n, toPs: 0n, ...facts };
    this.#markers.push(marker);
    return marker;
  }

  /** The table of markers is full in the middle of a commit: the tags not yet accepted move to a new block. */
  #carryOver(at: number, count: number): number {
    const { block } = this.#opened();
    const channelsAt = block.channelsAt + (at - block.timesAt) / 8;
    this.#publish();
    const next = this.#opened().block;
    const { i64, u8 } = this.#ring.views;
    i64.copyWithin(next.timesAt / 8, at / 8, at / 8 + count);
    u8.copyWithin(next.channelsAt, channelsAt, channelsAt + count);
    return next.timesAt;
  }

  #makeRoomForMarkers(count: number): void {
    if (this.#open && this.#markers.length + count > markersPerBlock) this.#publish();
    this.#opened();
  }

  #lastTagPs(): bigint | undefined {
    const { block } = this.#opened();
    return this.#n + block.history > 0 ? this.#ring.views.i64[block.timesAt / 8 + this.#n - 1] : undefined;
  }

  #break(): void {
    this.#stretch = 0;
    this.#conditioner.restart();
  }

  #lostTags(loss: Loss): void {
    this.#losses++;
    this.ledger.lost(loss);
    this.#options.onLoss?.(loss);
    this.#closeIfDue();
  }

  #closeIfDue(): void {
    const open = this.#open;
    // A block without a time cannot be published: measurements would begin at its zero.
    if (!open || this.#watermarkPs === undefined) {
      this.#passFence();
      return;
    }
    const flush = this.#ring.flush;
    const now = performance.now();
    if (this.#n === 0 && this.#markers.length === 0 && this.#watermarkPs === open.fromPs) {
      this.#passFence();
      open.fence = this.#fenced;
      open.openedAt = now;
      return;
    }
    if (this.#n >= this.#maxBlockTags || flush !== open.fence) this.#publish();
    else if (now - open.openedAt >= (this.#busy ? closeAfterMs : closeSoonAfterMs)) this.#publish();
  }

  #publish(): void {
    const open = this.#open!;
    const { block } = open;
    const toPs = this.#watermarkPs ?? open.fromPs;
    const countsAt = this.#writer.countsAt(block);
    this.#kernels.countChannels(block.channelsAt, this.#n, countsAt);
    const { u32 } = this.#ring.views;
    for (let channel = 0; channel < this.#options.channels; channel++) this.ledger.delivered(channel, u32[countsAt / 4 + channel]!);
    this.#conditioner.account(this.ledger);
    this.#writer.publish(block, {
      n: this.#n, history: block.history, historyComplete: block.historyComplete, epoch: open.epoch, fence: open.fence, rebases: this.#rebases,
      losses: open.losses, revision: open.revision, losingFromPs: open.losingFromPs, fromPs: open.fromPs, toPs,
    }, this.#markers);
    this.#ring.setProgress(toPs, this.#livePs);
    const now = performance.now();
    this.#busy = this.#n >= fewTags * Math.min(1, (now - open.openedAt) / closeAfterMs);
    this.#open = undefined;
    this.#passFence();
    if (now - this.#ledgerAt >= ledgerEveryMs) {
      this.#ledgerAt = now;
      this.#options.onLedger?.(this.ledger);
    }
  }
}

function largest(a: bigint, b: bigint): bigint { return a > b ? a : b; }
