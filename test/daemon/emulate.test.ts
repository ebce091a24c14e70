// test/daemon/emulate.test.ts - `tagd emulate` as a user starts it, and the tool that attaches what it serves, as far as that goes without vhci_hcd.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { serveEmulated } from '../../app/daemon/emulate.ts';
import { readInvocation } from '../../app/daemon/options.ts';
import { driversFor } from '../../app/driver/usb-drivers.ts';
import { openSession, UsbTagger } from '../../app/driver/usb-tagger.ts';
import { checkModelOptions, emulatedModels, modelOf } from '../../app/emulate/models.ts';
import { UmassModel } from '../../app/emulate/umass.ts';
import { UsbipServer } from '../../app/emulate/usbip.ts';
import { FakeSink } from '../support/fake-sink.ts';
import { UsbipBus } from '../support/usbip-client.ts';

const tagd = fileURLToPath(new URL('../../app/daemon/main.ts', import.meta.url)), attachTool = fileURLToPath(new URL('../../ops/usbip-attach.mjs', import.meta.url));

async function start(args: readonly string[]) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', tagd, 'emulate', '--usbip', '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const port = await new Promise<number>((resolve, reject) => {
    const listen = (text: string): void => {
      output += text;
      const match = /waits on \S+:(\d+) as 1-1/.exec(output);
      if (match) resolve(Number(match[1]));
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    child.once('exit', code => { reject(new Error(`ended with ${code}:\n${output}`)); });
  });
  return {
    port, output: () => output,
    stop: async () => {
      const exit = once(child, 'exit');
      child.kill('SIGINT');
      return (await exit)[0] as number | null;
    },
  };
}

async function attach(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [attachTool, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => { output += text; });
  const [code] = await once(child, 'close') as [number | null];
  return { code, output };
}

function quiet() {
  const lines: string[] = [];
  return { lines, info: (text: string): void => { lines.push(text); }, warning: (text: string): void => { lines.push(`warning: ${text}`); } };
}

/** What vhci_hcd shows in sysfs. */
function fakeVhci(rows: readonly string[] = ['hs  0000 006 002 00010002 000003 1-1', 'hs  0001 004 000 00000000 000000 0-0', 'ss  0008 004 000 00000000 000000 0-0']): string {
  const folder = mkdtempSync(join(tmpdir(), 'tagd-vhci-'));
  writeFileSync(join(folder, 'status'), `hub port sta spd dev      sockfd local_busid\n${rows.join('\n')}\n`);
  writeFileSync(join(folder, 'attach'), '');
  return folder;
}

for (const { name } of emulatedModels) {
  test(`tagd emulate --model ${name}: its driver measures over USB/IP, in real time`, async t => {
    const emulated = await start(['--model', name, '--seed', '5']), bus = new UsbipBus(emulated.port);
    const [identity] = await bus.list();
    const [driver] = driversFor(identity!), sink = new FakeSink({ stopAfter: 20_000 });
    const tagger = new UsbTagger(bus, driver!, {}, identity!, await openSession(bus, driver!, identity!, {}, new AbortController().signal));
    await tagger.run(sink, AbortSignal.timeout(20_000));
    await tagger[Symbol.asyncDispose]();
    t.true(sink.tags >= 20_000, `${sink.tags} tags`);
    t.regex(emulated.output(), /usbip --tcp-port \d+ attach -r 127\.0\.0\.1 -b 1-1[^]*tagd --tagger usb/);
    t.is(await emulated.stop(), 0);
  });
}

test('tagd emulate --list names every model and its faults', t => {
  const invocation = readInvocation(['emulate', '--list']);
  if (!('print' in invocation)) return t.fail();
  for (const { name, faults } of emulatedModels) for (const word of [name, ...Object.keys(faults)]) t.true(invocation.print.includes(word), word);
});

test('tagd emulate says what is wrong with its arguments', async t => {
  const held = createServer().listen(0, '127.0.0.1');
  await once(held, 'listening');
  const { port } = held.address() as { port: number }, usbip = ['--model', 'umass', '--usbip'];
  const wrong: [string[], string, RegExp][] = [
    [[], 'usage', /no model was named/], [['--model', 'umass'], 'usage', /it was not said how/], [['--model', 'tdc9', '--usbip'], 'usage', /'tdc9': there is no such model/],
    [[...usbip, '--signals', '[{'], 'usage', /--signals: '\[\{' is not JSON/], [[...usbip, '--faults', 'x'], 'usage', /--faults: 'x' is not JSON/], [[...usbip, '--port', '70000'], 'usage', /--port '70000'/],
    [[...usbip, '--seed', '-1'], 'usage', /--seed '-1'/], [[...usbip, '--port', String(port)], 'busy', /another program has that port/],
  ];
  for (const [args, code, message] of wrong) {
    const invocation = readInvocation(['emulate', ...args]);
    if (!('emulate' in invocation)) return t.fail();
    await t.throwsAsync(serveEmulated(invocation.emulate, quiet()), { code, message }, args.join(' '));
  }
  held.close();
});

