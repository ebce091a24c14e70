// rpc/grants.ts - the tree of grants: who may do what, narrowed at each step down.
//
// A child never outranks or outlives its parent; ending a grant ends its tree. Only hashes of secrets are kept. What is
// decided here holds in memory at once; the file follows, and the caller is answered when it has.
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Facet, ShareOptions } from './api.ts';
import { GrantFile } from './grant-file.ts';

export const facets: readonly Facet[] = ['view', 'measure', 'control', 'admin'];
export function includes(facet: Facet, other: Facet): boolean { return facets.indexOf(facet) >= facets.indexOf(other); }

export interface Grant {
  id: string;
  parent: string | null;
  /** SHA-256 of the secret, hex; `null` for the root, which is reached by temporary secrets only. */
  hash: string | null;
  facet: Facet;
  taggers: string[] | null;
  channels: number[] | null;
  expiresMs: number | null;
  uses: number | null;
  label: string;
  createdMs: number;
}

/** Deeper trees have no use, and every check walks up one. */
const deepest = 16;

export class Grants {
  readonly #rows = new Map<string, Grant>();
  readonly #byHash = new Map<string, string>();
  readonly #listeners = new Set<(ids: readonly string[]) => void>();
  readonly #file: GrantFile;
  readonly #clock: Clock;

