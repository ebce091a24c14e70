// test/daemon/kernels.test.ts - the folder of user kernels: what goes in comes out, what is no kernel never gets in.
import test from 'ava';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '../../app/core/limits.ts';
import { KernelFolder } from '../../app/daemon/kernels.ts';
import { builtKernel } from '../support/kernels.ts';

function open(): { folder: string; kernels: KernelFolder } {
  const folder = mkdtempSync(join(tmpdir(), 'tagd-kernels-'));
  return { folder, kernels: new KernelFolder(folder) };
}

test('a kernel that was installed is listed, read back byte by byte, replaced and removed, also by the next daemon', async t => {
  const { folder, kernels } = open();
  const [first, second] = await Promise.all([builtKernel('template'), builtKernel('tally')]);
  t.deepEqual(await kernels.list(), []);
  const info = await kernels.install('mean', first);
  t.is(info.sha256, createHash('sha256').update(first).digest('hex'));
  t.is(info.bytes, first.length);
  await kernels.install('a.second-one', second);
  const next = new KernelFolder(folder);
  t.deepEqual((await next.list()).map(({ name }) => name), ['a.second-one', 'mean']);
  t.deepEqual(await next.read('mean'), first);
  await next.install('mean', second);
  t.deepEqual(await kernels.read('mean'), second);
  await kernels.remove('mean');
  t.deepEqual((await next.list()).map(({ name }) => name), ['a.second-one']);
  await t.throwsAsync(kernels.read('mean'), { message: "There is no kernel 'mean' on this station." });
  await t.throwsAsync(kernels.remove('mean'), { message: "There is no kernel 'mean' on this station." });
});

test('the files are for the daemon alone, and nothing half written is a kernel', async t => {
  const { folder, kernels } = open();
  await kernels.install('mean', await builtKernel('template'));
  t.is(statSync(join(folder, 'kernels')).mode & 0o777, 0o700);
  t.is(statSync(join(folder, 'kernels/mean.wasm')).mode & 0o777, 0o600);
  writeFileSync(join(folder, 'kernels/late.wasm.new'), 'the power went here');
  t.deepEqual((await kernels.list()).map(({ name }) => name), ['mean']);
});

test('what is no kernel is refused before it is written; more than the limit too', async t => {
  const { folder, kernels } = open();
  const script = new TextEncoder().encode('export function process() {}');
  await t.throwsAsync(kernels.install('mean', script), { message: /^Cannot install the kernel 'mean': it is no WebAssembly module; JavaScript/ });
  t.false(readdirSync(folder).includes('kernels'));
  const good = await builtKernel('template');
  for (let i = 0; i < limits.kernelsInstalled; i++) await kernels.install(`k${i}`, good);
  await t.throwsAsync(kernels.install('more', good), { message: new RegExp(`the station has ${limits.kernelsInstalled} of at most ${limits.kernelsInstalled}`) });
  await t.notThrowsAsync(kernels.install('k0', good), 'one that is there may be replaced');
});
