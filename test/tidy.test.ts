// test/tidy.test.ts - rules about the source itself that a reader relies on.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = ['app', 'test', 'ops'].flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.(ts|mjs)$/.test(entry.name) && !entry.parentPath.includes('client/dist'))
    .map(entry => join(entry.parentPath, entry.name)));

const complaints = (check: (text: string, name: string) => string | undefined) =>
  sources.map(file => check(readFileSync(file, 'utf8'), relative(root, file))).filter(Boolean);

test('every source file begins with its path and what it is for', t => {
  t.deepEqual(complaints((text, name) => {
    const path = name.replace(/^app\//, '');
    return text.replace(/^#!.*\n/, '').startsWith(`// ${path} - `) ? undefined : name;
  }), []);
});

test('no line is longer than 240 columns; most end at 140, sentences for people may run on', t => {
  t.deepEqual(complaints((text, name) => {
    const line = text.split('\n').findIndex(row => row.length > 240);
    return line < 0 ? undefined : `${name}:${line + 1}`;
  }), []);
});

test('a file above 300 lines says why in its header', t => {
  t.deepEqual(complaints((text, name) => {
    const lines = text.split('\n');
    if (lines.length <= 301) return undefined;
    const header = lines.slice(0, lines.findIndex(row => !row.startsWith('//'))).join(' ');
    return /long|lines|together|one place|one file/i.test(header) ? undefined : `${name}: ${lines.length} lines`;
  }), []);
});

test('nothing is left over: no marks of unfinished work, no focused test', t => {
  const marks = /TO[D]O|FIX[M]E|X[X]X|test\.on[l]y/; // written so that this line is not one of them
  t.deepEqual(complaints((text, name) => (marks.test(text) ? name : undefined)), []);
});

test('the lock file names no address to download from', t => {
  t.notRegex(readFileSync(join(root, 'package-lock.json'), 'utf8'), /"resolved": "https?:/);
});
