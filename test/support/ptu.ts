// test/support/ptu.ts - writes PTU files of all T2 record types, sound ones and, by overriding header tags, lying ones.
//
// The records are made from absolute ticks, so this is an encoder written on its own and not the decoder turned round.
import { closeSync, openSync, writeSync } from 'node:fs';

export const ptuTypes = {
  generic: { code: 0x00010207, timeBits: 25, wrapTicks: 2 ** 25, countedWraps: true },
  hydraHarp2: { code: 0x01010204, timeBits: 25, wrapTicks: 2 ** 25, countedWraps: true },
  hydraHarp1: { code: 0x00010204, timeBits: 25, wrapTicks: 33_552_000, countedWraps: false },
  picoHarp: { code: 0x00010203, timeBits: 28, wrapTicks: 210_698_240, countedWraps: false },
} as const;
export type PtuType = keyof typeof ptuTypes;

/** Codes above the inputs: sync, and sync + marker bits 1..15. */
export const syncCode = 100;

/** `null` leaves a tag out. */
export type HeaderTags = Record<string, number | string | boolean | null>;

export interface PtuOptions {
  type?: PtuType;
  resolutionS?: number;
  /** Added to or put in place of the usual tags. */
  header?: HeaderTags;
}

/** A header as the instruments write it. Numbers in `floats` are written as doubles, others as int64. */
export function ptuHeader(options: PtuOptions = {}, records = 0): Uint8Array {
  const { type = 'generic', resolutionS = 1e-12, header = {} } = options;
  const tags: HeaderTags = {
    File_GUID: '{00000000-0000-0000-0000-000000000000}', File_Comment: 'made for a test', CreatorSW_Name: 'test', CreatorSW_Version: '1.0', File_CreatingTime: 45_000,
    Measurement_Mode: 2, Measurement_SubMode: 0, TTResult_StopReason: 0, TTResultFormat_TTTRRecType: ptuTypes[type].code, TTResultFormat_BitsPerRecord: 32,
    MeasDesc_AcquisitionTime: 1000, HW_Type: 'made up', HW_SerialNo: '1234', MeasDesc_Resolution: resolutionS, MeasDesc_GlobalResolution: resolutionS,
    TTResult_SyncRate: 0, TTResult_NumberOfRecords: records, ...header,
  };
  const parts: Uint8Array[] = [Buffer.from('PQTTTR\0\x001.0.00\0\0', 'latin1')];
  for (const [key, value] of Object.entries(tags)) if (value !== null) parts.push(headerTag(key, value));
  parts.push(headerTag('Header_End', null));
  return new Uint8Array(Buffer.concat(parts));
}

const doubles = new Set(['MeasDesc_Resolution', 'MeasDesc_GlobalResolution', 'File_CreatingTime']);

function headerTag(ident: string, value: number | string | boolean | null): Buffer {
  const tag = Buffer.alloc(48);
  tag.write(ident, 0, 32, 'latin1');
  tag.writeInt32LE(-1, 32);
  if (typeof value === 'string') {
    const text = Buffer.alloc(Math.ceil((value.length + 1) / 8) * 8);
    text.write(value, 'latin1');
    tag.writeUInt32LE(0x4001ffff, 36);
    tag.writeBigInt64LE(BigInt(text.length), 40);
    return Buffer.concat([tag, text]);
  }
  if (value === null) tag.writeUInt32LE(0xffff0008, 36);
  else if (typeof value === 'boolean') {
    tag.writeUInt32LE(0x00000008, 36);
    tag.writeBigInt64LE(value ? -1n : 0n, 40);
  } else if (doubles.has(ident)) {
    tag.writeUInt32LE(ident === 'File_CreatingTime' ? 0x21000008 : 0x20000008, 36);
    tag.writeDoubleLE(value, 40);
  } else {
    tag.writeUInt32LE(0x10000008, 36);
    tag.writeBigInt64LE(BigInt(value), 40);
  }
  return tag;
}

/** Keeps the wrap between calls, so that a long recording is encoded piece by piece. */
export class T2Encoder {
  readonly #type: (typeof ptuTypes)[PtuType];
  #wraps = 0;
  #out = new Uint32Array(1024);
  #n = 0;

