// test/daemon/identity.test.ts - the state folder belongs to one daemon at a time.
import test from 'ava';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { holdStateFolder } from '../../app/daemon/identity.ts';

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('holdStateFolder() refuses a second holder, by any name of the folder, until the first lets go', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tagd-state-'));
  t.teardown(() => { rmSync(folder, { recursive: true }); });
  const other = join(folder, 'same');
  symlinkSync(folder, other);
  const first = await holdStateFolder(folder);
  for (const name of [folder, other]) await t.throwsAsync(holdStateFolder(name), { message: /another tagd uses it/ });
  first[Symbol.dispose]();
  await t.notThrowsAsync(async () => { using _again = await holdStateFolder(other); });
});
