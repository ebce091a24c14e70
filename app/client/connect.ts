// client/connect.ts - from a link to a session. The secret leaves only after the connection stands, and in no address.
import { RpcSession } from 'capnweb';
import { TaggerError } from '../core/errors.ts';
import { formatAddress, isLoopback, parseAddress, parseLink, type Link } from '../core/link.ts';
import { protocols, rpcPath } from '../core/wire.ts';
import type { AdminSession, Gate } from '../rpc/api.ts';
import { Caller } from './calls.ts';
import { TagdSession } from './session.ts';
import { openSocket, SocketTransport } from './transport.ts';

export interface ConnectOptions {
  /** `HOST:PORT` at which the station is to be reached instead: the end of a tunnel, a proxy, another network. */
  via?: string;
  /** Gives up connecting; has no effect afterwards. */
  signal?: AbortSignal;
  /** For connecting and redeeming; default 10 000. */
  timeoutMs?: number;
  /** `binary` carries arrays without base64 and is the default; a station that does not know it answers in JSON. */
  encoding?: 'binary' | 'json';
  /** Opens the socket, where the built-in one will not do (a pinned certificate, a proxy). */
  open?: (url: string, subprotocols: string[]) => WebSocket;
}

/**
 * Connects to a station.
 *
 * ```ts
 * await using session = await connect('tagd://127.0.0.1:7433/#...');
 * const tagger = await session.tagger();
 * ```
 *
 * @param link either spelling; the address in it is a hint, see `via`
 * @throws {TaggerError} `usage` (the link is damaged), `forbidden` (it is not valid, or no longer), `unavailable`, `timeout`
 */
export async function connect(link: string, options: ConnectOptions = {}): Promise<TagdSession> {
  const target = parseLink(link);
  const { url, where } = addressOf(target, options);
  const { timeoutMs = 10_000, encoding = 'binary', signal } = options;
  const subprotocols = encoding === 'binary' ? [protocols.binary, protocols.json] : [protocols.json];
  const open = options.open ?? ((address: string, offered: string[]): WebSocket => new WebSocket(address, offered));
  const transport = new SocketTransport(await openSocket(() => open(url, subprotocols), where, timeoutMs, signal), where);
  const gate = new RpcSession(transport).getRemoteMain() as unknown as Gate;
  const caller = new Caller(transport);
  const giveUp = (reason: TaggerError): void => { transport.close(reason); };
  const timer = setTimeout(() => { giveUp(new TaggerError('timeout', `Cannot open a session at ${where}: no answer within ${timeoutMs} ms.`)); }, timeoutMs);
  const onAbort = (): void => { giveUp(new TaggerError('closed', `Connecting to ${where} was given up.`, { cause: signal?.reason })); };
  signal?.addEventListener('abort', onAbort);
  try {
    return new TagdSession(caller, gate, await caller.call(() => gate.redeem(target.secret)) as AdminSession, transport.ended);
  } catch (error) {
    gate[Symbol.dispose]();
    if (signal?.aborted) throw signal.reason;
    throw transport.reason?.code === 'timeout' ? transport.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function addressOf(link: Link, { via, open }: ConnectOptions): { url: string; where: string } {
  const { host, port } = via === undefined ? link : parseAddress(via, link.port);
  const where = formatAddress(host, port);
  if (link.plain && !isLoopback(host)) {
    throw new TaggerError('forbidden', `Cannot connect to ${where} with this link: the connection would not be encrypted.`, {
      hint: 'Open an SSH tunnel to the station and give its local end with `via`.',
    });
  }
  if (link.fingerprint !== undefined && open === undefined && !('document' in globalThis)) {
    throw new TaggerError('unsupported', `Cannot connect to ${where}: this link pins the key of the station, which the built-in WebSocket cannot check.`, {
      hint: 'Give `open` with a WebSocket that checks the key.',
    });
  }
  return { url: `${link.plain ? 'ws' : 'wss'}://${where}${rpcPath}`, where };
}
