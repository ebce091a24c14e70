// dsp/virtual/plans.ts - what the kernel of a virtual channel is told: roles of channels, constants, and the state to begin with.
//
// Plain data, the same for equal definitions whatever numbers a client gave them, so that equal views are found equal. How far a
// tag may lie behind or ahead of the tags it is made of gives lead-in and hold-back.
import type { CheckedVirtual, VirtualKind } from '../../core/virtual.ts';
import type { CheckedConfig } from '../../core/spec.ts';
import type { KernelSet, VirtualKernel } from '../kernels/kernels.ts';
import {
  coincideAllPlan, coincidePlan, middlesPlan, multiplyPlan, passPlan, patternsPlan, pulsesPlan, queueRecord, stamps, switchPlan,
} from '../kernels/virtual-layout.ts';
import { blockTags } from '../ring.ts';

export type VirtualKernelName = { [K in keyof KernelSet]: KernelSet[K] extends VirtualKernel ? K : never }[keyof KernelSet];

/** A value at an offset of the record. */
type Entry = readonly [offset: number, value: number];

export interface NodePlan {
  kernel: VirtualKernelName;
  /** Role of each channel index that has one. */
  roles: readonly Entry[];
  /** First dense index it makes, and how many. */
  out: number;
  outputs: number;
  words: readonly Entry[];
  doubles: readonly Entry[];
  /** Words of the state at the beginning of a stretch; what is not listed but in `zero` is 0. */
  fresh: readonly Entry[];
  zero: readonly [from: number, to: number];
  /** Absolute times: from this offset so many. */
  times: readonly [offset: number, count: number];
  /** What they begin as, after the beginning of the stretch; absent where they mean nothing at first. */
  freshTime?: number;
  bytes: number;
  /** Tags that are known before their time comes, and the pattern they are made by. */
  queue: number;
  patternPs: readonly number[];
  /** Its tags lie so far behind (positive) or ahead (negative) of the tags they are made of, at most. */
  mostPs: number;
  leastPs: number;
  /** A change of settings reaches its tags so much later. */
  laterPs: number;
  /** Most tags it makes for one of its inputs; for combinations of tags nobody knows. */
  perTag: number;
  /** Its tags do not come in order of time. */
  unsorted: boolean;
}

type Part = Pick<NodePlan, 'kernel' | 'roles' | 'zero' | 'bytes'> & Partial<NodePlan>;

interface Context { indexOf: (channel: number) => number; out: number; outputs: number }

/** Memory for tags under way: this long at the rate of the fastest taggers. */
function queueFor(ps: number): number { return Math.min(8 * 2 ** 20, 2 * blockTags + Math.ceil(ps * 40e-6)); }

const number = (config: CheckedConfig, key: string): number => config[key] as number;
const list = (config: CheckedConfig, key: string): readonly number[] => config[key] as readonly number[];

function rolesOf({ indexOf }: Context, ...groups: readonly (readonly [channel: unknown, role: number])[]): Entry[] {
  const roles = new Map<number, number>();
  for (const [channel, role] of groups) if (typeof channel === 'number') roles.set(indexOf(channel), (roles.get(indexOf(channel)) ?? 0) | role);
  return [...roles];
}
const members = (context: Context, channels: readonly number[]): Entry[] => rolesOf(context, ...channels.map((channel, i) => [channel, i + 1] as const));

function coincidence(context: Context, channels: readonly number[], windowPs: number, timestamp: string, consume: boolean): Part {
  const plan = consume ? coincidePlan : coincideAllPlan;
  return {
    kernel: consume ? 'coincide' : 'coincideAll', roles: members(context, channels), bytes: plan.bytes,
    words: [[plan.members, channels.length], [plan.stamp, stamps.indexOf(timestamp as 'last')]], doubles: [[plan.windowPs, windowPs]],
    zero: [0, 0], fresh: consume ? [] : [[coincideAllPlan.count, 0]], ...(consume && { freshTime: -windowPs - 1 }),
    times: consume ? [coincidePlan.last, coincidePlan.most] : [coincideAllPlan.times, coincideAllPlan.capacity],
    mostPs: timestamp === 'first' ? 0 : windowPs, leastPs: timestamp === 'last' ? 0 : -windowPs, unsorted: !consume && timestamp !== 'last',
    perTag: consume ? 1 / channels.length : 1,
  };
}

function pulses(context: Context, trigger: number, stop: unknown, patternPs: readonly number[], divider: number, offset: number): Part {
  const first = patternPs[0]!, last = patternPs.at(-1)!;
  return {
    kernel: 'makePulses', roles: rolesOf(context, [trigger, 1], [stop, 2]), bytes: pulsesPlan.bytes, patternPs, queue: queueFor(Math.max(0, last)),
    words: [[pulsesPlan.divider, divider], [pulsesPlan.length, patternPs.length]], zero: [0, 0],
    fresh: [[pulsesPlan.wait, offset], [queueRecord.head, 0], [queueRecord.end, 0]], mostPs: Math.max(0, last), leastPs: Math.min(0, first),
    laterPs: first, perTag: patternPs.length,
  };
}

