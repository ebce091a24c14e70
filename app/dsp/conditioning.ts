// dsp/conditioning.ts - input conditioning at ingest: the rules, and what is remembered of each channel from tag to tag.
//
// The first tag of a channel after a break passes divider and dead time; a filtered channel waits for a trigger of its own stretch.
import type { Ledger } from '../core/ledger.ts';
import type { KernelSet } from './kernels/kernels.ts';
import { conditionPlan, conditionRule } from './kernels/layouts.ts';
import { viewsOf } from './memory.ts';

export const conditioningBytes = conditionPlan.bytes;

/** By channel index; what is absent or empty does nothing. */
export interface Conditioning { trigger: readonly number[]; filtered: readonly number[]; dividers: readonly number[]; deadTimesPs: readonly number[] }

/** A time that no tag is earlier than. */
const always = -(2n ** 63n);

export class Conditioner {
  readonly #memory: WebAssembly.Memory;
  readonly #at: number;
  readonly #channels: number;
  #active = false;

  constructor(memory: WebAssembly.Memory, at: number, channels: number) {
    this.#memory = memory;
    this.#at = at;
    this.#channels = channels;
  }

  /** False: no tag needs to be looked at. */
  get active(): boolean { return this.#active; }

  /** New rules begin as after a break. */
  set(rules: Conditioning): void {
    const { u8, i64, u32 } = viewsOf(this.#memory);
    if (!this.#active) u8.fill(0, this.#at, this.#at + conditionPlan.bytes);
    this.#active = rules.filtered.length > 0 || rules.dividers.some(divider => divider > 1) || rules.deadTimesPs.some(ps => ps > 0);
    for (let channel = 0; channel < 256; channel++) {
      const at = this.#rule(channel);
      i64[(at + conditionRule.dead) / 8] = BigInt(rules.deadTimesPs[channel] ?? 0);
      u32[(at + conditionRule.divider) / 4] = rules.dividers[channel] ?? 1;
      u32[(at + conditionRule.triggers) / 4] = rules.trigger.includes(channel) ? 1 : 0;
      u32[(at + conditionRule.filtered) / 4] = rules.filtered.includes(channel) ? 1 : 0;
    }
    this.restart();
  }

  /** A lost interval, an epoch or disorder: what was before says nothing about what comes. */
  restart(): void {
    if (!this.#active) return;
    const { i64, u32, f64 } = viewsOf(this.#memory);
    f64[this.#at / 8] = 0;
    for (let channel = 0; channel < 256; channel++) {
      const at = this.#rule(channel);
      i64[(at + conditionRule.accepts) / 8] = always;
      f64[(at + conditionRule.seen) / 8] = 0;
      u32[(at + conditionRule.left) / 4] = 0;
    }
  }

  rebase(byPs: bigint): void {
    if (!this.#active) return;
    const { i64 } = viewsOf(this.#memory);
    for (let channel = 0; channel < 256; channel++) {
      const word = (this.#rule(channel) + conditionRule.accepts) / 8;
      // Tags are never earlier than `always`, and never later than it by more than they are.
      i64[word] = i64[word]! < always + byPs ? always : i64[word]! - byPs;
    }
  }

  /** Moves the tags that pass to `into...`, which is where they are or in front of it. @returns how many */
  pass(kernels: KernelSet, timesAt: number, channelsAt: number, n: number, intoTimesAt: number, intoChannelsAt: number): number {
    return kernels.conditionTags(timesAt, channelsAt, n, this.#at, intoTimesAt, intoChannelsAt);
  }

  /** Puts the tags removed since the last call into the account. */
  account(ledger: Ledger): void {
    if (!this.#active) return;
    const { u32 } = viewsOf(this.#memory);
    for (let channel = 0; channel < this.#channels; channel++) {
      const word = (this.#rule(channel) + conditionRule.removed) / 4;
      ledger.filtered(channel, u32[word]!);
      u32[word] = 0;
    }
  }

  #rule(channel: number): number { return this.#at + conditionPlan.rules + channel * conditionRule.bytes; }
}
