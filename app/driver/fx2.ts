// driver/fx2.ts - firmware for boards with a Cypress FX2: they have none of their own after each power-up.
//
// The request and the reset register are those of the FX2's technical reference manual: 0xA0 writes its memory, 1 in 0xE600 stops its processor.
import { TaggerError } from '../core/errors.ts';
import type { UsbAccess } from './usb-access.ts';

export interface FirmwareChunk { address: number; data: Uint8Array }

const cpuControl = 0xe600, mostBytes = 4096;

/** Intel HEX, as compilers for the 8051 write it. @throws {TaggerError} `protocol` with the line that is wrong */
export function parseHex(text: string, name: string): FirmwareChunk[] {
  const chunks: FirmwareChunk[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === '') continue;
    const wrong = (what: string): TaggerError => new TaggerError('protocol', `Cannot read firmware from ${name}: line ${i + 1} ${what}.`, { hint: 'It must be an Intel HEX file.' });
    if (!/^:(?:[0-9a-f]{2}){5,}$/i.test(line)) throw wrong('is no record');
    const bytes = Uint8Array.from(line.slice(1).match(/../g)!, pair => Number.parseInt(pair, 16));
    const length = bytes[0]!, type = bytes[3];
    if (bytes.length !== length + 5) throw wrong(`has ${bytes.length - 5} bytes and says ${length}`);
    if ((bytes.reduce((sum, byte) => sum + byte, 0) & 255) !== 0) throw wrong('has a wrong checksum');
    if (type === 1) return chunks;
    if (type !== 0) throw wrong(`is of type ${type}`);
    chunks.push({ address: bytes[1]! << 8 | bytes[2]!, data: bytes.slice(4, 4 + length) });
  }
  throw new TaggerError('protocol', `Cannot read firmware from ${name}: its last record is missing.`, { hint: 'The file is not complete.' });
}

/** A raw image from address 0, as sigrok's firmware comes. */
export function imageChunks(image: Uint8Array): FirmwareChunk[] {
  return Array.from({ length: Math.ceil(image.length / mostBytes) }, (_, i) => ({ address: i * mostBytes, data: image.slice(i * mostBytes, (i + 1) * mostBytes) }));
}

/** Loads the chunks and starts the processor; the device then leaves the bus and comes back as what the firmware makes of it. */
export async function uploadFx2(access: UsbAccess, chunks: readonly FirmwareChunk[]): Promise<void> {
  const write = (address: number, data: Uint8Array): Promise<void> => access.controlOut({ requestType: 0x40, request: 0xa0, value: address, index: 0 }, data);
  await write(cpuControl, Uint8Array.of(1));
  for (const { address, data } of chunks) await write(address, data);
  try {
    await write(cpuControl, Uint8Array.of(0));
  } catch (error) {
    // It may be gone before it has said that it understood.
    if (!access.gone.aborted) throw error;
  }
}
