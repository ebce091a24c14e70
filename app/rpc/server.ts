// rpc/server.ts - capability RPC on a WebSocket of the caller's HTTP server.
//
// It owns the connections and nothing else: taggers and measurements belong to the station, authority to the grants.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { RpcSession } from 'capnweb';
import { WebSocketServer, type WebSocket } from 'ws';
import { systemClock, type Clock } from '../core/clock.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { formatLink, formatWebLink } from '../core/link.ts';
import type { Station } from '../core/station.ts';
import { closeCodes, protocols, rpcPath } from '../core/wire.ts';
import type { Audit } from './audit.ts';
import { Connection, type Desk } from './authority.ts';
import { publicError } from './errors.ts';
import { GateTarget, WrongSecrets } from './gate.ts';
import type { Grants } from './grants.ts';
import { Kept } from './kept.ts';
import { isOurHost, isOurOrigin } from './origin.ts';
import { PeerTransport } from './transport.ts';

export interface RpcOptions {
  station: Station;
  grants: Grants;
  audit: Audit;
  /** What links say; a hint, since a client may come by any tunnel. */
  address: { host: string; port: number };
  /** SHA-256 of the server's public key, base64url; with TLS. */
  fingerprint?: string | undefined;
  /** Names of the box besides addresses, `localhost`, and `<station id>.local`. */
  hostNames?: readonly string[] | undefined;
  /** Origins of pages elsewhere that may connect, `https://lab.example`. */
  origins?: readonly string[] | undefined;
  clock?: Clock | undefined;
  /** Hears of bugs; clients only see `internal`. */
  onInternal?: ((error: unknown) => void) | undefined;
}

export interface RpcServer extends AsyncDisposable {
  /** Open connections, and those of them that hold a grant. */
  readonly connections: number;
  readonly sessions: number;
  /** Both spellings of a link for a secret. */
  links(secret: string): { link: string; webLink: string };
}

/** Serves until disposed; the HTTP server stays the caller's. */
export function serveRpc(server: Server, options: RpcOptions): RpcServer { return new WebSocketRpc(server, options); }

interface Peer { socket: WebSocket; connection: Connection; redeemed: boolean; unanswered: number; heartbeat: () => void }

