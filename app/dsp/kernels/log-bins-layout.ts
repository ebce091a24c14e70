// dsp/kernels/log-bins-layout.ts - the record of a histogram with bins of growing width; log-bins.as.ts reads the same offsets.
//
// Bin k holds edges[k] <= t(click) - t(start) < edges[k + 1]; the first edge is at least 1 ps. Delays below `nearLimitPs` are
// binned pair by pair: a table of cells, sixteen per octave, gives the bin of a cell's lowest delay.

export interface LogPlan { edgesPs: readonly number[]; nearLimitPs: number }
/** `edges`: i64 edge, u32 position in the list of starts, u32 unused, for each edge. `far`: the first edge that is not near. */
export const logPlan = { bytes: 1088, bins: 0, far: 4, nearLimit: 8, nearFirst: 16, nearPast: 20, cells: 64, edges: 1088 } as const;
export const logEdge = { bytes: 16, edge: 0, position: 8 } as const;
/** Delays up to this have cells. */
export const mostNearPs = 2 ** 30;

export function logPlanBytes(bins: number): number { return logPlan.bytes + logEdge.bytes * (bins + 1); }

export function writeLogPlan(memory: WebAssembly.Memory, at: number, { edgesPs, nearLimitPs }: LogPlan): void {
  const bins = edgesPs.length - 1, view = new DataView(memory.buffer, at, logPlanBytes(bins));
  const far = edgesPs.findIndex(edge => edge >= nearLimitPs);
  view.setUint32(logPlan.bins, bins, true);
  view.setUint32(logPlan.far, far < 0 ? bins : far, true);
  view.setBigInt64(logPlan.nearLimit, BigInt(nearLimitPs), true);
  edgesPs.forEach((edge, k) => view.setBigInt64(logPlan.edges + logEdge.bytes * k, BigInt(edge), true));
  let bin = 0;
  for (let cell = 1; cell < 448; cell++) {
    const octave = cell >>> 4, lowestPs = octave === 0 ? cell : (16 + (cell & 15)) * 2 ** (octave - 1);
    while (bin + 1 < bins && edgesPs[bin + 1]! <= lowestPs) bin++;
    view.setUint16(logPlan.cells + 2 * cell, bin, true);
  }
}

/** No start was passed by any edge yet. */
export function resetLogPlan(view: DataView): void {
  view.setUint32(logPlan.nearFirst, 0, true);
  view.setUint32(logPlan.nearPast, 0, true);
  const bins = view.getUint32(logPlan.bins, true);
  for (let k = 0; k <= bins; k++) view.setUint32(logPlan.edges + logEdge.bytes * k + logEdge.position, 0, true);
}
