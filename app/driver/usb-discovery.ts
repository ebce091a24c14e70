// driver/usb-discovery.ts - which USB time taggers are attached, what each needs to be used, and the opening of one.
//
// Bridge chips and bare controllers are used by many devices: for those it is said what they may be, and nothing is opened on a guess.
import { TaggerError } from '../core/errors.ts';
import type { Tagger } from '../core/tagger.ts';
import { idOf, type UsbBus, type UsbIdentity } from './usb-access.ts';
import { driversFor, usbDrivers } from './usb-drivers.ts';
import { permissionHint } from './usb-permission.ts';
import { openSession, UsbTagger, type UsbDriver, type UsbOptions } from './usb-tagger.ts';

/**
 * `ready`: it can be opened. `needs-firmware`: it is given some when it is opened. `needs-choice`: several drivers may be right, and the
 * operator must say which. `forbidden`: this user may not open it. `unsupported`: known, but without a driver.
 */
export type FoundState = 'ready' | 'needs-firmware' | 'needs-choice' | 'forbidden' | 'unsupported';

export interface FoundTagger {
  identity: UsbIdentity;
  model: string;
  state: FoundState;
  /** Names of drivers that may be right, the surest first. */
  drivers: string[];
  /** What to do, as a sentence with the command to type; empty if nothing is to be done. */
  advice: string;
}

/** Devices that no driver of this program is for. */
const known: Readonly<Record<string, string>> = {
  '04b4:1234': 'S-Fifteen / Kurtsiefer FX2 timestamp card', '04b4:00f1': 'BrightEyes-TTM', '04d8:00dd': 'Tausand Tempico', '20b7:9db1': 'Glasgow',
};
const knownByName: readonly { pattern: RegExp; model: string }[] = [{ pattern: /\bTDC2\b/i, model: 'S-Fifteen TDC2' }];

/** Attached taggers; none where USB cannot be reached at all. */
export async function findTaggers(bus: UsbBus, chosen?: string): Promise<FoundTagger[]> {
  return (await bus.list()).flatMap(identity => foundOf(identity, chosen) ?? []);
}

function foundOf(identity: UsbIdentity, chosen?: string): FoundTagger | undefined {
  const all = driversFor(identity), drivers = chosen === undefined ? all : all.filter(({ id }) => id === chosen);
  const [driver] = drivers;
  if (!driver) {
    const model = known[idOf(identity)] ?? knownByName.find(({ pattern }) => pattern.test(`${identity.manufacturer} ${identity.product}`))?.model;
    return model === undefined ? undefined : { identity, model, state: 'unsupported', drivers: [], advice: `This version of tagd has no driver for it; a bridge to its maker's library may do (docs/bridge.md).` };
  }
  const names = drivers.map(({ id }) => id), base = { identity, drivers: names };
  if (chosen === undefined && driver.isAmbiguous?.(identity)) {
    return { ...base, model: drivers.map(({ model }) => model).join(' or '), state: 'needs-choice', advice: `Say which it is: --tagger ${names.map(name => `usb:${identity.port},driver=${name}`).join(' or --tagger ')}.` };
  }
  if (identity.trouble !== undefined) {
    return { ...base, model: driver.model, state: 'forbidden', advice: `${identity.trouble} ${permissionHint(identity)}` };
  }
  return { ...base, model: driver.model, state: driver.needsUpload?.(identity) ? 'needs-firmware' : 'ready', advice: '' };
}

export interface UsbSource extends UsbOptions { serial?: string | undefined; port?: string | undefined }

/**
 * Opens the tagger with this serial number, at this port, or the only one.
 * @throws {TaggerError} `not-found`, `conflict` (more than one, or a choice is to be made), `forbidden`, `unsupported`, or what the driver says
 */
export async function openUsb(bus: UsbBus, { serial, port, ...options }: UsbSource, signal = new AbortController().signal): Promise<Tagger> {
  if (options.driver !== undefined && !usbDrivers.some(({ id }) => id === options.driver)) {
    throw new TaggerError('usage', `Cannot open a USB time tagger: there is no driver '${options.driver}'.`, { hint: `There are ${usbDrivers.map(({ id }) => id).join(', ')}.` });
  }
  const all = await findTaggers(bus, options.driver);
  const fits = all.filter(({ identity }) => (serial === undefined || identity.serial === serial) && (port === undefined || identity.port === port));
  const which = serial !== undefined ? `the USB time tagger with serial number ${serial}` : port !== undefined ? `the USB time tagger at port ${port}` : 'a USB time tagger';
  const attached = all.length === 0 ? 'none is attached, or this user may not see it' : `attached are ${all.map(nameOf).join(', ')}`;
  const usable = fits.filter(({ state }) => state !== 'unsupported'), [tagger = fits[0]] = usable;
  if (!tagger) throw new TaggerError('not-found', `Cannot open ${which}: ${attached}.`, { hint: 'Check the cable and the udev rule, or use --tagger simulated.' });
  if (usable.length > 1) throw new TaggerError('conflict', `Cannot open ${which}: ${attached}.`, { hint: `Say which: --tagger ${usable.map(found => `usb:${Object.values(addressOf(found)).join('')}`).join(' or --tagger ')}.` });
  const { identity, state, advice } = tagger;
  if (state === 'needs-choice') throw new TaggerError('conflict', `Cannot open the ${nameOf(tagger)}: several devices have its ids.`, { hint: advice });
  if (state === 'forbidden') throw new TaggerError('forbidden', `Cannot open the ${nameOf(tagger)}: this user may not.`, { hint: advice });
  if (state === 'unsupported') throw new TaggerError('unsupported', `Cannot open the ${nameOf(tagger)}: this version of tagd has no driver for it.`, { hint: advice });
  const driver = usbDrivers.find(({ id }) => id === tagger.drivers[0]) as UsbDriver;
  return new UsbTagger(bus, driver, options, identity, await openSession(bus, driver, identity, options, signal));
}

/** What tells it from others: its serial number, or its port where it has none or the one that every copy has. */
export function addressOf({ identity: { serial, port }, drivers: [driver] }: FoundTagger): { serial: string } | { port: string } {
  return serial === '' || usbDrivers.some(({ id, isKnownByPort }) => id === driver && isKnownByPort === true) ? { port } : { serial };
}

/** `S-Fifteen TDC1 (04d8:000a at 1-2, serial TDC1-0019)` */
export function nameOf({ model, identity }: FoundTagger): string {
  return `${model} (${idOf(identity)} at ${identity.port}${identity.serial === '' ? '' : `, serial ${identity.serial}`})`;
}
