// dsp/kernels/twin.ts - every kernel in plain TypeScript: the fallback where there is no SIMD, and the second opinion in tests.
//
// Same memory, same arguments, same bits as the WebAssembly kernels. No BigInt; see twin-views.ts for the arithmetic.
import type { KernelSet } from './kernels.ts';
import { binKernels } from './twin-bins.ts';
import { tagKernels } from './twin-tags.ts';
import { viewsOf } from './twin-views.ts';

export function twinKernels(memory: WebAssembly.Memory): KernelSet {
  const views = viewsOf(memory);
  return { kind: 'typescript', ...tagKernels(views), ...binKernels(views) };
}
