// test/tagctl/terminal.test.ts - what is shown where: colour, Unicode, width, progress, and texts of other people.
import test from 'ava';
import { bar } from '../../app/tagctl/canvas.ts';
import { jsonLine } from '../../app/tagctl/document.ts';
import { describeFailure, failureOf } from '../../app/tagctl/failure.ts';
import { progressLine, progressOn } from '../../app/tagctl/progress.ts';
import { withError } from '../../app/tagctl/report.ts';
import { paint, printable, table, terminalOf, visible } from '../../app/tagctl/terminal.ts';

test('colour needs a terminal and no NO_COLOR; Unicode needs a locale that has it', t => {
  const tty = { isTTY: true, columns: 100 };
  t.like(terminalOf(tty, { LANG: 'de_DE.UTF-8' }), { colour: true, unicode: true, columns: 100 });
  t.false(terminalOf(tty, { NO_COLOR: '1' }).colour);
  t.true(terminalOf(tty, { NO_COLOR: '' }).colour, 'an empty NO_COLOR counts as not set');
  t.false(terminalOf(tty, { TERM: 'dumb' }).colour);
  t.false(terminalOf(tty, { LC_ALL: 'C', LANG: 'de_DE.UTF-8' }).unicode);
  t.like(terminalOf({ isTTY: false, columns: 200 } as never, { LANG: 'C.UTF-8' }), { colour: false, columns: 80 });
});

test('a name from elsewhere cannot steer the terminal', t => {
  t.is(printable('\u001b[2Jlaser\n\u0007 1\u202e'), '?[2Jlaser?? 1?');
  const { stderr } = { stderr: describeFailure({ note: { code: 'usage', message: 'no \u001b[31m', hint: 'a\nb' }, exitCode: 64 }, false) };
  t.is(stderr, 'tagctl: no ?[31m\na b\n');
});

test('table() aligns by what is visible', t => {
  const coloured = paint('ab', 'red', { colour: true });
  t.is(visible(coloured), 2);
  t.deepEqual(table([[coloured, '1'], ['abcd', '100']], [false, true]).map(visible), [9, 9]);
});

test('the line of progress shows the part done, the time left and the tags, and fits the terminal', t => {
  const terminal = { tty: true, colour: false, unicode: false, columns: 80 };
  t.is(progressLine({ fraction: 0.5, elapsedMs: 4000, tags: 12345 }, terminal), `[${'#'.repeat(15)}${' '.repeat(15)}] 50 %  4 s left  12,345 tags`);
  t.regex(progressLine({ fraction: undefined, elapsedMs: 75_000, tags: undefined }, terminal), /^1 min 15 s so far {2}Ctrl-C to finish$/);
  for (const columns of [40, 60, 200]) t.true(visible(progressLine({ fraction: 0.3, elapsedMs: 3.6e6, tags: 1e12 }, { ...terminal, columns })) < columns);
  t.is(bar(1, 3, false), '###');
});

test('nothing moves where nobody watches', t => {
  const written: string[] = [];
  const stream = { write: (text: string) => { written.push(text); return true; } } as unknown as NodeJS.WritableStream;
  const silent = progressOn(stream, { tty: false, colour: false, unicode: false, columns: 80 });
  silent.show({ fraction: 0.5, elapsedMs: 1, tags: 1 });
  silent.clear();
  t.deepEqual(written, []);
  const seen = progressOn(stream, { tty: true, colour: false, unicode: false, columns: 80 });
  seen.clear();
  t.deepEqual(written, [], 'nothing to take away');
  seen.show({ fraction: 0.5, elapsedMs: 1, tags: 1 });
  seen.clear();
  t.is(written.at(-1), '\r\u001b[K');
});

test('JSON holds 64-bit times as text and what is not known as null', t => {
  t.is(jsonLine({ startPs: 2n ** 62n, rateHz: null, missed: NaN }), '{"startPs":"4611686018427387904","rateHz":null,"missed":null}\n');
});

test('an error that nobody expected is one line and no stack', t => {
  const failure = failureOf(new TypeError('x is not a function\n    at y'));
  t.is(failure?.exitCode, 70);
  t.regex(describeFailure(failure!, false), /^tagctl: [^\n]+ x is not a function\n[^\n]+\n$/);
});

test('withError() writes as many digits as the error has meaning for', t => {
  t.is(withError(0.47312, 0.0123), '0.473 ± 0.012');
  t.is(withError(12.3456, 3.2), '12.3 ± 3.2');
  t.is(withError(1, 0), '1 ± 0');
});
