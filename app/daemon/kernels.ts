// daemon/kernels.ts - the user kernels of the station: files in its state folder, checked whenever one comes in or is used.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TaggerError } from '../core/errors.ts';
import { checkKernelModule } from '../core/kernel-module.ts';
import { limits } from '../core/limits.ts';
import type { KernelInfo, KernelStore } from '../core/station.ts';

const ending = '.wasm';

/** Names were checked by whoever asks: letters, digits and . _ - , so none leaves the folder. */
export class KernelFolder implements KernelStore {
  readonly #folder: string;

  constructor(stateFolder: string) { this.#folder = join(stateFolder, 'kernels'); }

  async list(): Promise<KernelInfo[]> {
    const names = (await readdir(this.#folder).catch(absent) ?? []).filter(name => name.endsWith(ending));
    return await Promise.all(names.sort().map(name => this.#describe(name.slice(0, -ending.length))));
  }

  async install(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<KernelInfo> {
    const action = `install the kernel '${name}'`;
    checkKernelModule(action, bytes);
    const known = await this.list();
    if (known.length >= limits.kernelsInstalled && !known.some(kernel => kernel.name === name)) {
      throw new TaggerError('limit', `Cannot ${action}: the station has ${known.length} of at most ${limits.kernelsInstalled}.`, { hint: 'Remove one that is no longer needed.' });
    }
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = this.#file(name);
    // A file that is half written never has its name, not even after a power cut.
    await writeFile(`${file}.new`, bytes, { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
    return await this.#describe(name);
  }

  async remove(name: string): Promise<void> {
    await this.read(name);
    await rm(this.#file(name));
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await readFile(this.#file(name)).catch(absent);
    if (bytes) return new Uint8Array(bytes);
    const known = (await this.list()).map(kernel => kernel.name);
    throw new TaggerError('not-found', `There is no kernel '${name}' on this station.`, {
      hint: known.length > 0 ? `There is ${known.join(', ')}.` : 'An admin installs one with `tagctl kernel install`.',
    });
  }

  async #describe(name: string): Promise<KernelInfo> {
    const [bytes, { mtime }] = await Promise.all([readFile(this.#file(name)), stat(this.#file(name))]);
    return { name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), installed: mtime.toISOString() };
  }

  #file(name: string): string { return join(this.#folder, `${name}${ending}`); }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
