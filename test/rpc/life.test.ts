// test/rpc/life.test.ts - how long things live: disposal, dead peers, revocation and expiry, restart.
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync, readdirSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { connect } from '../../app/client/index.ts';
import { TaggerError } from '../../app/core/errors.ts';
import { limits } from '../../app/core/limits.ts';
import type { Rates } from '../../app/core/station.ts';
import { Grants } from '../../app/rpc/grants.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { failure, rawConnect, secretOf, until } from '../support/raw-rpc.ts';
import { serveStation } from '../support/rpc-station.ts';

test('disposing a measurement frees it, once, and leaves every other alone', async t => {
  await using served = await serveStation();
  await using a = await served.connect();
  await using b = await served.connect();
  const mine = await (await a.tagger()).measure('countrate', { channels: [1] });
  await using _theirs = await (await b.tagger()).measure('countrate', { channels: [1] });
  mine.dispose();
  mine.dispose();
  await until(() => served.station.tagger().live.length === 1, 'one is left');
  t.is((await failure(() => mine.getData()))?.code, 'closed');
  t.deepEqual(served.station.tagger().measurements[0]?.calls.filter(call => call === 'dispose'), ['dispose']);
  const tagger = await a.tagger();
  await using kept = await tagger.measure('counter', { channels: [2] });
  tagger.dispose();
  t.is((await kept.getData()).length, 1, 'a measurement outlives the handle of its tagger');
});

test('the end of a connection frees what it held, and nothing else', async t => {
  await using served = await serveStation();
  const peer = await rawConnect(served.port);
  const session = await peer.gate['redeem']!(secretOf(served.link));
  const tagger = await session['tagger']!();
  await tagger['measure']!('countrate', { channels: [1] });
  await (await tagger['measure']!('correlation', { channel1: 1 }))['detach']!('overnight');
  await tagger['watch']!(() => {});
  t.is(served.station.listeners, 1);
  peer.socket.terminate();
  await until(() => served.rpc.connections === 0 && served.station.tagger().live.length === 1, 'the connection is gone');
  t.is(served.station.listeners, 0);
  await using again = await served.connect();
  await using taken = await again.measurement('overnight');
  t.is(taken.name, 'correlation');
  t.is((await failure(() => again.measurement('other')))?.code, 'not-found');
  await again.discard('overnight');
  t.is(served.station.tagger().live.length, 1, 'a handle still holds it');
  taken.dispose();
  await until(() => served.station.tagger().live.length === 0, 'the last handle is gone');
});

test('a reader of a shared measurement does not keep it, and cannot steer it', async t => {
  await using served = await serveStation();
  await using owner = await served.connect();
  await (await (await owner.tagger()).measure('histogram', { click: 1, bins: 10 })).detach('common');
  const { session } = await served.guest({ facet: 'view' });
  await using guest = session;
  await using tagger = await guest.tagger();
  t.like(await tagger.shared(), [{ name: 'common', measurement: 'histogram', owner: 'owner', running: true }]);
  await using reader = await tagger.sharedMeasurement('common');
  t.is((await reader.getData() as Float64Array).length, 10);
  const any = reader as unknown as Record<string, (() => Promise<unknown>) | undefined>;
  for (const method of ['start', 'startFor', 'stop', 'clear', 'detach']) t.is(any[method], undefined, method);
  t.is((await failure(() => guest.discard('common')))?.code, 'not-found', 'it belongs to another link');
  t.is((await failure(() => guest.measurement('common')))?.code, 'not-found');
  await owner.discard('common');
  await owner[Symbol.asyncDispose]();
  await until(() => served.station.tagger().live.length === 0, 'the owner let go');
  t.is((await failure(() => reader.getData()))?.code, 'closed');
});

test('one connection holds 1000 measurements, and at the limit is told so', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  const tagger = await session.tagger();
  const many = await tagger.measureTogether(Array.from({ length: 1000 }, () => ({ name: 'countrate', config: { channels: [1] } }) as const));
  t.is(many.length, 1000);
  t.is((await Promise.all(many.map(each => each.getCountsTotal()))).length, 1000);
  const rest = limits.measurementsPerSession - 1000;
  await tagger.measureTogether(Array.from({ length: rest }, () => ({ name: 'countrate', config: { channels: [1] } }) as const));
  const refused = await failure(() => tagger.measure('countrate', { channels: [1] }));
  t.is(refused?.code, 'limit');
  t.regex(refused?.message ?? '', /holds 1024/);
  many[0]?.dispose();
  await until(() => served.station.tagger().live.length === limits.measurementsPerSession - 1, 'one place is free');
  t.is((await tagger.measure('countrate', { channels: [2] })).name, 'countrate');
});

