// test/support/raw-rpc.ts - a peer below the client library: any method by name, any frame, no manners.
import { RpcSession, WebSocketTransport } from 'capnweb';
import { WebSocket } from 'ws';
import { parseLink } from '../../app/core/link.ts';

/** A remote object of which nothing is known. */
export interface AnyStub extends Disposable { [method: string]: (...values: unknown[]) => Promise<AnyStub> }

export interface RawPeer extends AsyncDisposable {
  gate: AnyStub;
  socket: WebSocket;
  stats(): { imports: number; exports: number };
}

export async function rawConnect(port: number): Promise<RawPeer> {
  const socket = await openSocket(port);
  const session = new RpcSession(new WebSocketTransport(socket as never));
  return {
    gate: session.getRemoteMain() as unknown as AnyStub, socket, stats: () => session.getStats(),
    async [Symbol.asyncDispose]() { socket.terminate(); },
  };
}

export async function openSocket(port: number, options: { protocols?: string[]; headers?: Record<string, string> } = {}): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/rpc`, options.protocols ?? [], { headers: options.headers ?? {} });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return socket;
}

export function secretOf(link: string): string { return parseLink(link).secret; }

/** The error of a call, as code and message. */
export async function failure(call: () => PromiseLike<unknown>): Promise<{ code: string; message: string } | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { code: code ?? 'none', message };
  }
}

/** Resolves when `condition` holds; looks again at each turn of the event loop. */
export async function until(condition: () => boolean, what: string, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}.`);
    await new Promise(resolve => { setImmediate(resolve); });
  }
}
