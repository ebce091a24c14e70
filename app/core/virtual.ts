// core/virtual.ts - the one table that describes every kind of virtual channel, and the check of what a client asks for.
//
// A virtual channel has a number above 1000 that means something inside one view only. A kind with several outputs takes as many
// numbers in a row, from the one it is named by. Remote interface, tagctl, the docs and the engine read this table.
import { channelsOf, checkArguments, describe } from './arguments.ts';
import { TaggerError } from './errors.ts';
import { limits } from './limits.ts';
import type { ArgumentsOf, CheckedConfig, Parameters } from './spec.ts';

export interface VirtualSpec {
  /** The class of the reference interface. */
  readonly className: string;
  readonly summary: string;
  readonly parameters: Parameters;
  /** Numbers it takes, for the docs and by its arguments; one if absent. */
  readonly takes?: string;
  readonly outputs?: (config: CheckedConfig) => number;
  /** Where its state begins, and begins anew after a lost interval or an epoch. */
  readonly anew: string;
  /** As tagctl writes it. */
  readonly example: string;
  /** What is wrong with arguments that are fine one by one. */
  readonly check?: (config: CheckedConfig) => string | undefined;
}

const longest = limits.holdBackPs;
const window = { kind: 'duration', min: 0, max: longest } as const;
const someChannels = { kind: 'channels', min: 2, max: 64 } as const;

