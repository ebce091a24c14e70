// dsp/kernels/twin.ts - every kernel in plain TypeScript: the fallback where there is no SIMD, and the second opinion in tests.
//
// Same memory, same arguments, same bits as the WebAssembly kernels. No BigInt; see words.ts for the arithmetic.
import type { KernelSet } from './kernels.ts';
import { betweenKernels } from './twin-between.ts';
import { binKernels } from './twin-bins.ts';
import { coincideKernels } from './twin-coincide.ts';
import { denseKernels } from './twin-dense.ts';
import { gridKernels } from './twin-grid.ts';
import { intervalKernels } from './twin-intervals.ts';
import { nearKernels } from './twin-near.ts';
import { pickTagsKernels } from './twin-pick-tags.ts';
import { rowKernels } from './twin-rows.ts';
import { startStopKernels } from './twin-start-stop.ts';
import { steppedKernels } from './twin-stepped.ts';
import { tagKernels } from './twin-tags.ts';
import { viewsOf } from './words.ts';

export function twinKernels(memory: WebAssembly.Memory): KernelSet {
  const views = viewsOf(memory);
  return {
    kind: 'typescript',
    ...tagKernels(views), ...binKernels(views), ...nearKernels(views), ...denseKernels(views), ...intervalKernels(views),
    ...steppedKernels(views), ...startStopKernels(views), ...pickTagsKernels(views), ...betweenKernels(views), ...gridKernels(views),
    ...coincideKernels(views), ...rowKernels(views),
  };
}
