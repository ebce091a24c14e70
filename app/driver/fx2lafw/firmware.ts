// driver/fx2lafw/firmware.ts - the firmware of the logic analysers: whose file is taken, and how it is known to be whole.
//
// The files are those of Debian's package sigrok-firmware-fx2lafw; they are not part of this program. What the operator puts into the
// folder of the configuration goes before them; a file that the list here does not know needs its SHA-256 in a file beside it.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TaggerError } from '../../core/errors.ts';
import { imageChunks, type FirmwareChunk } from '../fx2.ts';

export const packageFolder = '/usr/share/sigrok-firmware';
/** Of the chip, for code and data. */
const memoryBytes = 16 * 1024;

/** SHA-256 of the files in version 0.1.7-1, as Debian 12 has it. */
export const knownSums: Readonly<Record<string, string>> = {
  'fx2lafw-saleae-logic.fw': 'dbb9fc37e9cceaa1034f6f68d99d752e0570f449b3a6c1b7dec45df28e614863',
  'fx2lafw-cypress-fx2.fw': 'db2f52ff5d79b771b0251cc90ba096b20bbb9511c37a88bc3028c89d3458862b',
  'fx2lafw-cwav-usbeeax.fw': 'b96fcce1da66f0b96a1d02ecb94c72ca976f92410d205207b2d200be7fa1d6ed',
  'fx2lafw-cwav-usbeedx.fw': '83a4417dd83700aebcc68295a4fa2fb2b7e9811dff64abdb0dd3d72a1b69d677',
  'fx2lafw-cwav-usbeesx.fw': '50cf095eb3024e60f4667553cce9a7398f9c0de842a312aecd5c9aac83eeb7fa',
  'fx2lafw-cwav-usbeezx.fw': '23f34be2dc77fefd604829358335c0b78f013327d73acb10f836c386e6ef602d',
  'fx2lafw-braintechnology-usb-lps.fw': '65fb22d459b1c2833471aaf2954fded442393bc59ddba7c7e97198c09485eb52',
  'fx2lafw-sigrok-fx2-8ch.fw': 'b667d878d5455f854bd912704c68cc2cf25702032e72ff825393409890a86e37',
  'fx2lafw-sigrok-fx2-16ch.fw': '3415094905e9d37a59a1c91aaa0fd7697f8246178e08ca9a7957f2b60305b68c',
};

/** @throws {TaggerError} `unavailable` if there is no file, `device-refused` if it is another one than it should be, or not whole */
export async function readFirmware(file: string, model: string, folder: string | undefined): Promise<FirmwareChunk[]> {
  const folders = folder === undefined ? [packageFolder] : [folder, packageFolder];
  for (const each of folders) {
    const path = join(each, file);
    const image = await readFile(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new TaggerError('unavailable', `Cannot load firmware into the ${model}: ${path} cannot be read.`, { hint: 'Check whose file it is and who may read it.', cause: error });
    });
    if (!image) continue;
    const sum = createHash('sha256').update(image).digest('hex');
    const beside = (await readFile(`${path}.sha256`, 'utf8').catch(() => '')).trim().split(/\s+/)[0]!.toLowerCase();
    // What the operator has written down counts before what we know.
    const wanted = beside === '' ? knownSums[file] : beside;
    if (sum === wanted && image.length > 0 && image.length <= memoryBytes) return imageChunks(image);
    throw new TaggerError('device-refused', `Cannot load firmware into the ${model}: ${path} has ${image.length} bytes and the sum ${sum}, and at most ${memoryBytes} bytes with the sum ${wanted ?? 'of a file beside it'} were expected.`, {
      hint: `Install sigrok-firmware-fx2lafw again, or, if this file is the right one: sha256sum ${file} > ${file}.sha256`,
    });
  }
  throw new TaggerError('unavailable', `Cannot load firmware into the ${model}: there is no ${file} in ${folders.join(' or ')}.`, { hint: 'apt install sigrok-firmware-fx2lafw' });
}
