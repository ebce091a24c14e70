// dsp/kernels/between-layout.ts - the records of clicks between markers in shared memory; between.as.ts reads the same offsets.

/** Channel indexes; `end` absent: an entry ends with the next begin. */
export interface BetweenPlan { click: number; begin: number; end: number | undefined; capacity: number }
export const betweenPlan = {
  bytes: 320, hasEnd: 0, isOpen: 4, clicked: 8, begun: 12, ended: 16, entries: 20, capacity: 24, hasOrigin: 28, moment: 32, opened: 40,
  origin: 48, roles: 64,
} as const;

/** i64 begin since the first of all, i64 width, u64 clicks, u64 flag. */
export const betweenEntry = { bytes: 32, begin: 0, width: 8, clicks: 16, flag: 24 } as const;

export function writeBetweenPlan(memory: WebAssembly.Memory, at: number, { click, begin, end, capacity }: BetweenPlan): void {
  const view = new DataView(memory.buffer, at, betweenPlan.bytes);
  view.setUint32(betweenPlan.hasEnd, end === undefined ? 0 : 1, true);
  view.setUint32(betweenPlan.capacity, capacity, true);
  const roles = new Uint8Array(memory.buffer, at + betweenPlan.roles, 256);
  roles.fill(0);
  roles[click]! |= 1;
  roles[begin]! |= 2;
  if (end !== undefined) roles[end]! |= 4;
}
