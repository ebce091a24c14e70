// ops/check.mjs - `npm test`: types, lint and every test that needs no system package; says how long each part took.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTests, runTool } from './run.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const recordings = process.env.TAGD_RECORDINGS ?? join(root, '../shared/data');
const env = { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning', LANG: 'C.UTF-8' };
if (existsSync(recordings)) env.TAGD_RECORDINGS = recordings;

const failed = [];
if (!await runTool('types', 'node_modules/typescript/bin/tsc', ['-p', '.'], env)) failed.push('types');
if (!await runTool('lint', 'node_modules/oxlint/bin/oxlint', ['--deny-warnings'], env)) failed.push('lint');
const { passed, failed: tests, skipped, titles } = await runTests(process.argv.slice(2), env);
const real = titles.filter(title => title.includes('recordings:')).length;
console.log(existsSync(recordings) ? `recordings: ${real} tests` : 'recordings: skipped (set TAGD_RECORDINGS to a folder with real recordings to run them)');
console.log(`${passed} passed, ${tests + failed.length} failed${skipped ? `, ${skipped} skipped` : ''}`);
if (failed.length > 0) console.log(`not clean: ${failed.join(', ')}`);
process.exit(tests + failed.length > 0 || passed === 0 ? 1 : 0);
