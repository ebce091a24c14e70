// rpc/authority.ts - one connection, and a grant redeemed on it: who acts, for how long, and how much they may hold.
//
// Every object a client gets carries its Authority; every method passes through `run`. Nothing here is remote.
import type { Clock } from '../core/clock.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Station } from '../core/station.ts';
import type { GrantInfo } from './api.ts';
import type { Audit } from './audit.ts';
import type { Grant, Grants } from './grants.ts';
import type { Held, Kept } from './kept.ts';
import { Lifetime } from './lifetime.ts';

/** What all connections of one server share. */
export interface Desk {
  station: Station;
  grants: Grants;
  audit: Audit;
  kept: Kept;
  clock: Clock;
  /** `tagd://` and `https://` spelling of a link to this station. */
  links(secret: string): { link: string; webLink: string };
  /** Live authorities by grant id. */
  holders: Map<string, Set<Authority>>;
}

/** A handle that can be named to another object of the same connection. */
export interface NumberedHandle { readonly held: Held; readonly lifetime: Lifetime }

/** What one connection holds, counted against its limits. */
export class Connection {
  readonly lifetime: Lifetime;
  readonly address: string;
  readonly onRedeemed: () => void;
  readonly #onDismissed: (reason: TaggerError) => void;
  #authorities = 0;
  #measurements = 0;
  #subscriptions = 0;
  #groups = 0;
  #lastHandle = 0;
  /** Handles of measurements that its peer holds and may steer. A number says something on this connection alone. */
  readonly #handles = new Map<number, NumberedHandle>();
  #reading = 0;
  readonly #readers: (() => void)[] = [];

  constructor(address: string, onRedeemed: () => void, onDismissed: (reason: TaggerError) => void) {
    this.address = address;
    this.onRedeemed = onRedeemed;
    this.#onDismissed = onDismissed;
    this.lifetime = new Lifetime();
  }

  /** @returns a function that gives the authority back, once */
  takeAuthority(): () => void {
    this.#authorities++;
    return once(() => { this.#authorities--; });
  }

  /** Its grant has ended. Who only listens would never hear of it, so a connection without any other grant ends, too. */
  dismiss(reason: TaggerError): void { if (this.#authorities === 0) this.#onDismissed(reason); }

  /** @returns a function that gives the places back, once */
  takeMeasurements(count: number): () => void {
    if (this.#measurements + count > limits.measurementsPerSession) {
      throw new TaggerError('limit', `Cannot create ${count === 1 ? 'a measurement' : `${count} measurements`}: this connection holds ${this.#measurements} and may hold ${limits.measurementsPerSession}.`, {
        hint: 'Dispose measurements that are no longer needed.',
      });
    }
    this.#measurements += count;
    return once(() => { this.#measurements -= count; });
  }

  takeSubscription(): () => void {
    if (this.#subscriptions >= limits.subscriptionsPerSession) {
      throw new TaggerError('limit', `Cannot subscribe: this connection has ${limits.subscriptionsPerSession} subscriptions.`, {
        hint: 'Cancel subscriptions that are no longer needed.',
      });
    }
    this.#subscriptions++;
    return once(() => { this.#subscriptions--; });
  }

  takeGroup(): () => void {
    if (this.#groups >= limits.groupsPerSession) {
      throw new TaggerError('limit', `Cannot synchronize measurements: this connection does so ${limits.groupsPerSession} times.`, { hint: 'Dispose what is no longer needed.' });
    }
    this.#groups++;
    return once(() => { this.#groups--; });
  }

  /** Gives a handle its number, until it ends. */
  enter(handle: NumberedHandle): number {
    const number = ++this.#lastHandle;
    this.#handles.set(number, handle);
    handle.lifetime.onEnd(() => { this.#handles.delete(number); });
    return number;
  }

  handle(number: number): NumberedHandle | undefined { return this.#handles.get(number); }

  /** Waits for one of the few places in which a result may be under way. */
  async takeReading(): Promise<() => void> {
    if (this.#reading >= limits.readsAtOnce) await new Promise<void>(resolve => { this.#readers.push(resolve); });
    else this.#reading++;
    return once(() => {
      const next = this.#readers.shift();
      if (next) next();
      else this.#reading--;
    });
  }
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}

export class Authority {
  readonly desk: Desk;
  readonly connection: Connection;
  readonly grant: Grant;
  readonly lineage: readonly string[];
  readonly lifetime: Lifetime;

  constructor(desk: Desk, connection: Connection, grant: Grant) {
    this.desk = desk;
    this.connection = connection;
    this.grant = grant;
    this.lineage = desk.grants.lineage(grant.id);
    this.lifetime = new Lifetime(connection.lifetime);
    const holders = desk.holders.get(grant.id) ?? new Set();
    if (holders.size >= limits.connectionsPerGrant && grant.facet !== 'admin') {
      throw new TaggerError('limit', `Cannot use this link: ${holders.size} connections use it already.`, { hint: 'Close some of them, or share a link for each user.' });
    }
    desk.holders.set(grant.id, holders.add(this));
    const giveBack = connection.takeAuthority();
    const stopTimer = this.#watchExpiry();
    this.lifetime.onEnd(() => {
      stopTimer();
      giveBack();
      holders.delete(this);
      if (holders.size === 0) desk.holders.delete(grant.id);
    });
  }

  /** Every remote method goes through here: refused when the grant has ended, cut short when it ends meanwhile. */
  async run<T>(action: () => T | Promise<T>): Promise<T> {
    this.#checkExpiry();
    this.lifetime.check();
    return await this.lifetime.race(action());
  }

  note(action: string, detail: Record<string, unknown>): void {
    this.desk.audit.record(this.lineage, this.grant.label, action, detail);
  }

  /** The grant was revoked or has expired. */
  end(how: string): void {
    if (this.lifetime.ended) return;
    const reason = new TaggerError('closed', `This link ${how}; everything made with it has ended.`, { hint: 'Ask for a new link.' });
    this.lifetime.end(reason);
    this.connection.dismiss(reason);
  }

  /** A timer may come late; the clock does not. */
  #checkExpiry(): void {
    if (this.desk.grants.isExpired(this.grant)) this.end('has expired');
  }

  #watchExpiry(): () => void {
    const { expiresMs } = this.grant;
    if (expiresMs === null) return () => {};
    let stop = (): void => {};
    const wait = (): void => {
      stop = this.desk.clock.after(Math.max(0, Math.min(expiresMs - this.desk.clock.nowMs(), 2 ** 31 - 1)), () => {
        this.#checkExpiry();
        if (!this.lifetime.ended) wait();
      });
    };
    wait();
    return () => { stop(); };
  }
}

export function grantInfo(desk: Desk, grant: Grant): GrantInfo {
  const { id, parent, facet, taggers, channels, expiresMs, uses, label, createdMs } = grant;
  return {
    id, parent, facet, taggers, channels, uses, label, created: new Date(createdMs).toISOString(),
    expires: expiresMs === null ? null : new Date(expiresMs).toISOString(), connections: desk.holders.get(id)?.size ?? 0,
  };
}
