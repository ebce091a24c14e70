// dsp/kernels/multi-tau-layout.ts - the state of a multi-tau correlator; multi-tau.as.ts reads the same offsets.
//
// Octave l counts delays of 8 to 16 bins of w = 2^(17 + l) ps. Clicks lie on a grid of w and starts on one that is half a bin
// earlier, so that the pairs k bins apart have delays about (k + 1/2) * w, and all bins k * w <= d < (k + 1) * w meet without
// halves. The first octaves are counted a page of bins at a time, the others bin by bin.

/** The lowest delay. */
export const lowestTauPs = 2 ** 20;
/** `binOf`: for each octave and its 8 lags the bin that they count in; `noBin` for none. */
export interface TauPlan { click: number; start: number; octaves: number; binOf: Uint32Array }
export const noBin = 2 ** 32 - 1;
/**
 * `high` per octave: u32[16] ring, last half, held clicks, held starts, index. `lanes`: B of each dense octave, 16 old ones first.
 * wasm keeps u16 where the twin keeps u32.
 */
export const tauPlan = {
  bytes: 43_072, octaves: 0, isOpen: 4, page: 8, tags: 16, click: 20, dropped: 24, start: 32, binOf: 64, high: 1088, clicks: 5184, halves: 9344, lanes: 17_600,
  laneBytes: 4224, lasts: 42_944, mostOctaves: 32,
} as const;
export const tauHigh = { bytes: 128, last: 64, heldClicks: 68, heldStarts: 72, index: 76 } as const;
/** Most clicks in a bin of 131 ns, and most starts in half a bin: sums of products of all dense octaves then fit 31 bits. */
export const mostClicks = 255, mostStarts = 127;
/** Bins of the lowest octave in a page, and octaves that are counted by pages. */
export const pageBins = 1024, denseOctaves = 6;

export function writeTauPlan(memory: WebAssembly.Memory, at: number, { click, start, octaves, binOf }: TauPlan): void {
  const view = new DataView(memory.buffer, at, tauPlan.bytes);
  view.setUint32(tauPlan.click, click, true);
  view.setUint32(tauPlan.start, start, true);
  view.setUint32(tauPlan.octaves, octaves, true);
  new Uint32Array(memory.buffer, at + tauPlan.binOf, 256).fill(noBin).set(binOf);
}
