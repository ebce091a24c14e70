// ops/build.mjs - everything that is made from the sources: wasm kernels, dist/ and the client package.
//
//   node ops/build.mjs [--if-needed]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const done = join(root, 'dist/.built');

if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(`build: this is Node ${process.versions.node}, and the build needs 24. Use 'npm run build' after 'npm start' or 'npm test' has installed it.`);
  process.exit(70);
}
if (process.argv.includes('--if-needed') && existsSync(done)) {
  const built = statSync(done).mtimeMs;
  const newest = Math.max(...['app', 'ops'].map(newestIn), ...['package.json', 'rollup.config.mjs', 'tsconfig.json'].map(name => statSync(join(root, name)).mtimeMs));
  if (newest <= built) process.exit(0);
}
const started = Date.now();
rmSync(join(root, 'dist'), { recursive: true, force: true });
run('ops/wasm.mjs');
run('node_modules/rollup/dist/bin/rollup', '--config', 'rollup.config.mjs', '--silent');
run('node_modules/typescript/bin/tsc', '-p', 'app/client/tsconfig.json');
tidyDeclarations(join(root, 'app/client/dist'));
mkdirSync(join(root, 'dist'), { recursive: true });
writeFileSync(done, '');
console.log(`build: dist/ and app/client/dist/ in ${((Date.now() - started) / 1000).toFixed(1)} s`);

/** Declarations name their neighbours with .ts; a package on npm has .js. */
function tidyDeclarations(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.d.ts')) continue;
    const file = join(entry.parentPath, entry.name);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/(from\s+|import\()(['"])(\.[^'"]+)\.ts\2/g, '$1$2$3.js$2'));
  }
}

function newestIn(folder) {
  let newest = 0;
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.wasm') || entry.parentPath.includes('/client/dist')) continue;
    newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return newest;
}

function run(script, ...args) {
  const { status } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, script), ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 70);
}
