// ava.config.mjs - the tests of `npm test`; with TAGD_SYSTEM_TESTS set, those against real servers, one file at a time.
import { fileURLToPath } from 'node:url';

const system = process.env.TAGD_SYSTEM_TESTS !== undefined;

/** The longest begin first, so that no core is idle while the other ends one of them. */
const longest = ['e2e/user-kernel', 'dsp/life', 'e2e/readme', 'e2e/recordings', 'tagctl/analyze', 'tagctl/recordings', 'dsp/user-kernel', 'tagctl/station'];
const rank = file => {
  const place = longest.findIndex(name => file.endsWith(`/test/${name}.test.ts`));
  return place < 0 ? longest.length : place;
};

export default {
  extensions: ['ts'],
  files: system ? ['test/system/**/*.test.ts'] : ['test/**/*.test.ts', '!test/system/**'],
  sortTestFiles: (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
  // Node keeps the stripped and compiled sources there: each thread of each line and each child would do it all again.
  environmentVariables: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url)) },
  workerThreads: false,
  timeout: system ? '180s' : '120s',
  concurrency: system ? 1 : 2,
};
