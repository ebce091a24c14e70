// mqtt/pace.ts - how fast things may go: retries after a failure, and events of one kind.

const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/**
 * Doubles from 1 s to 60 s, then stretches or shrinks by up to a half, so that a hundred stations do not come back as one.
 *
 * @param failures in a row, at least 1
 * @param chance uniform in [0, 1)
 */
export function retryDelayMs(failures: number, chance: number): number {
  return Math.round(Math.min(longestRetryMs, firstRetryMs * 2 ** (failures - 1)) * (0.5 + chance));
}

const burst = 10;
const perSecond = 1;

/** Ten of a kind at once, then one each second: a storm of one kind neither floods the broker nor hides another kind. */
export class EventBudget {
  readonly #kinds = new Map<string, { left: number; atMs: number }>();

  /** True if one more event of this kind may go out now. */
  take(kind: string, nowMs: number): boolean {
    const { left, atMs } = this.#kinds.get(kind) ?? { left: burst, atMs: nowMs };
    const now = Math.min(burst, left + (Math.max(0, nowMs - atMs) / 1000) * perSecond);
    this.#kinds.set(kind, { left: now >= 1 ? now - 1 : now, atMs: nowMs });
    return now >= 1;
  }
}
