// test/client/client.test.ts - the client library against a fake station over a real socket.
import { createServer, connect as connectSocket, type AddressInfo, type Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { connect, TaggerError, type Reading } from '../../app/client/index.ts';
import { measurements, measurementNames } from '../../app/core/measurements.ts';
import type { StationEvent } from '../../app/core/station.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { exampleConfig } from '../support/example-config.ts';
import { failure, until } from '../support/raw-rpc.ts';
import { serveStation } from '../support/rpc-station.ts';

test('connect() opens a session, measures and reads as the README says', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  t.is((await session.info()).id, 'tagd-0123abcd');
  t.like(await session.whoami(), { station: 'tagd-0123abcd', grant: { facet: 'admin', label: 'owner', connections: 1 } });
  await using tagger = await session.tagger();
  await using m = await tagger.measure('correlation', { channel1: 1, channel2: 2, binwidthPs: 16, bins: 20000 });
  await m.startFor(2e12);
  const waiting = m.waitUntilFinished();
  t.true(await m.isRunning());
  await until(() => served.station.tagger().live[0]?.waiting === 1, 'it waits');
  t.false(await m.waitUntilFinished(0));
  served.station.tagger().live[0]?.finish();
  t.true(await waiting);
  const counts = await m.getData();
  t.is(counts.length, 20000);
  const { value, info } = await m.read('getData');
  t.deepEqual(value, counts);
  t.is(info.startPs, 2n ** 60n);
  t.is(await m.getCaptureDuration(), 1e12);
  t.like(await m.getConfiguration(), { name: 'correlation', className: 'Correlation', config: { bins: 20000 } });
  t.deepEqual(served.internal, []);
});

test('every measurement of the table has its getters, and no others', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  await using tagger = await session.tagger();
  for (const name of measurementNames) {
    // The fake station has no falling edges.
    const config = JSON.parse(JSON.stringify(exampleConfig(name)).replaceAll(/-1\b/g, '4')) as never;
    const m = await tagger.measure(name, config) as unknown as Record<string, () => Promise<unknown>>;
    for (const [getter, { type }] of Object.entries(measurements[name].getters)) {
      const value = await m[getter]!();
      if (type === 'scalar' || type === 'boolean') t.is(typeof value, type === 'scalar' ? 'number' : 'boolean', `${name}.${getter}`);
      else t.true(typeof value === 'object' && value !== null, `${name}.${getter}`);
    }
    if (!('getDataNormalized' in measurements[name].getters)) t.is(m['getDataNormalized'], undefined, name);
  }
});

test('errors arrive as TaggerError with code and hint; what is internal stays on the box', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  await using tagger = await session.tagger();
  const error = await t.throwsAsync(tagger.measure('correlation', { channel1: 1, channel2: 99 }), { instanceOf: TaggerError }) as TaggerError;
  t.is(error.code, 'not-found');
  t.regex(error.message, /no channel 99/);
  t.regex(error.hint ?? '', /1, 2, 3, 4/);
  await using m = await tagger.measure('countrate', { channels: [1] });
  served.station.tagger().live[0]!.values.set('getData', () => { throw new Error('secret detail /var/lib'); });
  const internal = await t.throwsAsync(m.getData(), { instanceOf: TaggerError }) as TaggerError;
  t.is(internal.code, 'internal');
  t.false(`${internal.message}${internal.stack}${JSON.stringify(internal)}${String((internal.cause as Error | undefined)?.stack)}`.includes('secret detail'));
  t.is(served.internal.length, 1, 'the daemon hears of it');
  t.is((await failure(() => tagger.configure({}, { revision: 99 })))?.code, 'conflict');
  const viewer = await served.guest({ facet: 'view' });
  await using guest = viewer.session;
  t.is((await failure(async () => (await guest.tagger()).measure('countrate', { channels: [1] })))?.code, 'forbidden');
  t.is((await failure(() => guest.admin()))?.code, 'forbidden');
});

