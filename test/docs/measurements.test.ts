// test/docs/measurements.test.ts - docs/measurements.md is what the table of measurements gives.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { checkRequest } from '../../app/core/arguments.ts';
import { measurementNames, measurements } from '../../app/core/measurements.ts';
import { checkVirtual, virtualKindNames, virtualSpecOf } from '../../app/core/virtual.ts';
import { collectVirtual } from '../../app/tagctl/virtual-option.ts';
import { exampleOf, measurementsPage } from '../../ops/docs.ts';

test('docs/measurements.md is what the table gives; if not: node ops/docs.ts', t => {
  t.is(readFileSync(new URL('../../docs/measurements.md', import.meta.url), 'utf8'), measurementsPage());
});

test('every class is in the table of losses, with a sentence, and every argument and getter is explained', t => {
  const page = measurementsPage();
  for (const name of measurementNames) {
    const { className, loss, parameters, getters } = measurements[name];
    t.true(page.includes(`| ${className} | ${loss} |`), name);
    t.true(loss.endsWith('.'), name);
    for (const key of [...Object.keys(parameters), ...Object.keys(getters)]) t.true(page.includes(`| \`${key}`), `${name}.${key}`);
  }
});

test('every kind of virtual channel is in the page, with an example that tagctl reads', t => {
  const page = measurementsPage();
  for (const kind of virtualKindNames) {
    const { className, anew, example, parameters } = virtualSpecOf(kind);
    t.true(page.includes(`| ${className} | ${anew} |`) && page.includes(`'1001=${example}'`), kind);
    for (const key of Object.keys(parameters)) t.true(page.includes(`| \`${key}\` |`), `${kind}.${key}`);
    t.is(checkVirtual(collectVirtual(`1001=${example}`), [1, 2, 3, 4])[0]?.kind, kind);
  }
});

test('docs/time-tagger-api.md names every class of ours, and none that is not there', t => {
  const rows = readFileSync(new URL('../../docs/time-tagger-api.md', import.meta.url), 'utf8').split('\n').filter(line => line.startsWith('| '));
  const here = rows.flatMap(row => [...(row.split('|')[2] ?? '').matchAll(/`([a-z]\w*)`/gi)].map(match => match[1]!));
  for (const name of [...measurementNames, ...virtualKindNames]) t.true(here.includes(name), name);
  const classes = rows.filter(row => /^\| [A-Z]\w+(, [A-Z]\w+)* \| (`\w+`(, )?)+ \|/.test(row));
  const known = new Set<string>([...measurementNames, ...virtualKindNames]);
  t.true(classes.length > 25);
  for (const row of classes) for (const [, name] of (row.split('|')[2] ?? '').matchAll(/`(\w+)`/g)) t.true(known.has(name!), row);
});

test('the arguments of every example are taken by the engine', t => {
  const channels = Array.from({ length: 32 }, (_, i) => i + 1).flatMap(channel => [channel, -channel]);
  for (const name of measurementNames) t.notThrows(() => checkRequest({ name, config: exampleOf(name) }, channels), name);
});
