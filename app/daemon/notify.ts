// daemon/notify.ts - tells systemd that the box is ready, what it does, and that it makes progress.
//
// The watchdog is fed by health, never by a timer alone: `alive()` is called only after the data path was seen to move.
import { spawn } from 'node:child_process';
import notify from 'systemd-notify';

export interface Supervisor {
  ready(status: string): void;
  status(status: string): void;
  alive(): void;
  /** Milliseconds between two calls of `alive`, or `undefined` if nobody watches. */
  readonly periodMs: number | undefined;
}

export function supervisor(env: NodeJS.ProcessEnv = process.env): Supervisor {
  if (!env['NOTIFY_SOCKET']) return { ready() {}, status() {}, alive() {}, periodMs: undefined };
  const microseconds = Number(env['WATCHDOG_USEC']);
  // The package speaks READY and STATUS; it has no word for the watchdog, so that one goes through the same tool.
  const send = (state: { ready?: boolean; status: string }): void => { void notify({ ...state, pid: process.pid }).catch(() => {}); };
  return {
    ready: status => { send({ ready: true, status }); },
    status: status => { send({ status }); },
    alive: () => { spawn('systemd-notify', ['WATCHDOG=1'], { stdio: 'ignore' }).on('error', () => {}); },
    periodMs: Number.isFinite(microseconds) && microseconds > 0 ? microseconds / 3000 : undefined,
  };
}
