// dsp/kernels/twin.ts - every kernel in plain TypeScript: the fallback where there is no SIMD, and the second opinion in tests.
//
// Same memory, same arguments, same bits as the WebAssembly kernels. No BigInt; see words.ts for the arithmetic.
import type { KernelSet } from './kernels.ts';
import { betweenKernels } from './twin-between.ts';
import { binKernels } from './twin-bins.ts';
import { clockKernels } from './twin-clock.ts';
import { bitKernels } from './twin-bits.ts';
import { groupKernels } from './twin-groups.ts';
import { conditionKernels } from './twin-condition.ts';
import { denseKernels } from './twin-dense.ts';
import { firstStopsKernels } from './twin-first-stops.ts';
import { gridKernels } from './twin-grid.ts';
import { intervalKernels } from './twin-intervals.ts';
import { logBinsKernels } from './twin-log-bins.ts';
import { multiTauKernels } from './twin-multi-tau.ts';
import { nearKernels } from './twin-near.ts';
import { phaseKernels } from './twin-phase.ts';
import { pixelKernels } from './twin-pixels.ts';
import { pickTagsKernels } from './twin-pick-tags.ts';
import { pulseKernels } from './twin-pulse.ts';
import { rowKernels } from './twin-rows.ts';
import { scopeKernels } from './twin-scope.ts';
import { startStopKernels } from './twin-start-stop.ts';
import { steppedKernels } from './twin-stepped.ts';
import { tagKernels } from './twin-tags.ts';
import { windowKernels } from './twin-window.ts';
import { queueKernels } from './twin-queue.ts';
import { virtualKernels } from './twin-virtual.ts';
import { viewsOf } from './words.ts';

export function twinKernels(memory: WebAssembly.Memory): KernelSet {
  const views = viewsOf(memory);
  return {
    kind: 'typescript',
    ...tagKernels(views), ...binKernels(views), ...bitKernels(views), ...nearKernels(views), ...denseKernels(views), ...intervalKernels(views),
    ...steppedKernels(views), ...startStopKernels(views), ...pickTagsKernels(views), ...betweenKernels(views), ...gridKernels(views), ...pixelKernels(views),
    ...phaseKernels(views), ...pulseKernels(views), ...windowKernels(views),
    ...virtualKernels(views), ...queueKernels(views),
    ...groupKernels(views),
    ...logBinsKernels(views), ...multiTauKernels(views), ...firstStopsKernels(views),
    ...conditionKernels(views), ...clockKernels(views),
    ...rowKernels(views), ...scopeKernels(views),
  };
}