test('a peer that answers no ping is cut off, one that answers is not', async t => {
  const clock = new ManualClock();
  await using served = await serveStation({ clock });
  await using quiet = await rawConnect(served.port);
  await quiet.gate['redeem']!(secretOf(served.link));
  const dead = await rawSocket(served.port);
  await until(() => served.rpc.connections === 2, 'both are connected');
  let closed = false;
  dead.on('close', () => { closed = true; });
  for (let beat = 0; beat < limits.heartbeatMissed + 3; beat++) {
    const asked = once(quiet.socket, 'ping');
    clock.advance(limits.heartbeatMs);
    await asked;
    // The station answers this after it has seen the answer to its own.
    const answered = once(quiet.socket, 'pong');
    quiet.socket.ping();
    await answered;
  }
  await until(() => closed && served.rpc.connections === 1, 'the dead peer was cut off');
  t.is(await failure(() => quiet.gate['hello']!()), undefined);
});

/** Speaks WebSocket just long enough to be let in, and then is silent. */
async function rawSocket(port: number): Promise<Socket> {
  const socket = createConnection(port, '127.0.0.1');
  socket.write(`GET /rpc HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
  await new Promise<void>(resolve => { socket.once('data', () => { resolve(); }); });
  socket.on('error', () => {});
  return socket;
}

test('revoking cuts calls, waits, updates and everything made from the link, at once', async t => {
  await using served = await serveStation();
  await using owner = await served.connect();
  const bob = await served.guest({ facet: 'measure', label: 'Bob' });
  await using _bob = bob.session;
  const { link: carolsLink } = await bob.session.share({ facet: 'view', label: 'Carol' });
  await using carol = await connect(carolsLink);
  const tagger = await bob.session.tagger();
  await using measurement = await tagger.measure('correlation', { channel1: 1, bins: 1_000_000 });
  let bobsCalls = 0;
  let carolsCalls = 0;
  await measurement.onUpdate(() => { bobsCalls++; }, { everyMs: 50, getter: 'getIndex' });
  await (await carol.tagger()).onRates(() => { carolsCalls++; }, { everyMs: 50 });
  await until(() => bobsCalls > 0 && carolsCalls > 0, 'updates flow');
  const waits = [measurement.waitUntilFinished(), measurement.waitUntilFinished(100_000), measurement.getIndex()].map(wait => failure(() => wait));
  await until(() => (served.station.tagger().live[0]?.waiting ?? 0) === 2, 'both wait');
  const startedMs = performance.now();
  const revoked = served.grants.revoke(bob.id);
  t.is(served.station.tagger().live.length, 0, 'in the same turn of the event loop, before anything is written');
  const ends = await Promise.all(waits);
  t.log(`waiting calls had failed at their client after ${(performance.now() - startedMs).toFixed(1)} ms`);
  await revoked;
  t.deepEqual(ends.slice(0, 2).map(end => end?.code), ['closed', 'closed']);
  const seen = [bobsCalls, carolsCalls];
  t.is((await failure(() => tagger.status()))?.code, 'closed');
  t.is((await failure(async () => (await carol.tagger()).status()))?.code, 'closed');
  await new Promise(resolve => { setTimeout(resolve, 150); });
  t.deepEqual([bobsCalls, carolsCalls], seen, 'no callback after the end');
  t.deepEqual((await owner.grants()).map(({ label }) => label), ['owner']);
});

test('who only listens hears that the link has ended: its connection is closed with the reason', async t => {
  for (const how of ['was revoked', 'has expired'] as const) {
    const clock = new ManualClock();
    await using served = await serveStation({ clock });
    const guest = await served.guest({ facet: 'view', ttlMs: 4000 });
    await using listener = guest.session;
    await (await listener.tagger()).onRates(() => {});
    if (how === 'was revoked') await served.grants.revoke(guest.id);
    else clock.advance(4000);
    const { code, message } = await listener.closed;
    t.is(code, 'closed');
    t.true(message.includes(`This link ${how}`), message);
  }
});

test('share() refuses a channel that no tagger has', async t => {
  await using served = await serveStation();
  await using owner = await served.connect();
  const refused = await failure(() => owner.share({ facet: 'view', channels: [1, 99] }));
  t.is(refused?.code, 'not-found', refused?.message);
  t.true(refused?.message.includes('99'));
  t.is(served.grants.all().length, 1);
});

test('grants survive a restart, as hashes; uses and lifetimes too', async t => {
  const clock = new ManualClock();
  await using served = await serveStation({ clock });
  await using owner = await served.connect();
  const once = await owner.share({ facet: 'view', uses: 1 });
  const short = await owner.share({ facet: 'measure', ttlMs: 60_000, channels: [1, 2], label: 'short' });
  const file = join(served.folder, 'grants.json');
  t.is(statSync(file).mode & 0o777, 0o600);
  const text = readFileSync(file, 'utf8');
  for (const { link } of [once, short]) t.false(text.includes(secretOf(link)));
  const restarted = await Grants.open(served.folder, clock);
  t.is((await restarted.redeem(secretOf(once.link)))?.id, once.id);
  t.is(await restarted.redeem(secretOf(once.link)), undefined);
  t.deepEqual((await restarted.redeem(secretOf(short.link)))?.channels, [1, 2]);
  const third = await Grants.open(served.folder, clock);
  t.is(await third.redeem(secretOf(once.link)), undefined, 'the use was written down');
  clock.advance(59_999);
  t.not(await third.redeem(secretOf(short.link)), undefined);
  clock.advance(1);
  t.is(await third.redeem(secretOf(short.link)), undefined);
  t.is(await third.redeem(secretOf(served.link)), undefined, 'a temporary secret ends with its process');
});

test('an expired link is refused by the clock, even if its timer never came', async t => {
  const clock = new ManualClock();
  await using served = await serveStation({ clock });
  const { session } = await served.guest({ facet: 'view', ttlMs: 60_000 });
  await using guest = session;
  clock.jump(59_999);
  t.is((await guest.info()).name, 'Fake station');
  clock.jump(1);
  t.is((await failure(() => guest.info()))?.code, 'closed');
});

test('a damaged file of grants is set aside with an error, and never emptied', async t => {
  const clock = new ManualClock();
  await using served = await serveStation({ clock });
  await served.grants.issue(served.grants.root.id, { facet: 'view' });
  const file = join(served.folder, 'grants.json');
  const good = readFileSync(file, 'utf8');
  const asideNames = () => readdirSync(served.folder).filter(name => name.includes('damaged'));
  const broken = ['', '{', good.slice(0, -10), '{"version":2,"grants":[]}', '{"version":1,"grants":[]}', good.replace('"view"', '"root"'), good.replace(/"parent":"[0-9a-f]+"/, '"parent":"nobody"')];
  for (const [i, text] of broken.entries()) {
    writeFileSync(file, text);
    const error = await t.throwsAsync(Grants.open(served.folder, clock), { instanceOf: TaggerError }, text);
    t.is((error as TaggerError).code, 'protocol');
    t.regex(error?.message ?? '', /is now .*damaged/);
    t.is(asideNames().length, i + 1);
    clock.advance(1000);
  }
  writeFileSync(file, good);
  t.is((await Grants.open(served.folder, clock)).all().length, 2);
});

test('a link passes on what its holder has or less: facet, taggers, channels, time', async t => {
  const clock = new ManualClock();
  await using served = await serveStation({ clock, taggers: ['a', 'b'] });
  const { session } = await served.guest({ facet: 'measure', taggers: ['a'], channels: [1, 2], ttlMs: 3000 });
  await using guest = session;
  for (const beyond of [{ facet: 'control' }, { facet: 'admin' }, { facet: 'view', taggers: ['a', 'b'] }, { facet: 'view', channels: [1, 3] }, { facet: 'view', ttlMs: 3001 }] as const) {
    t.is((await failure(() => guest.share(beyond)))?.code, 'forbidden', JSON.stringify(beyond));
  }
  const child = await guest.share({ facet: 'measure' });
  const row = served.grants.get(child.id);
  t.deepEqual([row?.taggers, row?.channels, row?.expiresMs], [['a'], [1, 2], clock.nowMs() + 3000]);
  t.is((await failure(() => guest.revoke(served.grants.root.id)))?.code, 'not-found');
  t.is((await failure(() => guest.revoke((served.grants.get(child.id)?.parent ?? ''))))?.code, 'not-found', 'not one\'s own');
  await guest.revoke(child.id);
  t.is(served.grants.get(child.id), undefined);
});

test('a grant for some channels of one tagger sees and reaches only those', async t => {
  await using served = await serveStation({ taggers: ['a', 'b'] });
  const { session } = await served.guest({ facet: 'control', taggers: ['a'], channels: [1, 3] });
  await using guest = session;
  t.deepEqual((await guest.taggers()).map(({ id, channels }) => [id, channels]), [['a', [1, 3]]]);
  t.is((await failure(() => guest.tagger('b')))?.code, 'not-found');
  const tagger = await guest.tagger();
  const status = await tagger.status();
  t.deepEqual(status.info.channels.map(({ number }) => number), [1, 3]);
  t.deepEqual(Object.keys(status.settings.channels ?? {}), ['1', '3']);
  t.deepEqual(status.ledger.channels.map(({ delivered }) => delivered), [1000, 3000]);
  const rates = await tagger.rates();
  t.deepEqual([rates.channels.map(({ channel }) => channel), rates.totalHz], [[1, 3], 1000]);
  const pushed = Promise.withResolvers<Rates>();
  using _rates = await tagger.onRates(pushed.resolve, { everyMs: 50 });
  t.deepEqual((await pushed.promise).channels.map(({ channel }) => channel), [1, 3]);
  t.is((await failure(() => tagger.measure('correlation', { channel1: 1, channel2: 2 })))?.code, 'forbidden');
  t.is((await failure(() => tagger.measure('countrate', { channels: [1] }, { delaysPs: { 2: 10 } })))?.code, 'forbidden');
  const made = { 1001: { kind: 'coincidence', channels: [1, 3] }, 1002: { kind: 'combiner', channels: [1001, 2] } } as const;
  const cheat = await failure(() => tagger.measure('countrate', { channels: [1001] }, { virtual: made }));
  t.like(cheat, { code: 'forbidden' });
  t.regex(cheat?.message ?? '', /make virtual channel 1002: this link does not reach channel 2/);
  using _coincidences = await tagger.measure('countrate', { channels: [1001, 1] }, { virtual: { 1001: made[1001] } });
  t.is((await failure(() => tagger.measure('countrate', { channels: [1001] })))?.code, 'not-found', 'its number means nothing elsewhere');
  t.is((await failure(() => tagger.configure({ channels: { 2: { triggerLevelV: 0 } } })))?.code, 'forbidden');
  t.is((await failure(() => tagger.configure({ tagger: { clockSource: 'external' } })))?.code, 'forbidden');
  const applied = await tagger.configure({ channels: { 3: { triggerLevelV: 0.25 } } });
  t.deepEqual([Object.keys(applied.settings.channels ?? {}), applied.settings.channels?.[3]?.['triggerLevelV']], [['1', '3'], 0.25]);
  await using owner = await served.connect();
  await (await (await owner.tagger('a')).measure('countrate', { channels: [1, 2] })).detach('both');
  await (await (await owner.tagger('a')).measure('countrate', { channels: [3] })).detach('third');
  const view = (await owner.tagger('a')).view({ virtual: { 1001: { kind: 'combiner', channels: [1, 2] }, 1002: { kind: 'combiner', channels: [1, 3] } } });
  await (await view.measure('countrate', { channels: [1001] })).detach('made of both');
  await (await view.measure('countrate', { channels: [1002, 3] })).detach('made of ours');
  t.deepEqual((await tagger.shared()).map(({ name }) => name).sort(), ['made of ours', 'third'], 'what it is made of decides');
  t.is((await failure(() => tagger.sharedMeasurement('made of both')))?.code, 'not-found');
  t.is((await failure(() => tagger.sharedMeasurement('both')))?.code, 'not-found');
  t.is((await (await tagger.sharedMeasurement('third')).getData() as Float64Array).length, 1);
});

test('the audit log says who did what, and shows when it was tampered with', async t => {
  await using served = await serveStation();
  await using owner = await served.connect();
  const { session, id } = await served.guest({ facet: 'control', label: 'Ada' });
  await using guest = session;
  await (await guest.tagger()).configure({ channels: { 1: { deadTimePs: 4000 } } });
  const entries = await owner.audit();
  const change = entries.find(({ action }) => action === 'configure');
  t.like(change, { label: 'Ada', grants: [served.grants.root.id, id], detail: { before: { channels: { 1: { deadTimePs: 2000 } } }, change: { channels: { 1: { deadTimePs: 4000 } } } } });
  t.true((await guest.audit()).every(({ grants }) => grants.includes(id)), 'a guest sees its own part');
  const administration = await owner.admin();
  t.like(await administration.verifyAudit(), { intact: true });
  const file = join(served.folder, 'audit.jsonl');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('4000', '6000'));
  t.like(await administration.verifyAudit(), { intact: false });
  writeFileSync(file, text.split('\n').toSpliced(1, 1).join('\n'));
  t.like(await administration.verifyAudit(), { intact: false });
  writeFileSync(file, text);
});
