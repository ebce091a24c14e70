// driver/otu/protocol.ts - OTU v1 on the wire, as docs/otu-v1.md has it: requests, info block, status, block headers, lost records.
//
// What the device can be set to is in caps.ts, records to tags in decoder.ts.
import { TaggerError } from '../../core/errors.ts';
import type { Tick } from '../../core/tags.ts';
import type { Setup, UsbInterface } from '../usb-access.ts';

/** The interface that makes a device an OTU tagger, and the word in its product string by which a list of devices shows it. */
export const identity = { class: 0xff, subclass: 0x4f, protocol: 0x01, name: 'OTU1', word: 'OTU1' } as const;

export const requests = { info: 0x01, caps: 0x02, get: 0x10, set: 0x11, start: 0x20, stop: 0x21, status: 0x22, ping: 0x30 } as const;
export const infoBytes = 32, statusBytes = 32, pingBytes = 16, headerBytes = 16;
export const blockMagic = 0x54d7;
export const infoFlags = { e64: 1, falling: 2, reference: 4, testSignal: 8 } as const;
export const blockFlags = { overflow: 1, refLost: 2, last: 4, test: 8, padded: 16 } as const;
export const statusFlags = { running: 1, refLost: 2, test: 4 } as const;
/** E32: the codes that are not tags. E64: the types. */
export const code32 = { lost: 28, time: 31 } as const;
export const type64 = { tag: 0, lost: 1 } as const;
/** In place of a channel in a lost record: not known of which. */
export const anyChannel = { e32: 31, e64: 255 } as const;
export const latencyMs = { least: 1, most: 1000 } as const;
/** A running device sends a block at least so often. */
export const heartbeatMs = 100;
export const mostInputs = { e32: 14, e64: 127 } as const;
/** A record lies less than so many ticks, and so many ps, behind the base of its block. */
export const mostTicks = 2 ** 40, mostSpanPs = 2 ** 52;

export interface OtuInfo {
  readonly inputs: number;
  readonly isE64: boolean;
  readonly hasFalling: boolean;
  readonly hasReference: boolean;
  readonly hasTestSignal: boolean;
  readonly revision: number;
  readonly timeBits: number;
  /** fs per tick as the device says it. */
  readonly tickFs: Tick;
  /** ps per tick, in lowest terms. */
  readonly tick: Tick;
  readonly recordBytes: number;
  /** The largest block, header included. */
  readonly blockBytes: number;
  /** Tags per second that it can send for ever. */
  readonly maxRate: number;
}

export interface OtuStatus { tags: number; lost: number; blocks: number; isRunning: boolean; isRefLost: boolean; isTest: boolean; celsius?: number }
export interface BlockHeader { seq: number; records: number; flags: number; base: bigint }
/** `channelIndex` -1: not known of which channel; count 0: not known how many. */
export interface LostRecord { channelIndex: number; count: number }

export function readFrom(request: number, value = 0, index = 0): Setup { return { requestType: 0xc0, request, value, index }; }
export function writeTo(request: number, value = 0, index = 0): Setup { return { requestType: 0x40, request, value, index }; }

/** The interface of a device that speaks OTU, with its endpoint for tags; undefined if it has none. */
export function interfaceOf(interfaces: readonly UsbInterface[]): { number: number; alternate: number; endpoint: number } | undefined {
  const found = interfaces.find(each => each.class === identity.class && each.subclass === identity.subclass && each.protocol === identity.protocol && each.name === identity.name);
  const endpoint = found?.endpoints.find(({ type, address }) => type === 'bulk' && address >= 0x80)?.address;
  return found && endpoint !== undefined ? { number: found.number, alternate: found.alternate, endpoint } : undefined;
}

/** Channel numbers in the order of their indexes: falling edges -n to -1, rising ones 1 to n. */
export function channelNumbersOf({ inputs, hasFalling }: Pick<OtuInfo, 'inputs' | 'hasFalling'>): number[] {
  const rising = Array.from({ length: inputs }, (_, k) => k + 1);
  return hasFalling ? [...rising.map(number => -number).reverse(), ...rising] : rising;
}

/** Index of the channel of a code 2 * input + falling; -1 if there is none. */
export function indexOfCode(code: number, { inputs, hasFalling }: Pick<OtuInfo, 'inputs' | 'hasFalling'>): number {
  const input = code >> 1, isFalling = (code & 1) === 1;
  if (input >= inputs || (isFalling && !hasFalling)) return -1;
  return isFalling ? inputs - 1 - input : (hasFalling ? inputs : 0) + input;
}

