// test/core/kernel-module.test.ts - what is no kernel is refused with the reason, before it runs anywhere.
import test from 'ava';
import { checkKernelModule } from '../../app/core/kernel-module.ts';
import { limits } from '../../app/core/limits.ts';
import { compileKernel, kernelTemplate } from '../../app/tagctl/kernel-source.ts';
import { builtKernel } from '../support/kernels.ts';

const check = (bytes: Uint8Array): void => checkKernelModule("install the kernel 'x'", new Uint8Array(bytes));
const build = (change: (source: string) => string) => compileKernel('x.ts', async () => change(kernelTemplate));

test('the kernel that `kernel new` writes passes', async t => {
  await t.notThrowsAsync(async () => { check(await builtKernel('template')); });
});

const refused: [string, () => Promise<Uint8Array> | Uint8Array, string, RegExp][] = [
  ['JavaScript', () => Buffer.from('export default () => process.exit()'), 'usage', /no WebAssembly module; JavaScript/],
  ['nothing', () => new Uint8Array(), 'usage', /no WebAssembly module/],
  ['a module that breaks off', async () => (await builtKernel('template')).subarray(0, 200), 'usage', /no valid WebAssembly module/],
  ['a module of nothing', () => Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), 'usage', /exports no function abi\(\)/],
  ['one without process()', () => build(source => source.replace('export function process', 'function process')), 'usage', /exports no function process\(\)/],
  ['an import that is not on the list', () => build(source => source.replace('"parameter"', '"readFile"')), 'usage', /imports function tagd\.readFile/],
  ['an import from elsewhere', () => build(source => source.replace('"tagd", "parameter"', '"node:fs", "parameter"')), 'usage', /imports function node:fs\.parameter/],
  ['a memory without end', async () => withoutMaximum(await builtKernel('template')), 'usage', /grow without end/],
  ['a file of a megabyte', () => new Uint8Array(limits.kernelBytes + 1), 'limit', /at most 524288/],
];

/** Section 5 with the flag "has a maximum" taken away. */
function withoutMaximum(bytes: Uint8Array): Uint8Array {
  const at = bytes.findIndex((byte, i) => byte === 5 && bytes[i + 1] === 5 && bytes[i + 2] === 1 && bytes[i + 3] === 1);
  return Uint8Array.from([...bytes.subarray(0, at), 5, 3, 1, 0, bytes[at + 4]!, ...bytes.subarray(at + 7)]);
}

for (const [what, make, code, message] of refused) {
  test(`checkKernelModule() refuses ${what}`, async t => {
    const bytes = await make();
    const error = t.throws(() => check(bytes), { name: 'TaggerError', message });
    t.is((error as { code?: string } | undefined)?.code, code);
  });
}
