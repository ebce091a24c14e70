// dsp/kernels/wasm.ts - the kernels compiled to WebAssembly, over a given shared memory.
//
// The module is compiled once per thread; each memory gets its own instance. Exports hand addresses and counts back as
// signed 32-bit numbers, so whatever can exceed 2^31 is made unsigned here.
import { readFileSync } from 'node:fs';
import type { KernelSet } from './kernels.ts';

type Exports = Omit<KernelSet, 'kind'>;

let compiled: WebAssembly.Module | undefined;

export function wasmKernels(memory: WebAssembly.Memory): KernelSet {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./kernels.wasm', import.meta.url)));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const kernels = exports as unknown as Exports;
  return { ...kernels, kind: 'wasm' };
}

/** True where the engine has SIMD and shared memory. */
export function hasSimd(): boolean {
  return WebAssembly.validate(simdProbe);
}

/** A module with one function: `i32x4.splat 0, v128.any_true, drop`. */
const simdProbe = Uint8Array.of(
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // magic, version 1
  1, 4, 1, 0x60, 0, 0, // one type: () -> ()
  3, 2, 1, 0, // one function of it
  10, 11, 1, 9, 0, 0x41, 0, 0xfd, 0x11, 0xfd, 0x53, 0x1a, 0x0b,
);
