// rpc/session.ts - what a redeemed link gives: the taggers it reaches, its own measurements, and sharing of what it has.
import { RpcTarget } from 'capnweb';
import { checkArguments, describe } from '../core/arguments.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { KernelInfo, StationInfo, TaggerPort } from '../core/station.ts';
import type { AdminSession, AuditEntry, GrantInfo, Measurement, Session, Shared, ShareOptions, StationAdmin, TaggerControl, TaggerSummary, WhoAmI } from './api.ts';
import { grantInfo, type Authority } from './authority.ts';
import { checkChoice, checkInteger, checkList, checkName, checkRecord, checkText } from './checks.ts';
import { facets } from './grants.ts';
import { handleOf } from './measurement.ts';
import { Reach } from './reach.ts';
import { taggerOf } from './tagger.ts';

const longestTtlMs = 100 * 365 * 86_400_000;

class SessionTarget extends RpcTarget implements Session {
  readonly #authority: Authority;
  constructor(authority: Authority) {
    super();
    this.#authority = authority;
  }

  whoami(): Promise<WhoAmI> {
    return this.#authority.run(() => ({ grant: grantInfo(this.#authority.desk, this.#authority.grant), station: this.#authority.desk.station.info.id }));
  }

  info(): Promise<StationInfo> { return this.#authority.run(() => this.#authority.desk.station.info); }

  taggers(): Promise<TaggerSummary[]> {
    return this.#authority.run(() => {
      const reach = new Reach(this.#authority.grant.channels);
      return taggersOf(this.#authority).map(port => {
        const { id, state, info: { model, serial, channels } } = port.status();
        return { id, state, model, serial, channels: channels.map(({ number }) => number).filter(number => reach.has(number)) };
      });
    });
  }

  tagger(id?: unknown): Promise<TaggerControl> {
    return this.#authority.run(() => taggerOf(this.#authority, findTagger(this.#authority, id)) as RpcTarget as unknown as TaggerControl);
  }

  measurement(name: unknown): Promise<Measurement> {
    return this.#authority.run(() => {
      const { held } = ownKept(this.#authority, 'take up a measurement', name);
      return handleOf(this.#authority, held, this.#authority.connection.takeMeasurements(1));
    });
  }

  discard(name: unknown): Promise<void> {
    return this.#authority.run(() => {
      const kept = ownKept(this.#authority, 'discard a measurement', name);
      this.#authority.desk.kept.discard(kept.name);
      this.#authority.note('discard', { name: kept.name });
    });
  }

  share(options: unknown): Promise<Shared> {
    return this.#authority.run(async () => {
      const { desk, grant: own } = this.#authority;
      const wanted = checkShare(options);
      const known = desk.station.taggers().map(({ id }) => id);
      const unknown = wanted.taggers?.find(id => !known.includes(id));
      if (unknown !== undefined) throw new TaggerError('not-found', `Cannot share: there is no tagger '${unknown}'.`, { hint: `There is ${known.join(', ') || 'none'}.` });
      checkChannels(this.#authority, wanted);
      const { grant, secret } = await desk.grants.issue(own.id, wanted);
      const { id, facet, taggers, channels, expiresMs, uses, label } = grant;
      this.#authority.note('share', { id, facet, taggers, channels, uses, label, expires: expiresMs === null ? null : new Date(expiresMs).toISOString() });
      return { id, ...desk.links(secret), expires: expiresMs === null ? null : new Date(expiresMs).toISOString() };
    });
  }

  grants(): Promise<GrantInfo[]> {
    return this.#authority.run(() => {
      const { desk, grant } = this.#authority;
      return desk.grants.tree(grant.id).map(id => desk.grants.get(id)).filter(row => row !== undefined).map(row => grantInfo(desk, row));
    });
  }

  revoke(id: unknown): Promise<void> {
    return this.#authority.run(async () => {
      const { desk, grant } = this.#authority;
      const below = new Set(desk.grants.tree(grant.id).slice(1));
      await revoke(this.#authority, id, wanted => below.has(wanted));
    });
  }

  audit(options?: unknown): Promise<AuditEntry[]> {
    return this.#authority.run(() => {
      const limit = auditLimit(options);
      return this.#authority.desk.audit.recent(limit, entry => entry.grants.includes(this.#authority.grant.id));
    });
  }

  [Symbol.dispose](): void { this.#authority.lifetime[Symbol.dispose](); }
}

class AdminSessionTarget extends SessionTarget implements AdminSession {
  readonly #authority: Authority;
  constructor(authority: Authority) {
    super(authority);
    this.#authority = authority;
  }

  admin(): Promise<StationAdmin> { return this.#authority.run(() => new StationAdminTarget(this.#authority)); }
}

class StationAdminTarget extends RpcTarget implements StationAdmin {
  readonly #authority: Authority;
  constructor(authority: Authority) {
    super();
    this.#authority = authority;
  }

  grants(): Promise<GrantInfo[]> {
    return this.#authority.run(() => this.#authority.desk.grants.all().map(grant => grantInfo(this.#authority.desk, grant)));
  }

  revoke(id: unknown): Promise<void> {
    return this.#authority.run(async () => { await revoke(this.#authority, id, wanted => !this.#authority.lineage.includes(wanted)); });
  }

