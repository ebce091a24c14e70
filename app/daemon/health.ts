// daemon/health.ts - is the box alive, is it ready, in one sentence each. The watchdog and /healthz ask the same question.
//
// Alive means progress: the watermark of a streaming tagger moves, or the tagger is known to be idle. A timer that fires
// proves only that a timer fires.
import type { TaggerState } from '../core/station.ts';
import { watchEventLoop } from './blocked.ts';

export interface Health { ok: boolean; detail: string }

/** What a line shows of itself. */
export interface Watched { readonly id: string; readonly watermarkPs: bigint; status(): { state: TaggerState; detail: string } }

/** A driver's heartbeat moves the watermark at least this often while it streams. */
const silenceMs = 5_000;

export class HealthCheck {
  readonly #lines: () => readonly Watched[];
  readonly #eventLoop = watchEventLoop();
  readonly #now: () => number;
  readonly #absent: () => string | undefined;
  readonly #seen = new Map<string, { watermarkPs: bigint; atMs: number }>();

  /** @param absent why a tagger that is configured is not there */
  constructor(lines: () => readonly Watched[], { now = () => performance.now(), absent = () => undefined }: { now?: () => number; absent?: () => string | undefined } = {}) {
    this.#lines = lines;
    this.#now = now;
    this.#absent = absent;
  }

  /** Starting up loads programs and keeps nobody waiting: what counts begins here. */
  begin(): void { this.#eventLoop.forget(); }

  alive(): Health {
    for (const line of this.#lines()) {
      if (line.status().state !== 'streaming') {
        this.#seen.delete(line.id);
        continue;
      }
      const { watermarkPs } = line;
      const before = this.#seen.get(line.id);
      const quietMs = before?.watermarkPs === watermarkPs ? this.#now() - before.atMs : 0;
      if (quietMs === 0) this.#seen.set(line.id, { watermarkPs, atMs: this.#now() });
      else if (quietMs > silenceMs) return { ok: false, detail: `the data path of ${line.id} has stood still for ${Math.round(quietMs / 1000)} s` };
    }
    return { ok: true, detail: `alive; longest block ${this.#eventLoop.longestMs().toFixed(1)} ms` };
  }

  ready(): Health {
    const absent = this.#absent();
    if (absent !== undefined) return { ok: false, detail: `degraded: no tagger: ${absent}` };
    const states = this.#lines().map(line => ({ id: line.id, ...line.status() }));
    const gone = states.find(({ state }) => state === 'gone' || state === 'absent');
    if (gone) return { ok: false, detail: `degraded: ${gone.id} is ${gone.state}: ${gone.detail}` };
    return { ok: true, detail: `ready: ${states.map(({ id, state }) => `${id} ${state}`).join(', ')}` };
  }
}
