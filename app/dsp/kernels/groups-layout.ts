// dsp/kernels/groups-layout.ts - the records of coincidence counting in shared memory; groups.as.ts reads the same offsets.

/** Bounds of the table that describes the groups. */
export const mostGroups = 64, mostInGroup = 8, mostSlots = 64;

/** A slot is a place in the list of all channels; `groups` hold slots. */
export interface CoincidePlan { windowPs: number; indexes: readonly number[]; groups: readonly (readonly number[])[] }
export const coincidePlan = {
  window: 0, doneTo: 8, until: 16, heraldFrom: 24, heraldTo: 32, roles: 64, begins: 320, members: 640, bytes: 640 + 8 * mostGroups * mostInGroup,
} as const;

/** Per group: which places hold a tag that may still take part, how many coincidences, and the latest time of each place. */
export const coincideState = { mask: 0, full: 4, count: 8, latest: 16, bytes: 16 + 8 * mostInGroup } as const;

/** Per slot: address and length of the list of its times, by how much it is shifted, and where the merging stands. */
export const coincideList = { at: 0, n: 4, shift: 8, next: 16, head: 24, bytes: 32 } as const;

export function writeCoincidePlan(memory: WebAssembly.Memory, at: number, { windowPs, indexes, groups }: CoincidePlan): void {
  const view = new DataView(memory.buffer, at, coincidePlan.bytes);
  view.setBigInt64(coincidePlan.window, BigInt(windowPs), true);
  const roles = new Uint8Array(memory.buffer, at + coincidePlan.roles, 256).fill(255);
  indexes.forEach((index, slot) => { roles[index] = slot; });
  let member = 0;
  for (let slot = 0; slot <= indexes.length; slot++) {
    view.setUint32(coincidePlan.begins + 4 * slot, member, true);
    groups.forEach((group, g) => {
      const place = group.indexOf(slot);
      if (place < 0) return;
      view.setUint32(coincidePlan.members + 8 * member, coincideState.bytes * g, true);
      view.setUint32(coincidePlan.members + 8 * member + 4, place, true);
      member++;
    });
  }
}

export function writeCoincideState(memory: WebAssembly.Memory, at: number, groups: readonly (readonly number[])[]): void {
  const view = new DataView(memory.buffer, at, coincideState.bytes * groups.length);
  groups.forEach((group, g) => { view.setUint32(coincideState.bytes * g + coincideState.full, 2 ** group.length - 1, true); });
}