export const virtualKinds = {
  combiner: {
    className: 'Combiner', summary: 'Every tag of any of the channels.',
    parameters: { channels: { kind: 'channels', min: 1, max: 64, help: 'Channels to combine.' } },
    anew: 'Has no state.', example: 'combiner channels=1,2',
  },
  coincidence: {
    className: 'Coincidence', summary: 'One tag when all channels have fired within the window: last minus first at most windowPs.',
    parameters: {
      channels: { ...someChannels, help: 'Channels that must fire.' },
      windowPs: { ...window, default: 1000, help: 'Longest time from the first to the last tag, inclusive.' },
      timestamp: { kind: 'choice', choices: ['last', 'average', 'first', 'listed-first'], default: 'last', help: 'Whose time the coincidence has.' },
      consume: { kind: 'boolean', default: true, help: 'No tag counts twice, and a later tag of a channel replaces an earlier one; `false`: every combination of tags.' },
    },
    check: ({ channels, consume }) => (consume === false && (channels as number[]).length > 8 ? `without consuming, channels must be a list of at most 8, got ${(channels as number[]).length}` : undefined),
    anew: 'Forgets the tags it has seen.', example: 'coincidence channels=1,2 window=1ns',
  },
  coincidences: {
    className: 'Coincidences', summary: 'A coincidence for each group of channels.',
    parameters: {
      groups: { kind: 'groups', min: 1, max: 64, least: 2, most: 64, help: 'Groups of channels that must fire.' },
      windowPs: { ...window, default: 1000, help: 'Longest time from the first to the last tag, inclusive.' },
      timestamp: { kind: 'choice', choices: ['last', 'average', 'first', 'listed-first'], default: 'last', help: 'Whose time the coincidence has.' },
    },
    takes: 'one for each group, in order', outputs: ({ groups }) => (groups as number[][]).length,
    anew: 'Forgets the tags it has seen.', example: 'coincidences groups=1+2,1+3 window=1ns',
  },
  combinations: {
    className: 'Combinations', summary: 'Exclusive click patterns: exactly these channels fired within the window, and none of the others for as long before and after.',
    parameters: {
      channels: { kind: 'channels', min: 2, max: 6, help: 'Channels whose patterns are told apart.' },
      windowPs: { ...window, default: 1000, help: 'Longest pattern, and length of the empty guard before and after it.' },
    },
    takes: 'one for each pattern: first + pattern - 1, where the n-th channel of the list adds 2^(n-1) to the pattern', outputs: ({ channels }) => 2 ** (channels as number[]).length - 1,
    anew: 'Forgets the open pattern.', example: 'combinations channels=1,2,3 window=1ns',
  },
  delayed: {
    className: 'DelayedChannel', summary: 'The channel, moved in time.',
    parameters: {
      channel: { kind: 'channel', help: 'Channel to delay.' },
      delayPs: { kind: 'duration', min: -longest, max: longest, help: 'Positive is later; negative holds all other tags of the view back.' },
    },
    anew: 'Forgets the tags under way.', example: 'delayed channel=1 delay=-5ns',
  },
  gated: {
    className: 'GatedChannel', summary: 'Tags of the channel while the gate is open. A tag is judged by the gate as it was before the tag.',
    parameters: {
      channel: { kind: 'channel', help: 'Channel behind the gate.' },
      gateStart: { kind: 'channel', help: 'Opens the gate.' },
      gateStop: { kind: 'channel', help: 'Closes the gate.' },
      initiallyOpen: { kind: 'boolean', default: false, help: 'State before the first tag of either.' },
    },
    check: ({ gateStart, gateStop }) => (gateStart === gateStop ? `gateStart and gateStop must be two channels, got ${String(gateStart)} for both` : undefined),
    anew: 'The gate returns to its initial state.', example: 'gated channel=1 gate-start=2 gate-stop=3',
  },
  frequencyMultiplier: {
    className: 'FrequencyMultiplier', summary: 'The channel and tags between, multiplier for each of its own: the last period, divided equally, is continued until the next tag.',
    parameters: {
      channel: { kind: 'channel', help: 'Periodic signal.' },
      multiplier: { kind: 'integer', min: 1, max: 8192, help: 'Tags for each period.' },
    },
    anew: 'The first tag passes alone; so does one after a period longer than 2^53 ps / multiplier.', example: 'frequencyMultiplier channel=1 multiplier=10',
  },
  constantFractionDiscriminator: {
    className: 'ConstantFractionDiscriminator', summary: 'The middle of each pulse, from its rising and its falling edge; longer pulses are skipped.',
    parameters: {
      rising: { kind: 'channel', help: 'Rising edges.' },
      falling: { kind: 'channel', help: 'Falling edges.' },
      searchWindowPs: { ...window, help: 'Longest pulse, inclusive.' },
    },
    check: ({ rising, falling }) => (rising === falling ? `rising and falling must be two channels, got ${String(rising)} for both` : undefined),
    anew: 'Forgets the rising edge.', example: 'constantFractionDiscriminator rising=1 falling=2 search-window=50ns',
  },
  eventGenerator: {
    className: 'EventGenerator', summary: 'A pattern of tags behind each trigger, or each n-th; patterns may overlap.',
    parameters: {
      trigger: { kind: 'channel', help: 'Starts a pattern.' },
      patternPs: { kind: 'durations', min: 0, max: longest, least: 1, most: 1024, help: 'Times after the trigger, ascending.' },
      divider: { kind: 'integer', min: 1, max: 2 ** 31 - 1, default: 1, help: 'Triggers for each pattern.' },
      dividerOffset: { kind: 'integer', min: 0, max: 2 ** 31 - 2, default: 0, help: 'Triggers before the first pattern, fewer than the divider.' },
      stop: { kind: 'channel', optional: true, help: 'Aborts all patterns: nothing is made at its time or after it.' },
    },
    check: ({ patternPs, divider, dividerOffset, trigger, stop }) => {
      const times = patternPs as number[];
      if (times.some((ps, i) => i > 0 && ps < times[i - 1]!)) return 'patternPs must ascend';
      if ((dividerOffset as number) >= (divider as number)) return `dividerOffset must be less than the divider, got ${String(dividerOffset)} of ${String(divider)}`;
      return trigger === stop ? `trigger and stop must be two channels, got ${String(trigger)} for both` : undefined;
    },
    anew: 'Patterns under way are aborted, the divider starts from zero.', example: 'eventGenerator trigger=1 pattern=0ps,10ns,20ns',
  },
  triggerOnCountrate: {
    className: 'TriggerOnCountrate', summary: 'A tag when the rate has risen to reference + hysteresis, another when it has fallen to reference - hysteresis, at the end of the time window that shows it.',
    parameters: {
      channel: { kind: 'channel', help: 'Channel whose rate is watched.' },
      referenceRateHz: { kind: 'number', unit: 'Hz', min: 0, max: 1e12, help: 'Reference.' },
      hysteresisHz: { kind: 'number', unit: 'Hz', min: 0, max: 1e12, default: 0, help: 'Half the width of the band in which nothing changes.' },
      timeWindowPs: { kind: 'duration', min: 1, max: 2 ** 53 - 1, help: 'Windows one after the other, in each of which tags are counted.' },
    },
    takes: 'two: above, below', outputs: () => 2,
    anew: 'Windows start anew, and it is not known whether the rate is above or below: the first window that shows it makes a tag.',
    example: 'triggerOnCountrate channel=1 reference-rate=10kHz hysteresis=500Hz time-window=10ms',
  },
} as const satisfies Record<string, VirtualSpec>;

