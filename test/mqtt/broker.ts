// test/mqtt/broker.ts - brokers for tests: one that works and can be watched, and scripted ones that do not.
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Aedes } from 'aedes';

export interface Received { topic: string; payload: string; retain: boolean; qos: number }

export class WatchedBroker implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Everything clients published, in order; wills included. */
  readonly received: Received[];
  /** Topics in the order of the wire; the broker may finish QoS 0 before QoS 1. */
  readonly arrived: string[];
  /** What a late subscriber would be told. */
  readonly retained: Map<string, string>;
  readonly #sockets: Set<Socket>;
  readonly #close: () => Promise<void>;
  constructor(port: number, received: Received[], arrived: string[], retained: Map<string, string>, sockets: Set<Socket>, close: () => Promise<void>) {
    this.url = `mqtt://127.0.0.1:${port}`;
    this.port = port;
    this.received = received;
    this.arrived = arrived;
    this.retained = retained;
    this.#sockets = sockets;
    this.#close = close;
  }
  /** Destroys every connection, as a cable would. */
  cut(): void { for (const socket of this.#sockets) socket.destroy(); }
  topics(): string[] { return this.received.map(message => message.topic); }
  last(topic: string): string | undefined { return this.received.findLast(message => message.topic === topic)?.payload; }
  close(): Promise<void> { return this.#close(); }
  [Symbol.asyncDispose](): Promise<void> { return this.#close(); }
}

/** @param accept answers each attempt to connect; false = not authorised */
export async function startBroker({ port = 0, accept = () => true }: { port?: number; accept?: () => boolean } = {}): Promise<WatchedBroker> {
  const broker = await Aedes.createBroker();
  broker.authenticate = (_client, _user, _password, done) => {
    if (accept()) done(null, true);
    else done(Object.assign(new Error('refused'), { returnCode: 5 }), null);
  };
  const received: Received[] = [];
  const arrived: string[] = [];
  broker.authorizePublish = (_client, packet, done) => { arrived.push(packet.topic); done(null); };
  const retained = new Map<string, string>();
  broker.on('publish', packet => {
    if (packet.topic.startsWith('$SYS')) return;
    const payload = packet.payload.toString();
    received.push({ topic: packet.topic, payload, retain: packet.retain, qos: packet.qos });
    if (packet.retain) retained.set(packet.topic, payload);
    if (packet.retain && payload === '') retained.delete(packet.topic);
  });
  const { port: chosen, sockets, close } = await listen(port, socket => broker.handle(socket));
  return new WatchedBroker(chosen, received, arrived, retained, sockets, async () => {
    await new Promise<void>(resolve => broker.close(resolve));
    await close();
  });
}

/** A broker that does what `script` does with each connection; `connections` counts them. */
export async function startHostileBroker(script: (socket: Socket, connection: number) => void): Promise<AsyncDisposable & { url: string; connections: number }> {
  const { port, close } = await listen(0, socket => script(socket, ++hostile.connections));
  const hostile = { url: `mqtt://127.0.0.1:${port}`, connections: 0, [Symbol.asyncDispose]: close };
  return hostile;
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const { port, close } = await listen(0, () => {});
  await close();
  return port;
}

async function listen(port: number, serve: (socket: Socket) => void): Promise<{ port: number; sockets: Set<Socket>; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port, sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise(resolve => server.close(resolve));
    },
  };
}

/** Waits for something that other sockets bring about; the words are the error message. */
export async function until(words: string, check: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`Waited 30 s in vain until ${words}.`);
    await sleep(2);
  }
}
