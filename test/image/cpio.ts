// test/image/cpio.ts - an initial RAM disk as the kernel reads it: a cpio archive in the newc format, made without root and without cpio.

export interface Entry { name: string; mode: number; data?: Uint8Array; device?: readonly [major: number, minor: number] }

export const modes = { folder: 0o040755, program: 0o100755, file: 0o100644, link: 0o120777, character: 0o020600 } as const;

export function cpio(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  [...entries, { name: 'TRAILER!!!', mode: 0 } as Entry].forEach(({ name, mode, data = new Uint8Array(0), device = [0, 0] }, i) => {
    const fields = [i + 1, mode, 0, 0, 1, 0, data.length, 0, 0, ...device, name.length + 1, 0];
    const head = Buffer.from(`070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}${name}\0`);
    parts.push(head, padding(head.length), Buffer.from(data), padding(data.length));
  });
  return Buffer.concat(parts);
}

function padding(length: number): Buffer { return Buffer.alloc((4 - length % 4) % 4); }
