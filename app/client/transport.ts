// client/transport.ts - the client's end of the WebSocket: opens it, carries messages, and remembers why it ended.
import { TaggerError } from '../core/errors.ts';
import { closeCodes, decodeFrame, encodeFrame, protocols } from '../core/wire.ts';

/** A WebSocket as browsers and Node have it; what `openSocket` returns. */
export type Socket = WebSocket;

export class SocketTransport {
  readonly encodingLevel: 'jsonCompatible' | 'jsonCompatibleWithBytes';
  /** Resolves once, with the reason, when the connection has ended. */
  readonly ended: Promise<TaggerError>;
  readonly #socket: Socket;
  readonly #where: string;
  readonly #waiting: unknown[] = [];
  #receiver: PromiseWithResolvers<void> | undefined;
  #reason: TaggerError | undefined;
  #end!: (reason: TaggerError) => void;

  /** @param socket open already */
  constructor(socket: Socket, where: string) {
    this.#socket = socket;
    this.#where = where;
    this.ended = new Promise(resolve => { this.#end = resolve; });
    this.encodingLevel = socket.protocol === protocols.binary ? 'jsonCompatibleWithBytes' : 'jsonCompatible';
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      this.#waiting.push(data);
      this.#receiver?.resolve();
    });
    socket.addEventListener('close', ({ code, reason }: CloseEvent) => { this.close(this.#closedBecause(code, reason)); });
  }

  get reason(): TaggerError | undefined { return this.#reason; }

  send(message: unknown): number {
    const frame = this.encodingLevel === 'jsonCompatible' ? JSON.stringify(message) : encodeFrame(message);
    // A socket that is closing swallows what it is given; the close event follows and says why.
    this.#socket.send(frame);
    return frame.length;
  }

  async receive(): Promise<unknown> {
    while (this.#waiting.length === 0) {
      if (this.#reason) throw this.#reason;
      this.#receiver = Promise.withResolvers();
      await this.#receiver.promise;
    }
    const data = this.#waiting.shift();
    return typeof data === 'string' ? JSON.parse(data) : decodeFrame(new Uint8Array(data as ArrayBuffer));
  }

  abort(reason: unknown): void {
    this.close(reason instanceof TaggerError ? reason : new TaggerError('closed', `The connection to ${this.#where} was closed.`, { cause: reason }));
  }

  /** Ends the connection; the first reason stays. */
  close(reason: TaggerError): void {
    if (!this.#reason) {
      this.#reason = reason;
      this.#receiver?.resolve();
      this.#end(reason);
    }
    this.#socket.close();
  }

  #closedBecause(code: number, reason: string): TaggerError {
    const why = code === closeCodes.shutdown ? 'the station shuts down' : reason !== '' ? reason.replace(/\.$/, '') : code === 1006 ? 'the connection broke' : `code ${code}`;
    // 1000 with words is a decision of the station: connecting again would not help by itself.
    return new TaggerError('closed', `The connection to ${this.#where} ended: ${why}.`, code === 1000 ? {} : { hint: 'Connect again; measurements that were not detached are gone.' });
  }
}

/** @throws {TaggerError} `unavailable` if nobody answers, `timeout`, or the reason of `signal` */
export async function openSocket(open: () => Socket, where: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<Socket> {
  signal?.throwIfAborted();
  const socket = open();
  socket.binaryType = 'arraybuffer';
  const unreachable = (cause: unknown): TaggerError => new TaggerError('unavailable', `Cannot connect to ${where}: no station answers there.`, {
    cause, hint: 'Check that tagd runs and that the address is right; through a tunnel, give its end with `via`.',
  });
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const timer = setTimeout(() => { reject(new TaggerError('timeout', `Cannot connect to ${where}: no answer within ${timeoutMs} ms.`, { hint: 'Check the address and the network.' })); }, timeoutMs);
  const onAbort = (): void => { reject(signal?.reason); };
  signal?.addEventListener('abort', onAbort);
  socket.addEventListener('open', () => { resolve(socket); });
  socket.addEventListener('error', reject);
  socket.addEventListener('close', reject);
  try {
    return await promise;
  } catch (error) {
    socket.close();
    throw error instanceof TaggerError || error === signal?.reason ? error : unreachable(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    socket.removeEventListener('error', reject);
    socket.removeEventListener('close', reject);
  }
}
