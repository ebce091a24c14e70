// daemon/line-keeper.ts - opens the line of a tagger that may not be plugged in yet; the station works meanwhile, without it.
import { isTaggerError, type ErrorCode } from '../core/errors.ts';

/** What a person can cure while the daemon runs: plug it in, end another program, install a rule, copy a firmware file. */
const curable: ReadonlySet<ErrorCode> = new Set(['not-found', 'device-lost', 'device-refused', 'forbidden', 'busy', 'unavailable', 'protocol', 'timeout', 'conflict']);

export interface KeeperOptions<L extends AsyncDisposable> {
  open: () => Promise<L>;
  /** The line is there. */
  onLine: (line: L) => void;
  /** Why it is not, once for each reason. */
  onAbsent: (reason: string) => void;
  retryMs?: number;
}

export class LineKeeper<L extends AsyncDisposable> {
  readonly #options: KeeperOptions<L>;
  readonly #closing = new AbortController();
  #reason: string | undefined = 'it is being looked for';

  constructor(options: KeeperOptions<L>) { this.#options = options; }

  /** Why there is no line; undefined if there is one. */
  get reason(): string | undefined { return this.#reason; }

  /** Resolves with the first line, or when the keeper is closed. @throws what nobody can cure from outside */
  async run(): Promise<void> {
    const { open, onLine, onAbsent, retryMs = 2000 } = this.#options;
    while (!this.#closing.signal.aborted) {
      try {
        const line = await open();
        this.#reason = undefined;
        return this.#closing.signal.aborted ? await line[Symbol.asyncDispose]() : onLine(line);
      } catch (error) {
        if (!isTaggerError(error) || !curable.has(error.code)) throw error;
        const reason = `${error.message} ${error.hint ?? ''}`.trim();
        if (reason !== this.#reason) onAbsent(reason);
        this.#reason = reason;
      }
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, retryMs);
        this.#closing.signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        }, { once: true });
      });
    }
  }

  close(): void { this.#closing.abort(); }
}
