// daemon/log.ts - one line per fact on stderr, with the priority that journald reads.
//
// No files and no rotation of our own: the journal has both. A line that repeats is counted, not repeated.

export type Level = 'error' | 'warning' | 'notice' | 'info';
const priorities: Record<Level, number> = { error: 3, warning: 4, notice: 5, info: 6 };

export class Log {
  readonly #write: (line: string) => void;
  readonly #journal: boolean;
  #last = '';
  #repeats = 0;

  constructor(env: NodeJS.ProcessEnv = process.env, write: (line: string) => void = line => { process.stderr.write(line); }) {
    this.#write = write;
    this.#journal = env['JOURNAL_STREAM'] !== undefined;
  }

  error(message: string, fields?: Record<string, unknown>): void { this.#say('error', message, fields); }
  warning(message: string, fields?: Record<string, unknown>): void { this.#say('warning', message, fields); }
  notice(message: string, fields?: Record<string, unknown>): void { this.#say('notice', message, fields); }
  info(message: string, fields?: Record<string, unknown>): void { this.#say('info', message, fields); }

  #say(level: Level, message: string, fields: Record<string, unknown> = {}): void {
    const body = [message, ...Object.entries(fields).map(([key, value]) => `${key}=${quote(value)}`)].join(' ').replaceAll('\n', ' | ');
    const prefix = this.#journal ? `<${priorities[level]}>` : level === 'info' ? '' : `${level}: `;
    const line = `${prefix}${body}\n`;
    if (line === this.#last) {
      this.#repeats++;
      // Powers of two: the first repeats are seen, a flood is not.
      if ((this.#repeats & (this.#repeats - 1)) !== 0) return;
      this.#write(`${prefix}${body} (repeated ${this.#repeats} times)\n`);
      return;
    }
    this.#last = line;
    this.#repeats = 0;
    this.#write(line);
  }
}

function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value) ?? String(value);
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}
