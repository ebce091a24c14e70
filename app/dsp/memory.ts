// dsp/memory.ts - the shared WebAssembly memory of one line: who lies where, views on it, and the allocator of its arena.
//
// Only the main thread allocates; every other thread is told addresses. The memory grows but never shrinks or moves, so
// an address stays good for ever; a JavaScript view does not: after growth it must be made anew, which `viewsOf` does.
import { TaggerError } from '../core/errors.ts';

const pageBytes = 65536;
/** The low page belongs to the WebAssembly modules (stack, constants). */
export const reservedBytes = pageBytes;
/** Result bins, view buffers and the ring together; addresses stay positive as int32. */
export const maximumBytes = 2 ** 31 - pageBytes;

export interface Views {
  buffer: SharedArrayBuffer;
  i32: Int32Array;
  u32: Uint32Array;
  u8: Uint8Array;
  f64: Float64Array;
  i64: BigInt64Array;
}

const cache = new WeakMap<WebAssembly.Memory, Views>();

/**
 * Typed arrays over the whole memory, made once per buffer.
 *
 * @param throughByte an address that must be visible: another thread may have grown the memory a moment ago
 */
export function viewsOf(memory: WebAssembly.Memory, throughByte = 0): Views {
  const known = cache.get(memory);
  if (known && known.buffer.byteLength >= throughByte) return known;
  // Growing by nothing makes this thread take notice of what others have grown.
  if (memory.buffer.byteLength < throughByte) memory.grow(0);
  const buffer = memory.buffer as unknown as SharedArrayBuffer;
  const views = {
    buffer, i32: new Int32Array(buffer), u32: new Uint32Array(buffer), u8: new Uint8Array(buffer),
    f64: new Float64Array(buffer), i64: new BigInt64Array(buffer),
  };
  cache.set(memory, views);
  return views;
}

export function createMemory(bytes: number, maximum = maximumBytes): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: Math.ceil(bytes / pageBytes), maximum: Math.floor(maximum / pageBytes), shared: true });
}

export function align64(bytes: number): number { return Math.ceil(bytes / 64) * 64; }

/**
 * First-fit allocator over everything behind the ring. Regions are 64-byte aligned and zeroed, provided that whoever
 * gives one back has zeroed it: for the largest that takes too long for the main thread.
 */
export class Arena {
  readonly #memory: WebAssembly.Memory;
  readonly #maximum: number;
  /** Holes in ascending order; neighbours are always merged. */
  readonly #free: { at: number; bytes: number }[] = [];
  readonly #taken = new Map<number, number>();
  #end: number;
  #used = 0;

  constructor(memory: WebAssembly.Memory, from: number, maximum = maximumBytes) {
    this.#memory = memory;
    this.#end = align64(from);
    this.#maximum = maximum;
  }

  get usedBytes(): number { return this.#used; }

  /** @throws {TaggerError} `limit` if the line has no room for it */
  allocate(bytes: number): number {
    const size = Math.max(64, align64(bytes));
    const at = this.#fromHole(size) ?? this.#fromEnd(size);
    this.#taken.set(at, size);
    this.#used += size;
    return at;
  }

  /** Gives a region back. It must be zero again. */
  free(at: number): void {
    const bytes = this.#taken.get(at);
    if (bytes === undefined) return;
    this.#taken.delete(at);
    this.#used -= bytes;
    let i = this.#free.findIndex(hole => hole.at > at);
    if (i < 0) i = this.#free.length;
    this.#free.splice(i, 0, { at, bytes });
    this.#merge(i);
    if (i > 0) this.#merge(i - 1);
    const last = this.#free.at(-1);
    if (last && last.at + last.bytes === this.#end) {
      this.#end = last.at;
      this.#free.pop();
    }
  }

  #fromHole(size: number): number | undefined {
    const i = this.#free.findIndex(hole => hole.bytes >= size);
    const hole = this.#free[i];
    if (!hole) return undefined;
    const { at } = hole;
    hole.at += size;
    hole.bytes -= size;
    if (hole.bytes === 0) this.#free.splice(i, 1);
    return at;
  }

  #fromEnd(size: number): number {
    const at = this.#end;
    const missing = at + size - this.#memory.buffer.byteLength;
    try {
      if (at + size > this.#maximum) throw new RangeError('beyond the maximum');
      if (missing > 0) this.#memory.grow(Math.ceil(missing / pageBytes));
    } catch (cause) {
      throw new TaggerError('limit', `Cannot reserve ${size} bytes for a measurement: this tagger's memory already holds ${this.#used} bytes of results.`, {
        cause, hint: 'Use fewer bins, or dispose measurements that are no longer needed.',
      });
    }
    this.#end = at + size;
    return at;
  }

  #merge(i: number): void {
    const hole = this.#free[i];
    const next = this.#free[i + 1];
    if (!hole || !next || hole.at + hole.bytes !== next.at) return;
    hole.bytes += next.bytes;
    this.#free.splice(i + 1, 1);
  }
}
