// core/errors.ts - every error thrown on purpose. The code crosses the wire; the class does not.

export type ErrorCode =
  | 'usage' | 'not-found' | 'forbidden' | 'conflict' | 'busy' | 'limit' | 'unsupported' | 'closed' | 'timeout'
  | 'device-lost' | 'device-refused' | 'protocol' | 'overflow' | 'unavailable' | 'internal';

/**
 * An operating error: something outside the program went wrong and a person can act on it.
 *
 * `message` says what was attempted, on what, and what came back. `hint` says what to do next. Both are shown to
 * clients; a `cause` stays on the box.
 */
export class TaggerError extends Error {
  static { this.prototype.name = 'TaggerError'; }
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  constructor(code: ErrorCode, message: string, options: ErrorOptions & { hint?: string | undefined } = {}) {
    super(message, options);
    this.code = code;
    this.hint = options.hint;
  }
}

/** True for our own errors and for their shape after a trip over a wire or between threads. */
export function isTaggerError(error: unknown): error is TaggerError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && errorCodes.has(error.code);
}

/** What crosses a thread or the wire in place of an error. */
export interface ErrorNote { code: ErrorCode; message: string; hint?: string | undefined }

/** The public part of any error. A bug becomes `internal` and keeps its details on the box. */
export function toNote(error: unknown): ErrorNote {
  if (isTaggerError(error)) return { code: error.code, message: error.message, hint: error.hint };
  return { code: 'internal', message: 'The daemon met an internal error; its log has the details.' };
}

export function fromNote(note: ErrorNote): TaggerError {
  return new TaggerError(note.code, note.message, { hint: note.hint });
}

const errorCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'usage', 'not-found', 'forbidden', 'conflict', 'busy', 'limit', 'unsupported', 'closed', 'timeout',
  'device-lost', 'device-refused', 'protocol', 'overflow', 'unavailable', 'internal',
]);
