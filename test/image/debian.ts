// test/image/debian.ts - a small Debian system from its packages, without installing any: a folder tree, a kernel and modules.
//
// Packages are those of the release that this computer runs, so the machine's own sources and keys decide what is fetched. They are unpacked, and nothing in them is run.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

/** What apt-get would fetch with these packages: themselves and the libraries that they need. */
export function withLibraries(names: readonly string[]): string[] {
  const options = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(kind => `--no-${kind}`);
  const all = execFileSync('apt-cache', ['depends', '--recurse', ...options, ...names], { encoding: 'utf8' }).split('\n').filter(line => /^[a-z]/.test(line));
  // Other programs come along by chains that end in an installer or in a shell of a person.
  return [...new Set([...names, ...all.filter(name => name.startsWith('lib') && !/elogind|newt|slang|installer|textwrap|semanage|-common$|libdb5|readline|tinfo|perl/.test(name))])].toSorted();
}

/** Name of the package with the kernel that `linux-image-amd64` stands for. */
export function kernelPackage(): string {
  const found = /Depends: (linux-image-\S+)/.exec(execFileSync('apt-cache', ['depends', 'linux-image-amd64'], { encoding: 'utf8' }))?.[1];
  if (found === undefined) throw new Error('apt-cache knows no linux-image-amd64: is this a Debian of amd64, and was `apt-get update` run?');
  return found;
}

/** Downloads packages into a folder, those that are not there yet. */
export function download(folder: string, names: readonly string[]): string[] {
  mkdirSync(folder, { recursive: true });
  const present = (name: string): string | undefined => readdirSync(folder).find(file => file.startsWith(`${name}_`) && file.endsWith('.deb'));
  const missing = names.filter(name => !present(name));
  if (missing.length > 0) {
    console.error(`virtual machine: downloading ${missing.length} Debian packages into ${folder}; nothing is installed`);
    const fetch = (): void => { execFileSync('apt-get', ['download', '-qq', ...missing], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] }); };
    try {
      fetch();
    } catch {
      // The lists may be of a time when there were other versions.
      execFileSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 'ignore', 'pipe'] });
      fetch();
    }
  }
  return names.map(name => join(folder, present(name)!));
}

/** Unpacks packages over each other as one file system with /usr merged. */
export function unpack(tree: string, packages: readonly string[]): void {
  rmSync(tree, { recursive: true, force: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(tree, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(tree, name));
  }
  for (const file of packages) extract(file, tree);
}

export function extract(file: string, tree: string, ...only: readonly string[]): void {
  const tar = execFileSync('dpkg-deb', ['--fsys-tarfile', file], { maxBuffer: 2 ** 30 });
  execFileSync('tar', ['-x', '--keep-directory-symlink', '-C', tree, ...(only.length > 0 ? ['--wildcards', ...only] : [])], { input: tar, stdio: ['pipe', 'ignore', 'pipe'] });
}

/** Modules with all that they need, in the order to load them in; those built into the kernel are left out. */
export function modules(tree: string, names: readonly string[]): { name: string; data: Buffer }[] {
  const files = new Map(readdirSync(tree, { recursive: true, encoding: 'utf8' }).filter(file => /\.ko(\.xz)?$/.test(file)).map(file => [plain(basename(file)), join(tree, file)]));
  const loaded = new Map<string, Buffer>();
  const load = (name: string): void => {
    const file = files.get(plain(name));
    if (file === undefined || loaded.has(plain(name))) return;
    const data = file.endsWith('.xz') ? execFileSync('xz', ['-dc', file], { maxBuffer: 2 ** 28 }) : readFileSync(file);
    // Its needs stand in the module itself, as text that ends with a zero.
    for (const needed of /\0depends=([^\0]*)\0/.exec(data.toString('latin1'))?.[1]?.split(',') ?? []) load(needed);
    loaded.set(plain(name), data);
  };
  for (const name of names) load(name);
  return [...loaded].map(([name, data]) => ({ name, data }));
}

function plain(name: string): string { return name.replace(/\.ko(\.xz)?$/, '').replaceAll('-', '_'); }

