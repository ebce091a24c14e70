// driver/bridge/child.ts - the process of a bridge: its bytes, its lines, its answers, and its end, whatever it does.
//
// It leads a process group of its own, so that what it started goes with it. Memory is bounded: standard output is read only as far as it is taken,
// a line has a longest length, and one command is under way at a time. The first fault counts; from then on everything fails with it.
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { TaggerError } from '../../core/errors.ts';
import { bridgeEnvironment } from './command.ts';
import { Lines } from './lines.ts';
import { bridgeLimits as limits, printable, readLine, writeLine, type BridgeLine } from './protocol.ts';

/** Bytes that wait to be taken; behind that the pipe fills and the bridge waits. */
const mostQueued = 1024 * 1024;
/** After its end: a grandchild may hold the pipe open, and who takes what had come may be slow. */
const lastWordsMs = 500, lastReadMs = 5000;

export interface ChildOptions {
  words: readonly string[];
  /** No protocol: all that it writes are records, and nothing is said to it. */
  isRaw: boolean;
}

interface Question { id: number; resolve(fields: Record<string, unknown>): void; reject(error: TaggerError): void }

export class BridgeChild implements AsyncDisposable {
  /** Its capabilities as it wrote them. */
  readonly capabilities: Promise<Record<string, unknown>>;
  /** The last warning of the bridge. */
  warning: string | undefined;
  /** Records of the stream in all, once it said that the source has ended. */
  ended: number | undefined;
  readonly #name: string;
  readonly #isRaw: boolean;
  readonly #process: ChildProcess;
  readonly #capable = Promise.withResolvers<Record<string, unknown>>();
  readonly #exited = Promise.withResolvers<void>();
  #fault: TaggerError | undefined;
  #isGone = false;
  #isLeaving: Promise<void> | undefined;
  #chunks: Uint8Array[] = [];
  #queued = 0;
  #movedMs = 0;
  #isAtEnd = false;
  #isSilent = false;
  #wake: (() => void) | undefined;
  #lastText = '';
  #reason: { message: string; hint?: string | undefined } | undefined;
  #question: Question | undefined;
  #nextId = 1;
  #turn: Promise<unknown> = Promise.resolve();
  #deadline: NodeJS.Timeout | undefined;
  readonly #begunMs = performance.now();

