// test/daemon/options.test.ts - the command line wins over the file, and nothing is guessed.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { parseListen, readInvocation } from '../../app/daemon/options.ts';
import { version } from '../../app/core/version.ts';

test('version is that of package.json', t => {
  const { version: packaged } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  t.is(version, packaged);
});

test('readInvocation() lays the command line over the defaults', t => {
  const invocation = readInvocation(['--listen', '127.0.0.1:0', '--tagger', 'replay:a.ptu', '--print-link']);
  t.true('run' in invocation);
  if ('run' in invocation) {
    t.deepEqual(invocation.run.config.listen, { host: '127.0.0.1', port: 0 });
    t.is(invocation.run.config.tagger.source, 'replay:a.ptu');
    t.true(invocation.run.printLink);
  }
});

test('readInvocation() refuses to listen beyond loopback and says what to do', t => {
  const error = t.throws(() => readInvocation(['--listen', '0.0.0.0:7433']), { name: 'TaggerError', message: /Cannot listen on 0\.0\.0\.0/ });
  t.regex((error as unknown as { hint: string }).hint, /SSH tunnel/);
});

test('readInvocation() reads the speed of a recording and refuses what is none', t => {
  const invocation = readInvocation(['--tagger', 'replay:a.ptu', '--speed', '2.5']);
  t.true('run' in invocation && invocation.run.config.tagger.speed === 2.5);
  for (const wrong of ['0', '-1', 'fast', 'NaN', 'Infinity']) t.throws(() => readInvocation(['--speed', wrong]), { message: `Cannot replay at speed '${wrong}'.` });
});

test('an unknown option ends with the exit code for usage', t => {
  t.deepEqual(readInvocation(['--prot', '1']), { exitCode: 64 });
});

test('parseListen() reads host and port in all their forms', t => {
  t.deepEqual(parseListen('7433'), { host: '127.0.0.1', port: 7433 });
  t.deepEqual(parseListen(':0'), { host: '127.0.0.1', port: 0 });
  t.deepEqual(parseListen('[::1]:80'), { host: '::1', port: 80 });
  for (const wrong of ['', 'host', 'host:', 'host:99999', '::1:80', 'a:b:1']) t.throws(() => parseListen(wrong), { message: new RegExp(`Cannot read '${wrong}'`) }, wrong);
});
