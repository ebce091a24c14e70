// ava.config.mjs - the tests of `npm test`; with TAGD_SYSTEM_TESTS set, those against real servers, one file at a time.
const system = process.env.TAGD_SYSTEM_TESTS !== undefined;

export default {
  extensions: ['ts'],
  files: system ? ['test/system/**/*.test.ts'] : ['test/**/*.test.ts', '!test/system/**'],
  workerThreads: false,
  timeout: system ? '180s' : '120s',
  concurrency: system ? 1 : 2,
};
