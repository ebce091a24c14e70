// driver/replay/file.ts - opens a PTU file and says all that is known of it before the first tag flows.
//
// The list of channels must be complete beforehand. Up to 64 MiB the whole file is looked at; of a longer one samples
// are, and sync and all markers are listed in any case. An input that shows up elsewhere is reported as a loss.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { TaggerError } from '../../core/errors.ts';
import type { ChannelInfo } from '../../core/tagger.ts';
import type { Tick } from '../../core/tags.ts';
import type { T2Channels } from '../decode/decode.ts';
import { headerLimitBytes, printable, readHeader, type Header } from './header.ts';
import { channelsOf, collectCodes, recordTypeOf, tickOf, type RecordType, type SeenCodes } from './protocol.ts';

const wholeScanBytes = 64 * 1024 * 1024;
const samples = 32;
const chunkBytes = 1024 * 1024;

export interface Recording {
  fd: number;
  name: string;
  type: RecordType;
  tick: Tick;
  list: ChannelInfo[];
  channels: T2Channels;
  /** Where the records begin, and how many whole ones there are. */
  recordsAt: number;
  records: number;
  serial: string;
  model: string;
  /** Sentences on what is odd about this file. */
  remarks: string[];
}

/** @throws {TaggerError} one clear error for each fault; nothing stays open then */
export function openRecording(path: string): Recording {
  const name = printable(basename(path)) || 'the file';
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new TaggerError(code === 'ENOENT' ? 'not-found' : 'unavailable', `Cannot open the recording ${path}: ${reasons[code] ?? code}.`, {
      hint: 'Check the path and its permissions; a relative path starts at the folder of the daemon.', cause: error,
    });
  }
  try {
    return describe(fd, name);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const reasons: Record<string, string> = { ENOENT: 'there is no such file', EACCES: 'permission denied', EISDIR: 'it is a folder', ENOTDIR: 'part of the path is not a folder' };

function describe(fd: number, name: string): Recording {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw new TaggerError('usage', `Cannot replay ${name}: it is not a regular file.`);
  const head = new Uint8Array(Math.min(stat.size, headerLimitBytes));
  if (readAt(fd, head, 0) < head.length) throw new TaggerError('unavailable', `Cannot read ${name}: it became shorter meanwhile.`);
  const header = readHeader(head, stat.size, name);
  const type = recordTypeOf(header, name);
  const tick = tickOf(header, name);
  const bodyBytes = stat.size - header.bytes;
  const records = Math.floor(bodyBytes / 4);
  const seen = scan(fd, header, type, records);
  return {
    fd, name, type, tick, recordsAt: header.bytes, records, ...channelsOf(seen),
    model: text(header, 'HW_Type') || type.instrument, serial: text(header, 'HW_SerialNo') || 'unknown',
    remarks: remarksOn(header, records, bodyBytes % 4),
  };
}

function scan(fd: number, header: Header, type: RecordType, records: number): SeenCodes {
  const claimed = header.values.get('HW_InpChannels');
  const inputs = typeof claimed === 'number' && Number.isInteger(claimed) && claimed > 0 ? Math.min(claimed, type.maxInputs) : 0;
  const whole = records * 4 <= wholeScanBytes;
  const seen: SeenCodes = whole ? { inputs, sync: false, markerBits: 0 } : { inputs, sync: type.format.timeBits === 25, markerBits: 15 };
  const buffer = new Uint32Array(chunkBytes / 4);
  const bytes = new Uint8Array(buffer.buffer);
  const look = (record: number): void => {
    const n = Math.min(buffer.length, records - record);
    if (n > 0 && readAt(fd, bytes.subarray(0, n * 4), header.bytes + record * 4) === n * 4) collectCodes(buffer.subarray(0, n), type, seen);
  };
  if (whole) for (let record = 0; record < records; record += buffer.length) look(record);
  else for (let i = 0; i < samples; i++) look(Math.floor((records - buffer.length) * i / (samples - 1)));
  return seen;
}

function remarksOn(header: Header, records: number, trailingBytes: number): string[] {
  const remarks: string[] = [];
  const claimed = header.values.get('TTResult_NumberOfRecords');
  if (claimed !== records) remarks.push(`header says ${claimed === undefined ? 'nothing about the number of' : String(claimed)} records, the file holds ${records}: all are replayed`);
  if (trailingBytes > 0) remarks.push(`${trailingBytes} bytes of an unfinished record at the end are left out`);
  if (records === 0) remarks.push('it holds no records');
  return remarks;
}

function text(header: Header, key: string): string {
  const value = header.values.get(key);
  return typeof value === 'string' ? printable(value).trim() : '';
}

/** Reads until the buffer is full or the file ends; the bytes read. */
export function readAt(fd: number, into: Uint8Array, position: number): number {
  let done = 0;
  while (done < into.length) {
    const n = readSync(fd, into, done, into.length - done, position + done);
    if (n === 0) break;
    done += n;
  }
  return done;
}
