// client/calls.ts - how every remote call is made: errors arrive as TaggerError, large arrays are put together.
import { isTaggerError, TaggerError } from '../core/errors.ts';
import { arrays, isChunked, type Chunked } from '../core/wire.ts';
import { plainCounts } from './counts.ts';
import type { SocketTransport } from './transport.ts';

/** One connection as the wrappers see it. */
export class Caller {
  readonly #transport: SocketTransport;
  constructor(transport: SocketTransport) { this.#transport = transport; }

  /** @throws {TaggerError} with the code and hint of the station, or `closed` if the connection has ended */
  async call<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await assemble(await action()) as T;
    } catch (error) {
      throw this.#understand(error);
    }
  }

  /** A function as the station may call it; the station waits for what it returns before it calls again. */
  callback<T>(listener: (value: T) => unknown): (value: unknown) => Promise<void> {
    return async value => {
      const whole = await assemble(value) as T;
      try {
        await listener(whole);
      } catch (error) {
        // As with any event listener: the fault is shown where the program shows its faults, and the updates end.
        queueMicrotask(() => { throw error; });
        throw new TaggerError('usage', 'The callback failed.', { cause: error });
      }
    };
  }

  #understand(error: unknown): TaggerError {
    if (error instanceof TaggerError) return error;
    if (isTaggerError(error)) {
      const { code, message, hint } = error as TaggerError;
      return new TaggerError(code, message, { hint, cause: error });
    }
    if (this.#transport.reason) return new TaggerError('closed', this.#transport.reason.message, { hint: this.#transport.reason.hint, cause: error });
    const message = error instanceof Error ? error.message : String(error);
    if (/\bdisposed\b/.test(message)) return new TaggerError('closed', 'This object was disposed.', { cause: error });
    return new TaggerError('usage', `Cannot make this call: ${message}`, { cause: error });
  }
}

/** Puts arrays that come in chunks together, and makes doubles of counts. */
async function assemble(value: unknown): Promise<unknown> {
  if (isChunked(value)) return plainCounts(await collect(value));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if (ArrayBuffer.isView(value)) return plainCounts(value);
  const fields = value as Record<string, unknown>;
  for (const [key, item] of Object.entries(fields)) {
    if (isChunked(item) || ArrayBuffer.isView(item) || key === 'value') fields[key] = await assemble(item);
  }
  return value;
}

async function collect({ chunked, byteLength, stream }: Chunked): Promise<ArrayBufferView> {
  const bytes = new Uint8Array(byteLength);
  let at = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.byteLength > byteLength) throw new TaggerError('protocol', 'An array came with more bytes than it was announced with.');
    bytes.set(value, at);
    at += value.byteLength;
  }
  if (at !== byteLength) throw new TaggerError('protocol', `An array of ${byteLength} bytes broke off after ${at}.`);
  return new arrays[chunked](bytes.buffer);
}

/** Updates by callback, until cancelled or until what they come from has ended. */
export class Subscription implements Disposable {
  readonly #stub: { cancel(): Promise<void> } & Disposable;
  constructor(stub: { cancel(): Promise<void> } & Disposable) { this.#stub = stub; }

  /** No call begins after this; one that is under way may still end. */
  cancel(): void { this.#stub[Symbol.dispose](); }

  [Symbol.dispose](): void { this.cancel(); }
}
