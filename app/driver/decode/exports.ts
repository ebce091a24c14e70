// driver/decode/exports.ts - the wasm module of the decoders over a piece of shared memory.
import { readFileSync } from 'node:fs';

let compiled: WebAssembly.Module | undefined | 'missing';

/** Undefined where the module is missing or the machine lacks SIMD: every decoder has a twin in TypeScript. */
export function decodeExports<T>(memory: WebAssembly.Memory): T | undefined {
  if (compiled === undefined) {
    try {
      compiled = new WebAssembly.Module(readFileSync(new URL('./decode.wasm', import.meta.url)));
    } catch {
      compiled = 'missing';
    }
  }
  if (compiled === 'missing') return undefined;
  const env = { memory, abort: () => { throw new Error('decode.wasm: a check inside the module failed'); } };
  return new WebAssembly.Instance(compiled, { env }).exports as unknown as T;
}
