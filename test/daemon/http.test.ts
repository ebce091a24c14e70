// test/daemon/http.test.ts - a page, two health answers, and nothing that is not in the folder.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openHttp } from '../../app/daemon/http.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagd-page-'));
writeFileSync(join(folder, 'index.html'), '<!doctype html><title>tagd</title>');
writeFileSync(join(folder, 'main-abc.js'), 'void 0;');
writeFileSync(join(folder, 'notes.txt'), 'not served');

async function serve() {
  const state = { alive: true };
  const { server, port } = await openHttp({
    host: '127.0.0.1', port: 0, names: ['tagd-01a2b3c4'], pageFolder: folder,
    alive: () => ({ ok: state.alive, detail: state.alive ? 'ok' : 'the data path stands still' }), ready: () => ({ ok: true, detail: 'ready' }),
  });
  const get = (path: string, options: { method?: string; host?: string } = {}) => new Promise<{ status: number; body: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const headers = { host: options.host ?? `127.0.0.1:${port}` };
    request({ port, host: '127.0.0.1', path, method: options.method ?? 'GET', headers }, response => {
      let body = '';
      response.setEncoding('utf8').on('data', chunk => { body += chunk; }).on('end', () => { resolve({ status: response.statusCode ?? 0, body, headers: response.headers }); });
    }).on('error', reject).end();
  });
  return { get, state, server };
}

test('the page is served with a strict policy and its assets with their types', async t => {
  const { get, server } = await serve();
  const page = await get('/');
  t.is(page.status, 200);
  t.regex(String(page.headers['content-security-policy']), /default-src 'none'/);
  t.is(page.headers['cache-control'], 'no-store');
  t.regex(String((await get('/main-abc.js')).headers['content-type']), /^text\/javascript/);
  server.close();
});

for (const path of ['/notes.txt', '/../../etc/passwd', '/%2e%2e/package.json', '/constructor', '/main-abc.js/']) {
  test(`GET ${path} finds nothing`, async t => {
    const { get, server } = await serve();
    t.is((await get(path)).status, 404);
    server.close();
  });
}

test('other methods and other hosts are refused', async t => {
  const { get, server } = await serve();
  t.is((await get('/', { method: 'POST' })).status, 405);
  t.is((await get('/', { host: 'evil.example' })).status, 421);
  t.is((await get('/', { host: '127.0.0.1.evil.example' })).status, 421);
  t.is((await get('/', { host: '[::1]:7433' })).status, 200);
  t.is((await get('/', { host: 'tagd-01a2b3c4:7433' })).status, 200);
  server.close();
});

test('healthz follows the data path', async t => {
  const { get, state, server } = await serve();
  t.is((await get('/healthz')).status, 200);
  state.alive = false;
  t.deepEqual([(await get('/healthz')).status, (await get('/healthz')).body], [503, 'the data path stands still\n']);
  server.close();
});

test('a taken port is named together with what to do', async t => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => { other.once('listening', resolve); });
  const { port } = other.address() as AddressInfo;
  const health = () => ({ ok: true, detail: '' });
  const error = await t.throwsAsync(openHttp({ host: '127.0.0.1', port, names: [], pageFolder: undefined, alive: health, ready: health }), { name: 'TaggerError' });
  t.is(error?.message, `Cannot listen on 127.0.0.1:${port}: another program has this port.`);
  other.close();
});
