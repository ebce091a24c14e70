// dsp/kernels/load.ts - the kernels for this machine: WebAssembly where it has SIMD, else their twin.
import type { KernelSet } from './kernels.ts';
import { twinKernels } from './twin.ts';
import { hasSimd, wasmKernels } from './wasm.ts';

/** @param kind force one of the two; both give the same bits */
export function loadKernels(memory: WebAssembly.Memory, kind: KernelSet['kind'] = hasSimd() ? 'wasm' : 'typescript'): KernelSet {
  return kind === 'wasm' ? wasmKernels(memory) : twinKernels(memory);
}