  private constructor(file: GrantFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /**
   * Reads the grants of a state folder, or begins with a root grant alone.
   * @throws {TaggerError} `protocol` if the file is damaged; it has been set aside under the name in the message
   */
  static async open(folder: string, clock: Clock): Promise<Grants> {
    const file = new GrantFile(folder, clock);
    const grants = new Grants(file, clock);
    for (const row of await file.read()) grants.#keep(row);
    if (grants.#rows.size === 0) {
      grants.#keep({
        id: newId(), parent: null, hash: null, facet: 'admin', taggers: null, channels: null, expiresMs: null, uses: null, label: 'owner', createdMs: clock.nowMs(),
      });
      await grants.#save();
    }
    return grants;
  }

  get root(): Grant { return [...this.#rows.values()].find(row => row.parent === null) as Grant; }
  /** Somebody was given a link that lasts. */
  get claimed(): boolean { return this.#rows.size > 1; }
  get(id: string): Grant | undefined { return this.#rows.get(id); }
  all(): Grant[] { return [...this.#rows.values()]; }

  /** A secret for an existing grant that works until the process ends; nothing of it is stored. */
  temporarySecret(id: string): string {
    const secret = newSecret();
    this.#byHash.set(hashOf(secret), id);
    return secret;
  }

  /** @throws {TaggerError} `forbidden` where it would outrank or outlive its parent, `limit` where there are too many */
  async issue(parentId: string, wanted: ShareOptions): Promise<{ grant: Grant; secret: string }> {
    this.#forgetExpired();
    const parent = this.#rows.get(parentId);
    if (!parent) throw new TaggerError('closed', 'Cannot share: the grant to share from has ended.');
    const refuse = (why: string): TaggerError => new TaggerError('forbidden', `Cannot share ${why}: your own grant does not reach that far.`, {
      hint: 'A link can pass on what you have, or less.',
    });
    if (!includes(parent.facet, wanted.facet)) throw refuse(`'${wanted.facet}'`);
    const tagger = wanted.taggers?.find(id => parent.taggers && !parent.taggers.includes(id));
    if (tagger !== undefined) throw refuse(`the tagger '${tagger}'`);
    const channel = wanted.channels?.find(number => parent.channels && !parent.channels.includes(number));
    if (channel !== undefined) throw refuse(`channel ${channel}`);
    const nowMs = this.#clock.nowMs();
    const expiresMs = wanted.ttlMs === undefined ? parent.expiresMs : nowMs + wanted.ttlMs;
    if (parent.expiresMs !== null && expiresMs !== null && expiresMs > parent.expiresMs) throw refuse(`until ${new Date(expiresMs).toISOString()}`);
    this.#checkRoom(parent);
    const secret = newSecret();
    const grant: Grant = {
      id: newId(), parent: parent.id, hash: hashOf(secret), facet: wanted.facet, taggers: wanted.taggers ? [...wanted.taggers] : parent.taggers,
      channels: wanted.channels ? [...wanted.channels] : parent.channels, expiresMs, uses: wanted.uses ?? null, label: wanted.label ?? '', createdMs: nowMs,
    };
    this.#keep(grant);
    try {
      await this.#save();
    } catch (error) {
      this.#forget(grant);
      throw error;
    }
    return { grant, secret };
  }

  /** The grant of a secret, or `undefined` for every reason there may be. Counts one use. */
  async redeem(secret: string): Promise<Grant | undefined> {
    // The same work for every answer: hash, look up, compare numbers.
    const grant = this.#rows.get(this.#byHash.get(hashOf(secret)) ?? '');
    if (!grant || this.isExpired(grant) || grant.uses === 0) return undefined;
    if (grant.uses !== null) {
      grant.uses--;
      await this.#save();
    }
    return this.#rows.has(grant.id) ? grant : undefined;
  }

  isExpired(grant: Grant): boolean { return grant.expiresMs !== null && grant.expiresMs <= this.#clock.nowMs(); }

  /** Ends a grant and all made from it; who listens hears of it before anything is written. */
  async revoke(id: string): Promise<void> {
    const ids = this.tree(id);
    for (const each of ids) {
      const row = this.#rows.get(each);
      if (row) this.#forget(row);
    }
    for (const listener of this.#listeners) listener(ids);
    await this.#save();
  }

  /** Ids of a grant and all made from it, the grant first. */
  tree(id: string): string[] {
    const children = new Map<string, string[]>();
    for (const { id: own, parent } of this.#rows.values()) if (parent !== null) children.set(parent, [...children.get(parent) ?? [], own]);
    const found = [id];
    for (let i = 0; i < found.length; i++) found.push(...children.get(found[i] as string) ?? []);
    return found;
  }

  /** Ids from the root to this grant. */
  lineage(id: string): string[] {
    const path: string[] = [];
    for (let row = this.#rows.get(id); row; row = row.parent === null ? undefined : this.#rows.get(row.parent)) path.unshift(row.id);
    return path;
  }

  onRevoked(listener: (ids: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  #checkRoom(parent: Grant): void {
    const path = this.lineage(parent.id);
    if (path.length >= deepest) throw new TaggerError('limit', `Cannot share: this link is already passed on ${deepest - 1} times.`, {
      hint: 'Ask somebody nearer to the owner for a link.',
    });
    if (this.#rows.size >= limits.grants) throw new TaggerError('limit', `Cannot share: this box holds ${limits.grants} grants.`, { hint: 'Revoke some that are no longer used.' });
    // One guest must not use up the table for all.
    if (!includes(parent.facet, 'admin') && this.tree(parent.id).length > limits.grantsBelow) {
      throw new TaggerError('limit', `Cannot share: ${limits.grantsBelow} grants were made from yours.`, { hint: 'Revoke some that are no longer used.' });
    }
  }

  #forgetExpired(): void {
    for (const row of this.#rows.values()) if (this.isExpired(row)) this.#forget(row);
  }

  #keep(row: Grant): void {
    this.#rows.set(row.id, row);
    if (row.hash !== null) this.#byHash.set(row.hash, row.id);
  }

  #forget(row: Grant): void {
    this.#rows.delete(row.id);
    for (const [hash, id] of this.#byHash) if (id === row.id) this.#byHash.delete(hash);
  }

  async #save(): Promise<void> { await this.#file.write(() => this.all()); }
}

function newSecret(): string { return randomBytes(32).toString('base64url'); }
function newId(): string { return randomBytes(6).toString('hex'); }
function hashOf(secret: string): string { return createHash('sha256').update(secret).digest('hex'); }
