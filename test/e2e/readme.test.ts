// test/e2e/readme.test.ts - every snippet of README.md and of the client's README runs as printed, against the client package as npm would install it.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { startDaemon, type DaemonUnderTest } from '../support/daemon.ts';
import { writePtu } from '../support/ptu.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = ['README.md', 'app/client/README.md'].map(name => readFileSync(join(root, name), 'utf8')).join('\n');
const snippets = [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language = '', text = '']) => ({ language, text }));
const programs = snippets.filter(({ language }) => language === 'ts').map(({ text }) => ({ text, name: /^\/\/ (\S+\.ts)/.exec(text)?.[1] ?? 'program.ts' }));
/** What each program prints. */
const promised: Record<string, RegExp> = {
  'first.ts': /tags in 2 s of live time, loss: none\nchannel 2 fires \S+ ps after channel 1, \d+ pairs/,
  'together.ts': /^both saw [1-9]\d* tags: true/,
  'coincidences.ts': /^\d[\d.]* coincidences a second, left out at each end of a stretch: 14000 and 0 ps/,
  'share.ts': /give this away: \S+\n\d+ channels, \d/,
  'rates.ts': /^Float64Array\(2\) \[ [\d.]+, [\d.]+ \]/,
};
const blocks = snippets.filter(({ language }) => language === 'sh').map(({ text }) => text.trim().split('\n'));
const commands = blocks.flat();

let daemon: DaemonUnderTest;
let folder: string;

test.before(async () => {
  daemon = await startDaemon();
  folder = mkdtempSync(join(tmpdir(), 'tagd-user-'));
  const { stdout } = await run('npm', ['pack', '--workspace', '@tagd/client', '--pack-destination', folder, '--ignore-scripts', '--json'], { cwd: root });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  await run('npm', ['install', '--no-audit', '--no-fund', '--offline', join(folder, filename)], { cwd: folder });
  // The user's own type checker: strict, and looking into the package's declarations too.
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
  symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
  symlinkSync(join(root, 'node_modules/undici-types'), join(folder, 'node_modules/undici-types'));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({
    compilerOptions: {
      target: 'es2024', lib: ['es2024', 'esnext.disposable', 'dom'], module: 'nodenext', types: ['node'], noEmit: true,
      strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: false,
    },
    include: programs.map(({ name }) => name),
  }));
  await writePtu(join(folder, 'recording.ptu'), { seed: 1, tags: 20_000 });
});
test.after.always(async () => { await daemon?.stop(); });

test('the client programs of the docs compile strictly against the package', async t => {
  t.deepEqual(programs.map(({ name }) => name), Object.keys(promised));
  for (const { name, text } of programs) writeFileSync(join(folder, name), text);
  await t.notThrowsAsync(run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]).catch((error: { stdout: string }) => { throw new Error(error.stdout); }));
});

for (const { name, text } of programs) {
  test(`the README's ${name} runs and prints what it promises`, async t => {
    writeFileSync(join(folder, name), text);
    const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', name], { cwd: folder, env: { ...process.env, TAGD_LINK: daemon.link }, timeout: 60_000 });
    t.regex(stdout, promised[name] ?? /^$/);
  });
}

async function runAsPrinted(t: ExecutionContext, command: string): Promise<void> {
  const args = command.split(/\s+/).slice(1);
  const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'app/tagctl/main.ts'), ...args], { cwd: folder, env: { ...process.env, TAGD_LINK: daemon.link }, timeout: 60_000 });
  t.not(stdout.trim(), '');
  if (args.includes('--json')) t.notThrows(() => { JSON.parse(stdout); });
}

for (const block of blocks.map(lines => lines.filter(line => line.startsWith('tagctl')))) {
  // What a block makes, its later lines use.
  if (block[0]?.includes(' new ')) test(`the README's commands run one after the other: ${block[0]} ...`, async t => { for (const command of block) await runAsPrinted(t, command); });
  else {
    for (const command of block) {
      // A change of settings ends what others measure with 'stop': those come first, and alone.
      const declare = command.startsWith('tagctl set ') ? test.serial : test;
      declare(`the README's command runs: ${command}`, async t => { await runAsPrinted(t, command); });
    }
  }
}

test('every line of shell in the README is one that is tested here or is one of the two commands', t => {
  t.deepEqual(commands.filter(line => !line.startsWith('tagctl')).map(line => line.split('#')[0]?.trim()), ['npm start', 'npm test']);
});

test("the README's configuration is right", async t => {
  const [toml] = snippets.filter(({ language }) => language === 'toml');
  writeFileSync(join(folder, 'tagd.toml'), toml?.text ?? '');
  const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'app/daemon/main.ts'), 'config', 'check', join(folder, 'tagd.toml')]);
  t.regex(stdout, /is right/);
});