  audit(options?: unknown): Promise<AuditEntry[]> { return this.#authority.run(() => this.#authority.desk.audit.recent(auditLimit(options), () => true)); }

  verifyAudit(): Promise<{ entries: number; intact: boolean; detail: string }> { return this.#authority.run(() => this.#authority.desk.audit.verify()); }

  kernels(): Promise<KernelInfo[]> { return this.#authority.run(() => this.#authority.desk.station.kernels.list()); }

  installKernel(name: unknown, bytes: unknown): Promise<KernelInfo> {
    return this.#authority.run(async () => {
      const checked = checkKernelName('install a kernel', name);
      if (!(bytes instanceof Uint8Array)) throw new TaggerError('usage', `Cannot install the kernel '${checked}': its bytes must be a Uint8Array, got ${describe(bytes)}.`);
      const installed = await this.#authority.desk.station.kernels.install(checked, new Uint8Array(bytes));
      this.#authority.note('install kernel', { name: checked, bytes: installed.bytes, sha256: installed.sha256 });
      return installed;
    });
  }

  removeKernel(name: unknown): Promise<void> {
    return this.#authority.run(async () => {
      const checked = checkKernelName('remove a kernel', name);
      await this.#authority.desk.station.kernels.remove(checked);
      this.#authority.note('remove kernel', { name: checked });
    });
  }

  // It holds nothing of its own: every call goes through the authority of its session.
  [Symbol.dispose](): void {}
}

function checkKernelName(action: string, name: unknown): string {
  return checkArguments(action, { name: { kind: 'name', help: '' } }, { name }, [])['name'] as string;
}

async function revoke(authority: Authority, id: unknown, allowed: (id: string) => boolean): Promise<void> {
  const { grants } = authority.desk;
  const row = typeof id === 'string' ? grants.get(id) : undefined;
  if (!row || !allowed(row.id)) {
    throw new TaggerError('not-found', `Cannot revoke ${describe(id)}: no such grant was made from yours.`, { hint: 'See `grants` for those you may revoke.' });
  }
  authority.note('revoke', { id: row.id, label: row.label, ended: grants.tree(row.id).length });
  await grants.revoke(row.id);
}

function taggersOf({ desk, grant }: Authority): TaggerPort[] {
  return desk.station.taggers().filter(({ id }) => grant.taggers === null || grant.taggers.includes(id));
}

function findTagger(authority: Authority, id: unknown): TaggerPort {
  const ports = taggersOf(authority);
  const hint = ports.length > 0 ? `This link reaches ${ports.map(port => port.id).join(', ')}.` : 'This link reaches no tagger that is here now.';
  if (id === undefined || id === null) {
    const [only] = ports;
    if (only && ports.length === 1) return only;
    if (!only) throw new TaggerError('not-found', 'Cannot open the tagger: there is none.', { hint });
    throw new TaggerError('usage', `Cannot choose a tagger: there are ${ports.length}.`, { hint });
  }
  const found = ports.find(port => port.id === id);
  if (!found) throw new TaggerError('not-found', `Cannot open the tagger ${describe(id)}: there is none of this id.`, { hint });
  return found;
}

function ownKept({ desk, grant }: Authority, action: string, name: unknown) {
  const checked = checkName(action, name);
  const kept = desk.kept.get(checked);
  if (!kept || !desk.grants.lineage(kept.grantId).includes(grant.id)) {
    throw new TaggerError('not-found', `Cannot ${action}: none was kept as '${checked}' under this link.`, {
      hint: 'Measurements of other links can be read through the tagger: see its list of shared ones.',
    });
  }
  return kept;
}

function checkShare(options: unknown): ShareOptions {
  const action = 'share';
  const { facet, taggers, channels, ttlMs, uses, label } = checkRecord(action, options, ['facet', 'taggers', 'channels', 'ttlMs', 'uses', 'label']);
  return {
    facet: checkChoice(action, 'facet', facet, facets),
    taggers: taggers === undefined ? undefined : checkList(action, 'taggers', taggers, 64, id => checkText(action, 'a tagger id', id)),
    channels: channels === undefined ? undefined : checkList(action, 'channels', channels, limits.channelsPerView, channel => checkInteger(action, 'a channel', channel, -100_000, 100_000)),
    ttlMs: ttlMs === undefined ? undefined : checkInteger(action, 'ttlMs', ttlMs, 1, longestTtlMs),
    uses: uses === undefined ? undefined : checkInteger(action, 'uses', uses, 1, 1_000_000),
    label: label === undefined ? undefined : checkText(action, 'the label', label),
  };
}

/** A mistyped channel would make a link that shows nothing. Without a tagger at hand nobody can tell. */
function checkChannels(authority: Authority, { taggers, channels }: ShareOptions): void {
  // What is in one's own grant was looked at when that was made.
  if (channels === undefined || authority.grant.channels !== null) return;
  const ports = taggersOf(authority).filter(({ id }) => taggers === undefined || taggers.includes(id));
  const known = new Set(ports.flatMap(port => port.status().info.channels.map(({ number }) => number)));
  const unknown = known.size === 0 ? undefined : channels.find(channel => !known.has(channel));
  if (unknown !== undefined) throw new TaggerError('not-found', `Cannot share: there is no channel ${unknown}.`, { hint: `There are the channels ${[...known].join(', ')}.` });
}

function auditLimit(options: unknown): number {
  const { limit = 100 } = checkRecord('read the audit log', options, ['limit']);
  return checkInteger('read the audit log', 'limit', limit, 1, 1000);
}

export const sessionClasses = { session: SessionTarget, adminSession: AdminSessionTarget, admin: StationAdminTarget } as const;

export function sessionOf(authority: Authority): Session & RpcTarget {
  return authority.grant.facet === 'admin' ? new AdminSessionTarget(authority) : new SessionTarget(authority);
}
