// driver/replay/header.ts - reads the tag header of a PTU file.
//
// The bytes come from anywhere: every length is checked against what is there, and each fault has its own message.
import { TaggerError } from '../../core/errors.ts';

/** Readers in the field take 20 KB; a header above this is not one. */
export const headerLimitBytes = 1024 * 1024;

export type HeaderValue = number | bigint | boolean | string | null;

export interface Header {
  version: string;
  /** Scalars by name, elements of lists by `name(index)`; arrays and blobs are left out. */
  values: ReadonlyMap<string, HeaderValue>;
  /** Where the records begin. */
  bytes: number;
}

const types = {
  empty: 0xffff0008, bool: 0x00000008, int: 0x10000008, bits: 0x11000008, color: 0x12000008, float: 0x20000008,
  dateTime: 0x21000008, floats: 0x2001ffff, ansi: 0x4001ffff, wide: 0x4002ffff, blob: 0xffffffff,
} as const;
const entryBytes = 48;

/**
 * @param head the beginning of the file: all of it, or at least `headerLimitBytes`
 * @param fileBytes size of the whole file
 * @param name what messages call the file
 * @throws {TaggerError} `usage` if this is no PTU file, `protocol` if its header is damaged
 */
export function readHeader(head: Uint8Array, fileBytes: number, name: string): Header {
  const fault = (what: string, hint?: string): TaggerError => new TaggerError('protocol', `Cannot read the header of ${name}: ${what}.`, {
    hint: hint ?? 'Copy the file again, or record it anew.',
  });
  if (fileBytes === 0) throw new TaggerError('protocol', `Cannot replay ${name}: the file is empty.`, { hint: 'The recording program may not have finished.' });
  const magic = latin(head.subarray(0, 8));
  if (magic !== 'PQTTTR\0\0'.slice(0, magic.length)) {
    throw new TaggerError('protocol', `Cannot replay ${name}: it does not begin with PQTTTR, so it is not a PTU file.`, {
      hint: 'PTU files of PicoQuant instruments in T2 mode can be replayed.',
    });
  }
  if (head.length < 16) throw fault(`the file ends after ${head.length} bytes, inside the magic`);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const values = new Map<string, HeaderValue>();
  let at = 16;
  for (;;) {
    if (at + entryBytes > head.length) throw cut(at);
    const ident = untilNul(latin(head.subarray(at, at + 32)));
    const index = view.getInt32(at + 32, true);
    const type = view.getUint32(at + 36, true);
    const valueAt = at + 40;
    const key = index < 0 ? ident : `${ident}(${index})`;
    at += entryBytes;
    if (ident === 'Header_End') return { version: untilNul(latin(head.subarray(8, 16))), values, bytes: at };
    switch (type) {
      case types.empty: values.set(key, null); break;
      case types.bool: values.set(key, view.getBigInt64(valueAt, true) !== 0n); break;
      case types.int: case types.bits: case types.color: values.set(key, wholeNumber(view.getBigInt64(valueAt, true))); break;
      case types.float: case types.dateTime: values.set(key, view.getFloat64(valueAt, true)); break;
      case types.ansi: case types.wide: case types.floats: case types.blob: {
        const length = view.getBigInt64(valueAt, true);
        if (length < 0n || length > BigInt(fileBytes - at)) throw fault(`'${printable(ident)}' claims ${length} bytes and the file has ${fileBytes - at} left`);
        const bytes = Number(length);
        if (at + bytes > head.length) throw cut(at);
        const content = head.subarray(at, at + bytes);
        if (type === types.ansi) values.set(key, untilNul(latin(content)));
        if (type === types.wide) values.set(key, untilNul(new TextDecoder('utf-16le').decode(content)));
        at += bytes;
        break;
      }
      default: throw fault(`'${printable(ident)}' at byte ${at - entryBytes} has the unknown type 0x${type.toString(16).padStart(8, '0')}`);
    }
  }

  function cut(where: number): TaggerError {
    return head.length < fileBytes
      ? fault(`it goes on after ${headerLimitBytes} bytes`, 'A real header is a few kilobytes long: the file is damaged.')
      : fault(`the file ends at byte ${fileBytes}, before Header_End (at byte ${where})`);
  }
}

/** @throws {TaggerError} `protocol` if it is missing or not a number */
export function requireNumber(header: Header, key: string, name: string): number {
  const value = header.values.get(key);
  if (typeof value !== 'number') {
    throw new TaggerError('protocol', `Cannot replay ${name}: its header ${value === undefined ? `lacks ${key}` : `holds a ${key} that is not a number`}.`, {
      hint: 'The file was not written by a PicoQuant program or is damaged.',
    });
  }
  return value;
}

/** A number where it is exact; beyond 2^53 the bigint, which no check below takes for a plausible value. */
function wholeNumber(value: bigint): number | bigint {
  return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value;
}

function latin(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function untilNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** Hostile names go into messages that a terminal shows. */
export function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 40);
}
