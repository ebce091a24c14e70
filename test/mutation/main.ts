// test/mutation/main.ts - `npm run mutate`: breaks each comparison in each kernel, one at a time, and tells which break no test saw.
//
// A mutant that survives is either a test that is missing or a line that does not matter (where two ways give the same result and
// only the time differs). Everything happens in a copy of the sources. Arguments: names of kernels (`near grid`), `--twin` to break
// the TypeScript twins instead, `--every N` for each N-th mutant only.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutantsOf } from './mutants.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const longestMs = 180_000;

const args = process.argv.slice(2);
const twin = args.includes('--twin');
const every = args.includes('--every') ? Number(args[args.indexOf('--every') + 1]) : 1;
const wanted = args.filter((arg, i) => !arg.startsWith('--') && args[i - 1] !== '--every');
if (!Number.isInteger(every) || every < 1) throw new Error('--every takes a number of 1 or more');

const copy = mkdtempSync(join(tmpdir(), 'tagd-mutants-'));
for (const name of ['app', 'test', 'ops', 'package.json', 'tsconfig.json', 'ava.config.mjs']) cpSync(join(root, name), join(copy, name), { recursive: true });
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
process.on('exit', () => { rmSync(copy, { recursive: true, force: true }); });

const folder = join(copy, 'app/dsp/kernels');
const kernels = readdirSync(folder)
  .filter(name => twin ? name.startsWith('twin-') : name.endsWith('.as.ts') && name !== 'index.as.ts')
  .filter(name => wanted.length === 0 || wanted.includes(name.replace(/^twin-|(\.as)?\.ts$/g, '')));
if (kernels.length === 0) throw new Error(`there is no kernel ${wanted.join(', ')}`);

const folders = ['kernels', 'measurements', 'virtual'].flatMap(part => readdirSync(join(copy, 'test/dsp', part)).filter(name => name.endsWith('.test.ts')).map(name => join('test/dsp', part, name)));
const tests = [...folders, ...['conditioning', 'reference-clock'].map(name => `test/dsp/${name}.test.ts`)];
const survivors: string[] = [];
let count = 0;

if (await run() !== undefined) throw new Error('the tests fail without any mutant');
for (const name of kernels) {
  const file = join(folder, name);
  const original = readFileSync(file, 'utf8');
  const mutants = mutantsOf(original).filter((_, i) => i % every === 0);
  for (const { line, from, to, source } of mutants) {
    writeFileSync(file, source);
    const seen = await run();
    count++;
    const text = `${name}:${line} ${from} to ${to}`;
    if (seen === undefined) survivors.push(`${text}: ${source.split('\n')[line - 1]?.trim()}`);
    console.log(`${seen === undefined ? 'SURVIVES' : 'seen    '}  ${text}${seen === undefined ? '' : `  by ${seen}`}`);
  }
  writeFileSync(file, original);
}
console.log(`\n${count} mutants, ${survivors.length} survive${survivors.length > 0 ? ':' : ''}`);
for (const text of survivors) console.log(`  ${text}`);

/** What noticed: a test, the compiler, or the clock; undefined if nothing did. */
async function run(): Promise<string | undefined> {
  if (!twin) {
    const { code } = await child(['ops/wasm.mjs']);
    if (code !== 0) return 'the compiler';
  }
  const { code, output } = await child(['node_modules/ava/entrypoints/cli.js', '--fail-fast', ...tests]);
  if (code === 0) return undefined;
  return code === null ? 'the clock: it never ends' : /✘ (?:\[fail\]: )?(.*?)(?: \(|$)/m.exec(output)?.[1]?.trim() ?? 'a test that ended its process';
}

function child(command: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...command], { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, NO_COLOR: '1' } });
    // A kernel that never ends spins in a process that the runner has started: the whole group goes.
    const late = setTimeout(() => { process.kill(-running.pid!, 'SIGKILL'); }, longestMs);
    let output = '';
    running.stdout.setEncoding('utf8').on('data', (text: string) => { output += text; });
    running.stderr.setEncoding('utf8').on('data', (text: string) => { output += text; });
    running.once('error', reject);
    running.once('close', code => {
      clearTimeout(late);
      resolve({ code, output });
    });
  });
}