  constructor({ words, isRaw }: ChildOptions) {
    this.#name = printable(words.join(' '), 80);
    this.#isRaw = isRaw;
    this.capabilities = this.#capable.promise;
    // Somebody may look at these only when it is too late for Node.
    for (const promise of [this.capabilities, this.#exited.promise]) promise.catch(() => {});
    try {
      this.#process = spawn(words[0]!, words.slice(1), { stdio: [isRaw ? 'ignore' : 'pipe', 'pipe', 'pipe'], detached: true, env: bridgeEnvironment() });
    } catch (error) {
      // Some faults are thrown, others told later.
      throw startFault(this.#name, error as NodeJS.ErrnoException);
    }
    const { stdin, stdout, stderr } = this.#process;
    this.#process.on('error', error => this.#cannotStart(error as NodeJS.ErrnoException));
    this.#process.on('exit', (code, signal) => { void this.#exit(code, signal); });
    // A bridge that died does not read; its exit says so better.
    stdin?.on('error', () => {});
    stdout?.on('error', () => {}).on('data', (chunk: Uint8Array) => this.#take(chunk)).on('close', () => this.#end());
    const heard = new Lines(line => this.#say(this.#isRaw ? { kind: 'text', message: printable(line) } : readLine(line)), what => this.#babbles(what));
    stderr?.on('error', () => {}).on('data', (chunk: Buffer) => heard.take(chunk)).on('close', () => {
      heard.end();
      this.#isSilent = true;
    });
    if (!isRaw) this.#expectCapabilities();
  }

  get fault(): TaggerError | undefined { return this.#fault; }

  /**
   * The next bytes, in order; undefined after `timeoutMs` without any, or when `signal` aborts.
   * @throws {TaggerError} what ended the bridge, behind its last byte
   */
  async next(timeoutMs: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (this.#chunks.length === 0 && this.#fault === undefined && !this.isOver && !signal.aborted) {
      const waited = Promise.withResolvers<void>(), timer = setTimeout(waited.resolve, timeoutMs);
      this.#wake = waited.resolve;
      signal.addEventListener('abort', this.#wake, { once: true });
      await waited.promise;
      signal.removeEventListener('abort', this.#wake);
      this.#wake = undefined;
      clearTimeout(timer);
    }
    const chunk = this.#chunks.shift();
    if (chunk) {
      this.#queued -= chunk.length;
      this.#movedMs = performance.now();
      if (this.#queued < mostQueued) this.#process.stdout?.resume();
      return chunk;
    }
    if (this.#fault) throw this.#fault;
    return undefined;
  }

  /** Nothing has come that was not taken. */
  get isQuiet(): boolean { return this.#queued === 0; }

  /** A raw source that has written all and ended well. */
  get isOver(): boolean { return this.#isAtEnd && this.#chunks.length === 0 && this.#fault === undefined && this.#isGone; }

  /** Says something and waits for the answer. @throws {TaggerError} `device-refused`, `timeout`, or what ended the bridge */
  ask(command: string, rest: Record<string, unknown> = {}, timeoutMs: number = limits.answerMs): Promise<Record<string, unknown>> {
    const answer = this.#turn.then(() => this.#ask(command, rest, timeoutMs));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** Something is wrong with it, as others have found: it is ended. */
  fail(error: TaggerError): void {
    this.#settle(error);
    void this[Symbol.asyncDispose]();
  }

  /** Asks it to leave, then makes it. Resolves when it is gone. */
  [Symbol.asyncDispose](): Promise<void> { return this.#isLeaving ??= this.#leave(); }

  #settle(error: TaggerError): void {
    if (this.#fault) return;
    this.#fault = error;
    clearTimeout(this.#deadline);
    this.#capable.reject(error);
    this.#question?.reject(error);
    this.#question = undefined;
    this.#wake?.();
  }

  async #ask(command: string, rest: Record<string, unknown>, timeoutMs: number): Promise<Record<string, unknown>> {
    if (this.#fault) throw this.#fault;
    const id = this.#nextId++, answer = Promise.withResolvers<Record<string, unknown>>();
    this.#question = { id, ...answer };
    const timer = setTimeout(() => {
      this.fail(new TaggerError('timeout', `The bridge '${this.#name}' has not answered to ${command} in ${timeoutMs / 1000} s.`, { hint: 'It must read its standard input all the time, and answer each line on standard error.' }));
    }, timeoutMs);
    try {
      this.#process.stdin?.write(writeLine(id, command, rest));
      return await answer.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #expectCapabilities(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      const said = this.#lastText === '' ? 'it said nothing' : `it said: ${this.#lastText}`;
      this.fail(new TaggerError('timeout', `The bridge '${this.#name}' has not named its capabilities in ${limits.capabilitiesMs / 1000} s; ${said}.`, { hint: 'Is it a bridge? For a program that writes a1 words, use bridge-a1:COMMAND.' }));
    }, limits.capabilitiesMs);
  }

  #take(chunk: Uint8Array): void {
    if (this.#fault) return;
    this.#movedMs = performance.now();
    this.#chunks.push(chunk);
    this.#queued += chunk.length;
    if (this.#queued >= mostQueued) this.#process.stdout?.pause();
    this.#wake?.();
  }

  #end(): void {
    this.#isAtEnd = true;
    this.#wake?.();
  }

  #babbles(what: string): void {
    this.fail(new TaggerError('protocol', `The bridge '${this.#name}' babbles: it wrote ${what} to its standard error.`, { hint: 'Standard error takes JSON lines and short notes for people.' }));
  }

  #say(line: BridgeLine): void {
    switch (line.kind) {
      case 'capabilities':
        clearTimeout(this.#deadline);
        this.#deadline = undefined;
        this.#capable.resolve(line.fields);
        break;
      case 'done': case 'refused':
        this.#answer(line);
        break;
      case 'end':
        this.ended = line.records;
        this.#wake?.();
        break;
      case 'busy':
        if (this.#deadline && performance.now() - this.#begunMs < limits.busyMs - limits.capabilitiesMs) this.#expectCapabilities();
        break;
      case 'warning':
        this.warning = line.message === '' ? undefined : `${line.message} ${line.hint ?? ''}`.trim();
        break;
      case 'error':
        this.#reason = line;
        break;
      case 'text':
        this.#lastText = line.message;
        break;
    }
  }

  #answer({ kind, id, fields }: Extract<BridgeLine, { kind: 'done' | 'refused' }>): void {
    const question = this.#question;
    // An answer that nobody waits for is one that came too late.
    if (question?.id !== id) return;
    this.#question = undefined;
    if (kind === 'done') question.resolve(fields);
    else {
      const { message, hint } = fields;
      const reason = typeof message === 'string' ? printable(message) : 'The bridge refused and gave no reason.';
      question.reject(new TaggerError('device-refused', reason, { hint: typeof hint === 'string' ? printable(hint) : undefined }));
    }
  }

  #cannotStart(error: NodeJS.ErrnoException): void {
    this.fail(startFault(this.#name, error));
    // Without a process there is no exit.
    if (this.#process.pid === undefined) {
      this.#isGone = true;
      this.#exited.resolve();
    }
  }

  async #exit(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    this.#movedMs = performance.now();
    while (!(this.#isAtEnd && this.#isSilent) && !this.#fault && performance.now() - this.#movedMs < (this.#queued < mostQueued ? lastWordsMs : lastReadMs)) await sleep(2);
    // What it started would hold the tagger.
    this.#signal('SIGKILL');
    this.#isGone = true;
    this.#isAtEnd = true;
    for (const stream of [this.#process.stdin, this.#process.stdout, this.#process.stderr]) stream?.destroy();
    this.#exited.resolve();
    if (this.#isRaw && code === 0) {
      this.#wake?.();
      return;
    }
    const how = signal === null ? `with code ${code}` : `by ${signal}`, said = this.#reason?.message ?? this.#lastText;
    const sentence = `The bridge '${this.#name}' ended ${how}${said === '' ? '' : `: ${said}`}`.replace(/\.?$/, '.');
    this.fail(new TaggerError('device-lost', sentence, { hint: this.#reason?.hint ?? 'It is started again.' }));
  }

  async #leave(): Promise<void> {
    this.#settle(new TaggerError('closed', `The bridge '${this.#name}' was told to leave.`));
    // What it still writes goes nowhere, but it must not wait for a reader.
    this.#process.stdout?.resume();
    this.#process.stdin?.end();
    if (!this.#isRaw && await this.#isOutAfter(limits.leaveMs)) return;
    this.#signal('SIGTERM');
    if (await this.#isOutAfter(limits.killMs)) return;
    this.#signal('SIGKILL');
    await this.#isOutAfter(limits.killMs);
  }

  async #isOutAfter(ms: number): Promise<boolean> {
    if (this.#isGone) return true;
    const timer = new AbortController();
    await Promise.race([this.#exited.promise, sleep(ms, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
    return this.#isGone;
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      if (this.#process.pid !== undefined && !this.#isGone) process.kill(-this.#process.pid, signal);
    } catch { /* It is gone already. */ }
  }
}

function startFault(name: string, error: NodeJS.ErrnoException): TaggerError {
  return new TaggerError(error.code === 'ENOENT' ? 'not-found' : 'unavailable', `Cannot start the bridge '${name}': ${error.code ?? 'it failed'}.`, {
    hint: 'No shell reads the command; the program must be on the PATH, or be named with its path.', cause: error,
  });
}
