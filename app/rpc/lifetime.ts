// rpc/lifetime.ts - how long something may be used, and what happens at once when that is over.
//
// Everything a client holds hangs on a chain of lifetimes: connection, redeemed grant, handle. Ending one ends all that
// hang on it, in the same turn of the event loop; that is what makes a revocation immediate.
import { TaggerError } from '../core/errors.ts';

export class Lifetime implements Disposable {
  #reason: TaggerError | undefined;
  readonly #listeners = new Set<(reason: TaggerError) => void>();
  #leaveParent = (): void => {};

  /** @param parent may be over already; then this one is, too */
  constructor(parent?: Lifetime) {
    if (parent) this.#leaveParent = parent.onEnd(reason => { this.end(reason); });
  }

  get ended(): boolean { return this.#reason !== undefined; }

  /** @throws {TaggerError} the reason of the end */
  check(): void { if (this.#reason) throw this.#reason; }

  /** Called once at the end, at once if it is over; the returned function takes the listener away. */
  onEnd(listener: (reason: TaggerError) => void): () => void {
    if (this.#reason) {
      listener(this.#reason);
      return () => {};
    }
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  end(reason: TaggerError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#leaveParent();
    for (const listener of this.#listeners) listener(reason);
    this.#listeners.clear();
  }

  [Symbol.dispose](): void { this.end(new TaggerError('closed', 'This object was disposed.')); }

  /** The outcome of `work`, or the reason of the end if that comes first. What `work` gives later is forgotten. */
  async race<T>(work: T | Promise<T>): Promise<T> {
    if (work instanceof Promise) work.catch(() => {}); // Nobody may be left to hear of a failure that comes after the end.
    this.check();
    if (!(work instanceof Promise)) return work;
    let leave = (): void => {};
    const ended = new Promise<never>((_, reject) => { leave = this.onEnd(reject); });
    try {
      const value = await Promise.race([work, ended]);
      this.check();
      return value;
    } finally {
      leave();
    }
  }
}
