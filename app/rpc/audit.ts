// rpc/audit.ts - who changed what, and when: JSON lines that are only ever appended, each hashed over the one before.
//
// A line that a power cut tore off is set aside, and the log says so. Taking a line out or changing one breaks the chain.
import { createHash } from 'node:crypto';
import { appendFile, open, readFile, rename, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { AuditEntry } from './api.ts';

const remembered = 10_000;
const firstHash = '0'.repeat(64);

export class Audit {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onFailure: (error: TaggerError) => void;
  #entries: AuditEntry[] = [];
  #sequence = 0;
  #hash = firstHash;
  #bytes = 0;
  #last: Promise<void> = Promise.resolve();

  private constructor(folder: string, clock: Clock, onFailure: (error: TaggerError) => void) {
    this.#path = join(folder, 'audit.jsonl');
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** @param onFailure hears of it when the log cannot be written; what was to be done has been done */
  static async open(folder: string, clock: Clock, onFailure: (error: TaggerError) => void = () => {}): Promise<Audit> {
    const audit = new Audit(folder, clock, onFailure);
    await audit.#recover();
    return audit;
  }

  record(grants: readonly string[], label: string, action: string, detail: Record<string, unknown>): void {
    const { hash: _, ...body } = { sequence: ++this.#sequence, at: new Date(this.#clock.nowMs()).toISOString(), grants: [...grants], label, action, detail, hash: '' };
    const entry: AuditEntry = { ...body, hash: chain(this.#hash, body) };
    this.#hash = entry.hash;
    this.#entries.push(entry);
    if (this.#entries.length > 2 * remembered) this.#entries = this.#entries.slice(-remembered);
    const line = `${JSON.stringify(entry)}\n`;
    this.#last = this.#last.then(() => this.#append(line)).catch((cause: unknown) => {
      this.#onFailure(new TaggerError('unavailable', `Cannot write the audit log ${this.#path}.`, { cause, hint: 'Check the space on the disk of the state folder.' }));
    });
  }

  /** The newest `limit` entries that `wanted` takes, oldest first. */
  recent(limit: number, wanted: (entry: AuditEntry) => boolean): AuditEntry[] {
    const found: AuditEntry[] = [];
    for (let i = this.#entries.length - 1; i >= 0 && found.length < limit; i--) {
      const entry = this.#entries[i] as AuditEntry;
      if (wanted(entry)) found.unshift(entry);
    }
    return found;
  }

  /** Resolves when everything recorded so far has been handed to the disk. */
  async settled(): Promise<void> { await this.#last; }

  /** Walks the file from its first line. */
  async verify(): Promise<{ entries: number; intact: boolean; detail: string }> {
    await this.settled();
    const lines = (await readFile(this.#path, 'utf8').catch(() => '')).split('\n').filter(line => line !== '');
    let previous: string | undefined;
    for (const [i, line] of lines.entries()) {
      const entry = parse(line);
      if (!entry) return { entries: lines.length, intact: false, detail: `Line ${i + 1} cannot be read.` };
      const { hash, ...body } = entry;
      // The first line of a file that follows an older one begins in the middle of the chain.
      if ((previous !== undefined || entry.sequence === 1) && chain(previous ?? firstHash, body) !== hash) return { entries: lines.length, intact: false, detail: `Line ${i + 1} was changed, or one before it was taken out.` };
      previous = hash;
    }
    if (previous !== undefined && previous !== this.#hash) return { entries: lines.length, intact: false, detail: 'Lines at the end are missing.' };
    return { entries: lines.length, intact: true, detail: 'Every line follows from the one before.' };
  }

  async #append(line: string): Promise<void> {
    if (this.#bytes > limits.auditFileBytes) {
      await rename(this.#path, `${this.#path}.until-${new Date(this.#clock.nowMs()).toISOString().replaceAll(':', '')}`);
      this.#bytes = 0;
    }
    await appendFile(this.#path, line, { mode: 0o600 });
    this.#bytes += Buffer.byteLength(line);
  }

  async #recover(): Promise<void> {
    const size = await stat(this.#path).then(({ size: bytes }) => bytes, () => 0);
    if (size === 0) return;
    const text = await readFile(this.#path, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const entries = whole.split('\n').map(parse).filter(entry => entry !== undefined);
    this.#entries = entries.slice(-remembered);
    const last = this.#entries.at(-1);
    this.#sequence = last?.sequence ?? 0;
    this.#hash = last?.hash ?? firstHash;
    this.#bytes = Buffer.byteLength(whole);
    if (whole.length === text.length) return;
    await truncate(this.#path, this.#bytes);
    const torn = await open(`${this.#path}.torn`, 'a', 0o600);
    try { await torn.writeFile(`${text.slice(whole.length)}\n`); } finally { await torn.close(); }
    this.record([], 'daemon', 'recovered', { tornBytes: Buffer.byteLength(text) - this.#bytes });
  }
}

function chain(previous: string, body: Omit<AuditEntry, 'hash'>): string {
  return createHash('sha256').update(previous).update(JSON.stringify(body)).digest('hex');
}

function parse(line: string): AuditEntry | undefined {
  try {
    const entry = JSON.parse(line) as AuditEntry;
    return typeof entry === 'object' && entry !== null && typeof entry.sequence === 'number' && typeof entry.hash === 'string' && Array.isArray(entry.grants) ? entry : undefined;
  } catch {
    return undefined;
  }
}
