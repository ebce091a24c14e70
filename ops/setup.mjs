// ops/setup.mjs - makes a bare clone runnable: packages by the lock file, Node 24 from npm, the build.
//
// Runs on any Node >= 20 and uses nothing but Node itself. Everything later runs on the pinned Node of node_modules.
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
run(join(bin, 'node'), [join(root, 'ops/build.mjs'), '--if-needed'], { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` });

function isPinned() {
  const { stdout } = spawnSync(join(bin, 'node'), ['--version'], { encoding: 'utf8' });
  return stdout?.trim() === `v${pinned}`;
}

function run(command, args, env, cwd = root) {
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) stop(`'${command} ${args.join(' ')}' failed${error ? `: ${error.message}` : ` with exit code ${status}`}.`);
}

function say(text) { console.log(`setup: ${text}`); }

function stop(text) {
  console.error(`setup: ${text}`);
  process.exit(70);
}