test('checkModelOptions() refuses faults that the model does not have, values that are none, and more than it can make', t => {
  const umass = modelOf('umass');
  t.like(checkModelOptions(umass, { seed: 3, faults: { dropsWraps: 2 } }), { seed: 3, faults: { dropsWraps: 2 } });
  t.throws(() => checkModelOptions(umass, { faults: { nothing: 1 } }), { code: 'usage', message: /fault 'nothing'/ });
  t.throws(() => checkModelOptions(umass, { faults: JSON.parse('{"__proto__":1}') as unknown }), { code: 'usage' });
  for (const value of [0, -1, 1.5, '2', null]) t.throws(() => checkModelOptions(umass, { faults: { dropsWraps: value } }), { code: 'usage', message: /dropsWraps/ });
  for (const faults of [5, [], 'all']) t.throws(() => checkModelOptions(umass, { faults }), { code: 'usage' });
  t.throws(() => checkModelOptions(umass, { signals: [{ kind: 'periodic', channel: 1, periodPs: 1000 }] }), { code: 'usage' });
});

test('beyond loopback it warns', async t => {
  const log = quiet(), { server, text } = await serveEmulated({ model: 'umass', usbip: true, port: '0', bind: '0.0.0.0' }, log);
  t.regex(log.lines.join('\n'), /^warning: everybody who reaches 0\.0\.0\.0:\d+ can attach this tagger/);
  t.regex(text, /attach -r THIS-COMPUTER/);
  await server[Symbol.asyncDispose]();
});

test('a tagger that left by itself is plugged in again', async t => {
  const log = quiet(), { server } = await serveEmulated({ model: 'umass', usbip: true, port: '0', faults: '{"diesAfterPackets":5}' }, log);
  const bus = new UsbipBus(server.port), [identity] = await bus.list(), [driver] = driversFor(identity!), sink = new FakeSink({ stopAfter: 20_000 });
  const tagger = new UsbTagger(bus, driver!, {}, identity!, await openSession(bus, driver!, identity!, {}, new AbortController().signal)), ends = new AbortController();
  const running = tagger.run(sink, ends.signal);
  for (const late = performance.now() + 20_000; !sink.markers.some(({ kind }) => kind === 'epoch') && performance.now() < late;) await new Promise(resolve => { setTimeout(resolve, 20); });
  ends.abort();
  await running;
  await tagger[Symbol.asyncDispose]();
  t.true(sink.markers.some(({ kind }) => kind === 'epoch'), log.lines.join('\n'));
  t.true(log.lines.some(line => line === '1-1 has left the bus'));
  await server[Symbol.asyncDispose]();
});

test('usbip-attach hands the connection to the first free high-speed port', async t => {
  await using server = await UsbipServer.listen({ port: 0 });
  server.plug(new UmassModel());
  const vhci = fakeVhci(), { code, output } = await attach(['--server', `127.0.0.1:${server.port}`, '--vhci', vhci]);
  t.is(code, 0, output);
  // Port, descriptor, bus and number of the device, high speed.
  t.regex(readFileSync(join(vhci, 'attach'), 'utf8'), new RegExp(`^1 \\d+ ${1 << 16 | 1} 3$`));
  t.regex(output, /1-1 of 127\.0\.0\.1:\d+ is attached, vhci port 1\./);
});

test('usbip-attach --keep waits for a device that is not there yet, and attaches it again when it has left', async t => {
  await using server = await UsbipServer.listen({ port: 0 });
  const vhci = fakeVhci(), written = (): string => readFileSync(join(vhci, 'attach'), 'utf8');
  const child = spawn(process.execPath, [attachTool, '--keep', '--server', `127.0.0.1:${server.port}`, '--vhci', vhci], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => { output += text; });
  const until = async (condition: () => boolean): Promise<void> => {
    for (const late = performance.now() + 20_000; !condition() && performance.now() < late;) await new Promise(resolve => { setTimeout(resolve, 20); });
    t.true(condition(), output);
  };
  await new Promise(resolve => { setTimeout(resolve, 300); });
  const unplug = server.plug(new UmassModel(), '1-1');
  await until(() => written().endsWith(`${1 << 16 | 1} 3`));
  // In this folder the port is free all the time, so that it has left at once.
  unplug();
  await until(() => output.includes('1-1 has left; waiting for it.'));
  server.plug(new UmassModel(), '1-1');
  await until(() => written().endsWith(`${1 << 16 | 2} 3`));
  child.kill();
});

test('usbip-attach says what is missing', async t => {
  await using listening = await UsbipServer.listen({ port: 0 });
  listening.plug(new UmassModel());
  const server = `127.0.0.1:${listening.port}`, vhci = fakeVhci();
  const stranger = createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  const wrong: [string[], number, RegExp][] = [
    [['--vhci', '/nowhere'], 69, /no virtual USB bus[^]*modprobe vhci-hcd/],
    [['--server', server, '--vhci', vhci, '--device', '1-9'], 66, /1-9 from 127\.0\.0\.1:\d+: the server does not export it/],
    [['--server', '127.0.0.1:1', '--vhci', vhci], 69, /nobody listens there/],
    [['--server', `127.0.0.1:${(stranger.address() as { port: number }).port}`, '--vhci', vhci], 76, /no USB\/IP server/],
    [['--server', server, '--vhci', fakeVhci(['hs  0000 006 002 00010002 000003 1-1'])], 69, /every port of the virtual bus is taken/],
    [['--server', 'nowhere'], 64, /no HOST:PORT/], [['--device', '../x'], 64, /no port of a bus/], [['--what'], 64, /--what/],
  ];
  for (const [args, expected, message] of wrong) {
    const { code, output } = await attach(args);
    t.is(code, expected, `${args.join(' ')}: ${output}`);
    t.regex(output, message);
  }
  stranger.close();
});