const parts: Readonly<Record<VirtualKind, (config: CheckedConfig, context: Context) => Part[]>> = {
  combiner: (config, context) => [{
    kernel: 'passTags', roles: rolesOf(context, ...list(config, 'channels').map(channel => [channel, 1] as const)), bytes: passPlan.bytes, zero: [0, 0], fresh: [[passPlan.open, 1]],
  }],
  coincidence: (config, context) => [
    coincidence(context, list(config, 'channels'), number(config, 'windowPs'), config['timestamp'] as string, config['consume'] as boolean),
  ],
  coincidences: (config, context) => (config['groups'] as readonly (readonly number[])[]).map(group => coincidence(context, group, number(config, 'windowPs'), config['timestamp'] as string, true)),
  combinations(config, context) {
    const windowPs = number(config, 'windowPs');
    return [{
      kernel: 'findPatterns', roles: members(context, list(config, 'channels')), bytes: patternsPlan.bytes, doubles: [[patternsPlan.windowPs, windowPs]], zero: [0, 0],
      fresh: [[patternsPlan.mask, 0]], times: [patternsPlan.first, 2], mostPs: 2 * windowPs, leastPs: -windowPs, outputs: context.outputs,
    }];
  },
  delayed: (config, context) => [pulses(context, number(config, 'channel'), undefined, [number(config, 'delayPs')], 1, 0)],
  gated: (config, context) => [{
    kernel: 'passTags', roles: rolesOf(context, [config['channel'], 1], [config['gateStart'], 2], [config['gateStop'], 4]), bytes: passPlan.bytes, zero: [0, 0],
    fresh: [[passPlan.open, config['initiallyOpen'] === true ? 1 : 0]],
  }],
  frequencyMultiplier(config, context) {
    const multiplier = number(config, 'multiplier');
    return [{
      kernel: 'multiplyTags', roles: rolesOf(context, [config['channel'], 1]), bytes: multiplyPlan.bytes, words: [[multiplyPlan.multiplier, multiplier]],
      doubles: [[multiplyPlan.longestPs, Math.floor((2 ** 53 - 1) / multiplier)]], zero: [0, 0], fresh: [[multiplyPlan.started, 0], [queueRecord.head, 0], [queueRecord.end, 0]],
      times: [multiplyPlan.previous, 1], queue: 2 * multiplier + 8, perTag: multiplier,
    }];
  },
  constantFractionDiscriminator(config, context) {
    const windowPs = number(config, 'searchWindowPs');
    return [{
      kernel: 'findMiddles', roles: rolesOf(context, [config['rising'], 1], [config['falling'], 2]), bytes: middlesPlan.bytes, doubles: [[middlesPlan.windowPs, windowPs]], zero: [0, 0],
      fresh: [[middlesPlan.open, 0]], times: [middlesPlan.rising, 1], mostPs: Math.floor(windowPs / 2), leastPs: -Math.ceil(windowPs / 2),
    }];
  },
  eventGenerator: (config, context) => [
    pulses(context, number(config, 'trigger'), config['stop'], list(config, 'patternPs'), number(config, 'divider'), number(config, 'dividerOffset')),
  ],
  triggerOnCountrate(config, context) {
    const windowPs = number(config, 'timeWindowPs'), reference = number(config, 'referenceRateHz'), hysteresis = number(config, 'hysteresisHz');
    const tags = (rateHz: number): number => rateHz * windowPs / 1e12;
    return [{
      kernel: 'switchOnRate', roles: rolesOf(context, [config['channel'], 1]), bytes: switchPlan.bytes,
      doubles: [[switchPlan.above, tags(reference + hysteresis)], [switchPlan.below, tags(reference - hysteresis)], [switchPlan.windowPs, windowPs]],
      zero: [switchPlan.count, switchPlan.count + 8], fresh: [[switchPlan.state, 0]], freshTime: windowPs, times: [switchPlan.end, 1], perTag: 2, outputs: 2,
    }];
  },
};

/**
 * The kernels of one virtual channel.
 *
 * @param indexOf dense index of a channel number
 * @param out the first dense index that it makes
 */
export function nodesOf({ kind, config, outputs }: CheckedVirtual, indexOf: (channel: number) => number, out: number): NodePlan[] {
  return parts[kind](config, { indexOf, out, outputs }).map((part, i) => ({
    outputs: 1, words: [], doubles: [], fresh: [], times: [0, 0], queue: 0, patternPs: [], mostPs: 0, leastPs: 0, laterPs: 0, perTag: 1, unsorted: false, ...part, out: out + i,
  }));
}
