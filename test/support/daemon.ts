// test/support/daemon.ts - a real daemon as a child process, as a user would start it, with a state folder of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface DaemonUnderTest extends AsyncDisposable {
  link: string;
  port: number;
  stateFolder: string;
  process: ChildProcess;
  /** Everything it printed so far, stdout and stderr together. */
  output(): string;
  /** Ends it as systemd would and waits for its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const main = fileURLToPath(new URL('../../app/daemon/main.ts', import.meta.url));

export interface StartOptions { stateFolder?: string; config?: string; port?: number }

/** Starts `tagd ... --print-link` on a free port and waits for its link. */
export async function startDaemon(args: readonly string[] = [], options: StartOptions = {}): Promise<DaemonUnderTest> {
  const stateFolder = options.stateFolder ?? mkdtempSync(join(tmpdir(), 'tagd-state-'));
  const child = spawn(process.execPath, [
    '--disable-warning=ExperimentalWarning', main, '--state', stateFolder, '--listen', `127.0.0.1:${options.port ?? 0}`, '--print-link',
    ...(options.config === undefined ? [] : ['--config', options.config]), ...args,
  ], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const link = await new Promise<string>((resolve, reject) => {
    const listen = (text: string): void => {
      output += text;
      const match = /^link: (tagd:\/\/\S+)$/m.exec(output);
      if (match) resolve(match[1] as string);
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    child.once('exit', code => { reject(new Error(`tagd ended with exit code ${code} before it was ready:\n${output}`)); });
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exit = once(child, 'exit');
    child.kill(signal);
    const [code] = await exit as [number | null];
    return code;
  };
  return {
    link, port: Number(new URL(link.replace('tagd://', 'http://')).port), stateFolder, process: child, output: () => output, stop,
    async [Symbol.asyncDispose]() { await stop(); },
  };
}

/** Runs tagd to its end and gives what it said. */
export async function runDaemon(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', text => { stdout += text; });
  child.stderr.setEncoding('utf8').on('data', text => { stderr += text; });
  const [code] = await once(child, 'close') as [number | null];
  return { code, stdout, stderr };
}
