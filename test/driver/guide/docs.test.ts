// test/driver/guide/docs.test.ts - docs/writing-a-driver.md shows the files of this folder as they are, and names only what there is.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(`${root}docs/writing-a-driver.md`, 'utf8');

test('every snippet in docs/writing-a-driver.md is a file of test/driver/guide, whole; if not, copy the file into the page', t => {
  const snippets = [...page.matchAll(/```ts\n([\s\S]*?)```\n/g)].map(match => match[1]!);
  const names = snippets.map(snippet => /^\/\/ (test\/driver\/guide\/[\w.]+) - /.exec(snippet)?.[1]);
  t.deepEqual(names, ['protocol', 'driver', 'emulator', 'clicker.test'].map(name => `test/driver/guide/${name}.ts`));
  for (const [i, snippet] of snippets.entries()) t.is(snippet, readFileSync(root + names[i]!, 'utf8'), names[i]);
});

test('every file that docs/writing-a-driver.md names is there, but for those that its reader shall make', t => {
  const isNew = (path: string): boolean => path.includes('clicker') && !path.startsWith('test/driver/guide');
  const paths = [...page.matchAll(/`((?:app|test|docs|ops)\/[\w./-]+)`/g)].map(match => match[1]!);
  t.true(paths.length > 10);
  for (const path of paths.filter(each => !isNew(each))) t.true(existsSync(root + path), path);
});

test('every name of the seam in docs/writing-a-driver.md is exported where the page says', t => {
  for (const [, path, names] of page.matchAll(/^\| `(app\/[\w./-]+\.ts)` \| ([^|]*):/gm)) {
    const source = readFileSync(root + path!, 'utf8');
    for (const [, name] of names!.matchAll(/`(\w+)`/g)) t.regex(source, new RegExp(`export (interface|type|class|function|const) ${name}\\b`), `${path}: ${name}`);
  }
});
