// test/driver/usb-permission.test.ts - the udev rule covers the drivers, and whoever may not open a device is told what to type.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { usbDrivers } from '../../app/driver/usb-drivers.ts';
import { idsOf, permissionError, ruleFile, type System } from '../../app/driver/usb-permission.ts';

const rules = readFileSync(new URL(`../../ops/${ruleFile}`, import.meta.url), 'utf8'), drivers = fileURLToPath(new URL('../../app/driver', import.meta.url));
const identity = { vendorId: 0x04b4, productId: 0x1004, manufacturer: '', product: '', serial: '', port: '3-2.1', address: 7 };

/** The ids that the files of a driver name. */
function idsOfDriver(name: string): string[] {
  const texts = readdirSync(join(drivers, name)).filter(file => file.endsWith('.ts')).map(file => readFileSync(join(drivers, name, file), 'utf8'));
  return [...new Set(texts.flatMap(text => [...text.matchAll(/'([0-9a-f]{4}:[0-9a-f]{4})'/g)].map(([, id]) => id!)))].sort();
}

/** The ids that the rules have for a driver. */
function idsOfRules(name: string): string[] {
  const named = rules.split('\n').filter(line => /ENV\{ID_TIME_TAGGER\}="([^"]*)"/.exec(line)?.[1]?.split(' ').includes(name));
  return idsOf(named.join('\n')).sort();
}

test('the rules have the ids of every driver, and no others', t => {
  for (const { id } of usbDrivers) t.deepEqual(idsOfRules(id), idsOfDriver(id), id);
  const ruled = idsOf(rules);
  t.is(new Set(ruled).size, ruled.length, 'an id is listed twice');
  t.is(ruled.length, [...rules.matchAll(/ATTR\{idVendor\}/g)].length, 'a rule that cannot be read here');
  for (const id of ruled) {
    const [vendorId, productId] = id.split(':').map(hex => Number.parseInt(hex, 16)) as [number, number], names = usbDrivers.filter(({ id: name }) => idsOfRules(name).includes(id));
    for (const driver of names) t.true(driver.score({ ...identity, vendorId, productId }) > 0, `${driver.id} does not want ${id}`);
  }
});

test('a driver without ids has a rule by class and name', t => {
  for (const { id } of usbDrivers) if (idsOfDriver(id).length === 0) t.regex(rules, new RegExp(`^(?:ENV\\{ID_USB_INTERFACES\\}|ATTR\\{product\\}).*ENV\\{ID_TIME_TAGGER\\}="${id}"$`, 'm'));
  t.pass();
});

test('the rules have only lines that udev understands, for devices alone, and permit nothing to everybody', t => {
  const lines = rules.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  const term = /^(?:ACTION|SUBSYSTEM|ENV\{\w+\}|ATTR\{\w+\})(?:==|!=)"[^"]+"$|^(?:ENV\{\w+\}|GOTO|LABEL|MODE|GROUP)="[^"]+"$|^TAG\+="uaccess"$/;
  for (const line of lines) for (const part of line.split(', ')) t.regex(part, term);
  t.deepEqual(lines.filter(line => line.includes('MODE=')), ['ENV{ID_TIME_TAGGER}=="?*", MODE="0660", GROUP="plugdev", TAG+="uaccess", ENV{ID_MM_DEVICE_IGNORE}="1"']);
  // A name or a class alone, as of any serial adapter, is no tagger.
  for (const line of lines.filter(each => each.includes('0202'))) t.regex(line, /ATTR\{(?:manufacturer|product|serial)\}==/);
});

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
  t.regex(hint({ rule: 'ATTR{idVendor}=="04b4", ATTR{idProduct}=="8613", ENV{ID_TIME_TAGGER}="umass"\n' }), /does not know this device; a newer one may: sudo cp/);
  t.regex(hint({ rule: rules, group: 'root:x:0:\n' }), /no group plugdev: sudo groupadd --system plugdev; sudo usermod -aG plugdev grace/);
  t.regex(hint({ rule: rules }), /grace is not in its group: sudo usermod -aG plugdev grace/);
  t.regex(hint({ rule: rules, groups: [46] }), /not been applied to this device yet: sudo udevadm control --reload; sudo udevadm trigger; or plug it in again/);
  t.regex(hint({ platform: 'win32' }), /WinUSB/);
});
