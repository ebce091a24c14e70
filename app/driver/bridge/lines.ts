// driver/bridge/lines.ts - standard error of a bridge, cut into lines; bounded in length and in speed, so that one that babbles costs nothing.
import { bridgeLimits as limits } from './protocol.ts';

export class Lines {
  readonly #onLine: (line: string) => void;
  readonly #onBabble: (what: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #second = { sinceMs: -Infinity, bytes: 0 };
  #isOver = false;

  /** `onBabble` is called once at most, and nothing after it. */
  constructor(onLine: (line: string) => void, onBabble: (what: string) => void) {
    this.#onLine = onLine;
    this.#onBabble = onBabble;
  }

  take(chunk: Buffer): void {
    const now = performance.now();
    if (now - this.#second.sinceMs > 1000) this.#second = { sinceMs: now, bytes: 0 };
    this.#second.bytes += chunk.length;
    if (this.#second.bytes > limits.chatterBytesPerSecond) this.#babble(`more than ${limits.chatterBytesPerSecond / 2 ** 20} MiB a second`);
    for (let from = 0; from < chunk.length && !this.#isOver;) {
      const at = chunk.indexOf(10, from), part = chunk.subarray(from, at < 0 ? chunk.length : at);
      this.#parts.push(part);
      this.#bytes += part.length;
      if (this.#bytes > limits.lineBytes) this.#babble(`a line of more than ${limits.lineBytes / 1024} KiB`);
      else if (at >= 0) this.end();
      from = at < 0 ? chunk.length : at + 1;
    }
  }

  /** What has come is a line: last words need no end of line. */
  end(): void {
    const line = Buffer.concat(this.#parts).toString('utf8').trim();
    this.#parts = [];
    this.#bytes = 0;
    if (line !== '' && !this.#isOver) this.#onLine(line);
  }

  #babble(what: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts = [];
    this.#onBabble(what);
  }
}
