// test/driver/bridge/command.test.ts - bridge:COMMAND as words, without a shell; what the child gets of the daemon's environment.
import { writeFileSync } from 'node:fs';
import test from 'ava';
import { isTaggerError, type TaggerError } from '../../../app/core/errors.ts';
import { bridgeEnvironment, splitCommand } from '../../../app/driver/bridge/command.ts';
import { openBridge } from '../../../app/driver/bridge/driver.ts';
import { openTagger, parseSource } from '../../../app/driver/open.ts';
import { freshFile } from './support.ts';

test('splitCommand() splits at blanks and honours quotes and backslashes', t => {
  for (const [command, words] of [
    ['python3 swabian.py', ['python3', 'swabian.py']],
    ['  a \t b  ', ['a', 'b']],
    ["sh -c 'a | b > c; $HOME `x`'", ['sh', '-c', 'a | b > c; $HOME `x`']],
    ['a "b c" d\\ e', ['a', 'b c', 'd e']],
    ['a "x \\" \\\\ \\n y"', ['a', 'x " \\ \\n y']],
    ["a '' \"\"", ['a', '', '']],
    ["a'b'\"c\"d", ['abcd']],
    ["a 'it'\\''s'", ['a', "it's"]],
    ['a ~/b *.c ?', ['a', '~/b', '*.c', '?']],
    ['a \\$b', ['a', '$b']],
  ] as const) t.deepEqual(splitCommand(command), words as never, command);
});

test('splitCommand() refuses what a shell would act on, and what is not closed', t => {
  for (const command of ['', '  ', "''", "a 'b", 'a "b', 'a "b\\"', 'a\\', 'a | b', 'a > b', 'a < b', 'a; b', 'a & b', 'a $b', 'a `b`', 'a\0b']) {
    const error = t.throws(() => splitCommand(command), undefined, command) as TaggerError;
    t.true(isTaggerError(error) && error.code === 'usage' && error.message.startsWith('Cannot use ') && error.hint !== undefined, error.message);
    t.throws(() => parseSource(`bridge:${command}`), { code: 'usage' });
  }
});

test('parseSource() reads bridges', t => {
  t.deepEqual(parseSource('bridge:python3 a:b.py'), { kind: 'bridge', command: 'python3 a:b.py' });
  t.deepEqual(parseSource('bridge-a1:readevents7 -a1'), { kind: 'bridge', command: 'readevents7 -a1', raw: 'a1' });
  t.deepEqual(parseSource('bridge-a1x:cat x'), { kind: 'bridge', command: 'cat x', raw: 'a1x' });
});

test('a program that is not there, or may not be executed, is told at once', async t => {
  const plain = freshFile();
  writeFileSync(plain, '#!/bin/sh\n', { mode: 0o644 });
  for (const [source, code, message] of [
    ['bridge:no-such-program-here x', 'not-found', /there is no such program/], ['bridge:/nowhere/at/all', 'not-found', /there is no such program/], ['bridge-a1:no-such-program-here', 'not-found', /there is no such program/],
    [`bridge:${plain}`, 'forbidden', /may not be executed/], ['bridge:/', 'not-found', /there is no such program/],
  ] as const) t.regex((await t.throwsAsync(openTagger(parseSource(source)), { code, message })).message, /^Cannot start the bridge/);
});

test('a script without its first line is no program; the message says so', async t => {
  const script = freshFile();
  writeFileSync(script, '\u007fELF nonsense', { mode: 0o755 });
  const error = await t.throwsAsync(openBridge({ command: script }));
  t.true(isTaggerError(error) && ['unavailable', 'device-lost', 'not-found'].includes(error.code), String(error));
});

test('what is meant for the daemon alone is not handed to a bridge', t => {
  t.deepEqual(bridgeEnvironment({ PATH: '/bin', TAGD_LINK: 'secret', NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '1', LISTEN_FDS: '3', HOME: '/h' }), { PATH: '/bin', HOME: '/h' });
});

test('a command that the system refuses is a clear error too', async t => {
  await t.throwsAsync(openBridge({ command: `sh ${'x'.repeat(3_000_000)}` }), { code: 'unavailable', message: /^Cannot start the bridge 'sh x+\.\.\.': E2BIG\.$/ });
});