class WebSocketRpc implements RpcServer {
  readonly #server: Server;
  readonly #options: RpcOptions;
  readonly #clock: Clock;
  readonly #desk: Desk;
  readonly #wrong: WrongSecrets;
  readonly #peers = new Set<Peer>();
  readonly #sockets = new WebSocketServer({
    noServer: true, perMessageDeflate: false, maxPayload: limits.messageBytes, clientTracking: false,
    handleProtocols: offered => [protocols.binary, protocols.json].find(name => offered.has(name)) ?? false,
  });
  readonly #stopRevocations: () => void;
  #stopHeartbeat: () => void = () => {};

  constructor(server: Server, options: RpcOptions) {
    this.#server = server;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#wrong = new WrongSecrets(this.#clock);
    const { station, grants, audit } = options;
    const kept = new Kept();
    this.#desk = { station, grants, audit, kept, clock: this.#clock, links: secret => this.links(secret), holders: new Map() };
    this.#stopRevocations = grants.onRevoked(ids => {
      for (const id of ids) for (const holder of this.#desk.holders.get(id) ?? []) holder.end('was revoked');
      kept.discardOf(ids);
    });
    server.on('upgrade', this.#upgrade);
    this.#beat();
  }

  get connections(): number { return this.#peers.size; }
  get sessions(): number { return [...this.#peers].filter(({ redeemed }) => redeemed).length; }

  links(secret: string): { link: string; webLink: string } {
    const { address: { host, port }, fingerprint } = this.#options;
    const link = { host, port, secret, ...(fingerprint === undefined ? {} : { fingerprint }) };
    return { link: formatLink(link), webLink: formatWebLink(link) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.off('upgrade', this.#upgrade);
    this.#stopRevocations();
    this.#stopHeartbeat();
    for (const { socket, connection } of this.#peers) {
      connection.lifetime.end(new TaggerError('closed', 'The station shuts down.', { hint: 'Connect again when it is back.' }));
      socket.close(closeCodes.shutdown, 'The station shuts down.');
      this.#clock.after(1000, () => { socket.terminate(); });
    }
    for (const { name } of this.#desk.kept.all()) this.#desk.kept.discard(name);
    this.#sockets.close();
  }

  readonly #upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const refuse = (status: string): void => { socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`); };
    socket.on('error', () => { socket.destroy(); });
    if ((request.url ?? '').split('?')[0] !== rpcPath) {
      // Somebody else may serve that path.
      if (this.#server.listenerCount('upgrade') === 1) refuse('404 Not Found');
      return;
    }
    const { host, origin } = request.headers;
    const { id } = this.#options.station.info;
    const names = [id, `${id}.local`, this.#options.address.host.toLowerCase(), ...(this.#options.hostNames ?? []).map(name => name.toLowerCase())];
    if (!isOurHost(host, names)) return refuse('421 Misdirected Request');
    if (!isOurOrigin(origin, host, this.#options.origins ?? [])) return refuse('403 Forbidden');
    if (!this.#makeRoom()) return refuse('503 Service Unavailable');
    this.#sockets.handleUpgrade(request, socket, head, opened => { this.#accept(opened, request.socket.remoteAddress ?? 'unknown'); });
  };

  /** Strangers give way to newer strangers, so that nobody can keep others out by connecting and waiting. */
  #makeRoom(): boolean {
    const strangers = [...this.#peers].filter(({ redeemed }) => !redeemed);
    const waiting = strangers.filter(({ socket }) => socket.readyState === socket.OPEN);
    if (waiting.length >= limits.sessionsBeforeRedeem) waiting[0]?.socket.close(closeCodes.idle, 'Others wait.');
    // One that does not answer the closing handshake is not waited for.
    if (strangers.length >= 2 * limits.sessionsBeforeRedeem) strangers[0]?.socket.terminate();
    return this.#peers.size < limits.sessions + 2 * limits.sessionsBeforeRedeem;
  }

  #accept(socket: WebSocket, address: string): void {
    const connection = new Connection(address, () => {
      if (!peer.redeemed && this.sessions >= limits.sessions) {
        throw new TaggerError('busy', `Cannot use this link: ${limits.sessions} connections are open.`, { hint: 'Close some that are no longer needed.' });
      }
      peer.redeemed = true;
      transport.trusted = true;
      stopWaiting();
    }, ({ message }) => {
      // The answers of calls under way are sent first: they carry the same reason.
      setImmediate(() => { socket.close(1000, message); });
      this.#clock.after(1000, () => { socket.terminate(); });
    });
    const peer: Peer = { socket, connection, redeemed: false, unanswered: 0, heartbeat: () => { peer.unanswered = 0; } };
    const stopWaiting = this.#clock.after(limits.unauthenticatedMs, () => { if (!peer.redeemed) socket.close(closeCodes.idle, 'No link was redeemed.'); });
    let messages = 0;
    const transport = new PeerTransport(socket, socket.protocol === protocols.binary, this.#clock, () => {
      peer.heartbeat();
      // Counting walks the whole table, so it is done now and then.
      if (++messages % 1024 === 0 && session.getStats().exports > limits.exportsPerSession) {
        throw new TaggerError('limit', `The connection is closed: it holds more than ${limits.exportsPerSession} results.`, { hint: 'Await or dispose what calls return.' });
      }
    });
    this.#peers.add(peer);
    socket.on('pong', peer.heartbeat);
    socket.on('close', () => {
      stopWaiting();
      this.#peers.delete(peer);
      connection.lifetime.end(new TaggerError('closed', 'The connection was closed.'));
    });
    const session = new RpcSession(transport, new GateTarget(this.#desk, connection, this.#wrong), {
      onSendError: error => publicError(error, this.#options.onInternal ?? ((): void => {})),
      limits: { maxDepth: limits.messageDepth + 8, maxMessageSize: limits.messageBytes, maxBigIntDigits: 32 },
    });
  }

  /** A peer that vanished without a word answers no ping. */
  #beat(): void {
    this.#stopHeartbeat = this.#clock.after(limits.heartbeatMs, () => {
      for (const peer of this.#peers) {
        if (peer.unanswered >= limits.heartbeatMissed) peer.socket.terminate();
        else {
          peer.unanswered++;
          if (peer.socket.readyState === peer.socket.OPEN) peer.socket.ping();
        }
      }
      this.#beat();
    });
  }
}
