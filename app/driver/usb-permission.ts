// driver/usb-permission.ts - what to say when the system does not let this user open a USB device: which rule is missing, and where it goes.
import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TaggerError } from '../core/errors.ts';
import { idOf, type UsbIdentity } from './usb-access.ts';

export const ruleFile = '60-tagger.rules';
const group = 'plugdev';
/** Where udev looks, the operator's own first. */
const ruleFolders = ['/etc/udev/rules.d', '/run/udev/rules.d', '/usr/lib/udev/rules.d', '/lib/udev/rules.d'] as const;
const groupFile = '/etc/group';
const reload = 'sudo udevadm control --reload; sudo udevadm trigger';

/** For tests. */
export interface System { platform: string; ruleFolders: readonly string[]; groupFile: string; user: string; groups: readonly number[] }

function thisSystem(): System {
  return { platform: process.platform, ruleFolders, groupFile, user: userName(), groups: process.getgroups?.() ?? [] };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // It has a number alone, as in many containers.
    return `user ${process.getuid?.() ?? ''}`.trim();
  }
}

/** The error for a device that may not be opened, LIBUSB_ERROR_ACCESS. `model`: what it is, as far as its ids say. */
export function permissionError(identity: UsbIdentity, model = 'USB device', cause?: unknown, system: System = thisSystem()): TaggerError {
  const node = nodeOf(identity);
  return new TaggerError('forbidden', `Cannot open the ${model} at ${identity.port} (${idOf(identity)}): the system does not let ${system.user} use it${node === undefined ? '' : `, see ${node}`}.`, {
    hint: permissionHint(identity, system), cause,
  });
}

/** `/dev/bus/usb/001/005`; undefined where the port says no bus. */
function nodeOf({ port, address }: UsbIdentity): string | undefined {
  const bus = /^(\d{1,3})-/.exec(port)?.[1];
  return bus === undefined ? undefined : `/dev/bus/usb/${bus.padStart(3, '0')}/${String(address).padStart(3, '0')}`;
}

/** What to type, from what is there already. */
export function permissionHint(identity: UsbIdentity, { platform, ruleFolders: folders, groupFile: groupsAt, user, groups }: System = thisSystem()): string {
  if (platform === 'win32') return 'Give it the driver WinUSB, with Zadig for example.';
  if (platform !== 'linux') return 'Run as a user who may use USB devices.';
  const installed = folders.map(folder => join(folder, ruleFile)).find(file => existsSync(file));
  if (installed === undefined) return `The udev rule is missing: sudo cp ${ourRule()} /etc/udev/rules.d/${ruleFile}; ${reload}`;
  if (!covers(readText(installed), identity)) return `${installed} does not know this device; a newer one may: sudo cp ${ourRule()} /etc/udev/rules.d/${ruleFile}; ${reload}`;
  const entry = new RegExp(`^${group}:[^:]*:(\\d+):`, 'm').exec(readText(groupsAt));
  if (!entry) return `${installed} is there, but this system has no group ${group}: sudo groupadd --system ${group}; sudo usermod -aG ${group} ${user}; ${reload}; then log in anew.`;
  if (!groups.includes(Number(entry[1]))) return `${installed} is there, but ${user} is not in its group: sudo usermod -aG ${group} ${user}; then log in anew, or restart the service.`;
  return `${installed} is there and ${user} is in the group ${group}, so it has not been applied to this device yet: ${reload}; or plug it in again.`;
}

/** False only if the rules name devices of this vendor, and this one not. */
function covers(rules: string, { vendorId, productId }: UsbIdentity): boolean {
  const hex = (id: number): string => id.toString(16).padStart(4, '0');
  const products = idsOf(rules).filter(id => id.startsWith(hex(vendorId)));
  return products.length === 0 || products.includes(`${hex(vendorId)}:${hex(productId)}`);
}

/** `04b4:1004` of every rule that goes by ids. */
export function idsOf(rules: string): string[] {
  return [...rules.matchAll(/^ATTR\{idVendor\}=="([0-9a-f]{4})", ATTR\{idProduct\}=="([0-9a-f]{4})"/gm)].map(([, vendor, product]) => `${vendor}:${product}`);
}

/** The file that comes with this program, bundled or not. */
function ourRule(): string {
  const file = fileURLToPath(new URL(`../../ops/${ruleFile}`, import.meta.url));
  return existsSync(file) ? file : ruleFile;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
