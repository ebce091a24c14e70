// dsp/kernels/phase-layout.ts - the records of phases of one channel and their deviations; phase.as.ts reads the same offsets.

/** `average` tags make one sample; `steps` ascend in no order; the list has `capacity` records. */
export interface PhasePlan { channel: number; average: number; steps: readonly number[]; capacity: number }
export const phasePlan = {
  bytes: 128, channel: 0, average: 4, inGroup: 8, slot: 12, capacity: 16, steps: 20, historySize: 24, place: 28, known: 32,
  first: 40, expected: 48, sum: 56, firstSum: 64, period: 72, index: 80, records: 88, previous: 96, drift: 104, periods: 112,
} as const;

/** f64 residual, f64 number of the sample in its stretch. */
export const phaseRecordBytes = 16;

/** Per step: its length, the open sum of MDEV, and sums with their counts: of periods, of second and third differences, of MDEV. */
export const phaseStep = {
  bytes: 96, length: 0, open: 8, shift: 16, periods: 24, sum: 32, square: 40, seconds: 48, secondSquare: 56, thirds: 64, thirdSquare: 72,
  moving: 80, movingSquare: 88,
} as const;

/** Samples that the longest step looks back, and the newest. */
export function historyOf(steps: readonly number[]): number { return 3 * Math.max(0, ...steps) + 1; }

export function writePhasePlan(memory: WebAssembly.Memory, at: number, stepsAt: number, plan: PhasePlan): void {
  const view = new DataView(memory.buffer, at, phasePlan.bytes);
  view.setUint32(phasePlan.channel, plan.channel, true);
  view.setUint32(phasePlan.average, plan.average, true);
  view.setUint32(phasePlan.capacity, plan.capacity, true);
  view.setUint32(phasePlan.steps, plan.steps.length, true);
  view.setUint32(phasePlan.historySize, historyOf(plan.steps), true);
  const steps = new DataView(memory.buffer, stepsAt, phaseStep.bytes * plan.steps.length);
  plan.steps.forEach((length, i) => steps.setUint32(phaseStep.bytes * i, length, true));
}
