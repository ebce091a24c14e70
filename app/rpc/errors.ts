// rpc/errors.ts - which errors a client sees: our own with code and hint, everything else as `internal` without details.
import { isTaggerError, TaggerError, toNote } from '../core/errors.ts';

/** What the remote side reports of its own: a path that leads to no method. */
const noSuchMethod = /^'([\w.]{0,80})' is not a function\.$/;

/**
 * The error as it may leave the box: message, code and hint as own properties, no stack, no cause.
 * @param onInternal hears what was hidden
 */
export function publicError(error: unknown, onInternal: (error: unknown) => void): Error {
  const known = recognise(error);
  if (!known) onInternal(error);
  const { code, message, hint } = toNote(known ?? error);
  const copy = Object.assign(new Error(message), { code, ...(hint === undefined ? {} : { hint }) });
  delete copy.stack;
  return copy;
}

function recognise(error: unknown): TaggerError | undefined {
  if (isTaggerError(error)) return error;
  const path = error instanceof TypeError ? noSuchMethod.exec(error.message)?.[1] : undefined;
  if (path === undefined) return undefined;
  return new TaggerError('forbidden', `Cannot call '${path}': this object has no such method.`, { hint: 'Another facet may have it; ask for a link with more rights.' });
}
