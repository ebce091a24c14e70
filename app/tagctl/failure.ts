// tagctl/failure.ts - what went wrong as one line, one line of advice, and an exit code that scripts can test.
//
// With --json the same goes to stderr as one object, `{"error": {"code", "message", "hint"}}`: stdout carries a result or
// nothing. A stack is never printed.
import { CommanderError } from 'commander';
import { TaggerError, isTaggerError, type ErrorCode, type ErrorNote } from '../core/errors.ts';
import { printable } from './terminal.ts';

/** Exit codes as in sysexits.h; 130 is 128 + SIGINT. */
export const exitCodes = {
  ok: 0, usage: 64, badData: 65, noInput: 66, unavailable: 69, internal: 70, cannotCreate: 73, inputOutput: 74, temporary: 75,
  protocol: 76, forbidden: 77, interrupted: 130,
} as const;

const codeOf: Record<ErrorCode, number> = {
  usage: exitCodes.usage, 'not-found': exitCodes.usage, limit: exitCodes.usage, unsupported: exitCodes.usage,
  forbidden: exitCodes.forbidden, conflict: exitCodes.temporary, busy: exitCodes.temporary, timeout: exitCodes.temporary,
  closed: exitCodes.unavailable, 'device-lost': exitCodes.unavailable, 'device-refused': exitCodes.unavailable,
  unavailable: exitCodes.unavailable, protocol: exitCodes.protocol, overflow: exitCodes.inputOutput, internal: exitCodes.internal,
};

/** An error whose exit code depends on what was being done, such as opening a file. */
export class CommandError extends TaggerError {
  readonly exitCode: number;
  constructor(exitCode: number, code: ErrorCode, message: string, hint?: string) {
    super(code, message, { hint });
    this.exitCode = exitCode;
  }
}

export interface Failure { note: ErrorNote; exitCode: number }

/** `undefined` when there is nothing to report: help or the version was asked for. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof CommanderError) return fromCommander(error);
  if (error instanceof CommandError) return { note: error, exitCode: error.exitCode };
  if (isTaggerError(error)) return { note: error, exitCode: codeOf[error.code] };
  const message = error instanceof Error ? error.message : String(error);
  return {
    note: { code: 'internal', message: `tagctl met an error that it does not know: ${message.split('\n')[0]}`, hint: 'Set TAGD_DEBUG=1 to see where, and report it.' },
    exitCode: exitCodes.internal,
  };
}

/** Two lines for people, one JSON object for programs. */
export function describeFailure({ note }: Failure, json: boolean): string {
  if (json) return `${JSON.stringify({ error: { code: note.code, message: note.message, hint: note.hint } })}\n`;
  const line = (text: string): string => printable(text.replaceAll(/\s*\n\s*/g, ' '));
  return `tagctl: ${line(note.message)}\n${note.hint === undefined ? '' : `${line(note.hint)}\n`}`;
}

function fromCommander(error: CommanderError): Failure | undefined {
  if (error.exitCode === 0) return undefined;
  if (error.code === 'commander.help') {
    return { note: { code: 'usage', message: 'It is not said what to do.', hint: 'Add --help to see what there is.' }, exitCode: exitCodes.usage };
  }
  const [first = '', ...rest] = error.message.split('\n');
  const near = /^\(Did you mean (.+)\?\)$/.exec(rest.join(' '))?.[1];
  const message = first.replace(/^error: /, '');
  return {
    note: {
      code: 'usage', message: `${message.charAt(0).toUpperCase()}${message.slice(1)}${message.endsWith('.') ? '' : '.'}`,
      hint: near === undefined ? 'Add --help to see what there is.' : `Did you mean ${near}?`,
    },
    exitCode: exitCodes.usage,
  };
}
