// ops/run.mjs - runs a tool or the tests as a child, shows its output as it comes and says how long it took.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @returns true if the tool found nothing to complain about */
export async function runTool(name, script, args, env) {
  const started = Date.now();
  const { code } = await child([join(root, script), ...args], env);
  console.log(`${name}: ${code === 0 ? 'clean' : 'NOT CLEAN'} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  return code === 0;
}

/** Runs ava and counts what its report says. */
export async function runTests(args, env) {
  const started = Date.now();
  const { code, output } = await child([join(root, 'node_modules/ava/entrypoints/cli.js'), ...args], env);
  const count = pattern => [...output.matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);
  const titles = [...output.matchAll(/^ *✔ (.*)$/gm)].map(match => match[1]);
  // When one has failed the report no longer says how many have passed.
  const passed = count(/^ *(\d+) tests? passed$/gm) || titles.length;
  const skipped = count(/^ *(\d+) tests? skipped$/gm);
  const counted = count(/^ *(\d+) (?:tests? failed|uncaught exceptions?|unhandled rejections?)$/gm);
  console.log(`tests: ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return { passed, skipped, failed: counted === 0 && code !== 0 ? 1 : counted, titles };
}

async function child(args, env) {
  const process_ = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  process_.stdout.setEncoding('utf8').on('data', text => {
    output += text;
    process.stdout.write(text);
  });
  const code = await new Promise(resolve => { process_.on('close', resolve); });
  // eslint-disable-next-line no-control-regex
  return { code, output: output.replaceAll(/\u001B\[[0-9;]*m/g, '') };
}