/** @throws {TaggerError} `protocol` with the first thing that cannot be */
export function parseInfo(bytes: Uint8Array): OtuInfo {
  const refuse = (what: string): never => { throw new TaggerError('protocol', `Cannot read the info block of the OTU tagger: ${what}.`, { hint: 'See docs/otu-v1.md, section 3.1.' }); };
  if (bytes.length !== infoBytes) refuse(`it has ${bytes.length} bytes in place of ${infoBytes}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, infoBytes);
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  if (magic !== 'OTU1') refuse(`it begins with ${[...bytes.subarray(0, 4)].map(byte => byte.toString(16).padStart(2, '0')).join(' ')} in place of OTU1`);
  const version = view.getUint8(4), inputs = view.getUint8(6), timeBits = view.getUint8(7), num = view.getUint32(8, true), den = view.getUint32(12, true), flags = view.getUint32(16, true);
  const isE64 = (flags & infoFlags.e64) > 0, most = isE64 ? mostInputs.e64 : mostInputs.e32, blockBytes = view.getUint16(20, true), maxRate = view.getUint32(24, true);
  if (version !== 1) refuse(`its version is ${version}, and this program speaks version 1`);
  if (inputs < 1 || inputs > most) refuse(`it says ${inputs} inputs, and ${isE64 ? 'E64' : 'E32'} records have 1 to ${most}`);
  if (timeBits < 1 || timeBits > 64) refuse(`its counter has ${timeBits} bits`);
  if (den < 1 || den > 16_000 || num < 1000 * den || num > 1e9 * den) refuse(`a tick of ${num}/${den} fs is not between 1 ps and 1 us with a denominator up to 16000`);
  if (blockBytes < 512 || blockBytes > 16_384 || blockBytes % 512 > 0) refuse(`its blocks have ${blockBytes} bytes, not a multiple of 512 up to 16384`);
  if (maxRate < 1) refuse('its largest rate is 0');
  return {
    inputs, isE64, hasFalling: (flags & infoFlags.falling) > 0, hasReference: (flags & infoFlags.reference) > 0, hasTestSignal: (flags & infoFlags.testSignal) > 0,
    revision: view.getUint8(5), timeBits, tickFs: { num, den }, tick: reduced(num, den * 1000), recordBytes: isE64 ? 8 : 4, blockBytes, maxRate,
  };
}

export function writeInfo(info: Pick<OtuInfo, 'inputs' | 'isE64' | 'hasFalling' | 'hasReference' | 'hasTestSignal' | 'timeBits' | 'tickFs' | 'blockBytes' | 'maxRate'>): Uint8Array {
  const bytes = new Uint8Array(infoBytes), view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('OTU1'));
  bytes.set([1, 0, info.inputs, info.timeBits], 4);
  view.setUint32(8, info.tickFs.num, true);
  view.setUint32(12, info.tickFs.den, true);
  view.setUint32(16, (info.isE64 ? infoFlags.e64 : 0) | (info.hasFalling ? infoFlags.falling : 0) | (info.hasReference ? infoFlags.reference : 0) | (info.hasTestSignal ? infoFlags.testSignal : 0), true);
  view.setUint16(20, info.blockBytes, true);
  view.setUint32(24, info.maxRate, true);
  return bytes;
}

function reduced(num: number, den: number): Tick {
  let a = num, b = den;
  while (b > 0) [a, b] = [b, a % b];
  return { num: num / a, den: den / a };
}

export function parseStatus(bytes: Uint8Array): OtuStatus {
  if (bytes.length !== statusBytes) throw new TaggerError('protocol', `Cannot read the status of the OTU tagger: it has ${bytes.length} bytes in place of ${statusBytes}.`, { hint: 'See docs/otu-v1.md, section 3.6.' });
  const view = new DataView(bytes.buffer, bytes.byteOffset, statusBytes), flags = view.getUint32(20, true), milli = view.getInt32(24, true);
  return {
    tags: Number(view.getBigUint64(0, true)), lost: Number(view.getBigUint64(8, true)), blocks: view.getUint32(16, true),
    isRunning: (flags & statusFlags.running) > 0, isRefLost: (flags & statusFlags.refLost) > 0, isTest: (flags & statusFlags.test) > 0, ...(milli !== -(2 ** 31) && { celsius: milli / 1000 }),
  };
}

export function writeStatus({ tags, lost, blocks, isRunning, isRefLost, isTest, celsius }: OtuStatus): Uint8Array {
  const bytes = new Uint8Array(statusBytes), view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(tags), true);
  view.setBigUint64(8, BigInt(lost), true);
  view.setUint32(16, blocks, true);
  view.setUint32(20, (isRunning ? statusFlags.running : 0) | (isRefLost ? statusFlags.refLost : 0) | (isTest ? statusFlags.test : 0), true);
  view.setInt32(24, celsius === undefined ? -(2 ** 31) : Math.round(celsius * 1000), true);
  return bytes;
}

export function parseHeader(view: DataView, at: number): BlockHeader {
  return { seq: view.getUint16(at + 2, true), records: view.getUint16(at + 4, true), flags: view.getUint16(at + 6, true), base: view.getBigUint64(at + 8, true) };
}

export function writeHeader(view: DataView, at: number, { seq, records, flags, base }: BlockHeader): void {
  view.setUint16(at, blockMagic, true);
  view.setUint16(at + 2, seq, true);
  view.setUint16(at + 4, records, true);
  view.setUint16(at + 6, flags, true);
  view.setBigUint64(at + 8, base, true);
}

/** The lost records that a block with the overflow flag begins with; undefined if one of them names a channel that is not there. */
export function parseLost(view: DataView, at: number, records: number, info: OtuInfo): LostRecord[] | undefined {
  const lost: LostRecord[] = [];
  for (let i = 0; i < records; i++) {
    const first = view.getUint32(at + i * info.recordBytes, true), second = info.isE64 ? view.getUint32(at + 8 * i + 4, true) : 0;
    if (info.isE64 ? second >>> 28 !== type64.lost : first >>> 27 !== code32.lost) break;
    const channel = info.isE64 ? second >>> 20 & 255 : first >>> 22 & 31, isAny = channel === (info.isE64 ? anyChannel.e64 : anyChannel.e32);
    const channelIndex = isAny ? -1 : indexOfCode(info.isE64 ? 2 * channel + (second >>> 19 & 1) : channel, info);
    if (channelIndex < 0 && !isAny) return undefined;
    lost.push({ channelIndex, count: info.isE64 ? first : first & 0x3fffff });
  }
  return lost;
}
