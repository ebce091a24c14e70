// rpc/updates.ts - live updates by callback: the newest value only, one call in flight, gone when the callback fails.
//
// A client that is slow to answer gets fewer updates, and never a queue: nothing is produced while a call is under way.
import { RpcTarget } from 'capnweb';
import type { Clock } from '../core/clock.ts';
import type { Subscription } from './api.ts';
import type { RemoteFunction } from './checks.ts';
import type { Connection } from './authority.ts';
import { Lifetime } from './lifetime.ts';

type Callback<T> = ((value: T) => unknown) & RemoteFunction;

interface Updates<T> {
  connection: Connection;
  /** Of what is subscribed to; the subscription ends with it. */
  parent: Lifetime;
  clock: Clock;
  callback: Callback<T>;
  everyMs: number;
  /** Waits for something to send and gives it, with a function to call when it has been taken. */
  produce(lifetime: Lifetime): Promise<{ value: T; taken?: () => void }>;
  /** Called once, whoever ended it. */
  onEnd?: () => void;
}

/** Starts calling back. The callback stays ours until the subscription ends, whoever ends it. */
export function subscribe<T>({ connection, parent, clock, callback: lent, everyMs, produce, onEnd }: Updates<T>): SubscriptionTarget {
  const giveBack = connection.takeSubscription();
  const lifetime = new Lifetime(parent);
  // A callback is lent for the length of the call that brought it; to keep it, it is duplicated.
  const callback = lent.dup();
  let cancelTimer = (): void => {};
  lifetime.onEnd(() => {
    cancelTimer();
    giveBack();
    callback[Symbol.dispose]();
    onEnd?.();
  });
  const run = async (): Promise<void> => {
    while (!lifetime.ended) {
      const startedMs = clock.nowMs();
      const { value, taken } = await lifetime.race(produce(lifetime));
      try {
        await lifetime.race(call(callback, value));
      } finally {
        taken?.();
      }
      const restMs = everyMs - (clock.nowMs() - startedMs);
      if (restMs > 0) await lifetime.race(new Promise<void>(resolve => { cancelTimer = clock.after(restMs, resolve); }));
    }
  };
  // Whatever ends the loop ends the subscription: a callback that throws is not called again.
  run().catch(() => {}).finally(() => { lifetime[Symbol.dispose](); });
  return new SubscriptionTarget(lifetime);
}

/** Answers of a callback are of no interest, and what they hold is released. */
async function call<T>(callback: Callback<T>, value: T): Promise<void> {
  const answer = callback(value) as PromiseLike<unknown> & Partial<Disposable>;
  try {
    await answer;
  } finally {
    answer[Symbol.dispose]?.();
  }
}

export class SubscriptionTarget extends RpcTarget implements Subscription {
  readonly #lifetime: Lifetime;
  constructor(lifetime: Lifetime) {
    super();
    this.#lifetime = lifetime;
  }

  async cancel(): Promise<void> { this.#lifetime[Symbol.dispose](); }
  [Symbol.dispose](): void { this.#lifetime[Symbol.dispose](); }
}
