// test/docs/measurements.test.ts - docs/measurements.md is what the table of measurements gives.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { checkRequest } from '../../app/core/arguments.ts';
import { measurementNames, measurements } from '../../app/core/measurements.ts';
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

test('the arguments of every example are taken by the engine', t => {
  const channels = Array.from({ length: 32 }, (_, i) => i + 1).flatMap(channel => [channel, -channel]);
  for (const name of measurementNames) t.notThrows(() => checkRequest({ name, config: exampleOf(name) }, channels), name);
});