  constructor(type: PtuType = 'generic') { this.#type = ptuTypes[type]; }

  /**
   * @param ticks absolute, ascending, below 2^53
   * @param codes input code, `syncCode`, or `syncCode` + marker bits
   * @returns records, valid until the next call
   */
  encode(ticks: Float64Array, codes: Uint8Array, n = ticks.length): Uint32Array {
    const { timeBits, wrapTicks } = this.#type;
    this.#n = 0;
    let base = this.#wraps * wrapTicks;
    for (let i = 0; i < n; i++) {
      const t = ticks[i]!, code = codes[i]!;
      if (t - base >= wrapTicks) {
        const wraps = Math.floor(t / wrapTicks);
        this.#overflow(wraps - this.#wraps);
        this.#wraps = wraps;
        base = wraps * wrapTicks;
      }
      if (this.#n >= this.#out.length) this.#grow();
      const time = t - base;
      this.#out[this.#n++] = code < syncCode ? ((code << timeBits) | time) >>> 0
        : timeBits === 28 ? (0xf0000000 | (time & ~15) | (code - syncCode)) >>> 0
          : (0x80000000 | ((code - syncCode) << 25) | time) >>> 0;
    }
    return this.#out.subarray(0, this.#n);
  }

  #overflow(wraps: number): void {
    const { timeBits, countedWraps } = this.#type;
    while (wraps > 0) {
      if (this.#n >= this.#out.length) this.#grow();
      const count = countedWraps ? Math.min(wraps, 2 ** 25 - 1) : 1;
      this.#out[this.#n++] = timeBits === 28 ? 0xf0000000 : (0xfe000000 | (countedWraps ? count : 1)) >>> 0;
      wraps -= count;
    }
  }

  #grow(): void {
    const larger = new Uint32Array(this.#out.length * 2);
    larger.set(this.#out);
    this.#out = larger;
  }
}

/** A whole small file in memory. */
export function ptuFile(ticks: ArrayLike<number>, codes: ArrayLike<number>, options: PtuOptions = {}): Uint8Array {
  const records = new T2Encoder(options.type).encode(Float64Array.from(ticks), Uint8Array.from(codes));
  return ptuOf(records, options);
}

export function ptuOf(records: Uint32Array, options: PtuOptions = {}): Uint8Array {
  const header = ptuHeader(options, records.length);
  const file = new Uint8Array(header.length + records.byteLength);
  file.set(header);
  file.set(new Uint8Array(records.buffer, records.byteOffset, records.byteLength), header.length);
  return file;
}

export interface PoissonFile {
  tags: number;
  records: number;
  /** Tags by input code. */
  counts: number[];
  firstPs: number;
  lastPs: number;
}

/** Streams a recording of many tags (hundreds of MB) to disk: exponential gaps, channels at random, ticks of 1 ps. */
export function writePtu(path: string, options: { tags: number; seed: number; inputs?: number; meanGapPs?: number; type?: PtuType }): PoissonFile {
  const { tags, seed, inputs = 2, meanGapPs = 1_000_000, type = 'generic' } = options;
  const encoder = new T2Encoder(type);
  const piece = 64 * 1024;
  const ticks = new Float64Array(piece), codes = new Uint8Array(piece);
  const counts = Array.from({ length: inputs }, () => 0);
  let state = (seed * 0x9e3779b1) >>> 0, t = 0, records = 0, firstPs = -1;
  const file = openSync(path, 'w');
  try {
    writeSync(file, ptuHeader({ type, header: { HW_InpChannels: inputs, TTResult_NumberOfRecords: -1 } }));
    for (let done = 0; done < tags; done += piece) {
      const n = Math.min(piece, tags - done);
      for (let i = 0; i < n; i++) {
        state = (state + 0x9e3779b9) >>> 0;
        let z = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
        z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
        z = (z ^ (z >>> 16)) >>> 0;
        t += Math.ceil(-Math.log((z + 1) / 2 ** 32) * meanGapPs) + 1;
        const code = (z & 0xffff) % inputs;
        ticks[i] = t;
        codes[i] = code;
        counts[code]!++;
      }
      if (done === 0) firstPs = ticks[0]!;
      const encoded = encoder.encode(ticks, codes, n);
      writeSync(file, new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength));
      records += encoded.length;
    }
  } finally {
    closeSync(file);
  }
  return { tags, records, counts, firstPs, lastPs: t };
}
