// core/wire.ts - what client and daemon agree on below the remote interface: subprotocols, binary frames, chunks.
//
// A binary frame is u32 length of the JSON (little endian), the JSON, and the byte arrays taken out of it, each
// beginning at a multiple of 8. In the JSON a string that begins with NUL stands for a byte array, `\0<start>,<length>`;
// a real string that begins with NUL is written with one NUL more.

/** Preferred first. A peer that offers neither speaks JSON. */
export const protocols = { binary: 'tagd.bin.1', json: 'tagd.json.1' } as const;
export const rpcPath = '/rpc';

/** Close codes of our own; a client turns them into errors. */
export const closeCodes = { protocol: 4400, idle: 4408, slow: 4413, dead: 4499, shutdown: 4503 } as const;

export function encodeFrame(message: unknown): Uint8Array<ArrayBuffer> {
  const blobs: Uint8Array[] = [];
  let blobBytes = 0;
  const text = JSON.stringify(message, function replace(this: Record<string, unknown>, key: string, value: unknown): unknown {
    // A Buffer has been turned into an object by its own toJSON when it arrives here; the holder still has it.
    const original = this[key];
    if (original instanceof Uint8Array) {
      const start = blobBytes;
      blobs.push(original);
      blobBytes += align(original.byteLength);
      return `\0${start},${original.byteLength}`;
    }
    return typeof value === 'string' && value.startsWith('\0') ? `\0${value}` : value;
  });
  const json = new TextEncoder().encode(text);
  const bodyAt = align(4 + json.byteLength);
  const frame = new Uint8Array(bodyAt + blobBytes);
  new DataView(frame.buffer).setUint32(0, json.byteLength, true);
  frame.set(json, 4);
  let at = bodyAt;
  for (const blob of blobs) {
    frame.set(blob, at);
    at += align(blob.byteLength);
  }
  return frame;
}

/**
 * Byte arrays are windows of `frame`; nothing is copied.
 * @throws {Error} if the frame contradicts itself
 */
export function decodeFrame(frame: Uint8Array): unknown {
  if (frame.byteLength < 4) throw new Error('a frame of fewer than 4 bytes');
  const length = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true);
  if (4 + length > frame.byteLength) throw new Error('a frame that is shorter than it says');
  const text = new TextDecoder('utf-8', { fatal: true }).decode(frame.subarray(4, 4 + length));
  const bodyAt = align(4 + length);
  const restore = (_: string, value: unknown): unknown => {
    if (typeof value !== 'string' || !value.startsWith('\0')) return value;
    if (value.startsWith('\0\0')) return value.slice(1);
    const [start = NaN, bytes = NaN] = value.slice(1).split(',').map(Number);
    if (!(start >= 0 && bytes >= 0 && bodyAt + start + bytes <= frame.byteLength)) throw new Error('a frame that names bytes it does not have');
    return frame.subarray(bodyAt + start, bodyAt + start + bytes);
  };
  return JSON.parse(text, text.includes('\\u0000') ? restore : undefined);
}

function align(bytes: number): number { return (bytes + 7) & ~7; }

/** A large array under way: the receiver fills `byteLength` bytes from `stream` and reads them as `chunked`. */
export interface Chunked {
  chunked: ArrayName;
  byteLength: number;
  stream: ReadableStream<Uint8Array>;
}

export const arrays = {
  Uint8Array, Uint16Array, Uint32Array, Int8Array, Int16Array, Int32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array,
} as const;
export type ArrayName = keyof typeof arrays;

export function isChunked(value: unknown): value is Chunked {
  return typeof value === 'object' && value !== null && 'chunked' in value && typeof value.chunked === 'string' && Object.hasOwn(arrays, value.chunked);
}
