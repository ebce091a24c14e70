// ava.config.mjs - the tests of `npm test`; with TAGD_SYSTEM_TESTS set, those against real servers, one file at a time.
import { fileURLToPath } from 'node:url';

const system = process.env.TAGD_SYSTEM_TESTS !== undefined;

export default {
  extensions: ['ts'],
  files: system ? ['test/system/**/*.test.ts'] : ['test/**/*.test.ts', '!test/system/**'],
  // Node keeps the stripped and compiled sources there: each thread of each line and each child would do it all again.
  environmentVariables: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url)) },
  workerThreads: false,
  timeout: system ? '180s' : '120s',
  concurrency: system ? 1 : 2,
};
