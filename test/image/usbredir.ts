// test/image/usbredir.ts - plugs emulated devices into the USB ports of a virtual machine, and follows what a program in it says of them.
import type { DeviceModel } from '../../app/emulate/device.ts';
import { plugUsbredir, type UsbredirPort } from '../../app/emulate/usbredir.ts';
import type { Guest, Outcome } from './qemu.ts';
import { stopSandboxed } from './sandbox.ts';

export async function plug(guest: Guest, model: DeviceModel, port = 0): Promise<UsbredirPort> { return await plugUsbredir(guest.usb[port]!, model); }

export interface Said { event: string; /** When it came here, ms. */ atMs: number; [key: string]: unknown }

/** A sandboxed program in the guest that says what happens as JSON, a line for each thing. */
export class Program implements AsyncDisposable {
  readonly said: Said[] = [];
  /** Of what it said that was no JSON. */
  readonly other: string[] = [];
  /** Resolves when it has ended. */
  readonly ended: Promise<Outcome>;
  readonly #guest: Guest;
  #taken = 0;
  #over: string | undefined;
  #wake: (() => void) | undefined;

  constructor(guest: Guest, command: string, timeoutMs: number) {
    this.#guest = guest;
    this.ended = guest.run(command, timeoutMs, line => {
      if (line.startsWith('{')) this.said.push({ ...JSON.parse(line) as { event: string }, atMs: performance.now() });
      else this.other.push(line);
      this.#wake?.();
    });
    const over = (why: string): void => {
      this.#over = why;
      this.#wake?.();
    };
    this.ended.then(({ code }) => { over(`ended with code ${code}`); }, (error: Error) => { over(`is lost (${error.message})`); });
  }

  /** Ends it if it has not ended, so that another one can be run. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over === undefined) this.#guest.interrupt(stopSandboxed);
    await this.ended.catch(() => {});
  }

  /** The next thing of this kind, after those that were asked for before. */
  async next(event: string, timeoutMs: number, accept: (said: Said) => boolean = () => true): Promise<Said> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      while (this.#taken < this.said.length) {
        const said = this.said[this.#taken++]!;
        if (said.event === event && accept(said)) return said;
      }
      const leftMs = until - performance.now();
      if (this.#over !== undefined || leftMs <= 0) {
        const last = [...this.said.slice(-20).map(said => JSON.stringify(said)), ...this.other.slice(-20)].join('\n');
        throw new Error(`The program ${this.#over ?? `said nothing for ${timeoutMs} ms`}, before '${event}'; it said:\n${last}`);
      }
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
