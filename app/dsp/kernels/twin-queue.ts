// dsp/kernels/twin-queue.ts - twins of the kernels whose tags are known before their time comes: pulses and multiplied frequencies.
import type { KernelSet } from './kernels.ts';
import { copyTime } from './twin-virtual.ts';
import { multiplyPlan, pulsesPlan, queueRecord, virtualPlan } from './virtual-layout.ts';
import { addTo, difference, type Views } from './words.ts';

/** The list in one plan, and where its tags go. */
class Queue {
  readonly #views: Views;
  readonly #head: number;
  readonly #end: number;
  readonly #capacity: number;
  /** Word of the first place. */
  readonly #list: number;
  readonly #intoTimes: number;
  readonly #room: number;
  made = 0;

  constructor(views: Views, planAt: number, intoTimesAt: number, room: number) {
    this.#views = views;
    this.#head = (planAt + queueRecord.head) / 4;
    this.#end = (planAt + queueRecord.end) / 4;
    this.#capacity = views.u32[(planAt + queueRecord.capacity) / 4]!;
    this.#list = views.u32[(planAt + queueRecord.queue) / 4]! / 4;
    this.#intoTimes = intoTimesAt / 4;
    this.#room = room;
  }

  /** Gives out what is earlier than the time at word `limit`; false if there was no room. */
  drain(limit: number): boolean {
    const { u32, i32 } = this.#views;
    for (; u32[this.#head]! < u32[this.#end]!; u32[this.#head]!++) {
      const at = this.#list + 2 * u32[this.#head]!;
      if (difference(u32, i32, at, limit) >= 0) break;
      if (!this.give(at)) return false;
    }
    return true;
  }

  /** Gives out the time at word `at`. */
  give(at: number): boolean {
    if (this.made === this.#room) return false;
    copyTime(this.#views, at, this.#intoTimes + 2 * this.made++);
    return true;
  }

  cut(limit: number): void {
    const { u32, i32 } = this.#views;
    while (u32[this.#end]! > u32[this.#head]! && difference(u32, i32, this.#list + 2 * u32[this.#end]! - 2, limit) >= 0) u32[this.#end]!--;
  }

  /** The time at word `time` plus `laterPs`; false if the list is full. */
  push(time: number, laterPs: number): boolean {
    const { u32, i32 } = this.#views;
    if (u32[this.#end] === this.#capacity) {
      const head = u32[this.#head]!, end = u32[this.#end]!;
      if (head < end >>> 2) return false;
      u32.copyWithin(this.#list, this.#list + 2 * head, this.#list + 2 * end);
      u32[this.#end] = end - head;
      u32[this.#head] = 0;
    }
    const first = this.#list + 2 * u32[this.#head]!;
    let at = this.#list + 2 * u32[this.#end]!;
    for (; at > first && difference(u32, i32, at - 2, time) > laterPs; at -= 2) copyTime(this.#views, at - 2, at);
    copyTime(this.#views, time, at);
    addTo(u32, i32, at, laterPs);
    u32[this.#end]!++;
    return true;
  }
}

export function queueKernels(views: () => Views): Pick<KernelSet, 'makePulses' | 'multiplyTags'> {
  const finish = ({ u8, u32 }: Views, queue: Queue, untilAt: number, planAt: number, intoChannelsAt: number): number => {
    if (!queue.drain(untilAt / 4)) return -1;
    u8.fill(u32[(planAt + virtualPlan.out) / 4]!, intoChannelsAt, intoChannelsAt + queue.made);
    return queue.made;
  };
  return {
    makePulses(timesAt, channelsAt, n, untilAt, planAt, intoTimesAt, intoChannelsAt, room) {
      const all = views(), { u8, u32, f64 } = all;
      const queue = new Queue(all, planAt, intoTimesAt, room);
      const length = u32[(planAt + pulsesPlan.length) / 4]!, pattern = u32[(planAt + pulsesPlan.pattern) / 4]! / 8, wait = (planAt + pulsesPlan.wait) / 4;
      for (let i = 0; i < n; i++) {
        const role = u8[planAt + u8[channelsAt + i]!]!, time = timesAt / 4 + 2 * i;
        if (role === 0) continue;
        if (!queue.drain(time)) return -1;
        if ((role & 2) !== 0) queue.cut(time);
        if ((role & 1) === 0) continue;
        if (u32[wait]! > 0) {
          u32[wait]!--;
          continue;
        }
        u32[wait] = u32[(planAt + pulsesPlan.divider) / 4]! - 1;
        for (let k = 0; k < length; k++) if (!queue.push(time, f64[pattern + k]!)) return -1;
      }
      return finish(all, queue, untilAt, planAt, intoChannelsAt);
    },

    multiplyTags(timesAt, channelsAt, n, untilAt, planAt, intoTimesAt, intoChannelsAt, room) {
      const all = views(), { u8, u32, i32, f64 } = all;
      const queue = new Queue(all, planAt, intoTimesAt, room);
      const multiplier = u32[(planAt + multiplyPlan.multiplier) / 4]!, longestPs = f64[(planAt + multiplyPlan.longestPs) / 8]!;
      const started = (planAt + multiplyPlan.started) / 4, previous = (planAt + multiplyPlan.previous) / 4;
      for (let i = 0; i < n; i++) {
        const time = timesAt / 4 + 2 * i;
        if (u8[planAt + u8[channelsAt + i]!] === 0) continue;
        if (!queue.drain(time)) return -1;
        queue.cut(time);
        const periodPs = difference(u32, i32, time, previous);
        if (!queue.give(time)) return -1;
        const steps = u32[started] === 1 && periodPs > 0 && periodPs <= longestPs ? multiplier : 1;
        for (let k = 1; k < steps; k++) if (!queue.push(time, Math.floor(k * periodPs / multiplier))) return -1;
        u32[started] = 1;
        copyTime(all, time, previous);
      }
      return finish(all, queue, untilAt, planAt, intoChannelsAt);
    },
  };
}
