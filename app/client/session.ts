// client/session.ts - a connection with the authority of one link.
import type { TaggerError } from '../core/errors.ts';
import type { KernelInfo, StationInfo } from '../core/station.ts';
import type { AdminSession, AuditEntry, Gate, GrantInfo, Shared, ShareOptions, TaggerSummary, WhoAmI } from '../rpc/api.ts';
import type { Caller } from './calls.ts';
import { ownMeasurement, type Measurement } from './measurement.ts';
import { Tagger } from './tagger.ts';

export class TagdSession implements AsyncDisposable {
  /** Resolves with the reason when the connection has ended, whoever ended it. Never rejects. */
  readonly closed: Promise<TaggerError>;
  readonly #caller: Caller;
  readonly #gate: Gate;
  readonly #stub: AdminSession;

  /** @internal */
  constructor(caller: Caller, gate: Gate, stub: AdminSession, closed: Promise<TaggerError>) {
    this.#caller = caller;
    this.#gate = gate;
    this.#stub = stub;
    this.closed = closed;
  }

  /** The rights of the link in use. */
  async whoami(): Promise<WhoAmI> { return await this.#caller.call(() => this.#stub.whoami()); }

  /** Id, name and version of the station. */
  async info(): Promise<StationInfo> { return await this.#caller.call(() => this.#stub.info()); }

  /** The taggers that the link reaches. */
  async taggers(): Promise<TaggerSummary[]> { return await this.#caller.call(() => this.#stub.taggers()); }

  /**
   * @param id may be left out where the link reaches only one
   * @throws {TaggerError} `not-found`; `usage` if there are several and no id
   */
  async tagger(id?: string): Promise<Tagger> { return new Tagger(this.#caller, await this.#caller.call(() => this.#stub.tagger(id))); }

  /** Takes up a measurement that was detached under this link, or under one made from it. */
  async measurement(name: string): Promise<Measurement> {
    const stub = await this.#caller.call(() => this.#stub.measurement(name));
    const { name: measurement } = await this.#caller.call(() => stub.getConfiguration());
    return ownMeasurement(measurement, this.#caller, stub);
  }

  /** Ends a detached measurement. */
  async discard(name: string): Promise<void> { await this.#caller.call(() => this.#stub.discard(name)); }

  /**
   * Makes a link for somebody else, with your rights or less.
   *
   * ```ts
   * const { link } = await session.share({ facet: 'view', ttlMs: 2 * 3600 * 1000, label: 'screen' });
   * ```
   *
   * @throws {TaggerError} `forbidden` beyond your own rights
   */
  async share(options: ShareOptions): Promise<Shared> { return await this.#caller.call(() => this.#stub.share(options)); }

  /** The grant of this link and all that were made from it. */
  async grants(): Promise<GrantInfo[]> { return await this.#caller.call(() => this.#stub.grants()); }

  /** Ends a link made from this one and all made from that; whatever they run ends at once. */
  async revoke(id: string): Promise<void> { await this.#caller.call(() => this.#stub.revoke(id)); }

  /** What was changed with this link and those made from it, oldest first. */
  async audit(options: { limit?: number } = {}): Promise<AuditEntry[]> { return await this.#caller.call(() => this.#stub.audit(options)); }

  /** The whole station; only with an `admin` link. */
  async admin(): Promise<StationAdministration> {
    const stub = await this.#caller.call(() => this.#stub.admin());
    return {
      grants: () => this.#caller.call(() => stub.grants()),
      revoke: id => this.#caller.call(() => stub.revoke(id)),
      audit: (options = {}) => this.#caller.call(() => stub.audit(options)),
      verifyAudit: () => this.#caller.call(() => stub.verifyAudit()),
      kernels: () => this.#caller.call(() => stub.kernels()),
      installKernel: (name, bytes) => this.#caller.call(() => stub.installKernel(name, bytes)),
      removeKernel: name => this.#caller.call(() => stub.removeKernel(name)),
    };
  }

  /** Closes the connection. Measurements that were not detached end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#gate[Symbol.dispose]();
    await this.closed;
  }
}

/** What an `admin` link can do for all links of the station. */
export interface StationAdministration {
  grants(): Promise<GrantInfo[]>;
  revoke(id: string): Promise<void>;
  audit(options?: { limit?: number }): Promise<AuditEntry[]>;
  /** Checks that no line of the audit log was changed or taken out. */
  verifyAudit(): Promise<{ entries: number; intact: boolean; detail: string }>;
  /** The user kernels on the station, by name. */
  kernels(): Promise<KernelInfo[]>;
  /**
   * Puts a user kernel there; `tagger.measure('userKernel', { module: name, channels })` runs it in a thread of its own.
   *
   * @throws {TaggerError} `usage` for bytes that are no kernel, with what is wrong
   */
  installKernel(name: string, bytes: Uint8Array): Promise<KernelInfo>;
  removeKernel(name: string): Promise<void>;
}
