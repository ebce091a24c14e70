// dsp/reference-clock.ts - a sink in front of the sink: a channel of known frequency is the time base, and all times are told in its.
//
// While the loop is not locked the stream is in overflow: its tags are delivered, but no result takes them. Any loss, epoch or slip of
// the driver begins the lock anew. Off, it hands everything on as it is (moved by what the clock has added so far).
import type { ReferenceClockState } from '../core/station.ts';
import type { Loss, LossPlace, Room, TagSink } from '../core/tags.ts';
import type { KernelSet } from './kernels/kernels.ts';
import { clockPlan } from './kernels/layouts.ts';
import { viewsOf } from './memory.ts';
import type { IngestSink } from './sink.ts';

export const referenceClockBytes = clockPlan.bytes;

export interface ReferenceClock { channelIndex: number; frequencyHz: number; averagingPeriods: number }


export class ReferenceClockSink implements TagSink {
  readonly #sink: IngestSink;
  readonly #kernels: KernelSet;
  readonly #at: number;
  #isOn = false;
  /** Since when our overflow has been announced. */
  #losingFromPs: bigint | undefined;
  #deviceLosing = false;
  #errors = 0;
  #timesAt = 0;
  #channelsAt = 0;

  constructor(sink: IngestSink, kernels: KernelSet, at: number) {
    this.#sink = sink;
    this.#kernels = kernels;
    this.#at = at;
    const { u8 } = viewsOf(sink.memory);
    u8.fill(0, at, at + clockPlan.bytes);
  }