export type VirtualKind = keyof typeof virtualKinds;
export const virtualKindNames = Object.keys(virtualKinds) as VirtualKind[];

/** What a caller writes: `{ kind: 'coincidence', channels: [1, 2], windowPs: 1000 }`. */
export type VirtualDefinition = { [K in VirtualKind]: { readonly kind: K } & ArgumentsOf<(typeof virtualKinds)[K]['parameters']> }[VirtualKind];
/** Virtual channels by number. */
export type VirtualChannels = Readonly<Record<number, VirtualDefinition>>;

/** A virtual channel after the check; it takes the numbers from `number` to `number + outputs - 1`. */
export interface CheckedVirtual {
  readonly number: number;
  readonly outputs: number;
  readonly kind: VirtualKind;
  readonly config: CheckedConfig;
  /** Channels it is made of directly, physical or virtual. */
  readonly inputs: readonly number[];
  /** 0 if it is made of physical channels only, else one more than the highest of what it is made of. */
  readonly layer: number;
}

export function virtualSpecOf(kind: VirtualKind): VirtualSpec { return virtualKinds[kind]; }

const firstNumber = 1001, lastNumber = 9999;

/**
 * Checks virtual channels by number, as a client wrote them.
 *
 * @param channels the channel numbers the tagger has
 * @returns each behind those it is made of
 * @throws {TaggerError} `usage`, `not-found` or `limit`, with the number and what is wrong
 */
export function checkVirtual(given: unknown, channels: readonly number[]): readonly CheckedVirtual[] {
  if (given === undefined) return [];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TaggerError('usage', `Cannot make virtual channels: they must be an object of number: definition, got ${describe(given)}.`, { hint: `For example { 1001: { kind: 'coincidence', channels: [1, 2], windowPs: 1000 } }.` });
  }
  const entries = Object.entries(given);
  if (entries.length > limits.virtualPerView) throw new TaggerError('limit', `Cannot make ${entries.length} virtual channels: a view has at most ${limits.virtualPerView} definitions.`);
  const known = entries.map(([key, definition]) => shapeOf(key, definition));
  const numbers = new Map<number, number>();
  for (const { number, outputs } of known) {
    for (let output = number; output < number + outputs; output++) {
      const range = `Cannot make virtual channel ${number}: it takes the numbers ${number} to ${number + outputs - 1}`;
      if (output > lastNumber) throw new TaggerError('usage', `${range}, and the last is ${lastNumber}.`);
      if (numbers.has(output) || channels.includes(output)) throw new TaggerError('usage', `${range}, and ${output} is taken${numbers.has(output) ? ` by ${numbers.get(output)}` : ''}.`);
      numbers.set(output, number);
    }
  }
  if (channels.length + numbers.size > limits.channelsPerView) {
    throw new TaggerError('limit', `Cannot make ${numbers.size} virtual channels: with the ${channels.length} of the tagger a view has at most ${limits.channelsPerView} channels.`);
  }
  const all = [...channels, ...numbers.keys()];
  const checked = new Map(known.map(({ number, outputs, kind, values }) => {
    const { parameters, className, check } = virtualSpecOf(kind), action = `make virtual channel ${number} (${className})`;
    const config = checkArguments(action, parameters, values, all);
    const wrong = check?.(config);
    if (wrong !== undefined) throw new TaggerError('usage', `Cannot ${action}: ${wrong}.`);
    return [number, { number, outputs, kind, config, inputs: [...new Set(channelsOf(parameters, config))], layer: 0 }];
  }));
  return bounded(inOrder(checked, numbers));
}

