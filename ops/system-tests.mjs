// ops/system-tests.mjs - `npm run test:system`: tests against real servers. Installs the Debian packages it needs when
// it may (root with apt-get) and says so; otherwise it names what is missing.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { runTests } from './run.mjs';

/** Debian package -> a file that shows it is there. */
const needed = {
  mosquitto: '/usr/sbin/mosquitto', 'mosquitto-clients': '/usr/bin/mosquitto_sub', openssl: '/usr/bin/openssl', chromium: '/usr/bin/chromium',
  // The virtual machine of the USB tests; what it boots is downloaded into node_modules/.cache and not installed.
  'qemu-system-x86': '/usr/bin/qemu-system-x86_64', e2fsprogs: '/usr/sbin/mkfs.ext4', 'xz-utils': '/usr/bin/xz',
};

const missing = Object.entries(needed).filter(([, file]) => !existsSync(file)).map(([name]) => name);
if (missing.length > 0) {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.error(`system tests: these Debian packages are missing: ${missing.join(' ')}. Install them with: sudo apt-get install ${missing.join(' ')}`);
    process.exit(69);
  }
  console.log(`system tests: installing the Debian packages ${missing.join(' ')}`);
  // Installing must not start a broker on this machine: the tests start their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  for (const args of [['update', '-qq'], ['install', '-y', '-qq', '--no-install-recommends', ...missing]]) {
    const { status } = spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) {
      console.error(`system tests: 'apt-get ${args.join(' ')}' failed with exit code ${status}.`);
      process.exit(70);
    }
  }
}
const env = { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning', LANG: 'C.UTF-8', TAGD_SYSTEM_TESTS: '1' };
const { passed, failed, skipped } = await runTests(process.argv.slice(2), env);
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