  get memory(): WebAssembly.Memory { return this.#sink.memory; }
  get scratchAt(): number { return this.#sink.scratchAt; }
  get scratchBytes(): number { return this.#sink.scratchBytes; }
  get stopped(): boolean { return this.#sink.stopped; }

  /** Undefined while there is none. */
  get state(): ReferenceClockState | undefined {
    if (!this.#isOn) return undefined;
    const { f64 } = viewsOf(this.memory);
    return { locked: this.#locked, errors: this.#errors, periodPs: f64[(this.#at + clockPlan.period) / 8]!, phaseErrorPs: f64[(this.#at + clockPlan.error) / 8]! };
  }

  /** From the next tag on; undefined turns it off. */
  follow(clock: ReferenceClock | undefined): void {
    if (this.#isOn) {
      this.#unlock();
      this.#endLoss(this.#lastOut);
    }
    this.#isOn = clock !== undefined;
    if (!clock) return;
    const { f64, u32 } = viewsOf(this.memory);
    this.#errors = 0;
    f64[(this.#at + clockPlan.nominal) / 8] = 1e12 / clock.frequencyHz;
    f64[(this.#at + clockPlan.period) / 8] = 1e12 / clock.frequencyHz;
    f64[(this.#at + clockPlan.periods) / 8] = 0;
    // The memory of the loop fades as fast as that of a critically damped one with this time constant.
    f64[(this.#at + clockPlan.most) / 8] = 2 * clock.averagingPeriods;
    f64[(this.#at + clockPlan.lockAfter) / 8] = clock.averagingPeriods;
    u32[(this.#at + clockPlan.channel) / 4] = clock.channelIndex;
    if (!this.#sink.begun) return;
    this.#setWord('lastOut', this.#sink.nowPs);
    this.#setWord('lastIn', BigInt.asIntN(64, this.#lastOut - this.#word('offset')));
    this.#announce(this.#lastOut);
  }

  room(): Room {
    const room = this.#sink.room();
    this.#timesAt = room.timesAt;
    this.#channelsAt = room.channelsAt;
    return room;
  }

  commit(count: number): void {
    if (!this.#isOn) return this.#passOn(count);
    if (count <= 0) return;
    if (!this.#sink.begun) {
      const [times, channels] = this.#taken(0, count);
      this.#begin(times[0]!);
      return this.write(times, channels, count);
    }
    const wasLocked = this.#locked;
    const done = this.#kernels.followClock(this.#timesAt, this.#channelsAt, count, this.#at);
    const isTurned = this.#locked !== wasLocked;
    const rest = isTurned ? this.#taken(done, count) : undefined;
    if (done > 0) this.#sink.commit(done);
    if (isTurned) this.#turned();
    if (rest) this.write(...rest, count - done);
  }

  write(timesPs: BigInt64Array, channels: Uint8Array, count: number): void {
    for (let done = 0; done < count;) {
      const room = this.room();
      const n = Math.min(room.tags, count - done);
      const { i64, u8 } = viewsOf(this.memory);
      i64.set(timesPs.subarray(done, done + n), room.timesAt / 8);
      u8.set(channels.subarray(done, done + n), room.channelsAt);
      this.commit(n);
      done += n;
    }
  }

  heartbeat(timePs: bigint): void {
    this.#begin(timePs);
    this.#sink.heartbeat(this.#moved(timePs));
  }

  losing(fromPs: bigint, place: LossPlace): void {
    this.#unlock();
    this.#deviceLosing = true;
    this.#sink.losing(this.#moved(fromPs), place);
  }

  lost(loss: Loss): void {
    this.#unlock();
    this.#deviceLosing = false;
    this.#losingFromPs = undefined;
    const fromPs = this.#moved(loss.fromPs), toPs = this.#moved(loss.toPs);
    this.#sink.lost({ ...loss, fromPs, toPs });
    if (this.#isOn) this.#announce(toPs);
  }

  epoch(atPs: bigint, uncertaintyPs: number): void {
    this.#unlock();
    this.#sink.epoch(this.#moved(atPs), uncertaintyPs);
  }

  timeSlip(atPs: bigint): void {
    this.#unlock();
    this.#sink.timeSlip(this.#moved(atPs));
  }

  clock(state: 'locked' | 'lost', atPs: bigint): void { this.#sink.clock(state, this.#moved(atPs)); }
  settings(atPs: bigint, revision: number, channelIndexes: readonly number[]): void { this.#sink.settings(this.#moved(atPs), revision, channelIndexes); }

  get #locked(): boolean { return viewsOf(this.memory).u32[(this.#at + clockPlan.locked) / 4] !== 0; }
  get #lastOut(): bigint { return this.#word('lastOut'); }
  #word(field: 'lastIn' | 'lastOut' | 'offset' | 'phase' | 'out'): bigint { return viewsOf(this.memory).i64[(this.#at + clockPlan[field]) / 8]!; }
  #setWord(field: 'lastIn' | 'lastOut' | 'offset', value: bigint): void { viewsOf(this.memory).i64[(this.#at + clockPlan[field]) / 8] = value; }

  /** Tags [from, to) of the room, in safety: a marker may close their block. */
  #taken(from: number, to: number): [times: BigInt64Array, channels: Uint8Array] {
    const { i64, u8 } = viewsOf(this.memory), first = this.#timesAt / 8;
    return [i64.slice(first + from, first + to), u8.slice(this.#channelsAt + from, this.#channelsAt + to)];
  }

  /** Without a clock; the offset stays, so that time never jumps. */
  #passOn(count: number): void {
    const { i64 } = viewsOf(this.memory);
    const offset = this.#word('offset');
    if (offset !== 0n) for (let i = this.#timesAt / 8; i < this.#timesAt / 8 + count; i++) i64[i]! += offset;
    this.#sink.commit(count);
  }

  /** The first time of the stream: an overflow can be announced only now. */
  #begin(timePs: bigint): void {
    if (!this.#isOn || this.#sink.begun) return;
    this.#setWord('lastIn', timePs);
    this.#setWord('lastOut', timePs);
    this.#announce(timePs);
  }

  #turned(): void {
    if (!this.#locked) return this.#lostLock();
    if (this.#deviceLosing) return this.#reset();
    this.#endLoss(this.#lastOut);
    this.#sink.clock('locked', this.#lastOut);
  }

  #lostLock(): void {
    this.#errors++;
    this.#announce(this.#lastOut);
    this.#sink.clock('lost', this.#lastOut);
  }

  #unlock(): void {
    if (!this.#isOn) return;
    const wasLocked = this.#locked;
    this.#reset();
    if (wasLocked) this.#lostLock();
  }

  /** Time goes on from where it is, as fast as the driver's. */
  #reset(): void {
    const { u32, f64 } = viewsOf(this.memory);
    u32[(this.#at + clockPlan.locked) / 4] = 0;
    f64[(this.#at + clockPlan.periods) / 8] = 0;
    this.#setWord('offset', BigInt.asIntN(64, this.#lastOut - this.#word('lastIn')));
  }

  #announce(fromPs: bigint): void {
    if (this.#losingFromPs !== undefined) return;
    this.#losingFromPs = fromPs;
    this.#sink.losing(fromPs, 'host');
  }

  /** What was withheld is known to the last tag. */
  #endLoss(toPs: bigint): void {
    const fromPs = this.#losingFromPs;
    this.#losingFromPs = undefined;
    if (fromPs !== undefined && !this.#deviceLosing) this.#sink.lost({ grade: 'counted', place: 'host', fromPs, toPs, missed: [] });
  }

  /** A time without a tag, in the time of the clock. Silence of the clock loses the lock. */
  #moved(timePs: bigint): bigint {
    const { f64 } = viewsOf(this.memory);
    if (this.#isOn && this.#locked) {
      const since = Number(BigInt.asIntN(64, timePs - this.#word('phase'))) - f64[(this.#at + clockPlan.phaseRest) / 8]!;
      const periodPs = f64[(this.#at + clockPlan.period) / 8]!;
      if (since <= 1.5 * periodPs) {
        const ratio = f64[(this.#at + clockPlan.nominal) / 8]! / periodPs;
        const moved = BigInt.asIntN(64, this.#word('out') + BigInt(Math.floor(f64[(this.#at + clockPlan.outRest) / 8]! + since * ratio + 0.5)));
        return this.#passed(timePs, moved);
      }
      this.#unlock();
    }
    return this.#passed(timePs, BigInt.asIntN(64, timePs + this.#word('offset')));
  }

  /** Later times are never mapped in front of one that was told. */
  #passed(timePs: bigint, movedPs: bigint): bigint {
    if (BigInt.asIntN(64, timePs - this.#word('lastIn')) <= 0n) return movedPs;
    const moved = BigInt.asIntN(64, movedPs - this.#lastOut) < 0n ? this.#lastOut : movedPs;
    this.#setWord('lastIn', timePs);
    this.#setWord('lastOut', moved);
    return moved;
  }
}
