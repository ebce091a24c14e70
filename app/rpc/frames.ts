// rpc/frames.ts - which messages a client may send. Whatever could make a few bytes cost a lot is refused here.
//
// One message causes at most one call. The protocol under us also knows messages that run a program over a list
// (`remap`) and results that are put together from other results (`[[p, p]]`, doubled again and again: 700 bytes keep a
// processor busy for seconds). No method of ours needs either: arguments are plain values, bytes and callbacks.
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';

/** Values with a tag that may stand in arguments or in the answer of a callback. */
const plainTags: ReadonlySet<unknown> = new Set(['undefined', 'bigint', 'inf', '-inf', 'nan', 'error']);

function refuse(what: string): TaggerError {
  return new TaggerError('protocol', `The connection is closed: ${what}.`, { hint: 'Use the client library of this version.' });
}

/** @throws {TaggerError} `protocol`, on which the connection is to be closed */
export function checkMessage(message: unknown): void {
  if (!Array.isArray(message)) throw refuse('a message is not a list');
  const [kind, first, second] = message as unknown[];
  switch (kind) {
    case 'push': return checkCall(first);
    case 'pull': return checkNumber(first);
    case 'release':
      checkNumber(first);
      if (typeof second !== 'number' || !Number.isInteger(second) || second < 1) throw refuse('a release without a count');
      return;
    case 'resolve': case 'reject':
      checkNumber(first);
      return checkValue(second, 0, false);
    // Streams flow to the client only; what comes back is the end of one.
    case 'abort': return checkValue(first, 0, false);
    default: throw refuse(`a message of the unknown kind ${String(kind).slice(0, 40)}`);
  }
}

/** `["pipeline", id, [method], arguments]` and nothing wrapped around it. */
function checkCall(expression: unknown): void {
  if (!Array.isArray(expression)) throw refuse('a push that is no call');
  const [kind, id, path, values] = expression as unknown[];
  if (kind !== 'pipeline' && kind !== 'import') throw refuse('a push that is no call');
  checkNumber(id);
  // Results have no methods of their own, so nobody needs a longer path.
  if (!Array.isArray(path) || path.length !== 1 || typeof path[0] !== 'string') throw refuse('a call without a method');
  if (!Array.isArray(values) || values.length > 16) throw refuse('a call with a strange list of arguments');
  for (const value of values as unknown[]) checkValue(value, 0, true);
}

function checkValue(value: unknown, depth: number, callbacks: boolean): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > limits.messageDepth) throw refuse('a message that is nested too deeply');
  if (!Array.isArray(value)) {
    if (ArrayBuffer.isView(value)) throw refuse('a message with bytes');
    for (const item of Object.values(value)) checkValue(item, depth + 1, callbacks);
  } else if (value.length === 1 && Array.isArray(value[0])) {
    for (const item of value[0] as unknown[]) checkValue(item, depth + 1, callbacks);
  } else if (plainTags.has(value[0])) {
    if (value[0] === 'bigint' && !(typeof value[1] === 'string' && /^-?\d{1,30}$/.test(value[1]))) throw refuse('an integer that is none');
    for (const item of value.slice(1) as unknown[]) checkValue(item, depth + 1, callbacks);
  } else if (callbacks && value[0] === 'export' && value.length === 2) {
    checkNumber(value[1]);
  } else if (callbacks && value[0] === 'bytes' && value.length === 2) {
    // A module to install, as text or as it is; the bound is that of a message. Words of other widths are taken nowhere.
    if (typeof value[1] !== 'string' && !(value[1] instanceof Uint8Array)) throw refuse('bytes that are none');
  } else throw refuse(`a value of the kind ${typeof value[0] === 'string' ? value[0].slice(0, 40) : typeof value[0]}`);
}

function checkNumber(value: unknown): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw refuse('a number is missing');
}
