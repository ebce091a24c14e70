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
  #rules: Conditioning | undefined;

  constructor(memory: WebAssembly.Memory, at: number, channels: number) {
    this.#memory = memory;
    this.#at = at;
    this.#channels = channels;
  }

  /** False: no tag needs to be looked at. */
  get active(): boolean { return this.#active; }

  /**
   * A channel whose rule is another one begins as after a break, and so do filtered channels if the triggers are others. The rest goes on:
   * only the changed ones are marked, so nothing may happen to another.
   */
  set(rules: Conditioning): void {
    const { u8, i64, u32, f64 } = viewsOf(this.#memory);
    const before = this.#active ? this.#rules : undefined;
    if (!before) u8.fill(0, this.#at, this.#at + conditionPlan.bytes);
    this.#rules = rules;
    this.#active = rules.filtered.length > 0 || rules.dividers.some(divider => divider > 1) || rules.deadTimesPs.some(ps => ps > 0);
    const otherTriggers = !before || !sameMembers(before.trigger, rules.trigger);
    for (let channel = 0; channel < 256; channel++) {
      const at = this.#rule(channel), rule = ruleOf(rules, channel), last = before && ruleOf(before, channel);
      i64[(at + conditionRule.dead) / 8] = BigInt(rule.deadPs);
      u32[(at + conditionRule.divider) / 4] = rule.divider;
      u32[(at + conditionRule.triggers) / 4] = rule.triggers ? 1 : 0;
      u32[(at + conditionRule.filtered) / 4] = rule.filtered ? 1 : 0;
      const isOther = !last || rule.deadPs !== last.deadPs || rule.divider !== last.divider || rule.triggers !== last.triggers || rule.filtered !== last.filtered;
      if (isOther || (otherTriggers && rule.filtered)) this.#begin(channel, f64[this.#at / 8]!);
    }
  }

  /** A lost interval, an epoch or disorder: what was before says nothing about what comes. */
  restart(): void {
    if (!this.#active) return;
    viewsOf(this.#memory).f64[this.#at / 8] = 0;
    for (let channel = 0; channel < 256; channel++) this.#begin(channel, 0);
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

  /** After so many triggers, none of which counts for it. */
  #begin(channel: number, triggered: number): void {
    const { i64, u32, f64 } = viewsOf(this.#memory);
    const at = this.#rule(channel);
    i64[(at + conditionRule.accepts) / 8] = always;
    f64[(at + conditionRule.seen) / 8] = triggered;
    u32[(at + conditionRule.left) / 4] = 0;
  }

  #rule(channel: number): number { return this.#at + conditionPlan.rules + channel * conditionRule.bytes; }
}

function ruleOf({ trigger, filtered, dividers, deadTimesPs }: Conditioning, channel: number): { triggers: boolean; filtered: boolean; divider: number; deadPs: number } {
  return { triggers: trigger.includes(channel), filtered: filtered.includes(channel), divider: dividers[channel] ?? 1, deadPs: deadTimesPs[channel] ?? 0 };
}

/** Two lists without doubles. */
function sameMembers(a: readonly number[], b: readonly number[]): boolean { return a.length === b.length && a.every(member => b.includes(member)); }
