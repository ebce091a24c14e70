// test/e2e/user-kernel.test.ts - a user's own kernel from its source to a result, offline and on a station, by the commands a user types.
import test from 'ava';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execFile } from 'node:child_process';
import { connect } from '../../app/client/index.ts';
import { startDaemon, type DaemonUnderTest } from '../support/daemon.ts';
import { writePtu } from '../support/ptu.ts';
import { builtKernel } from '../support/kernels.ts';

const main = fileURLToPath(new URL('../../app/tagctl/main.ts', import.meta.url));
let daemon: DaemonUnderTest;
let folder: string;

function tagctl(args: readonly string[], link = daemon.link): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], { cwd: folder, env: { ...process.env, TAGD_LINK: link, NO_COLOR: '1' } },
      (error, stdout, stderr) => { resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }); });
  });
}

test.before(async () => {
  daemon = await startDaemon();
  folder = mkdtempSync(join(tmpdir(), 'tagd-user-kernel-'));
});
test.after.always(async () => { await daemon?.stop(); });

test.serial('new, build, check, analyze, install, list, measure, remove', async t => {
  await writePtu(join(folder, 'recording.ptu'), { seed: 1, tags: 20_000 });
  for (const args of [['kernel', 'new', 'mean.ts'], ['kernel', 'build', 'mean.ts'], ['kernel', 'check', 'mean.wasm'], ['kernel', 'install', 'mean.wasm', '--name', 'delay']]) {
    const said = await tagctl(args);
    t.is(said.code, 0, `${args.join(' ')}: ${said.stderr}`);
  }
  const again = await tagctl(['kernel', 'new', 'mean.ts']);
  t.is(again.code, 73);
  t.regex(again.stderr, /Cannot write mean\.ts: it exists already/);

  const offline = await tagctl(['analyze', 'recording.ptu', 'user-kernel', '--module', 'mean', '--channels', '1,2', '--json']);
  t.is(offline.code, 0, offline.stderr);
  const [tags, meanPs] = (JSON.parse(offline.stdout) as { values: number[] }).values;
  t.true((tags ?? 0) > 100 && (meanPs ?? 0) > 0, offline.stdout);

  const listed = await tagctl(['kernel', 'list', '--json']);
  t.deepEqual((JSON.parse(listed.stdout) as { kernels: { name: string }[] }).kernels.map(({ name }) => name), ['delay']);
  const measured = await tagctl(['measure', 'user-kernel', '--module', 'delay', '--channels', '1,2', '--for', '300ms', '--json']);
  t.is(measured.code, 0, measured.stderr);
  t.true(((JSON.parse(measured.stdout) as { values: number[] }).values[0] ?? 0) > 0, measured.stdout);

  t.is((await tagctl(['kernel', 'remove', 'delay'])).code, 0);
  const gone = await tagctl(['measure', 'user-kernel', '--module', 'delay', '--channels', '1,2', '--for', '300ms']);
  t.not(gone.code, 0);
  t.regex(gone.stderr, /There is no kernel 'delay' on this station/);
});

test.serial('a source that does not compile says where; a script, a foreign import and a missing file are refused', async t => {
  writeFileSync(join(folder, 'broken.ts'), 'export function abi(): i32 { return "one"; }\n');
  const broken = await tagctl(['kernel', 'build', 'broken.ts']);
  t.is(broken.code, 64);
  t.regex(broken.stderr, /Cannot build broken\.ts: [\s\S]*broken\.ts/);
  writeFileSync(join(folder, 'script.wasm'), 'export function process() {}\n');
  const script = await tagctl(['kernel', 'install', 'script.wasm']);
  t.is(script.code, 64);
  t.regex(script.stderr, /it is no WebAssembly module; JavaScript and text are not taken/);
  const missing = await tagctl(['kernel', 'install', 'nowhere.wasm']);
  t.is(missing.code, 66);
  t.regex(missing.stderr, /Cannot read nowhere\.wasm: there is no such file/);
});

test.serial('only an admin installs; whoever may measure runs what is there; names cannot leave the folder; each step is in the audit log', async t => {
  await using admin = await connect(daemon.link);
  const store = await admin.admin();
  const bytes = await builtKernel('tally');
  await t.throwsAsync(store.installKernel('../grants', bytes), { message: /Cannot install a kernel: name must be a name .* got '\.\.\/grants'/ });
  await store.installKernel('tally', bytes);
  const { link } = await admin.share({ facet: 'measure', label: 'guest' });
  const refused = await tagctl(['kernel', 'list'], link);
  t.not(refused.code, 0);
  t.regex(refused.stderr, /admin/);
  await using guest = await connect(link);
  const measurement = await (await guest.tagger()).measure('userKernel', { module: 'tally', channels: [1, 2], arguments: [5] });
  await measurement.startFor(2e11);
  await measurement.waitUntilFinished();
  const [first = 0, second = 0] = await measurement.getData();
  t.true(first + second > 0);
  await store.removeKernel('tally');
  const steps = (await store.audit()).map(({ action }) => action);
  t.true(steps.some(step => step.includes('install')) && steps.some(step => step.includes('remove')), JSON.stringify(steps.slice(-10)));
});

test.serial('a kernel that loops is ended and told; a measurement beside it goes on', async t => {
  await using admin = await connect(daemon.link);
  await (await admin.admin()).installKernel('loops', await builtKernel('loops'));
  const tagger = await admin.tagger();
  const beside = await tagger.measure('countrate', { channels: [1] });
  // Once it loops, its thread hears nothing more.
  const loops = await tagger.measure('userKernel', { module: 'loops', channels: [1] }, { start: false });
  await loops.startFor(5e11);
  t.true(await loops.waitUntilFinished(60_000), 'what has failed is over');
  const error = await t.throwsAsync(loops.getData());
  t.regex(error?.message ?? '', /The kernel 'loops' was ended: a call did not return within 2 s/);
  const { value, info } = await beside.read('getCountsTotal');
  t.true((value[0] ?? 0) > 0);
  t.is(info.lossGrade, 'none');
});
