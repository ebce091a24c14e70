// tagctl/kernel-source.ts - the source that `tagctl kernel new` writes, and how a source becomes a module.
//
// AssemblyScript runs here, on the user's machine: the station takes finished modules only. It is a large package that tagctl
// needs for nothing else, so it is loaded when somebody builds and may be missing.
import { basename, dirname } from 'node:path';
import { TaggerError } from '../core/errors.ts';
import { kernelAbi } from '../core/kernel-module.ts';
import { limits } from '../core/limits.ts';

/** A whole kernel: mean and spread of the interval between tags of the first channel and the last of the second one before. */
export const kernelTemplate = `// A kernel for tagd, in AssemblyScript. Build it with: tagctl kernel build FILE
//
// Times are i64 ps since the start of the measurement, channels their places in --channels. The tags of one call follow those
// of the one before, in order of time. Memory is this module's own.

// @ts-ignore: decorator
@external("tagd", "parameter")
declare function parameter(i: i32): f64;

const most: i32 = 4096; // tags a call
const times = new StaticArray<i64>(most + most / 8 + 1); // channels lie behind the times
const answer = new StaticArray<f64>(3);

let open: bool = false;
let start: i64 = 0;
let n: f64 = 0;
let mean: f64 = 0;
let squares: f64 = 0;

export function abi(): i32 { return ${kernelAbi}; }
export function room(): usize { return changetype<usize>(times); }
export function capacity(): i32 { return most; }

export function process(count: i32): void {
  const channels = room() + 8 * most;
  const longest = parameter(0); // NaN if --arguments was not given
  for (let i = 0; i < count; i++) {
    const time = times[i];
    if (load<u8>(channels + i) != 0) {
      start = time;
      open = true;
    } else if (open) {
      const delay = <f64>(time - start);
      open = false;
      if (delay > longest) continue;
      n += 1;
      const off = delay - mean;
      mean += off / n;
      squares += off * (delay - mean);
    }
  }
}

/** Tags may be missing here: nothing may reach over it. */
export function gap(): void { open = false; }

export function clear(): void {
  open = false;
  n = 0;
  mean = 0;
  squares = 0;
}

export function resultCount(): i32 { return 3; }
export function results(): usize {
  answer[0] = n;
  answer[1] = mean;
  answer[2] = n > 1 ? Math.sqrt(squares / (n - 1)) : NaN;
  return changetype<usize>(answer);
}
`;

interface Compiler {
  main(argv: readonly string[], options: {
    readFile(name: string, baseDir: string): Promise<string | null>;
    writeFile(name: string, data: Uint8Array | string): void;
    listFiles(): string[];
  }): Promise<{ error: Error | null; stderr: { toString(): string } }>;
}

/**
 * Compiles one file of AssemblyScript; it may import others beside it.
 *
 * @throws {TaggerError} `usage` with what the compiler says
 */
export async function compileKernel(file: string, readFile: (path: string) => Promise<string>): Promise<Uint8Array<ArrayBuffer>> {
  const { main } = await loadCompiler();
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  const folder = dirname(file);
  const { error, stderr } = await main([
    basename(file), '--outFile', 'out.wasm', '-O3', '--runtime', 'stub', '--enable', 'simd', '--maximumMemory', String(limits.kernelMemoryBytes / 65536),
  ], {
    readFile: async name => {
      if (!name.endsWith('.ts')) return null; // no options of another project
      try { return await readFile(`${folder}/${name}`); } catch { return null; }
    },
    writeFile: (name, data) => { if (name.endsWith('.wasm') && typeof data !== 'string') wasm = new Uint8Array(data); },
    listFiles: () => [],
  });
  if (error || !wasm) {
    const said = stderr.toString().trim().split('\n').slice(0, 12).join('\n');
    throw new TaggerError('usage', `Cannot build ${file}: ${said === '' ? error?.message ?? 'the compiler gave no module' : said}`, { hint: 'The language is AssemblyScript; `tagctl kernel new` writes a kernel that builds.' });
  }
  return wasm;
}

async function loadCompiler(): Promise<Compiler> {
  try {
    return await import('assemblyscript/asc') as unknown as Compiler;
  } catch (cause) {
    throw new TaggerError('unavailable', 'Cannot build a kernel: the compiler is not installed beside tagctl.', { cause, hint: 'Install it with: npm install assemblyscript' });
  }
}