/** Kind and outputs, which must be known before any input can be checked. */
function shapeOf(key: string, definition: unknown): { number: number; outputs: number; kind: VirtualKind; values: Record<string, unknown> } {
  const number = Number(key), action = `Cannot make virtual channel ${describe(/^-?\d{1,6}$/.test(key) ? number : key)}`;
  if (!/^\d{4}$/.test(key) || number < firstNumber) throw new TaggerError('usage', `${action}: its number must be from ${firstNumber} to ${lastNumber}.`);
  if (typeof definition !== 'object' || definition === null || Array.isArray(definition)) throw new TaggerError('usage', `${action}: its definition must be an object, got ${describe(definition)}.`);
  const { kind, ...values } = definition as Record<string, unknown>;
  if (typeof kind !== 'string' || !Object.hasOwn(virtualKinds, kind)) {
    throw new TaggerError('usage', `${action}: there is no kind ${describe(kind)}.`, { hint: `Use one of ${virtualKindNames.join(', ')}.` });
  }
  const { parameters, className, outputs } = virtualSpecOf(kind as VirtualKind);
  const strange = Object.keys(values).find(name => !Object.hasOwn(parameters, name));
  if (strange !== undefined) throw new TaggerError('usage', `${action} (${className}): ${describe(strange)} is not one of its arguments.`, { hint: `Use ${Object.keys(parameters).join(', ')}.` });
  // A list that is none, or too long, takes one number here and is refused by name later.
  const list = values['groups'] ?? values['channels'];
  const isFine = Array.isArray(list) && list.length >= 1 && list.length <= 64;
  const many = outputs && (kind === 'triggerOnCountrate' || (isFine && (kind !== 'combinations' || list.length <= 6))) ? outputs(values as CheckedConfig) : 1;
  return { number, outputs: many, kind: kind as VirtualKind, values };
}

/** Each behind its inputs; among those that could be next, by number. */
function inOrder(checked: ReadonlyMap<number, CheckedVirtual>, owners: ReadonlyMap<number, number>): CheckedVirtual[] {
  const done: CheckedVirtual[] = [];
  const path: number[] = [];
  const visit = (virtual: CheckedVirtual): void => {
    if (done.some(({ number }) => number === virtual.number)) return;
    if (path.includes(virtual.number)) {
      const circle = [...path.slice(path.indexOf(virtual.number)), virtual.number];
      throw new TaggerError('usage', `Cannot make virtual channel ${virtual.number}: it is made of itself (${circle.join(' of ')}).`);
    }
    path.push(virtual.number);
    const below = virtual.inputs.map(input => owners.get(input)).filter(owner => owner !== undefined);
    for (const owner of below) visit(checked.get(owner)!);
    path.pop();
    const layer = Math.max(-1, ...done.filter(({ number }) => below.includes(number)).map(each => each.layer)) + 1;
    if (layer >= limits.virtualLayers) {
      throw new TaggerError('limit', `Cannot make virtual channel ${virtual.number}: it stands on ${layer} others, one made of the other; the most is ${limits.virtualLayers - 1}.`);
    }
    done.push({ ...virtual, layer });
  };
  for (const number of [...checked.keys()].sort((a, b) => a - b)) visit(checked.get(number)!);
  return done;
}

/** However the channels are made of each other, the work for one tag has an end. */
function bounded(virtual: CheckedVirtual[]): CheckedVirtual[] {
  const tags = new Map<number, number>();
  let sum = 0;
  for (const { number, outputs, kind, config, inputs } of virtual) {
    const each = inputs.map(input => tags.get(input) ?? 1);
    const all = each.reduce((total, one) => total + one, 0), factor = kind === 'frequencyMultiplier' ? Number(config['multiplier']) : kind === 'eventGenerator' ? (config['patternPs'] as number[]).length : 1;
    const made = factor * (kind === 'combiner' || kind === 'combinations' || kind === 'coincidences' ? all : Math.max(...each));
    for (let output = number; output < number + outputs; output++) tags.set(output, made);
    sum += made;
    if (sum > limits.virtualTagsPerTag) {
      throw new TaggerError('limit', `Cannot make virtual channel ${number}: with it the view makes up to ${sum} tags for each one of the tagger; the most is ${limits.virtualTagsPerTag}.`);
    }
  }
  return virtual;
}

/** The numbers these virtual channels take, in the order of the list. */
export function virtualNumbers(virtual: readonly CheckedVirtual[]): number[] {
  return virtual.flatMap(({ number, outputs }) => Array.from({ length: outputs }, (_, i) => number + i));
}

/** The physical channels that these channels are, or are made of. */
export function physicalOf(channels: readonly number[], virtual: readonly CheckedVirtual[]): number[] {
  const wanted = new Set(channels);
  // From the last to the first: whoever is made of another stands behind it.
  for (const { number, outputs, inputs } of virtual.toReversed()) {
    for (let output = number; output < number + outputs; output++) if (wanted.delete(output)) for (const input of inputs) wanted.add(input);
  }
  return [...wanted];
}

/** As a result shows them: arguments with their defaults. */
export function definitionsOf(virtual: readonly CheckedVirtual[]): VirtualChannels {
  return Object.fromEntries(virtual.map(({ number, kind, config }) => [
    number, { kind, ...Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) },
  ])) as unknown as VirtualChannels;
}
