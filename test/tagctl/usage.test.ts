// test/tagctl/usage.test.ts - help of every command, near names, units, exit codes: what needs neither file nor station.
import test from 'ava';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { specOf } from '../../app/core/arguments.ts';
import { measurementNames, measurements } from '../../app/core/measurements.ts';
import type { Parameter } from '../../app/core/spec.ts';
import { configFrom, kebab, measurementOf, spellings } from '../../app/tagctl/measure-options.ts';
import { inTreeOrder } from '../../app/tagctl/program.ts';
import { emptyFolder, tagctl } from './run.ts';

const commands = ['login', 'info', 'taggers', 'rates', 'set', 'measure', 'analyze', 'share', 'grants', 'revoke', 'otu-check'];

test('--help lists every command, --version is that of the package', async t => {
  const help = await tagctl(['--help']);
  t.is(help.code, 0);
  for (const command of commands) t.regex(help.stdout, new RegExp(`^  ${command} `, 'm'));
  const version = await tagctl(['--version']);
  const { version: expected } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  t.is(version.stdout, `${expected}\n`);
});

test('help of every command fits one screen and has an example', async t => {
  const pages = [[], ...commands.map(command => [command]), ...measurementNames.flatMap(name => [['measure', kebab(name)], ['analyze', kebab(name)]])];
  const said = await Promise.all(pages.map(page => tagctl([...page, '--help'])));
  for (const [i, page] of pages.entries()) {
    const { code, stdout } = said[i]!;
    const lines = stdout.trimEnd().split('\n');
    t.is(code, 0, page.join(' '));
    t.true(lines.length <= 34, `${page.join(' ')}: ${lines.length} lines`);
    t.true(lines.every(line => line.length <= 80 || line.startsWith('  tagctl ')), page.join(' '));
    t.regex(stdout, /\nExamples:\n {2}tagctl /, page.join(' '));
    t.false(stdout.includes('\u001b'));
    const [, name] = page;
    const measurement = name === undefined ? undefined : measurementOf(name);
    if (measurement) for (const key of Object.keys(measurements[measurement].parameters)) t.true(stdout.includes(`--${kebab(key)}`), `${page.join(' ')} names --${kebab(key)}`);
  }
});

/** Each kind of argument as it is written and as it is read; a number of ps is written with its unit. */
const written: Record<Parameter['kind'], [string, unknown]> = {
  channels: ['1,-2', [1, -2]], channel: ['7', 7], groups: ['1+2,1+3', [[1, 2], [1, 3]]], duration: ['1.5ns', 1500], durations: ['1ns,2ps', [1000, 2]],
  integer: ['7', 7], integers: ['7,8', [7, 8]], numbers: ['7,8.5', [7, 8.5]], number: ['7', 7], boolean: ['yes', true], name: ['mine', 'mine'], choice: ['7', '7'],
};

function writtenFor(parameter: Parameter): [string, unknown] {
  return parameter.kind === 'number' && parameter.unit === 'ps' ? ['7.5ps', 7.5] : written[parameter.kind];
}

test('every parameter of the table can be written as an option', t => {
  for (const name of measurementNames) {
    const given: Record<string, string> = {};
    for (const [key, parameter] of Object.entries(specOf(name).parameters)) {
      given[kebab(key).replaceAll(/-([a-z\d])/g, (_, letter: string) => letter.toUpperCase())] = writtenFor(parameter)[0];
    }
    const expected = Object.entries(specOf(name).parameters).map(([key, parameter]) => [key, writtenFor(parameter)[1]]);
    t.deepEqual(configFrom(name, given), Object.fromEntries(expected));
    for (const spelling of spellings(name)) t.is(measurementOf(spelling), name);
  }
});

test('analyze takes the file before the name and after it', t => {
  t.deepEqual(inTreeOrder(['analyze', 'a.ptu', 'counter', '--json']), ['analyze', 'counter', 'a.ptu', '--json']);
  t.deepEqual(inTreeOrder(['analyze', 'counter', 'a.ptu']), ['analyze', 'counter', 'a.ptu']);
  t.deepEqual(inTreeOrder(['analyze', 'counter', 'counter']), ['analyze', 'counter', 'counter']);
  t.throws(() => inTreeOrder(['analyze', 'a.ptu']), { code: 'usage', message: /not said what to measure/ });
});

