// test/docs/emulated-taggers.test.ts - the commands of docs/emulated-taggers.md work, as far as a machine without vhci_hcd can tell.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { serveEmulated } from '../../app/daemon/emulate.ts';
import { readInvocation } from '../../app/daemon/options.ts';
import { parseSource } from '../../app/driver/open.ts';
import { driversFor } from '../../app/driver/usb-drivers.ts';
import { emulatedModels } from '../../app/emulate/models.ts';
import { UsbipBus } from '../support/usbip-client.ts';

const root = fileURLToPath(new URL('../..', import.meta.url)), page = readFileSync(`${root}docs/emulated-taggers.md`, 'utf8');
const commands = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block]) => block!.trim().split('\n'));
const log = { info: (): void => {}, warning: (): void => {} };

/** As a shell splits them; enough for these. */
function words(command: string): string[] { return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!); }

test('every emulator of the page starts, and a client finds a tagger that a driver knows', async t => {
  const emulators = commands.filter(command => command.startsWith('bin/tagd emulate') && !command.includes('--list'));
  t.true(emulators.length >= 4);
  for (const command of emulators) {
    const invocation = readInvocation(words(command).slice(1));
    if (!('emulate' in invocation)) return t.fail(command);
    const { server } = await serveEmulated({ ...invocation.emulate, port: '0' }, log);
    const [identity] = await new UsbipBus(server.port).list();
    t.is(identity?.port, '1-1', command);
    t.true(driversFor(identity!).length > 0, command);
    await server[Symbol.asyncDispose]();
  }
});

test('what the emulator prints is what the page says', async t => {
  const { server, text } = await serveEmulated({ model: 'umass', usbip: true, port: '0' }, log);
  await server[Symbol.asyncDispose]();
  const printed = text.replaceAll(`127.0.0.1:${server.port}`, '127.0.0.1:3240').replace(/--tcp-port \d+ /, '');
  for (const command of ['sudo modprobe vhci-hcd', 'sudo usbip attach -r 127.0.0.1 -b 1-1', 'bin/tagd --tagger usb --print-link']) {
    t.true(printed.includes(command), command);
    t.true(commands.includes(command), command);
  }
  for (const command of commands.filter(each => /usbip-attach|60-tagger/.test(each))) t.true(text.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:3240').includes(command), command);
});

test('files, sources and faults that the page names are there', t => {
  for (const [, file] of page.matchAll(/\b((?:ops|app)\/[\w./-]+\.\w+)/g)) t.true(existsSync(root + file!), file);
  t.deepEqual(parseSource('usb'), { kind: 'usb' });
  for (const { name } of emulatedModels) t.true(page.includes(`\`${name}\``), name);
  const told = [...page.matchAll(/^\| \w+ \| `\w+` \| .* \|$/gm)].map(([row]) => row);
  t.deepEqual(told, emulatedModels.flatMap(({ name, faults }) => Object.entries(faults).map(([fault, what]) => `| ${name} | \`${fault}\` | ${what} |`)), 'one row for each fault of each model');
});

test("the package's own client lists it, where it is installed", async t => {
  const usbip = ['/usr/sbin/usbip', '/usr/bin/usbip'].find(file => existsSync(file));
  if (usbip === undefined) return t.pass('the package usbip is not installed');
  const { server } = await serveEmulated({ model: 'umass', usbip: true, port: '0' }, log);
  const { stdout } = await promisify(execFile)(usbip, ['--tcp-port', String(server.port), 'list', '-r', '127.0.0.1']);
  await server[Symbol.asyncDispose]();
  t.regex(stdout, /1-1: .*\(04b4:1004\)[^]*\(ff\/ff\/ff\)/);
});
