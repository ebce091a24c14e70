// dsp/kernels/pixels-layout.ts - the records of delays per pixel of a scan; pixels.as.ts reads the same offsets.

/** Channel indexes of the markers are looked up by whoever lists their times. */
export interface PixelPlan { pixels: number; bins: number; binwidthPs: number; hasFrame: boolean }
export const pixelPlan = {
  bytes: 192, bins: 0, pixels: 4, widthPs: 8, hasFrame: 16,
  position: 24, inPixel: 28, isOpen: 32, isStale: 36, broken: 40, held: 44, heldTime: 48, heldClicks: 56, pixelBegan: 64, frameBegan: 72, completed: 80,
  clicks: 96, clicksEnd: 100, starts: 104, startsEnd: 108, past: 112, begins: 116, beginsEnd: 120, ends: 124, endsEnd: 128, frames: 132, framesEnd: 136,
  until: 144, covered: 152,
} as const;
/** What `held` remembers of markers at `heldTime`. */
export const pixelMark = { begin: 1, end: 2, frame: 4 } as const;

/** A frame: u64[pixels, bins] counts, u64[pixels] live time in ps; then i64[pixels] begin and i64[pixels] end since the frame began, and i64 when that was. */
export function frameOf({ pixels, bins }: Pick<PixelPlan, 'pixels' | 'bins'>) {
  const cells = pixels * bins;
  return { cells, sums: cells + pixels, live: 8 * cells, begins: 8 * (cells + pixels), ends: 8 * (cells + 2 * pixels), began: 8 * (cells + 3 * pixels), bytes: 8 * (cells + 3 * pixels + 1) };
}

export function writePixelPlan(memory: WebAssembly.Memory, at: number, { pixels, bins, binwidthPs, hasFrame }: PixelPlan): void {
  const view = new DataView(memory.buffer, at, pixelPlan.bytes);
  view.setUint32(pixelPlan.bins, bins, true);
  view.setUint32(pixelPlan.pixels, pixels, true);
  view.setFloat64(pixelPlan.widthPs, binwidthPs, true);
  view.setUint32(pixelPlan.hasFrame, hasFrame ? 1 : 0, true);
  resetPixels(view);
}

/** Nothing is under way. A frame that had begun stays as it is until the next one begins. */
export function resetPixels(view: DataView): void {
  if (view.getUint32(pixelPlan.isOpen, true) > 0) view.setUint32(pixelPlan.isStale, 1, true);
  for (const field of ['inPixel', 'isOpen', 'held'] as const) view.setUint32(pixelPlan[field], 0, true);
  view.setBigUint64(pixelPlan.heldClicks, 0n, true);
}
