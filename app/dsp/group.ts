// dsp/group.ts - measurements that begin, end and are cleared at one place of the stream, whatever worker they are on.
//
// A command goes to all workers first and acts nowhere yet. When all know of it, its fence is written on all boards and then
// asked of the writer, in one turn of the event loop: no block can carry the fence before every worker can read it.
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { GroupPort, MeasurementPort } from '../core/station.ts';
import { within } from './fence.ts';
import { checkDuration, type Handle } from './handle.ts';
import type { Fence } from './messages.ts';
import type { Ring } from './ring.ts';

/** Sends a command to all and names one fence for it. One that fails takes part no more; the others do, and its error is thrown. */
export async function together(ring: Ring, handles: readonly Handle[], send: (handle: Handle, fence: Fence) => Promise<void>): Promise<void> {
  const sent = handles.map(handle => ({ handle, named: handle.nextNamed() }));
  const answers = await Promise.allSettled(sent.map(({ handle, named }) => send(handle, { named })));
  const fence = ring.flush + 1;
  for (const { handle, named } of sent) handle.nameFence(named, fence);
  ring.requestFlush();
  // Who was disposed meanwhile wanted to be left out.
  const failed = answers.find((answer, i) => answer.status === 'rejected' && !handles[i]!.closed.aborted);
  if (failed) throw (failed as PromiseRejectedResult).reason;
}

export interface GroupOptions {
  taggerId: string;
  ring: Ring;
  /** The handle behind a port, if it is one of this line. */
  handleOf(port: MeasurementPort): Handle | undefined;
  /** Lets a source go that waits for the first measurement. */
  onStart: () => void;
}

export class Group implements GroupPort {
  readonly #options: GroupOptions;
  readonly #members = new Set<Handle>();
  #last: Promise<void> = Promise.resolve();

  constructor(options: GroupOptions, members: readonly MeasurementPort[]) {
    this.#options = options;
    for (const member of members) this.register(member);
  }

  get members(): readonly Handle[] {
    for (const member of this.#members) if (member.closed.aborted) this.#members.delete(member);
    return [...this.#members];
  }

  register(member: MeasurementPort): void {
    const handle = this.#options.handleOf(member);
    if (!handle) throw new TaggerError('usage', `Cannot register the ${member.name} with measurements of '${this.#options.taggerId}': it measures on another tagger, or was disposed.`);
    handle.check('register');
    if (handle.group !== undefined && handle.group !== this) {
      throw new TaggerError('conflict', `Cannot register the ${member.name}: it is synchronized with other measurements.`, { hint: 'Unregister it there first.' });
    }
    if (!this.#members.has(handle) && this.members.length >= limits.measurementsPerSession) {
      throw new TaggerError('limit', `Cannot register the ${member.name}: ${limits.measurementsPerSession} measurements are registered.`, { hint: 'Unregister some of them.' });
    }
    this.#members.add(handle);
    handle.group = this;
  }

  unregister(member: MeasurementPort): void {
    const handle = this.#options.handleOf(member);
    if (handle && this.#members.delete(handle)) handle.group = undefined;
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      const laterPs = this.#laterPs('start');
      await together(this.#options.ring, this.members.filter(member => !member.isRunning()), (member, fence) => member.launch(fence, false, undefined, laterPs));
      this.#options.onStart();
    });
  }

  startFor(durationPs: number, clear = true): Promise<void> {
    return this.#inTurn(async () => {
      checkDuration('synchronized measurements', durationPs);
      const laterPs = this.#laterPs('start');
      // What was measured so far is kept, so it has to end at one place as well.
      if (!clear) await this.#stop();
      await together(this.#options.ring, this.members, (member, fence) => member.launch(fence, clear, durationPs, laterPs));
      this.#options.onStart();
    });
  }

  stop(): Promise<void> { return this.#inTurn(() => this.#stop()); }

  clear(): Promise<void> {
    return this.#inTurn(async () => {
      this.#laterPs('clear');
      await together(this.#options.ring, this.members, (member, fence) => member.clearAt(fence));
    });
  }

  isRunning(): boolean { return this.members.some(member => member.isRunning()); }

  async waitUntilFinished(timeoutMs = -1): Promise<boolean> {
    const all = Promise.all(this.members.map(member => member.waitUntilFinished().catch((error: unknown) => {
      if (!member.closed.aborted) throw error;
    })));
    return !this.isRunning() || await within(timeoutMs, all);
  }

  async #stop(): Promise<void> {
    const running = this.members.filter(member => member.isRunning());
    const over = running.map(member => member.runOver());
    await together(this.#options.ring, running, (member, fence) => member.stopAt(fence));
    await Promise.all(over);
  }

  /** @returns the largest delay of all members, which each of them waits for @throws {TaggerError} of a member that has failed */
  #laterPs(action: string): number {
    for (const member of this.members) member.check(action);
    return Math.max(0, ...this.members.map(({ mostPs }) => mostPs));
  }

  /** Commands that do not wait for one another take effect in their order. */
  #inTurn(command: () => Promise<void>): Promise<void> {
    const done = this.#last.then(command);
    this.#last = done.catch(() => {});
    return done;
  }
}