test('each argument of each method is checked where it arrives', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  await using tagger = await session.tagger();
  await using m = await tagger.measure('counter', { channels: [1] });
  const nonsense: unknown[] = [null, 'x', -2.5, NaN, {}, [], () => {}, 2n ** 70n, { a: { b: 1 } }, true, 'x'.repeat(5000)];
  const any = <T>(value: unknown): T => value as T;
  const calls: [string, (value: unknown) => Promise<unknown>, unknown[]?][] = [
    ['tagger', value => session.tagger(any(value)), [null]], ['measurement', value => session.measurement(any(value))], ['discard', value => session.discard(any(value))],
    ['share', value => session.share(any(value))], ['share ttl', value => session.share({ facet: 'view', ttlMs: any(value) })],
    ['share channels', value => session.share({ facet: 'view', channels: any(value) }), [[]]], ['share label', value => session.share({ facet: 'view', label: any(value) }), ['x']],
    ['share uses', value => session.share({ facet: 'view', uses: any(value) })], ['revoke', value => session.revoke(any(value))], ['audit', value => session.audit({ limit: any(value) })],
    ['rates', value => tagger.rates(any(value))], ['onRates', value => tagger.onRates(() => {}, { everyMs: any(value) })], ['measure name', value => tagger.measure(any<'countrate'>(value), {} as never)],
    ['measure config', value => tagger.measure('histogram', any(value))], ['measure channel', value => tagger.measure('countrate', { channels: any(value) })],
    ['delays', value => tagger.measure('countrate', { channels: [1] }, { delaysPs: { 1: any(value) } })], ['start', value => tagger.measure('countrate', { channels: [1] }, { start: any(value) }), [true]],
    ['virtual', value => tagger.measure('countrate', { channels: [1] }, { virtual: any(value) }), [{}]],
    ['virtual channel', value => tagger.measure('countrate', { channels: [1] }, { virtual: { 1001: any(value) } })],
    ['virtual input', value => tagger.measure('countrate', { channels: [1] }, { virtual: { 1001: { kind: 'combiner', channels: any(value) } } })],
    ['virtual time', value => tagger.view({ virtual: { 1001: { kind: 'delayed', channel: 1, delayPs: any(value) } } }).measure('countrate', { channels: [1001] })],
    ['configure', value => tagger.configure(any(value)), [{}]], ['configure channel', value => tagger.configure({ channels: { 1: any(value) } }), [{}]],
    ['configure value', value => tagger.configure({ channels: { 1: { triggerLevelV: any(value) } } }), [-2.5]], ['configure boolean', value => tagger.configure({ channels: { 1: { testSignal: any(value) } } }), [true]],
    ['configure choice', value => tagger.configure({ tagger: { clockSource: any(value) } })], ['configure filter', value => tagger.configure({ tagger: { conditionalFilter: any(value) } })],
    ['configure filtered', value => tagger.configure({ tagger: { conditionalFilter: { trigger: [1], filtered: any(value) } } })], ['revision', value => tagger.configure({}, { revision: any(value) })],
    ['sharedMeasurement', value => tagger.sharedMeasurement(any(value))], ['startFor', value => m.startFor(any(value))], ['startFor clear', value => m.startFor(1, any(value)), [true]],
    ['wait', value => m.waitUntilFinished(any(value))], ['read', value => m.read(any<'getData'>(value))], ['read args', value => m.read('getData', any(value)), [{}]],
    ['getData', value => m.getData({ rolling: any(value) }), [true]], ['detach', value => m.detach(any(value)), ['x']], ['onUpdate getter', value => m.onUpdate(() => {}, { getter: any<'getData'>(value) }), [null]],
    ['onUpdate everyMs', value => m.onUpdate(() => {}, { everyMs: any(value) })],
  ];
  for (const [what, call, fine = []] of calls) {
    for (const value of nonsense) {
      const error = await failure(() => call(value));
      const isFine = fine.some(each => isDeepStrictEqual(each, value));
      if (isFine) continue;
      t.true(['usage', 'not-found', 'limit', 'conflict'].includes(error?.code ?? ''), `${what} with ${typeof value === 'bigint' ? 'a bigint' : JSON.stringify(value)?.slice(0, 40)}: ${JSON.stringify(error)}`);
      t.true((error?.message.length ?? 0) < 400, what);
    }
  }
  t.deepEqual(served.internal, []);
});

test('a slow listener gets the newest value only, one call at a time', async t => {
  const clock = new ManualClock();
  await using served = await serveStation({ clock });
  await using session = await served.connect();
  await using tagger = await session.tagger();
  await using m = await tagger.measure('countrate', { channels: [1] });
  const port = served.station.tagger().live[0]!;
  let produced = 0;
  port.values.set('getData', () => Float64Array.of(++produced));
  const seen: number[] = [];
  let proceed = Promise.withResolvers<void>();
  const updates = await m.onUpdate(async ({ value }: Reading<Float64Array>) => {
    seen.push(value[0]!);
    await proceed.promise;
  }, { everyMs: 100 });
  await until(() => seen.length === 1, 'the first update');
  for (let i = 0; i < 20; i++) clock.advance(100);
  await session.info();
  t.deepEqual([seen, produced], [[1], 1], 'nothing is produced while a call is under way');
  produced = 41;
  proceed.resolve();
  await until(() => seen.length === 2, 'the newest value follows at once');
  t.deepEqual(seen, [1, 42]);
  proceed = Promise.withResolvers<void>();
  updates.cancel();
  await session.info();
  clock.advance(1000);
  await session.info();
  t.deepEqual(seen, [1, 42], 'nothing after cancel');
});

