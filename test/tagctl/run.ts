// test/tagctl/run.ts - runs the real tagctl as a child, with an environment of its own, and gives what it said.
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Said { code: number | null; stdout: string; stderr: string }

const main = fileURLToPath(new URL('../../app/tagctl/main.ts', import.meta.url));

/** An empty home: no link of the person who runs the tests gets in. */
export function emptyFolder(): string { return mkdtempSync(join(tmpdir(), 'tagctl-test-')); }
const nobody = emptyFolder();

export interface RunOptions {
  environment?: NodeJS.ProcessEnv;
  stdin?: string;
  /** Sends SIGINT once this text has appeared on stderr or stdout. */
  interruptAt?: RegExp;
  /** Sends SIGINT once this has come true. */
  interruptWhen?: Promise<unknown>;
}

/** Tests of one file start together; more children than this would only wait for each other. */
let places = 3;
const waiting: (() => void)[] = [];

export async function tagctl(args: readonly string[], options: RunOptions = {}): Promise<Said> {
  if (places > 0) places--;
  else await new Promise<void>(resolve => { waiting.push(resolve); });
  try { return await spawnAndListen(args, options); } finally {
    const next = waiting.shift();
    if (next) next();
    else places++;
  }
}

async function spawnAndListen(args: readonly string[], options: RunOptions): Promise<Said> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
    env: { PATH: process.env['PATH'], HOME: nobody, LANG: 'C', NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...options.environment }, stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const watch = (): void => { if (options.interruptAt?.test(stdout + stderr)) child.kill('SIGINT'); };
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text; watch(); });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; watch(); });
  void options.interruptWhen?.then(() => { child.kill('SIGINT'); });
  child.stdin.on('error', () => { /* it may end without reading */ });
  child.stdin.end(options.stdin ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout, stderr };
}
