// ops/ava.system.mjs - how ava runs the tests against real servers: one file at a time, with longer patience.
export default {
  extensions: ['ts'],
  files: ['test/system/**/*.test.ts'],
  workerThreads: false,
  concurrency: 1,
  timeout: '180s',
};