test('onChange() tells the newest event of each kind, of this tagger only', async t => {
  await using served = await serveStation({ taggers: ['a', 'b'] });
  await using session = await served.connect();
  await using tagger = await session.tagger('a');
  const seen: StationEvent[] = [];
  const first = Promise.withResolvers<void>();
  using _changes = await tagger.onChange(async event => {
    seen.push(event);
    await first.promise;
  });
  served.station.emit({ kind: 'state', taggerId: 'b' });
  served.station.emit({ kind: 'state', taggerId: 'a' });
  await until(() => seen.length === 1, 'the first event');
  for (let revision = 2; revision < 100; revision++) served.station.emit({ kind: 'settings', taggerId: 'a', revision });
  served.station.emit({ kind: 'clock', taggerId: 'a', locked: false });
  first.resolve();
  await until(() => seen.length === 3, 'one of each kind');
  t.deepEqual(seen, [{ kind: 'state', taggerId: 'a' }, { kind: 'settings', taggerId: 'a', revision: 99 }, { kind: 'clock', taggerId: 'a', locked: false }]);
});

test('a link works through a tunnel on another port; the station is not told of it', async t => {
  await using served = await serveStation();
  const sockets = new Set<Socket>();
  const tunnel = createServer(from => {
    const to = connectSocket(served.port, '127.0.0.1');
    for (const [a, b] of [[from, to], [to, from]] as const) {
      sockets.add(a);
      a.on('error', () => b.destroy()).pipe(b);
    }
  });
  await new Promise<void>(resolve => { tunnel.listen(0, '127.0.0.1', resolve); });
  const { port } = tunnel.address() as AddressInfo;
  for (const elsewhere of [served.link, served.link.replace(`:${served.port}/`, ':1/')]) {
    await using session = await connect(elsewhere, { via: `localhost:${port}` });
    await using tagger = await session.tagger();
    await using m = await tagger.measure('correlation', { channel1: 1, bins: 100_000 });
    t.is((await m.getIndex()).length, 100_000);
  }
  const cut = await connect(served.link, { via: `127.0.0.1:${port}` });
  await using tagger = await cut.tagger();
  const waiting = failure(() => tagger.measure('countrate', { channels: [1] }).then(m => m.waitUntilFinished()));
  await until(() => served.station.tagger().live.some(({ waiting: count }) => count === 1), 'it waits');
  for (const socket of sockets) socket.destroy();
  t.is((await cut.closed).code, 'closed');
  t.is((await waiting)?.code, 'closed');
  t.is((await failure(() => cut.info()))?.code, 'closed');
  await cut[Symbol.asyncDispose]();
  tunnel.close();
});

test('connect() says what is wrong: no station, no answer, a wrong link, a link that must not be used so', async t => {
  await using served = await serveStation();
  const silent = createServer(socket => { socket.on('error', () => {}); });
  await new Promise<void>(resolve => { silent.listen(0, '127.0.0.1', resolve); });
  const { port: silentPort } = silent.address() as AddressInfo;
  const code = async (call: () => Promise<unknown>) => (await failure(call))?.code;
  t.is(await code(() => connect('tagd://127.0.0.1:1/#' + 'A'.repeat(43))), 'unavailable');
  t.is(await code(() => connect(served.link, { via: `127.0.0.1:${silentPort}`, timeoutMs: 50 })), 'timeout');
  t.is(await code(() => connect(`tagd://127.0.0.1:${served.port}/#${'A'.repeat(43)}`)), 'forbidden');
  t.is(await code(() => connect('nonsense')), 'usage');
  t.is(await code(() => connect(served.link, { via: 'lab.example:80' })), 'forbidden', 'the secret would travel in the clear');
  t.is(await code(() => connect(`${served.link}.${'f'.repeat(43)}`)), 'unsupported');
  const given = new AbortController();
  const waiting = connect(served.link, { via: `127.0.0.1:${silentPort}`, signal: given.signal });
  given.abort(new Error('changed my mind'));
  await t.throwsAsync(waiting, { message: 'changed my mind' });
  await until(() => served.rpc.connections === 0, 'nobody is left connected');
  silent.close();
});

test('closed tells when the station shuts down, and the session ends itself', async t => {
  await using served = await serveStation();
  const session = await served.connect();
  await using other = await served.connect();
  await other[Symbol.asyncDispose]();
  t.is((await other.closed).code, 'closed');
  await served.rpc[Symbol.asyncDispose]();
  t.regex((await session.closed).message, /shuts down/);
});
