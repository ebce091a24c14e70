// driver/usb.ts - the USB time taggers attached to this computer. The only importer of the `usb` package.
//
// Loaded only when somebody asks for USB, and harmless where there is none. Bridge chips and bare controllers are used by
// many devices: for those the model says what it may be, and nothing is opened on a guess.
import type { Device } from 'usb';
import { TaggerError } from '../core/errors.ts';
import type { Tagger } from '../core/tagger.ts';

export interface FoundTagger {
  vendorId: number;
  productId: number;
  serial?: string;
  model: string;
  /** True if a driver for it is part of this program. */
  supported: boolean;
}

interface Known { id: string; model: string }

const known: readonly Known[] = [
  { id: '04b4:1004', model: 'UMass FPGA tagger' },
  { id: '04b4:8613', model: 'FX2 board without firmware (a UMass tagger or a logic analyser)' },
  { id: '04b4:1234', model: 'S-Fifteen / Kurtsiefer FX2 timestamp card' },
  { id: '04b4:00f1', model: 'BrightEyes-TTM' },
  { id: '04d8:00dd', model: 'Tausand Tempico' },
  { id: '0925:3881', model: 'FX2 logic analyser, 8 channels' },
  { id: '08a9:0014', model: 'FX2 logic analyser, USBee AX' },
  { id: '08a9:0015', model: 'FX2 logic analyser, USBee DX' },
  { id: '1d50:608c', model: 'FX2 logic analyser, sigrok 8 channels' },
  { id: '1d50:608d', model: 'FX2 logic analyser, sigrok 16 channels' },
  { id: '20b7:9db1', model: 'Glasgow' },
];

/** The TDC1 has no published ids; it is known by what it calls itself. */
const knownByName: readonly { pattern: RegExp; model: string }[] = [
  { pattern: /\bTDC1\b/i, model: 'S-Fifteen TDC1' },
  { pattern: /\bTDC2\b/i, model: 'S-Fifteen TDC2' },
  { pattern: /S-Fifteen/i, model: 'S-Fifteen counter' },
];

/** Class codes of devices that may carry such a name: CDC, miscellaneous, per interface, vendor specific. */
const plausibleClasses: ReadonlySet<number> = new Set([0x00, 0x02, 0xef, 0xff]);

/** Attached taggers; none where USB cannot be reached at all. */
export async function findTaggers(): Promise<FoundTagger[]> {
  let devices: Device[];
  try {
    const { getDeviceList } = await import('usb');
    devices = getDeviceList();
  } catch {
    return [];
  }
  const found: FoundTagger[] = [];
  for (const device of devices) {
    const { idVendor: vendorId, idProduct: productId, bDeviceClass } = device.deviceDescriptor;
    const id = `${hex(vendorId)}:${hex(productId)}`;
    const byId = known.find(each => each.id === id);
    if (!byId && !plausibleClasses.has(bDeviceClass)) continue;
    const { names, serial } = await textsOf(device);
    const model = byId?.model ?? knownByName.find(({ pattern }) => pattern.test(names))?.model;
    if (model !== undefined) found.push({ vendorId, productId, model, supported: false, ...(serial === '' ? {} : { serial }) });
  }
  return found;
}

/** Opens the tagger with this serial number, or the only one. */
export async function openUsb(serial?: string, taggers?: readonly FoundTagger[]): Promise<Tagger> {
  const all = taggers ?? await findTaggers();
  const [tagger] = serial === undefined ? all : all.filter(each => each.serial === serial);
  if (!tagger) {
    const which = serial === undefined ? 'a USB time tagger' : `the USB time tagger with serial number ${serial}`;
    throw new TaggerError('not-found', `Cannot open ${which}: ${all.length === 0 ? 'none is attached, or this user may not see it' : `attached are ${all.map(nameOf).join(', ')}`}.`, {
      hint: 'Check the cable and the udev rule, or use --tagger simulated.',
    });
  }
  throw new TaggerError('unsupported', `Cannot open the ${nameOf(tagger)}: this version of tagd has no driver for it.`, {
    hint: 'Use --tagger simulated or --tagger replay:FILE until there is one.',
  });
}

/** `S-Fifteen TDC1 (04d8:000a, serial TDC1-0019)` */
export function nameOf({ model, vendorId, productId, serial }: FoundTagger): string {
  return `${model} (${hex(vendorId)}:${hex(productId)}${serial === undefined ? '' : `, serial ${serial}`})`;
}

/** Manufacturer and product as one line, and the serial number; empty where the device may not be opened. */
async function textsOf(device: Device): Promise<{ names: string; serial: string }> {
  try {
    device.open();
  } catch {
    return { names: '', serial: '' };
  }
  const { iManufacturer, iProduct, iSerialNumber } = device.deviceDescriptor;
  const read = (index: number): Promise<string> => new Promise(resolve => {
    if (index === 0) resolve('');
    else device.getStringDescriptor(index, (error, text) => resolve(error ? '' : (text ?? '')));
  });
  try {
    const texts = [await read(iManufacturer), await read(iProduct), await read(iSerialNumber)];
    return { names: `${texts[0]} ${texts[1]}`, serial: texts[2] ?? '' };
  } finally {
    device.close();
  }
}

function hex(id: number): string { return id.toString(16).padStart(4, '0'); }
