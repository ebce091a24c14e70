// test/support/rpc-station.ts - a fake station behind a real socket on loopback, with grants in a folder of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectOptions, type TagdSession } from '../../app/client/index.ts';
import { systemClock, type Clock } from '../../app/core/clock.ts';
import type { ShareOptions } from '../../app/rpc/api.ts';
import { Audit } from '../../app/rpc/audit.ts';
import { Grants } from '../../app/rpc/grants.ts';
import { serveRpc, type RpcOptions, type RpcServer } from '../../app/rpc/server.ts';
import { FakeStation } from './fake-station.ts';

export interface ServedStation extends AsyncDisposable {
  readonly station: FakeStation;
  readonly grants: Grants;
  readonly audit: Audit;
  readonly rpc: RpcServer;
  readonly server: Server;
  readonly port: number;
  readonly folder: string;
  /** An admin link. */
  readonly link: string;
  /** Internal errors that were hidden from clients. */
  readonly internal: unknown[];
  connect(options?: ConnectOptions): Promise<TagdSession>;
  /** A session with a narrower link. */
  guest(options: ShareOptions, connectOptions?: ConnectOptions): Promise<{ session: TagdSession; id: string; link: string }>;
}

export async function serveStation({ taggers, clock = systemClock, ...options }: { taggers?: readonly string[]; clock?: Clock } & Partial<RpcOptions> = {}): Promise<ServedStation> {
  const folder = mkdtempSync(join(tmpdir(), 'tagd-rpc-'));
  const station = new FakeStation(taggers);
  const grants = await Grants.open(folder, clock);
  const audit = await Audit.open(folder, clock);
  const internal: unknown[] = [];
  const server = createServer();
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  const rpc = serveRpc(server, { station, grants, audit, clock, address: { host: '127.0.0.1', port }, onInternal: error => { internal.push(error); }, ...options });
  const { link } = rpc.links(grants.temporarySecret(grants.root.id));
  return {
    station, grants, audit, rpc, server, port, folder, link, internal,
    connect: connectOptions => connect(link, connectOptions),
    async guest(wanted, connectOptions) {
      await using owner = await connect(link);
      const { id, link: narrower } = await owner.share(wanted);
      return { id, link: narrower, session: await connect(narrower, connectOptions) };
    },
    async [Symbol.asyncDispose]() {
      await rpc[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise<void>(resolve => { server.close(() => { resolve(); }); });
      await audit.settled();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
