// dsp/kernels/pulse-layout.ts - the records of pulses against a reference in shared memory; pulse.as.ts reads the same offsets.

/** Channel indexes, all distinct; the list has `capacity` records. */
export interface PulsePlan { reference: number; signals: readonly number[]; periodPs: number; capacity: number }
export const pulsePlan = {
  bytes: 384, isOpen: 0, hasPrevious: 4, signals: 8, slot: 12, capacity: 16, hasOrigin: 20, breaks: 24, period: 32, half: 40, records: 48,
  opened: 56, previous: 64, stretchFrom: 72, origin: 80, roles: 128,
} as const;

/** Per signal: its latest pulse, the one before the open reference, the first one behind it; flags 1, 2, 4 tell which are known. */
export const pulseSignal = { bytes: 32, latest: 0, before: 8, after: 16, known: 24 } as const;

/** i64 time since the first reference of all, f64 offset of the reference, f64 offset of each signal. */
export function pulseRecordWidth(signals: number): number { return 2 + signals; }

export function writePulsePlan(memory: WebAssembly.Memory, at: number, { reference, signals, periodPs, capacity }: PulsePlan): void {
  const view = new DataView(memory.buffer, at, pulsePlan.bytes);
  view.setUint32(pulsePlan.signals, signals.length, true);
  view.setUint32(pulsePlan.capacity, capacity, true);
  view.setFloat64(pulsePlan.period, periodPs, true);
  view.setFloat64(pulsePlan.half, Math.floor(periodPs / 2), true);
  const roles = new Uint8Array(memory.buffer, at + pulsePlan.roles, 256);
  roles.fill(0);
  roles[reference] = 1;
  signals.forEach((signal, i) => { roles[signal] = 2 + i; });
}
