// tagctl/progress.ts - one line on stderr that moves while a measurement runs; silent where nobody watches.
import { formatSi } from '../core/units.ts';
import { bar } from './canvas.ts';
import { paint, visible, type Terminal } from './terminal.ts';
import { whole } from './report.ts';

export interface ProgressState {
  /** 0 to 1; `undefined` if nobody knows how long it will take. */
  fraction: number | undefined;
  elapsedMs: number;
  tags: number | undefined;
}

export interface Progress {
  show(state: ProgressState): void;
  /** Takes the line away, so that the result stands alone. */
  clear(): void;
}

export function progressOn(stream: NodeJS.WritableStream, terminal: Terminal): Progress {
  if (!terminal.tty) return { show: () => {}, clear: () => {} };
  let shown = false;
  return {
    show(state) {
      stream.write(`\r\u001b[K${progressLine(state, terminal)}`);
      shown = true;
    },
    clear() {
      if (shown) stream.write('\r\u001b[K');
      shown = false;
    },
  };
}

/** `[######    ] 61 %  3.9 s left  12,345,678 tags` */
export function progressLine({ fraction, elapsedMs, tags }: ProgressState, terminal: Terminal): string {
  const columns = Math.max(10, Math.min(40, terminal.columns - 50));
  const count = tags === undefined ? '' : `  ${whole(tags)} tags`;
  if (fraction === undefined) return fit(`${seconds(elapsedMs)} so far${count}  Ctrl-C to finish`, terminal);
  const done = Math.max(0, Math.min(1, fraction));
  const left = done > 0.01 && elapsedMs > 500 ? `  ${seconds(elapsedMs * (1 - done) / done)} left` : '';
  const drawn = bar(done, columns, terminal.unicode);
  const gauge = `${paint(drawn, 'cyan', terminal)}${' '.repeat(columns - visible(drawn))}`;
  return fit(`${terminal.unicode ? '▕' : '['}${gauge}${terminal.unicode ? '▏' : ']'} ${Math.floor(done * 100)} %${left}${count}`, terminal);
}

/** A line that wraps cannot be taken back with a carriage return. */
function fit(line: string, terminal: Terminal): string {
  return visible(line) < terminal.columns ? line : line.slice(0, terminal.columns - 1);
}

function seconds(ms: number): string {
  if (ms < 60_000) return formatSi(Math.round(ms / 100) / 10, 's', 2);
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} min ${Math.floor(ms / 1000) % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
