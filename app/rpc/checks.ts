// rpc/checks.ts - the checks of what a peer passes. Types end at the socket: every argument is unknown until it was here.
import { describe } from '../core/arguments.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';

function wrong(action: string, key: string, expected: string, value: unknown): TaggerError {
  return new TaggerError('usage', `Cannot ${action}: ${key} must be ${expected}, got ${describe(value)}.`);
}

/** A record without unknown keys; `undefined` counts as an empty one. */
export function checkRecord<K extends string>(action: string, value: unknown, keys: readonly K[]): Partial<Record<K, unknown>> {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw wrong(action, 'the options', 'an object', value);
  const unknown = Object.keys(value).find(key => !(keys as readonly string[]).includes(key));
  if (unknown !== undefined) {
    throw new TaggerError('usage', `Cannot ${action}: there is no option ${describe(unknown)}.`, { hint: `Use ${keys.join(', ')}.` });
  }
  return value as Partial<Record<K, unknown>>;
}

/** An object that came as plain data. Stubs of remote objects are functions and do not pass. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

export function checkInteger(action: string, key: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) throw wrong(action, key, `a whole number from ${min} to ${max}`, value);
  return value;
}

export function checkNumber(action: string, key: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) throw wrong(action, key, `a number from ${min} to ${max}`, value);
  return value;
}

export function checkBoolean(action: string, key: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrong(action, key, 'true or false', value);
  return value;
}

export function checkText(action: string, key: string, value: unknown, longest: number = limits.labelCharacters): string {
  // Control characters in a label would forge lines in logs and terminals.
  if (typeof value !== 'string' || value.length > longest || /\p{Cc}/u.test(value)) throw wrong(action, key, `a text of at most ${longest} characters without control characters`, value);
  return value;
}

/** A name under which a measurement is kept. */
export function checkName(action: string, value: unknown): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$/.test(value)) throw wrong(action, 'the name', '1 to 64 letters, digits, spaces and . _ -', value);
  return value;
}

export function checkChoice<T extends string>(action: string, key: string, value: unknown, choices: readonly T[]): T {
  if (typeof value !== 'string' || !(choices as readonly string[]).includes(value)) throw wrong(action, key, `one of ${choices.join(', ')}`, value);
  return value as T;
}

export function checkList<T>(action: string, key: string, value: unknown, longest: number, item: (value: unknown) => T): T[] {
  if (!Array.isArray(value) || value.length > longest) throw wrong(action, key, `a list of at most ${longest}`, value);
  return (value as unknown[]).map(item);
}

/** A function of the peer, as the remote stub that stands for it. */
export function checkCallback<T extends (...values: never[]) => unknown>(action: string, value: unknown): T & RemoteFunction {
  if (typeof value !== 'function' || !('dup' in value)) throw wrong(action, 'the callback', 'a function', value);
  return value as unknown as T & RemoteFunction;
}

/** The part of a remote stub that keeping it needs: without `dup` it dies when the call that brought it returns. */
export interface RemoteFunction extends Disposable { dup(): this }
