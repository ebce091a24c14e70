// dsp/calls.ts - questions to other threads that wait for their answer.
import type { TaggerError } from '../core/errors.ts';

export class Calls<T> {
  #last = 0;
  readonly #open = new Map<number, { resolve: (value: T) => void; reject: (error: Error) => void }>();

  /** @returns the number to send along, and the answer */
  open(): { call: number; answer: Promise<T> } {
    const call = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#open.set(call, { resolve, reject });
    return { call, answer: promise };
  }

  resolve(call: number, value: T): void {
    this.#open.get(call)?.resolve(value);
    this.#open.delete(call);
  }

  reject(call: number, error: TaggerError): void {
    this.#open.get(call)?.reject(error);
    this.#open.delete(call);
  }

  rejectAll(error: TaggerError): void {
    for (const { reject } of this.#open.values()) reject(error);
    this.#open.clear();
  }
}
