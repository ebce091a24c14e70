// rollup.config.mjs - the same sources that run unbundled under ava, as a few files that start quickly.
//
// Node's own type stripping turns TypeScript into JavaScript; `new URL('./x.worker.ts', import.meta.url)` becomes a
// chunk and `new URL('./x.wasm', import.meta.url)` an asset.
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, resolve } from 'node:path';
import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import { nodeResolve } from '@rollup/plugin-node-resolve';

const typescript = {
  name: 'strip-types',
  transform(code, id) {
    if (!id.endsWith('.ts')) return null;
    const plain = stripTypeScriptTypes(code, { mode: 'strip' });
    const rewritten = plain.replace(/new URL\(\s*'(\.[^']+\.(worker\.ts|wasm))'\s*,\s*import\.meta\.url\s*\)/g, (_, path, kind) => {
      const file = resolve(dirname(id), path);
      const reference = kind === 'wasm'
        ? this.emitFile({ type: 'asset', name: path.split('/').pop(), source: readFileSync(file) })
        : this.emitFile({ type: 'chunk', id: file });
      return `new URL(import.meta.ROLLUP_FILE_URL_${reference})`;
    });
    return { code: rewritten, map: null }; // stripping keeps every position
  },
};

/** The page is one script and a few files that are served as they are. */
const pageFiles = {
  name: 'page-files',
  generateBundle() {
    const files = { 'index.html': 'app/web/index.html', 'style.css': 'app/web/style.css', 'icon.svg': 'app/web/icon.svg', 'uplot.css': 'node_modules/uplot/dist/uPlot.min.css' };
    for (const [fileName, source] of Object.entries(files)) this.emitFile({ type: 'asset', fileName, source: readFileSync(source) });
  },
};

const external = [/^node:/, /^assemblyscript/, 'usb', /^@node-usb\//, 'bufferutil', 'utf-8-validate'];
const onwarn = (warning, warn) => {
  if (['CIRCULAR_DEPENDENCY', 'THIS_IS_UNDEFINED', 'EVAL'].includes(warning.code) && warning.message.includes('node_modules')) return;
  warn(warning);
};

export default [
  {
    input: { 'daemon/main': 'app/daemon/main.ts', 'tagctl/main': 'app/tagctl/main.ts' },
    output: { dir: 'dist', format: 'es', chunkFileNames: 'chunks/[name]-[hash].js', assetFileNames: 'chunks/[name]-[hash][extname]' },
    plugins: [typescript, nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }), commonjs(), json()],
    external, onwarn,
  },
  {
    input: { index: 'app/client/index.ts' },
    output: { dir: 'app/client/dist', format: 'es' },
    plugins: [typescript, nodeResolve({ browser: true })],
    external: [/^node:/], onwarn,
  },
  {
    input: { main: 'app/web/main.ts' },
    output: { dir: 'dist/web', format: 'es' },
    plugins: [typescript, nodeResolve({ browser: true }), pageFiles],
    onwarn,
  },
];
