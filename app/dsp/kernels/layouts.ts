// dsp/kernels/layouts.ts - the small records in shared memory that kernels take by address, written from TypeScript.
//
// Offsets in bytes; the `.as.ts` files read the same ones. All records are 64-byte aligned.

/** What a pair kernel looks for: d = t(click) - t(start) in [-below * width, (bins - below) * width). */
export interface PairPlan { click: number; start: number; below: number; bins: number; binwidthPs: number }
export const pairPlan = { bytes: 64, click: 0, start: 4, below: 8, bins: 12, widthPs: 16 } as const;

export function writePairPlan(memory: WebAssembly.Memory, at: number, plan: PairPlan): void {
  const view = new DataView(memory.buffer, at, pairPlan.bytes);
  view.setUint32(pairPlan.click, plan.click, true);
  view.setUint32(pairPlan.start, plan.start, true);
  view.setUint32(pairPlan.below, plan.below, true);
  view.setUint32(pairPlan.bins, plan.bins, true);
  view.setFloat64(pairPlan.widthPs, plan.binwidthPs, true);
}

/** The bins of a counter: where the open one ends, and which channel index counts in which column. */
export interface IntervalPlan { channels: readonly number[]; binwidthPs: number; slots: number }
export const intervalPlan = {
  bytes: 640, openEnd: 0, widthPs: 8, openSlot: 16, slots: 20, columns: 24, flagNew: 28, openBin: 32,
  channelOf: 64, columnOf: 128, weightOf: 384,
} as const;

export function writeIntervalPlan(memory: WebAssembly.Memory, at: number, plan: IntervalPlan): void {
  const view = new DataView(memory.buffer, at, intervalPlan.bytes);
  view.setFloat64(intervalPlan.widthPs, plan.binwidthPs, true);
  view.setUint32(intervalPlan.slots, plan.slots, true);
  view.setUint32(intervalPlan.columns, plan.channels.length, true);
  plan.channels.forEach((channel, column) => {
    view.setUint8(intervalPlan.channelOf + column, channel);
    view.setUint8(intervalPlan.columnOf + channel, column);
    view.setUint8(intervalPlan.weightOf + channel, 1);
  });
}

/** Histograms that a next channel steps through; a channel that is not given is 256. */
export interface StepPlan {
  click: number; start: number; next: number; sync: number; bins: number; histograms: number; maxRounds: number; binwidthPs: number;
}
export const stepPlan = {
  bytes: 64, click: 0, start: 4, next: 8, sync: 12, bins: 16, histograms: 20, maxRounds: 24, histogram: 28, rounds: 32, tiedClicks: 36,
  widthPs: 40, clickTime: 48,
} as const;

export function writeStepPlan(memory: WebAssembly.Memory, at: number, plan: StepPlan): void {
  const view = new DataView(memory.buffer, at, stepPlan.bytes);
  for (const key of ['click', 'start', 'next', 'sync', 'bins', 'histograms', 'maxRounds'] as const) view.setUint32(stepPlan[key], plan[key], true);
  view.setFloat64(stepPlan.widthPs, plan.binwidthPs, true);
}

/** The table of a start-stop measurement; `capacity` entries, an index of `slots` (a power of two, more than the capacity). */
export interface StartStopPlan { click: number; start: number; capacity: number; slots: number; binwidthPs: number }
export const startStopPlan = {
  bytes: 64, click: 0, start: 4, isOpen: 8, clicked: 12, started: 16, entries: 20, capacity: 24, indexMask: 28, opened: 32, moment: 40,
  widthPs: 48, dropped: 56,
} as const;

export function writeStartStopPlan(memory: WebAssembly.Memory, at: number, plan: StartStopPlan): void {
  const view = new DataView(memory.buffer, at, startStopPlan.bytes);
  view.setUint32(startStopPlan.click, plan.click, true);
  view.setUint32(startStopPlan.start, plan.start, true);
  view.setUint32(startStopPlan.capacity, plan.capacity, true);
  view.setUint32(startStopPlan.indexMask, plan.slots - 1, true);
  view.setFloat64(startStopPlan.widthPs, plan.binwidthPs, true);
}

/** Which tags are picked: times count from `originPs`; the place of each wanted channel index in the list. */
export interface PickPlan { channels: readonly number[] }
export const pickPlan = { bytes: 320, origin: 0, places: 64 } as const;

export function writePickPlan(memory: WebAssembly.Memory, at: number, { channels }: PickPlan): void {
  const places = new Uint8Array(memory.buffer, at + pickPlan.places, 256).fill(255);
  channels.forEach((channel, place) => { places[channel] = place; });
}

/** What is done to the tags of each channel index; see conditioning.ts for the life of it. */
export const conditionRule = { bytes: 64, accepts: 0, dead: 8, seen: 16, left: 24, divider: 28, removed: 32, triggers: 36, filtered: 40 } as const;
export const conditionPlan = { bytes: 64 + 256 * conditionRule.bytes, triggered: 0, rules: 64 } as const;

/** The state of the software clock: see clock.as.ts; `scratch` is the twin's. */
export const clockPlan = {
  bytes: 128, phase: 0, phaseRest: 8, out: 16, outRest: 24, period: 32, nominal: 40, periods: 48, most: 56, lockAfter: 64, offset: 72, lastIn: 80, lastOut: 88,
  error: 96, channel: 104, locked: 108, scratch: 112,
} as const;
