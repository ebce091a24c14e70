// rpc/grant-file.ts - the grants on disk: replaced whole, so that a power cut leaves the old file or the new one.
//
// A file that cannot be read is set aside and never overwritten: an empty list of grants would lock everybody out.
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { TaggerError } from '../core/errors.ts';
import type { Grant } from './grants.ts';

export class GrantFile {
  readonly #folder: string;
  readonly #path: string;
  readonly #clock: Clock;
  #last: Promise<void> = Promise.resolve();

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#path = join(folder, 'grants.json');
    this.#clock = clock;
  }

  /** @throws {TaggerError} `protocol` if it is damaged, `unavailable` if it cannot be read */
  async read(): Promise<Grant[]> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new TaggerError('unavailable', `Cannot read the grants in ${this.#path}.`, { cause, hint: 'Check who may read the state folder.' });
    }
    try {
      return parse(text);
    } catch (cause) {
      const aside = `${this.#path}.damaged-${new Date(this.#clock.nowMs()).toISOString().replaceAll(':', '')}`;
      await rename(this.#path, aside);
      throw new TaggerError('protocol', `Cannot use the grants in ${this.#path}: ${cause instanceof Error ? cause.message : 'damaged'}. The file is now ${aside}.`, {
        cause, hint: 'Put a good copy back as grants.json, or start again without: all links given out before then stop working.',
      });
    }
  }

  /** Writes what `rows` gives when its turn has come; one write after the other. */
  async write(rows: () => Grant[]): Promise<void> {
    const turn = this.#last.then(() => this.#replace(format(rows())));
    this.#last = turn.catch(() => {});
    await turn;
  }

  async #replace(text: string): Promise<void> {
    const temporary = `${this.#path}.new`;
    try {
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#path);
      const folder = await open(this.#folder, 'r');
      try { await folder.sync(); } finally { await folder.close(); }
    } catch (cause) {
      throw new TaggerError('unavailable', `Cannot store the grants in ${this.#path} (${(cause as NodeJS.ErrnoException).code}). No new link was made; a revocation holds until the daemon restarts.`, {
        cause, hint: 'Check the space on the disk of the state folder and who may write there; then do it again.',
      });
    }
  }
}

/** One grant a line, so that a difference between two copies can be read. */
function format(rows: readonly Grant[]): string {
  return `{"version":1,"grants":[\n${rows.map(row => JSON.stringify(row)).join(',\n')}\n]}\n`;
}

function parse(text: string): Grant[] {
  const document: unknown = JSON.parse(text);
  if (typeof document !== 'object' || document === null || !('version' in document) || document.version !== 1 || !('grants' in document) || !Array.isArray(document.grants)) {
    throw new Error('it is not a list of grants of version 1');
  }
  const rows = document.grants as unknown[];
  rows.forEach((row, i) => { if (!isGrant(row)) throw new Error(`grant ${i + 1} is not complete`); });
  const grants = rows as Grant[];
  const ids = new Set(grants.map(({ id }) => id));
  if (ids.size !== grants.length || grants.some(({ parent }) => parent !== null && !ids.has(parent)) || grants.filter(({ parent }) => parent === null).length !== 1) {
    throw new Error('the tree of grants does not hang together');
  }
  return grants;
}

function isGrant(row: unknown): row is Grant {
  if (typeof row !== 'object' || row === null) return false;
  const { id, parent, hash, facet, taggers, channels, expiresMs, uses, label, createdMs } = row as Record<string, unknown>;
  const orNull = (value: unknown, check: (value: unknown) => boolean): boolean => value === null || check(value);
  const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
  const isText = (value: unknown): boolean => typeof value === 'string';
  return isText(id) && orNull(parent, isText) && orNull(hash, value => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value))
    && typeof facet === 'string' && ['view', 'measure', 'control', 'admin'].includes(facet)
    && orNull(taggers, value => Array.isArray(value) && value.every(isText)) && orNull(channels, value => Array.isArray(value) && value.every(isNumber))
    && orNull(expiresMs, isNumber) && orNull(uses, isNumber) && isText(label) && isNumber(createdMs);
}
