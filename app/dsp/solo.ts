// dsp/solo.ts - threads of their own for measurements that run a user's module, and the watch over them.
//
// Such a thread is a reader of the ring like any dsp worker, so a kernel too slow for the rate is overtaken and has gaps of its
// own. One that does not return from a call is ended: its measurement fails with the reason, and nobody else notices.
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Handle } from './handle.ts';
import { viewsOf } from './memory.ts';
import type { Region } from './messages.ts';
import { callWordOffset } from './measurements/user-kernel.ts';
import { maxReaders, type Ring } from './ring.ts';
import type { DspThread } from './threads.ts';

const lookEveryMs = 100;

interface Solo { thread: DspThread; handle: Handle | undefined; callsAt: number[]; seen: string; looks: number }

export class SoloThreads implements Disposable {
  readonly #ring: Ring;
  readonly #start: (index: number, onDeath: (error: TaggerError) => void) => DspThread;
  readonly #running = new Map<number, Solo>();
  #watching: NodeJS.Timeout | undefined;

  /** @param start makes a dsp worker with this number, which is also its place among the readers of the ring */
  constructor(ring: Ring, start: (index: number, onDeath: (error: TaggerError) => void) => DspThread) {
    this.#ring = ring;
    this.#start = start;
  }

  /** @throws {TaggerError} `limit` if as many kernels run as there may be */
  take(): DspThread {
    const index = Array.from({ length: limits.kernelsRunning }, (_, i) => maxReaders - 1 - i).find(each => !this.#running.has(each));
    if (index === undefined) {
      throw new TaggerError('limit', `Cannot run another kernel: ${limits.kernelsRunning} run on this tagger, each in a thread of its own.`, { hint: 'Dispose one that is no longer needed.' });
    }
    const thread = this.#start(index, error => { this.#running.get(index)?.handle?.fail(error); });
    this.#running.set(index, { thread, handle: undefined, callsAt: [], seen: '', looks: 0 });
    return thread;
  }

  /** From now on a call of this measurement that lasts too long ends its thread. */
  watch(thread: DspThread, handle: Handle, regions: readonly Region[]): void {
    const solo = this.#running.get(thread.index);
    if (!solo) return;
    Object.assign(solo, { handle, callsAt: regions.map(({ at }) => at + callWordOffset) });
    this.#watching ??= setInterval(() => this.#look(), lookEveryMs).unref();
  }

  /** Ends the thread; its place is free once it has ended. */
  async release(thread: DspThread): Promise<void> {
    await thread.terminate();
    this.#running.delete(thread.index);
    if (this.#running.size > 0) return;
    clearInterval(this.#watching);
    this.#watching = undefined;
  }

  get threads(): DspThread[] { return [...this.#running.values()].map(({ thread }) => thread).filter(({ dead }) => !dead); }

  async terminate(): Promise<void> {
    this[Symbol.dispose]();
    await Promise.all([...this.#running.values()].map(({ thread }) => thread.terminate()));
  }

  [Symbol.dispose](): void { clearInterval(this.#watching); }

  /** Counts looks and not time: a main thread that was held up itself sees one look, and no call looks longer for it. */
  #look(): void {
    for (const solo of this.#running.values()) {
      if (!solo.handle || solo.thread.dead) continue;
      const calls = solo.callsAt.map(at => Atomics.load(viewsOf(this.#ring.memory, at + 4).i32, at / 4)), call = calls.join();
      solo.looks = calls.some(each => each !== 0) && call === solo.seen ? solo.looks + 1 : 0;
      solo.seen = call;
      if (solo.looks * lookEveryMs < limits.kernelCallMs) continue;
      solo.handle.fail(new TaggerError('timeout', `The kernel '${String(solo.handle.config['module'])}' was ended: a call did not return within ${limits.kernelCallMs / 1000} s.`, {
        hint: 'It loops, or needs far too long for a block of tags. The stream and other measurements went on.',
      }));
      void solo.thread.terminate();
    }
  }
}
