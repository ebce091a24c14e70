// rpc/errors.ts - which errors a client sees: our own with code and hint, everything else as `internal` without details.
import { isTaggerError, TaggerError, toNote } from '../core/errors.ts';

/** What the layer below says of a peer that names an object it does not have. */
const noSuchObject = /^(no such (export ID|entry on exports table)|refcount would go negative)/;
/** And of a name that leads to no method. */
const noSuchMethod = /^'([^]*)' is not a function\.$/;

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
  if (error instanceof Error && noSuchObject.test(error.message)) {
    return new TaggerError('protocol', 'The connection is closed: a message names an object that was never given out.', { cause: error });
  }
  const path = error instanceof TypeError ? noSuchMethod.exec(error.message)?.[1] : undefined;
  if (path === undefined) return undefined;
  return new TaggerError('forbidden', `Cannot call '${/^\w{1,64}$/.test(path) ? path : '...'}': this object has no such method.`, {
    hint: 'Another facet may have it; ask for a link with more rights.',
  });
}
