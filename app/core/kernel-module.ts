// core/kernel-module.ts - is this file a user kernel? The same check where it is built, installed and run.
//
// A kernel is a WebAssembly module with a memory of its own. What it imports is a fixed list, so it reaches nothing: no tags but
// those it is handed, no clock, no network, no file. JavaScript is refused: it could not be held to that.
import { TaggerError } from './errors.ts';
import { limits } from './limits.ts';

/** The version of the agreement below, which a kernel exports as `abi()`. */
export const kernelAbi = 1;

/** Everything a kernel may import: `abort` as AssemblyScript calls it where a check fails, and its arguments. */
export const kernelImports: Readonly<Record<string, readonly string[]>> = { env: ['abort'], tagd: ['parameter'] };

/**
 * What a kernel exports beside its `memory`. Addresses are into that memory.
 * `room()`: where `capacity()` times of i64 ps lie, and behind them as many channels of u8; `process(n)`: take n of them;
 * `gap()`: what is open is void; `clear()`: begin from zero; `results()`: where `resultCount()` doubles lie.
 */
export const kernelExports = ['abi', 'room', 'capacity', 'process', 'gap', 'clear', 'results', 'resultCount'] as const;

export interface KernelFunctions {
  readonly memory: WebAssembly.Memory;
  abi(): number;
  room(): number;
  capacity(): number;
  process(n: number): void;
  gap(): void;
  clear(): void;
  results(): number;
  resultCount(): number;
}

const pageBytes = 65536;

/**
 * @param action for the message: `install the kernel 'mean'`
 * @throws {TaggerError} `usage` with what is wrong and what a kernel must be; `limit` for one that is too large
 */
export function checkKernelModule(action: string, bytes: Uint8Array<ArrayBuffer>): void {
  const refuse = (reason: string, hint = 'Build it with `tagctl kernel build`.') => new TaggerError('usage', `Cannot ${action}: ${reason}.`, { hint });
  if (bytes.length > limits.kernelBytes) throw new TaggerError('limit', `Cannot ${action}: it has ${bytes.length} bytes, at most ${limits.kernelBytes} are taken.`);
  if (bytes.length < 8 || bytes[0] !== 0 || bytes[1] !== 0x61 || bytes[2] !== 0x73 || bytes[3] !== 0x6d) {
    throw refuse('it is no WebAssembly module; JavaScript and text are not taken');
  }
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(bytes);
  } catch (cause) {
    throw new TaggerError('usage', `Cannot ${action}: it is no valid WebAssembly module (${cause instanceof Error ? cause.message : 'unknown'}).`, { cause, hint: 'Build it with `tagctl kernel build`.' });
  }
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== 'function' || !kernelImports[from]?.includes(name)) {
      throw refuse(`it imports ${kind} ${from}.${name}`, `A kernel may import ${Object.entries(kernelImports).flatMap(([key, names]) => names.map(each => `${key}.${each}`)).join(' and ')}, and nothing else.`);
    }
  }
  const has = new Map(WebAssembly.Module.exports(module).map(({ name, kind }) => [name, kind]));
  const missing = kernelExports.find(name => has.get(name) !== 'function');
  if (missing !== undefined) throw refuse(`it exports no function ${missing}()`, `A kernel exports memory and ${kernelExports.join(', ')}; \`tagctl kernel new\` writes one to begin with.`);
  if (has.get('memory') !== 'memory') throw refuse('it exports no memory');
  const memory = memoryOf(bytes);
  const most = limits.kernelMemoryBytes / pageBytes;
  if (memory.shared) throw refuse('its memory is shared');
  if (memory.maximum === undefined || memory.maximum > most) {
    throw refuse(`its memory may grow ${memory.maximum === undefined ? 'without end' : `to ${memory.maximum} pages`}`, `Declare a maximum of at most ${most} pages (${limits.kernelMemoryBytes / 2 ** 20} MiB).`);
  }
}

/** The limits of the module's own memory: section 5 of the binary format, which the JavaScript interface does not tell. */
function memoryOf(bytes: Uint8Array): { shared: boolean; maximum: number | undefined } {
  let at = 8;
  const number = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const section = bytes[at++];
    const length = number(), next = at + length;
    if (section === 5 && number() > 0) {
      const flags = number();
      number(); // the initial size
      return { shared: (flags & 2) !== 0, maximum: (flags & 1) === 0 ? undefined : number() };
    }
    at = next;
  }
  return { shared: false, maximum: undefined };
}
