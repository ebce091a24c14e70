// tagctl/context.ts - what every command is given: where to print, what the terminal shows, and when to stop.
import { CommandError, exitCodes } from './failure.ts';
import { terminalOf, type Terminal } from './terminal.ts';

export interface Context {
  environment: NodeJS.ProcessEnv;
  out: Terminal;
  err: Terminal;
  /** Aborted by the first Ctrl-C; the second one ends the program. */
  signal: AbortSignal;
  print(lines: readonly string[]): Promise<void>;
  write(chunks: Iterable<string>): Promise<void>;
  /** A remark beside the result, on stderr. */
  remark(line: string): void;
  exitCode: number;
}

export function processContext(): Context {
  const abort = new AbortController();
  const stop = (): void => {
    if (abort.signal.aborted) process.exit(exitCodes.interrupted);
    abort.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // `tagctl ... | head` closes the pipe early: nobody is left to tell.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok);
    process.stderr.write(`tagctl: Cannot write to stdout: ${error.code}.\n`);
    process.exit(exitCodes.inputOutput);
  });
  const write = async (chunks: Iterable<string>): Promise<void> => {
    for (const chunk of chunks) {
      await new Promise<void>((resolve, reject) => {
        process.stdout.write(chunk, error => error
          ? reject(new CommandError(exitCodes.inputOutput, 'unavailable', `Cannot write to stdout: ${(error as NodeJS.ErrnoException).code}.`)) : resolve());
      });
    }
  };
  return {
    environment: process.env,
    out: terminalOf(process.stdout, process.env),
    err: terminalOf(process.stderr, process.env),
    signal: abort.signal,
    print: lines => write(lines.map(line => `${line}\n`)),
    write,
    remark: line => { process.stderr.write(`${line}\n`); },
    exitCode: exitCodes.ok,
  };
}
