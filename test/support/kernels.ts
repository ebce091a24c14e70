// test/support/kernels.ts - user kernels for tests, built as a user builds them: from AssemblyScript, by tagctl's own way.
import { compileKernel, kernelTemplate } from '../../app/tagctl/kernel-source.ts';

/** Everything a kernel must export; `body` replaces single functions. It takes `most` tags a call. */
function source(body: Partial<Record<'process' | 'gap' | 'clear' | 'results', string>>, most = 64): string {
  return `
    @external("tagd", "parameter") declare function parameter(i: i32): f64;
    const most: i32 = ${most};
    const times = new StaticArray<i64>(most + most / 8 + 1);
    const answer = new StaticArray<f64>(8);
    export function abi(): i32 { return 1; }
    export function room(): usize { return changetype<usize>(times); }
    export function capacity(): i32 { return most; }
    export function resultCount(): i32 { return 8; }
    export function process(n: i32): void { ${body.process ?? ''} }
    export function gap(): void { ${body.gap ?? ''} }
    export function clear(): void { ${body.clear ?? 'answer.fill(0);'} }
    export function results(): usize { ${body.results ?? ''} return changetype<usize>(answer); }
  `;
}

const sources = {
  template: kernelTemplate,
  /** Tags per place, sum of the times modulo 2^40, calls, gaps, last time, parameter 1. */
  tally: source({
    process: `for (let i = 0; i < n; i++) {
        answer[load<u8>(room() + 8 * most + i)] += 1;
        answer[3] = <f64>((<i64>answer[3] + times[i]) & 0xffffffffff);
        answer[6] = <f64>times[i];
      }
      answer[4] += 1;`,
    gap: 'answer[5] += 1;', results: 'answer[7] = parameter(1);',
  }),
  loops: source({ process: 'let i: u32 = 0; while (load<u32>(room()) != 1) i++; answer[0] = i;' }),
  loopsAtClear: source({ clear: 'let i: u32 = 0; while (i != 7) i += 2; answer[0] = i;' }),
  traps: source({ process: 'unreachable();' }),
  aborts: source({ process: 'assert(n < 0, "never");' }),
  misplaces: source({ results: 'return 1 << 30;' }),
  /** Needs about a quarter of a millisecond a tag; a call is short, so that on no machine it is ended as one that loops. */
  slow: source({ process: 'for (let i = 0; i < n; i++) { for (let k = 0; k < 100000; k++) answer[1] = Math.sqrt(answer[1] + k); answer[0] += 1; }' }, 8),
};

const built = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

export function builtKernel(name: keyof typeof sources): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = built.get(name);
  if (!bytes) built.set(name, bytes = compileKernel(`${name}.ts`, async () => sources[name]));
  return bytes;
}

/** As `kernelModule` of a line. */
export async function testKernels(name: string): Promise<Uint8Array<ArrayBuffer>> { return await builtKernel(name as keyof typeof sources); }
