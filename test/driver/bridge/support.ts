// test/driver/bridge/support.ts - bridges for tests: the command of one, what it wrote down, and whether a process is gone.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openBridge, type BridgeOptions, type BridgeTagger } from '../../../app/driver/bridge/driver.ts';

export const here = fileURLToPath(new URL('.', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tagd-bridge-'));
let files = 0;

/** Bridges in Python run where it is; elsewhere their tests are skipped, by name. */
export const testPython = spawnSync('python3', ['--version']).status === 0 ? test : test.skip;

/** A file that nobody else has; it is not there yet. */
export function freshFile(): string { return join(folder, String(files++)); }

/** The command of test/driver/bridge/bridge.mjs, quoted as a user would. */
export function command(options: object): string { return `'${process.execPath}' ${here}bridge.mjs '${JSON.stringify(options)}'`; }

export function open(options: object, rest: Partial<BridgeOptions> = {}): Promise<BridgeTagger> { return openBridge({ command: command(options), ...rest }); }

export function read<T>(file: string): T { return JSON.parse(readFileSync(file, 'utf8')) as T; }

/** Children of this process whose command line names `part`, or, without it, that are dead and were not waited for. */
export function processes(part?: string): number[] {
  if (!existsSync('/proc/self/task')) return [];
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  return children.filter(pid => {
    try {
      return part === undefined ? readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ') : readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(part);
    } catch {
      return false;
    }
  });
}
