// rpc/transport.ts - one WebSocket as a hostile peer's end: what is too long, too much or malformed never gets further.
//
// Reading stops at the socket while messages wait (backpressure), so a flood costs its sender and nobody else. A peer that
// does not take what is sent to it is cut off. The first fault is the reason that everything after it sees.
import type { RawData, WebSocket } from 'ws';
import type { Clock } from '../core/clock.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { closeCodes, decodeFrame, encodeFrame } from '../core/wire.ts';
import { checkMessage } from './frames.ts';

const waitingAtMost = 64;
/** Messages of one peer that are taken in one turn of the event loop, before all others get theirs. */
const perTurn = 16;

export class PeerTransport {
  readonly encodingLevel: 'jsonCompatible' | 'jsonCompatibleWithBytes';
  /** Set when a secret was redeemed: the narrow limits of a stranger end. */
  trusted = false;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #onMessage: () => void;
  readonly #waiting: { data: Buffer; binary: boolean }[] = [];
  #receiver: PromiseWithResolvers<void> | undefined;
  #fault: TaggerError | undefined;
  #strangersMessages = 0;
  #thisTurn = 0;
  #budget: number = limits.messagesPerSecond;
  #budgetAtMs: number;

  constructor(socket: WebSocket, binary: boolean, clock: Clock, onMessage: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#onMessage = onMessage;
    this.#budgetAtMs = clock.nowMs();
    this.encodingLevel = binary ? 'jsonCompatibleWithBytes' : 'jsonCompatible';
    socket.on('message', (data: RawData, isBinary) => {
      if (this.#fault) return;
      this.#waiting.push({ data: data as Buffer, binary: isBinary });
      if (this.#waiting.length >= waitingAtMost) socket.pause();
      this.#receiver?.resolve();
    });
    socket.on('close', () => { this.#fail(new TaggerError('closed', 'The connection was closed.')); });
    socket.on('error', cause => { this.#fail(new TaggerError('closed', 'The connection broke.', { cause })); });
  }

  send(message: unknown): number {
    if (this.#fault || this.#socket.readyState !== 1) return 0;
    if (this.#socket.bufferedAmount > limits.sendBufferBytes) {
      this.#fail(new TaggerError('overflow', 'The connection is closed: the client did not take what was sent to it.'));
      this.#socket.terminate();
      return 0;
    }
    const frame = this.encodingLevel === 'jsonCompatible' ? JSON.stringify(message) : encodeFrame(message);
    this.#socket.send(frame);
    return frame.length;
  }

  async receive(): Promise<unknown> {
    while (this.#waiting.length === 0) {
      if (this.#fault) throw this.#fault;
      this.#receiver = Promise.withResolvers();
      await this.#receiver.promise;
    }
    await this.#takeFromBudget();
    if (++this.#thisTurn > perTurn) {
      await new Promise<void>(resolve => { setImmediate(resolve); });
      this.#thisTurn = 0;
    }
    const { data, binary } = this.#waiting.shift() as { data: Buffer; binary: boolean };
    if (this.#waiting.length === 0 && this.#socket.isPaused) this.#socket.resume();
    this.#onMessage();
    return this.#read(data, binary);
  }

  abort(reason: unknown): void {
    const fault = reason instanceof TaggerError ? reason : new TaggerError('protocol', 'The connection is closed: a message could not be understood.', { cause: reason });
    this.#fail(fault);
    this.#socket.close(fault.code === 'protocol' ? closeCodes.protocol : 1000, fault.message.slice(0, 120));
    // A peer that does not answer the closing handshake is not waited for.
    this.#clock.after(1000, () => { this.#socket.terminate(); });
  }

  #read(data: Buffer, binary: boolean): unknown {
    if (!this.trusted && (data.length > limits.unauthenticatedMessageBytes || ++this.#strangersMessages > limits.unauthenticatedMessages)) {
      throw new TaggerError('protocol', 'The connection is closed: redeem a link first.', {
        hint: `Until then ${limits.unauthenticatedMessages} messages of ${limits.unauthenticatedMessageBytes} bytes are taken.`,
      });
    }
    if (binary !== (this.encodingLevel === 'jsonCompatibleWithBytes')) throw new TaggerError('protocol', 'The connection is closed: a frame is not of the kind that was agreed on.');
    let message: unknown;
    try {
      message = binary ? decodeFrame(data) : JSON.parse(data.toString('utf8'));
    } catch (cause) {
      throw new TaggerError('protocol', 'The connection is closed: a message is not JSON.', { cause });
    }
    checkMessage(message);
    return message;
  }

  /** Token bucket: who sends faster is read more slowly. */
  async #takeFromBudget(): Promise<void> {
    const refill = (): void => {
      const nowMs = this.#clock.nowMs();
      this.#budget = Math.min(limits.messagesPerSecond, this.#budget + (nowMs - this.#budgetAtMs) * limits.messagesPerSecond / 1000);
      this.#budgetAtMs = nowMs;
    };
    if (this.#budget < 1) refill();
    while (this.#budget < 1) {
      await new Promise<void>(resolve => { this.#clock.after(10, resolve); });
      refill();
    }
    this.#budget--;
  }

  #fail(reason: TaggerError): void {
    this.#fault ??= reason;
    this.#receiver?.resolve();
  }
}
