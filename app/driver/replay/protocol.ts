// driver/replay/protocol.ts - what a PTU header means: record format, tick and channels. Pure; driver.ts does the reading.
//
// Input code c is channel c+1, sync is channel 64, the marker with bit b (1, 2, 4, 8) is channel 64 + b: a marker record
// with several bits is a click pattern and becomes one tag per bit. The codes survive a round trip.
import { TaggerError } from '../../core/errors.ts';
import type { ChannelInfo } from '../../core/tagger.ts';
import type { Tick } from '../../core/tags.ts';
import { tickBounds, type T2Channels, type T2Format } from '../decode/decode.ts';
import { requireNumber, type Header } from './header.ts';

export interface RecordType {
  instrument: string;
  format: T2Format;
  /** Input codes this instrument can write. */
  maxInputs: number;
}

const generic: T2Format = { timeBits: 25, wrapTicks: 2 ** 25, countedWraps: true };

const recordTypes: Record<number, RecordType> = {
  0x00010203: { instrument: 'PicoHarp 300', format: { timeBits: 28, wrapTicks: 210_698_240, countedWraps: false }, maxInputs: 15 },
  0x00010204: { instrument: 'HydraHarp 400 (v1)', format: { timeBits: 25, wrapTicks: 33_552_000, countedWraps: false }, maxInputs: 63 },
  0x01010204: { instrument: 'HydraHarp 400', format: generic, maxInputs: 63 },
  0x00010205: { instrument: 'TimeHarp 260 N', format: generic, maxInputs: 63 },
  0x00010206: { instrument: 'TimeHarp 260 P', format: generic, maxInputs: 63 },
  0x00010207: { instrument: 'MultiHarp or PicoHarp 330', format: generic, maxInputs: 63 },
};
const t3Types: ReadonlySet<number> = new Set([0x00010303, 0x00010304, 0x01010304, 0x00010305, 0x00010306, 0x00010307]);

/** @throws {TaggerError} `unsupported` for T3 and for types nobody knows */
export function recordTypeOf(header: Header, name: string): RecordType {
  const code = requireNumber(header, 'TTResultFormat_TTTRRecType', name);
  const type = Object.hasOwn(recordTypes, code) ? recordTypes[code] : undefined;
  if (type) {
    const bits = header.values.get('TTResultFormat_BitsPerRecord');
    if (bits !== undefined && bits !== 32) {
      throw new TaggerError('protocol', `Cannot replay ${name}: its header claims ${String(bits)} bits per record, T2 records have 32.`);
    }
    return type;
  }
  const shown = `0x${(code >>> 0).toString(16).padStart(8, '0')}`;
  if (t3Types.has(code)) {
    throw new TaggerError('unsupported', `Cannot replay ${name}: it holds T3 records (type ${shown}), which are not supported yet.`, {
      hint: 'Record in T2 mode, where every record has an absolute time.',
    });
  }
  throw new TaggerError('unsupported', `Cannot replay ${name}: the record type ${shown} is unknown.`, {
    hint: `Known are the T2 types of ${Object.values(recordTypes).map(({ instrument }) => instrument).join(', ')}.`,
  });
}

/** The global resolution as a fraction of ps. */
export function tickOf(header: Header, name: string): Tick {
  const seconds = requireNumber(header, 'MeasDesc_GlobalResolution', name);
  if (!Number.isFinite(seconds) || seconds <= 0) {
    throw new TaggerError('protocol', `Cannot replay ${name}: its resolution MeasDesc_GlobalResolution is ${seconds} s, not a positive number.`, {
      hint: 'Without a resolution the times mean nothing.',
    });
  }
  const tick = fractionOf(seconds * 1e12);
  if (!tick) {
    throw new TaggerError('unsupported', `Cannot replay ${name}: its resolution of ${seconds} s is no fraction of picoseconds with a small denominator, or longer than 16 us.`);
  }
  return tick;
}

/** The fraction with the smallest denominator up to 4096 that is equal to `ps` but for the rounding of a double. */
export function fractionOf(ps: number): Tick | undefined {
  for (let den = 1; den <= tickBounds.den; den++) {
    const num = Math.round(ps * den);
    if (num < 1) continue;
    if (num > tickBounds.num) return undefined;
    if (Math.abs(ps * den - num) <= 1e-12 * num) return { num, den };
  }
  return undefined;
}

/** Codes that occur in a file, as far as it was looked at. */
export interface SeenCodes { inputs: number; sync: boolean; markerBits: number }

/** The codes of `records`, added to `seen`. Inputs beyond what the instrument can have are left to the decoder to report. */
export function collectCodes(records: Uint32Array, type: RecordType, seen: SeenCodes): void {
  const { format: { timeBits }, maxInputs } = type;
  let highest = seen.inputs - 1, { sync, markerBits } = seen;
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!;
    const code = record >>> timeBits;
    if (code < maxInputs) {
      if (code > highest) highest = code;
    } else if (timeBits === 28) markerBits |= record & 15;
    else if (code === 64) sync = true;
    else if (code > 64 && code < 80) markerBits |= code & 15;
  }
  seen.inputs = highest + 1;
  seen.sync = sync;
  seen.markerBits = markerBits;
}

export function channelsOf(seen: SeenCodes): { list: ChannelInfo[]; channels: T2Channels } {
  const list: ChannelInfo[] = [];
  const add = (number: number, name: string): number => list.push({ number, name }) - 1;
  const inputs = Math.max(1, seen.inputs);
  for (let code = 0; code < inputs; code++) add(code + 1, `Ch ${code + 1}`);
  const channels: T2Channels = { inputs, markers: {} };
  if (seen.sync) channels.sync = add(64, 'Sync');
  const markers: Record<number, number> = {};
  for (let bit = 1; bit < 16; bit <<= 1) if (seen.markerBits & bit) markers[bit] = add(64 + bit, `Marker ${bit}`);
  return { list, channels: { ...channels, markers } };
}
