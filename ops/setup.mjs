// ops/setup.mjs - makes a bare clone runnable: packages by the lock file, Node 24 from npm, the build. Then runs the
// script it was given, if any, on the pinned Node.
//
// Runs on any Node >= 20 and uses nothing but Node itself. It starts the script itself, because a shell remembers where
// it found `node` the first time. What it says goes to stderr: stdout belongs to the script.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const pinned = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies.node;
const stamp = join(root, 'node_modules/.tagd-installed');
const locked = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
const bin = join(root, 'node_modules/.bin');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== locked) {
  say('installing the packages of package-lock.json into node_modules (npm ci)');
  // Not with the Node inside node_modules: npm ci removes that one first.
  const PATH = process.env.PATH.split(delimiter).filter(folder => !folder.includes('node_modules')).join(delimiter);
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { ...process.env, PATH });
}
if (!isPinned()) {
  say(`installing Node ${pinned} from npm, since its install script did not run`);
  run(process.execPath, [join(root, 'node_modules/node/installArchSpecificPackage.js')], process.env, join(root, 'node_modules/node'));
  if (!isPinned()) stop(`There is no Node ${pinned} for this machine (${process.platform} ${process.arch}) in npm.`);
}
if (existsSync(join(root, 'node_modules'))) writeFileSync(stamp, locked);
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
run(join(bin, 'node'), [join(root, 'ops/build.mjs'), '--if-needed'], env);

const [script, ...args] = process.argv.slice(2);
if (script !== undefined) {
  const { status } = spawnSync(join(bin, 'node'), ['--disable-warning=ExperimentalWarning', join(root, script), ...args], { env, stdio: 'inherit' });
  process.exit(status ?? 70);
}

function isPinned() {
  const { stdout } = spawnSync(join(bin, 'node'), ['--version'], { encoding: 'utf8' });
  return stdout?.trim() === `v${pinned}`;
}

function run(command, args, env, cwd = root) {
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: ['ignore', 2, 2] });
  if (status !== 0) stop(`'${command} ${args.join(' ')}' failed${error ? `: ${error.message}` : ` with exit code ${status}`}.`);
}

function say(text) { console.error(`setup: ${text}`); }

function stop(text) {
  console.error(`setup: ${text}`);
  process.exit(70);
}
