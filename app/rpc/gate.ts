// rpc/gate.ts - what a stranger gets: the station's id and version, and the place where a secret becomes a session.
import { RpcTarget } from 'capnweb';
import type { Clock } from '../core/clock.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Gate, Hello, Session } from './api.ts';
import { Authority, type Connection, type Desk } from './authority.ts';
import { sessionOf } from './session.ts';

export class GateTarget extends RpcTarget implements Gate {
  readonly #desk: Desk;
  readonly #connection: Connection;
  readonly #wrong: WrongSecrets;

  constructor(desk: Desk, connection: Connection, wrong: WrongSecrets) {
    super();
    this.#desk = desk;
    this.#connection = connection;
    this.#wrong = wrong;
  }

  async hello(): Promise<Hello> {
    const { station: { info }, grants } = this.#desk;
    return { id: info.id, version: info.version, claimed: grants.claimed };
  }

  async redeem(secret: unknown): Promise<Session> {
    if (typeof secret !== 'string') throw new TaggerError('usage', 'Cannot use this link: its secret must be a text.');
    const grant = await this.#desk.grants.redeem(secret);
    // A right secret passes whatever others at the same address got wrong: they may share a tunnel.
    if (!grant) throw this.#wrong.count(this.#connection.address);
    this.#connection.lifetime.check();
    this.#connection.onRedeemed();
    const authority = new Authority(this.#desk, this.#connection, grant);
    authority.note('redeem', { address: this.#connection.address });
    return sessionOf(authority);
  }

  [Symbol.dispose](): void {}
}

/** Wrong secrets by address, within the last minute. */
export class WrongSecrets {
  readonly #clock: Clock;
  readonly #counts = new Map<string, number>();
  #windowStartMs = 0;

  constructor(clock: Clock) { this.#clock = clock; }

  /** Counts one and says what the client is told: the same for every wrong secret, until there were too many. */
  count(address: string): TaggerError {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#windowStartMs >= 60_000) {
      this.#counts.clear();
      this.#windowStartMs = nowMs;
    }
    const count = (this.#counts.get(address) ?? 0) + 1;
    this.#counts.set(address, count);
    if (count > limits.redeemsPerMinute) return new TaggerError('busy', 'Cannot use this link: too many wrong ones came from this address.', { hint: 'Wait a minute.' });
    return new TaggerError('forbidden', 'Cannot use this link: it is not valid here, or no longer.', { hint: 'Ask whoever gave it to you for a new one.' });
  }
}