const wrong: [string, string[], number, RegExp][] = [
  ['no command', [], 64, /It is not said what to do/],
  ['a misspelt command', ['measur'], 64, /Unknown command 'measur'\.\nDid you mean measure\?/],
  ['a misspelt measurement', ['measure', 'corelation'], 64, /Did you mean correlation\?/],
  ['a misspelt option', ['measure', 'correlation', '--chanels', '1,2'], 64, /Did you mean --channels\?/],
  ['a measurement that is none', ['measure', 'bogus'], 64, /no measurement 'bogus'[^]*countrate, counter/],
  ['a measurement nearly right', ['measure', 'corelation'], 64, /no measurement 'corelation'[^]*Did you mean correlation\?/],
  ['an unknown option of set', ['set', '1', 'trigger-level', '-0.5V', '--revisoin', '3'], 64, /'--revisoin'/],
  ['a time without a unit', ['measure', 'correlation', '--channels', '1,2', '--binwidth', '16'], 64, /--binwidth: Cannot read '16' as a time: the unit is missing/],
  ['a duration without a unit', ['measure', 'countrate', '--channels', '1', '--for', '3'], 64, /--for: Cannot read '3' as a time: the unit is missing/],
  ['a duration of nothing', ['measure', 'countrate', '--channels', '1', '--for', '0s'], 64, /over before it begins/],
  ['a lifetime without a unit', ['share', '--ttl', '2'], 64, /--ttl: .*the unit is missing/],
  ['a fraction of a picosecond', ['measure', 'histogram', '--click', '2', '--binwidth', '0.5ps'], 64, /whole number of picoseconds/],
  ['a number that is none', ['measure', 'histogram', '--click', '2', '--bins', '10k'], 64, /--bins: cannot read '10k'/],
  ['no channel', ['measure', 'countrate'], 64, /no channel is given/],
  ['channel 0', ['measure', 'countrate', '--channels', '1,0'], 64, /Cannot read '0' as a channel/],
  ['three channels for two', ['measure', 'correlation', '--channels', '1,2,3'], 64, /takes channel1 and channel2/],
  ['a channel twice', ['measure', 'histogram', '--channels', '2,1', '--click', '2'], 64, /both --channels and --click/],
  ['a delay without a unit', ['measure', 'countrate', '--channels', '1', '--delay', '2=500'], 64, /--delay: .*the unit is missing/],
  ['a change of settings that does what nobody knows', ['measure', 'countrate', '--channels', '1', '--on-settings-change', 'explode'], 64, /--on-settings-change.*continue, stop, split/],
  ['a virtual channel of no kind', ['measure', 'countrate', '--channels', '1001', '--virtual', '1001=telescope'], 64, /--virtual: there is no kind 'telescope'/],
  ['a delay of a channel that is not measured', ['measure', 'countrate', '--channels', '1', '--delay', '2=5ns'], 64, /--delay: .*does not use channel 2/],
  ['stdout as a file', ['measure', 'countrate', '--channels', '1', '--csv', '-'], 64, /Cannot write to '-'/],
  ['no link', ['info'], 64, /There is no link to a station yet\.\nRun `tagctl login`/],
  ['login without a link', ['login'], 64, /no link came on stdin/],
  ['a file that cannot be written', ['measure', 'countrate', '--channels', '1', '--csv', '/nowhere/at/all.csv'], 73, /its folder does not exist/],
];
test('every wrong word has an exit code, one message and one hint, and nothing on stdout', async t => {
  await Promise.all(wrong.map(async ([what, args, exitCode, message]) => {
    const { code, stdout, stderr } = await tagctl(args);
    t.is(code, exitCode, `${what}: ${stderr}`);
    t.regex(stderr, message, what);
    t.regex(stderr, /^tagctl: [^\n]+\n([^\n]+\n)?$/, `${what}: one line and a hint`);
    t.is(stdout, '', what);
  }));
});

test('with --json an error is one object on stderr and stdout stays empty', async t => {
  const { code, stdout, stderr } = await tagctl(['measure', 'correlation', '--channels', '1,2', '--binwidth', '16', '--json']);
  t.is(code, 64);
  t.is(stdout, '');
  const { error } = JSON.parse(stderr) as { error: Record<string, string> };
  t.is(error['code'], 'usage');
  t.regex(error['hint'] ?? '', /16ps/);
});

test('a link file that others can read is refused', async t => {
  const { chmodSync, mkdirSync, writeFileSync } = await import('node:fs');
  const folder = emptyFolder();
  mkdirSync(join(folder, 'tagd'));
  writeFileSync(join(folder, 'tagd/link'), 'tagd://127.0.0.1:1/#secret\n');
  chmodSync(join(folder, 'tagd/link'), 0o644);
  const { code, stderr } = await tagctl(['info'], { environment: { XDG_CONFIG_HOME: folder } });
  t.is(code, 77);
  t.regex(stderr, /others can read the file\.\nchmod 600/);
});
