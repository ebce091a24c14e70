// test/driver/usb-permission.test.ts - the udev rule covers the drivers, and whoever may not open a device is told what to type.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { idsOf, permissionError, ruleFile, type System } from '../../app/driver/usb-permission.ts';

const rules = readFileSync(new URL(`../../ops/${ruleFile}`, import.meta.url), 'utf8'), drivers = fileURLToPath(new URL('../../app/driver', import.meta.url));
const idsIn = (text: string): string[] => [...text.matchAll(/'([0-9a-f]{4}:[0-9a-f]{4})'/g)].map(([, id]) => id!);
const sources = readdirSync(drivers, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile() && entry.name.endsWith('.ts')).map(entry => ({
  isDriver: entry.parentPath !== drivers, text: readFileSync(join(entry.parentPath, entry.name), 'utf8'),
}));

test('every id that a driver names is in the rules, and every id of the rules is named by a driver or known as a tagger', t => {
  const ruled = idsOf(rules), ofDrivers = sources.filter(({ isDriver }) => isDriver).flatMap(({ text }) => idsIn(text));
  t.true(ofDrivers.length > 0);
  t.deepEqual(ofDrivers.filter(id => !ruled.includes(id)), [], 'of drivers, not in the rules');
  const known = sources.flatMap(({ text }) => idsIn(text));
  t.deepEqual(ruled.filter(id => !known.includes(id)), [], 'in the rules, of nobody');
  t.is(new Set(ruled).size, ruled.length, 'an id is listed twice');
  t.is(ruled.length, [...rules.matchAll(/ATTR\{idVendor\}/g)].length, 'a rule that cannot be read here');
});

test('the rules have only lines that udev understands, for devices alone, and permit nothing to everybody', t => {
  const lines = rules.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  const term = /^(?:ACTION|SUBSYSTEM|ENV\{\w+\}|ATTR\{\w+\})(?:==|!=)"[^"]+"$|^(?:ENV\{\w+\}|GOTO|LABEL|MODE|GROUP)="[^"]+"$|^TAG\+="uaccess"$/;
  for (const line of lines) for (const part of line.split(', ')) t.regex(part, term);
  t.deepEqual(lines.filter(line => line.includes('MODE=')), ['ENV{ID_TIME_TAGGER}=="1", MODE="0660", GROUP="plugdev", TAG+="uaccess", ENV{ID_MM_DEVICE_IGNORE}="1"']);
  // A name or a class alone, as of any serial adapter, is no tagger.
  for (const line of lines.filter(each => each.includes('0202'))) t.regex(line, /ATTR\{(?:manufacturer|product)\}==/);
});

const identity = { vendorId: 0x04b4, productId: 0x1004, manufacturer: '', product: '', serial: '', port: '3-2.1', address: 7 };

function system(options: { rule?: string; group?: string; groups?: number[]; platform?: string } = {}): System {
  const folder = mkdtempSync(join(tmpdir(), 'tagd-udev-')), groupFile = join(folder, 'group');
  if (options.rule !== undefined) writeFileSync(join(folder, ruleFile), options.rule);
  writeFileSync(groupFile, options.group ?? 'root:x:0:\nplugdev:x:46:ada\n');
  return { platform: options.platform ?? 'linux', ruleFolders: ['/nowhere', folder], groupFile, user: 'grace', groups: options.groups ?? [1000] };
}

test('permissionError() says which device, which rule, where it goes and how it is loaded', t => {
  const error = permissionError(identity, 'UMass FPGA tagger', undefined, system());
  t.is(error.code, 'forbidden');
  t.is(error.message, 'Cannot open the UMass FPGA tagger at 3-2.1 (04b4:1004): the system does not let grace use it, see /dev/bus/usb/003/007.');
  t.regex(error.hint!, /^The udev rule is missing: sudo cp \S+\/ops\/60-tagger\.rules \/etc\/udev\/rules\.d\/60-tagger\.rules; sudo udevadm control --reload; sudo udevadm trigger$/);
});

test('permissionError() looks at what is there already: an older rule, no group, not in it, not applied yet, another system', t => {
  const hint = (options: Parameters<typeof system>[0]): string => permissionError(identity, 'tagger', undefined, system(options)).hint!;
  t.regex(hint({ rule: 'ATTR{idVendor}=="04b4", ATTR{idProduct}=="8613", ENV{ID_TIME_TAGGER}="1"\n' }), /does not know this device; a newer one may: sudo cp/);
  t.regex(hint({ rule: rules, group: 'root:x:0:\n' }), /no group plugdev: sudo groupadd --system plugdev; sudo usermod -aG plugdev grace/);
  t.regex(hint({ rule: rules }), /grace is not in its group: sudo usermod -aG plugdev grace/);
  t.regex(hint({ rule: rules, groups: [46] }), /not been applied to this device yet: sudo udevadm control --reload; sudo udevadm trigger; or plug it in again/);
  t.regex(hint({ platform: 'win32' }), /WinUSB/);
});
