// rpc/chunks.ts - large arrays on their way out: in pieces, so that one reader never holds up the others' calls.
import { limits } from '../core/limits.ts';
import { arrays, type ArrayName, type Chunked } from '../core/wire.ts';
import type { Lifetime } from './lifetime.ts';

/**
 * Replaces large arrays of a value, or of the fields of an object, by streams of their bytes. Bytes leave as the reader
 * takes them; the end of `lifetime` breaks the stream off.
 *
 * @param onDone called once when nothing of the value is needed any more, at once if nothing was large
 */
export function intoChunks(value: unknown, lifetime: Lifetime, onDone: () => void): unknown {
  let open = 1;
  const done = (): void => { if (--open === 0) onDone(); };
  const cut = (item: unknown): unknown => {
    const name = nameOf(item);
    if (name === undefined || (item as ArrayBufferView).byteLength <= limits.inlineResultBytes) return item;
    open++;
    return { chunked: name, byteLength: (item as ArrayBufferView).byteLength, stream: streamOf(item as ArrayBufferView, lifetime, done) } satisfies Chunked;
  };
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && nameOf(value) === undefined;
  const result = isObject ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cut(item)])) : cut(value);
  done();
  return result;
}

function nameOf(value: unknown): ArrayName | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  return (Object.keys(arrays) as ArrayName[]).find(name => value instanceof arrays[name]);
}

function streamOf(array: ArrayBufferView, lifetime: Lifetime, done: () => void): ReadableStream<Uint8Array> {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let at = 0;
  let leave = (): void => {};
  const finish = (): void => { leave(); done(); };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      leave = lifetime.onEnd(reason => { controller.error(reason); done(); });
    },
    pull(controller) {
      const end = Math.min(at + limits.chunkBytes, bytes.length);
      controller.enqueue(bytes.subarray(at, end));
      at = end;
      if (at < bytes.length) return;
      controller.close();
      finish();
    },
    cancel: finish,
  }, { highWaterMark: 0 });
}
