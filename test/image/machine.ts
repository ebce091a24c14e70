// test/image/machine.ts - what the small virtual machine boots: kernel, initial RAM disk and two disks, made from Debian packages, the pinned Node and this source tree.
//
// The first disk is Debian's systemd and udev with Node and is kept in node_modules/.cache; the second is this tree as it is now. The user, the group of USB devices and the
// udev rule are those of an installation of tagd.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpio, modes, type Entry } from './cpio.ts';
import { download, extract, kernelPackage, modules, unpack, withLibraries } from './debian.ts';
import { sandboxFiles } from './sandbox.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, 'node_modules/.cache/image');
const diskModules = ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4'], usbModules = ['xhci_pci', 'cdc_acm'];
const programs = ['systemd', 'udev', 'util-linux', 'busybox-static', 'libstdc++6', 'libatomic1'];
/** Nothing of these is needed, and each takes a second in an emulated computer. */
const masked = [
  'dev-hugepages.mount', 'dev-mqueue.mount', 'kmod-static-nodes.service', 'proc-sys-fs-binfmt_misc.automount', 'sys-fs-fuse-connections.mount', 'sys-kernel-config.mount',
  'sys-kernel-debug.mount', 'sys-kernel-tracing.mount', 'systemd-ask-password-console.path', 'systemd-binfmt.service', 'systemd-firstboot.service', 'systemd-journal-flush.service',
  'systemd-machine-id-commit.service', 'systemd-modules-load.service', 'systemd-pcrphase.service', 'systemd-pcrphase-sysinit.service', 'systemd-random-seed.service',
  'systemd-repart.service', 'systemd-sysctl.service', 'systemd-sysusers.service', 'systemd-update-utmp.service', 'systemd-journald-audit.socket', 'getty.target', 'systemd-network-generator.service',
];

/** Each line of the second serial port is a number and a command; what it printed is followed by its number and exit code. It can be interrupted by another. */
const agent = `stty raw -echo
while IFS= read -r line; do
  n=\${line%% *}
  { ( eval "\${line#* }" ) </dev/null 2>&1; echo "@@$n $?"; } &
done
`;

export interface Machine { readonly kernel: string; readonly initrd: string; readonly disks: readonly string[] }

export function makeMachine(): Machine {
  const packages = download(join(cache, 'packages'), [...withLibraries(programs), kernelPackage()]);
  const key = createHash('sha256').update(packages.join()).update(process.version);
  for (const file of ['machine.ts', 'debian.ts', 'cpio.ts']) key.update(readFileSync(new URL(file, import.meta.url)));
  const made = join(cache, `system-${key.digest('hex').slice(0, 16)}`);
  if (!existsSync(made)) {
    // What older sources or packages made is of no use any more.
    for (const name of existsSync(cache) ? readdirSync(cache) : []) if (name.startsWith('system-')) rmSync(join(cache, name), { recursive: true });
    const work = mkdtempSync(join(cache, 'making-'));
    makeSystem(work, packages.slice(0, -1), packages.at(-1)!);
    renameSync(work, made);
  }
  const disks = [join(made, 'root.ext4'), join(mkdtempSync(join(tmpdir(), 'tagd-machine-')), 'tree.ext4')];
  makeTreeDisk(disks[1]!);
  return { kernel: join(made, 'vmlinuz'), initrd: join(made, 'initrd'), disks };
}

function makeSystem(folder: string, packages: readonly string[], kernel: string): void {
  const tree = join(folder, 'tree'), kernelTree = join(folder, 'kernel');
  mkdirSync(kernelTree);
  extract(kernel, kernelTree);
  const [vmlinuz] = readdirSync(join(kernelTree, 'boot')).filter(name => name.startsWith('vmlinuz'));
  cpSync(join(kernelTree, 'boot', vmlinuz!), join(folder, 'vmlinuz'));
  unpack(tree, packages);
  for (const name of ['share/doc', 'share/man', 'share/locale', 'lib/x86_64-linux-gnu/gconv', 'lib/udev/hwdb.d']) rmSync(join(tree, 'usr', name), { recursive: true, force: true });
  const busybox = readFileSync(join(tree, 'bin/busybox'));
  writeFileSync(join(folder, 'initrd'), initrd(busybox, modules(kernelTree, diskModules)));
  furnish(tree, modules(kernelTree, usbModules));
  makeDisk(join(folder, 'root.ext4'), tree, 360);
  for (const each of [tree, kernelTree]) rmSync(each, { recursive: true });
}

function initrd(busybox: Buffer, loaded: readonly { name: string; data: Buffer }[]): Buffer {
  const init = `#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t devtmpfs dev /dev; $bb mount -t proc proc /proc; $bb mount -t sysfs sys /sys
for m in ${loaded.map(({ name }) => name).join(' ')}; do $bb insmod /modules/$m || echo "cannot load $m"; done
while [ ! -b /dev/vdb ]; do $bb sleep 0.1; done
$bb mount -t ext4 /dev/vda /root && $bb mount -t ext4 -o ro /dev/vdb /root/opt/tagd
for m in dev proc sys; do $bb mount --move /$m /root/$m; done
exec $bb switch_root /root /lib/systemd/systemd
`;
  const entries: Entry[] = [
    ...['bin', 'dev', 'proc', 'sys', 'root', 'modules'].map(name => ({ name, mode: modes.folder })),
    { name: 'dev/console', mode: modes.character, device: [5, 1] },
    { name: 'init', mode: modes.program, data: Buffer.from(init) },
    { name: 'bin/busybox', mode: modes.program, data: busybox },
    ...loaded.map(({ name, data }) => ({ name: `modules/${name}`, mode: modes.file, data })),
  ];
  return cpio(entries);
}

