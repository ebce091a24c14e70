// daemon/demo-broker.ts - a small MQTT broker inside the daemon, so that the demonstration needs no other program.
//
// It listens on loopback only and asks nobody for a password: it is no broker for a laboratory, which runs Mosquitto or
// the like. It keeps everything in memory, and speaks MQTT 3.1.1 alone.
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { TaggerError } from '../core/errors.ts';
import { isLoopback } from '../core/link.ts';

export interface DemoBroker {
  /** `mqtt://127.0.0.1:1883` */
  readonly url: string;
  /** Cuts every connection and frees the port. */
  close(): Promise<void>;
}

/**
 * @param port 0 lets the system choose
 * @throws {TaggerError} `busy` if the port is taken, `forbidden` if the host is not this computer, `unavailable` for any other refusal
 */
export async function startDemoBroker(port: number, host = '127.0.0.1'): Promise<DemoBroker> {
  if (!isLoopback(host)) {
    throw new TaggerError('forbidden', `Cannot open the demo broker on ${host}: it lets everybody in and serves this computer alone.`, {
      hint: 'Use 127.0.0.1, or run a broker with passwords, such as Mosquitto, and name it in the configuration.',
    });
  }
  const broker = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    broker.handle(socket);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    await new Promise<void>(resolve => broker.close(resolve));
    throw explain(error, port, host);
  }
  const { port: chosen } = server.address() as AddressInfo;
  return {
    url: `mqtt://${host.includes(':') ? `[${host}]` : host}:${chosen}`,
    async close() {
      const closed = new Promise(resolve => server.close(resolve));
      await new Promise<void>(resolve => broker.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function explain(error: unknown, port: number, host: string): TaggerError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return new TaggerError('busy', `Cannot open the demo MQTT broker on ${host}:${port}: another program listens there.`, {
      hint: 'Stop it, or start the demo on another MQTT port; 0 picks a free one.', cause: error,
    });
  }
  return new TaggerError('unavailable', `Cannot open the demo MQTT broker on ${host}:${port}: ${String(code ?? error)}.`, { cause: error });
}
