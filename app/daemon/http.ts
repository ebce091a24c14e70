// daemon/http.ts - what a browser or a monitor asks over plain HTTP: the page, and whether the box lives.
//
// Files are read once at start, so a path can never leave the folder. Nothing here changes anything: the page talks
// over the same capabilities as every other client.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { TaggerError } from '../core/errors.ts';
import { isOurHost } from '../rpc/origin.ts';
import type { Health } from './health.ts';

export interface HttpOptions {
  host: string;
  port: number;
  /** Names of the box besides addresses in figures and `localhost`, lower case. */
  names: readonly string[];
  /** Folder with index.html and its assets; `undefined` serves a line of text instead. */
  pageFolder: string | undefined;
  alive: () => Health;
  ready: () => Health;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml',
};
const headers = {
  'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** Listens, or says what is in the way. */
export async function openHttp(options: HttpOptions): Promise<{ server: Server; port: number }> {
  const files = options.pageFolder === undefined ? new Map<string, Buffer>() : readFolder(options.pageFolder);
  const server = createServer((request, response) => { answer(request, response, files, options); });
  // A client that sends its request a byte at a time holds a socket, nothing more, and not for long.
  server.requestTimeout = 10_000;
  server.headersTimeout = 10_000;
  server.maxHeadersCount = 100;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => { reject(listenError(cause, options)); });
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : options.port };
}

function listenError(cause: NodeJS.ErrnoException, { host, port }: HttpOptions): TaggerError {
  const what = `Cannot listen on ${host}:${port}`;
  if (cause.code === 'EADDRINUSE') return new TaggerError('busy', `${what}: another program has this port.`, {
    cause, hint: 'Stop it, or choose another port with --listen HOST:PORT.',
  });
  if (cause.code === 'EACCES') return new TaggerError('forbidden', `${what}: this user may not open ports below 1024.`, {
    cause, hint: 'Choose a higher port with --listen HOST:PORT.',
  });
  return new TaggerError('unavailable', `${what}: ${cause.message}.`, { cause, hint: 'Check the address in --listen HOST:PORT.' });
}

function answer(request: IncomingMessage, response: ServerResponse, files: Map<string, Buffer>, options: HttpOptions): void {
  const path = (request.url ?? '/').split('?')[0] as string;
  const send = (status: number, type: string, body: string | Buffer): void => {
    response.writeHead(status, { ...headers, 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'Cache-Control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  const text = (status: number, body: string): void => { send(status, 'text/plain; charset=utf-8', `${body}\n`); };
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'Only GET is answered here.');
  if (!isOurHost(request.headers.host, options.names)) return text(421, 'This box does not go by that name.');
  if (path === '/healthz' || path === '/readyz') {
    const { ok, detail } = path === '/healthz' ? options.alive() : options.ready();
    return text(ok ? 200 : 503, detail);
  }
  const name = path === '/' ? 'index.html' : path.slice(1);
  const body = files.get(name);
  if (!body) return text(404, path === '/' ? 'tagd runs. The page was not built into this copy.' : 'There is nothing here.');
  send(200, types[extname(name)] ?? 'application/octet-stream', body);
}

function readFolder(folder: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile() && extname(entry.name) in types) files.set(entry.name, readFileSync(join(folder, entry.name)));
  }
  return files;
}