/** What an installer would do: accounts, units, rules, Node. */
function furnish(tree: string, loaded: readonly { name: string; data: Buffer }[]): void {
  const write = (name: string, text: string | Buffer): void => {
    mkdirSync(join(tree, name, '..'), { recursive: true });
    writeFileSync(join(tree, name), text);
  };
  for (const name of ['dev', 'proc', 'sys', 'run', 'tmp', 'root', 'opt/tagd', 'var/lib', 'var/log', 'var/tmp', 'etc/systemd/system']) mkdirSync(join(tree, name), { recursive: true });
  for (const name of ['sh', 'cat', 'ls', 'stty', 'insmod', 'sleep', 'echo', 'id', 'ps', 'grep', 'head', 'tail', 'kill', 'cp', 'chmod', 'mount']) {
    for (const folder of ['bin', 'sbin']) rmSync(join(tree, folder, name), { force: true });
    symlinkSync('busybox', join(tree, 'bin', name));
  }
  write('etc/passwd', 'root:x:0:0::/root:/bin/sh\ntagd:x:990:990::/var/lib/tagd:/bin/sh\n');
  write('etc/group', 'root:x:0:\nplugdev:x:46:\ntagd:x:990:\ntty:x:5:\ndisk:x:6:\ndialout:x:20:\ninput:x:101:\nkvm:x:102:\nrender:x:103:\nvideo:x:44:\naudio:x:29:\nkmem:x:15:\nlp:x:7:\ncdrom:x:24:\ntape:x:26:\n');
  write('etc/machine-id', '0123456789abcdef0123456789abcdef\n');
  write('etc/hostname', 'tagd-test\n');
  write('etc/udev/rules.d/60-tagger.rules', 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", MODE="0660", GROUP="plugdev"\n');
  write('usr/lib/tagd/agent', agent);
  for (const { name, data } of loaded) write(`usr/lib/tagd/modules/${name}`, data);
  const unit = (name: string, text: string): void => { write(`etc/systemd/system/${name}`, text); };
  unit('usb-modules.service', `[Unit]\nAfter=systemd-udevd.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'for m in ${loaded.map(({ name }) => name).join(' ')}; do insmod /usr/lib/tagd/modules/$$m; done'\n`);
  unit('agent.service', '[Unit]\nAfter=usb-modules.service\n[Service]\nExecStart=/bin/sh /usr/lib/tagd/agent\nStandardInput=tty-force\nStandardOutput=tty\nTTYPath=/dev/ttyS1\nTTYVHangup=no\nTTYReset=no\nKillMode=process\n');
  unit('test.target', '[Unit]\nRequires=sysinit.target\nWants=usb-modules.service agent.service\nAfter=sysinit.target\nAllowIsolate=yes\n');
  symlinkSync('test.target', join(tree, 'etc/systemd/system/default.target'));
  for (const name of masked) symlinkSync('/dev/null', join(tree, 'etc/systemd/system', name));
  mkdirSync(join(tree, 'opt/node'), { recursive: true });
  cpSync(process.execPath, join(tree, 'opt/node/node'), { dereference: true });
  chmodSync(join(tree, 'opt/node/node'), 0o755);
}

/** This tree, as far as a guest can use it. Types are taken away here: an emulated computer would need many seconds for that. */
function makeTreeDisk(file: string): void {
  const tree = join(file, '../tree');
  cpSync(join(root, 'package.json'), join(tree, 'package.json'));
  for (const name of ['usb', 'node-gyp-build']) {
    const unused = /prebuilds\/(?!linux-x64)|\/libusb$|\/src$/;
    cpSync(join(root, 'node_modules', name), join(tree, 'node_modules', name), { recursive: true, dereference: true, filter: path => !unused.test(path) });
  }
  for (const folder of ['app/core', 'app/driver', 'app/emulate', 'app/dsp', 'test/support', 'test/image']) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter(each => /(?<!\.d|\.as)\.ts$|\.wasm$|\.json$/.test(each))) {
      const from = join(root, folder, name), into = join(tree, folder, name);
      mkdirSync(dirname(into), { recursive: true });
      if (!name.endsWith('.ts')) cpSync(from, into);
      else writeFileSync(into.replace(/ts$/, 'js'), stripTypeScriptTypes(readFileSync(from, 'utf8')).replaceAll(/(?<=['"]\.[^'"\n]*)\.ts(?=['"])/g, '.js'));
    }
  }
  for (const [name, text] of Object.entries(sandboxFiles)) writeFileSync(join(tree, name), text);
  makeDisk(file, tree, 32);
  rmSync(tree, { recursive: true });
}

function makeDisk(file: string, tree: string, megabytes: number): void {
  execFileSync('/usr/sbin/mkfs.ext4', ['-q', '-d', tree, '-O', '^has_journal,^metadata_csum', '-E', 'root_owner=0:0', file, `${megabytes}M`], { stdio: ['ignore', 'ignore', 'pipe'] });
}
