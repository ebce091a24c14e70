// test/client/synchronized.test.ts - fences and synchronized measurements from the client to the station's ports.
import test from 'ava';
import { limits } from '../../app/core/limits.ts';
import { failure, until } from '../support/raw-rpc.ts';
import { serveStation } from '../support/rpc-station.ts';

const countrate = { channels: [1] };

test('a fence is a number to wait for; sync waits for one of this moment', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  await using tagger = await session.tagger();
  const port = served.station.tagger();
  const fence = await tagger.getFence();
  t.is(fence, 2 ** 32 - 1);
  t.is(await tagger.getFence(false), fence);
  t.is(await tagger.getFence(), 0, 'fences wrap');
  t.true(await tagger.waitForFence(fence, 500));
  port.fencePassed = () => false;
  t.false(await tagger.sync(0));
  t.deepEqual(port.fencesWaitedFor, [[fence, 500], [1, 0]]);
  const never = Promise.withResolvers<boolean>();
  port.fencePassed = () => never.promise;
  const waiting = failure(() => tagger.sync());
  await until(() => port.fencesWaitedFor.length === 3, 'it waits');
  tagger.dispose();
  t.is((await waiting)?.code, 'closed');
});

test('fences are for those who measure, and their arguments are checked', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  await using tagger = await session.tagger();
  const any = <T>(value: unknown): T => value as T;
  for (const value of [null, 'x', -2, 0.5, NaN, {}, 2 ** 32, 2n ** 70n, () => {}]) {
    const calls = [() => tagger.waitForFence(any(value)), () => tagger.waitForFence(0, any(value)), () => tagger.sync(any(value)), () => tagger.getFence(any(value))];
    for (const call of calls) t.is((await failure(call))?.code, 'usage', String(value));
  }
  const viewer = await served.guest({ facet: 'view' });
  await using guest = viewer.session;
  const seen = await guest.tagger();
  for (const call of [() => seen.sync(), () => seen.getFence(), () => seen.waitForFence(0), () => seen.synchronized()]) t.is((await failure(call))?.code, 'forbidden');
  t.deepEqual(served.internal, []);
});

test('synchronized measurements are created without a start, registered, and steered as one', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  await using tagger = await session.tagger();
  const port = served.station.tagger();
  const together = await tagger.synchronized();
  await using made = await together.measure('countrate', countrate, { delaysPs: { 1: 5 } });
  t.like(port.live[0]?.options, { start: false, delaysPs: { 1: 5 } });
  await using other = await tagger.measure('counter', { channels: [2] }, { start: false });
  await together.register(other);
  await together.register(other);
  const [group] = port.groups;
  t.deepEqual(group?.members.map(({ name }) => name), ['countrate', 'counter']);
  t.false(await together.isRunning());
  await together.start();
  t.true(await together.isRunning());
  t.false(await together.waitUntilFinished(0));
  await together.stop();
  await together.clear();
  await together.startFor(1e12);
  await together.startFor(1e12, false);
  for (const { calls } of port.live) {
    t.deepEqual(calls.filter(call => !call.startsWith('wait')), ['start', 'stop', 'clear', 'startFor 1000000000000 true', 'startFor 1000000000000 false']);
  }
  await together.unregister(other);
  t.is(group?.members.length, 1);
  await made.detach('kept');
  made.dispose();
  await until(() => group?.members.length === 0, 'whoever gave his handle up steers it no more');
  t.is(port.live.length, 2);
  await together.register(other);
  together.dispose();
  await until(() => group?.members.length === 0, 'members are free for others');
  t.is(port.live.length, 2, 'and go on');
  t.is((await failure(() => together.start()))?.code, 'closed');
  t.deepEqual(served.internal, []);
});

test('a member must be of the same tagger and session, and what is passed is checked', async t => {
  await using served = await serveStation({ taggers: ['a', 'b'] });
  await using session = await served.connect();
  await using elsewhere = await served.connect();
  await using tagger = await session.tagger('a');
  await using together = await tagger.synchronized();
  await using theirs = await (await elsewhere.tagger('a')).measure('countrate', countrate);
  await using ofAnother = await (await session.tagger('b')).measure('countrate', countrate);
  t.is((await failure(() => together.register(theirs)))?.code, 'usage');
  t.like(await failure(() => together.register(ofAnother)), { code: 'usage', message: "Cannot register a measurement of 'b' with those of 'a': members belong to one tagger." });
  for (const wrong of [null, 7, {}, tagger, 'x']) t.is((await failure(() => together.register(wrong as never)))?.code, 'usage');
  await using gone = await tagger.measure('countrate', countrate);
  gone.dispose();
  t.is((await failure(() => together.register(gone)))?.code, 'closed');
  for (const durationPs of [0, -1, 1.5, 'x', null, 1e30]) t.is((await failure(() => together.startFor(durationPs as never)))?.code, 'usage', String(durationPs));
  t.is((await failure(() => together.measure('countrate', { channels: [99] })))?.code, 'not-found');
  t.is((await failure(() => together.measure('countrate', countrate, { start: true } as never)))?.code, 'usage');
  const before = served.station.tagger().live.length;
  for (let i = 1; i < limits.groupsPerSession; i++) await tagger.synchronized();
  t.is((await failure(() => tagger.synchronized()))?.code, 'limit');
  t.is(served.station.tagger().live.length, before);
  t.deepEqual(served.internal, []);
});

test('what a change of settings does is chosen at creation, and parts are read by their number', async t => {
  await using served = await serveStation();
  await using session = await served.connect();
  await using tagger = await session.tagger();
  for (const onSettingsChange of ['continue', 'stop', 'split'] as const) {
    await using m = await tagger.measure('countrate', countrate, { onSettingsChange });
    const port = served.station.tagger().live.at(-1)!;
    t.is(port.options.onSettingsChange, onSettingsChange);
    t.like(await m.parts(), { parts: [{ startPs: 2n ** 60n }], dropped: 0 });
    await m.read('getData', undefined, { part: 3 });
    t.is(port.calls.at(-1), 'read getData of part 3');
    for (const part of [-1, 0.5, 'x', null, {}]) t.is((await failure(() => m.read('getData', undefined, { part } as never)))?.code, 'usage', String(part));
  }
  await using together = await tagger.synchronized();
  await using member = await together.measure('countrate', countrate, { onSettingsChange: 'stop' });
  t.is(member.name, 'countrate');
  t.is(served.station.tagger().live.at(-1)!.options.onSettingsChange, 'stop');
  for (const wrong of ['explode', 1, null, {}]) t.is((await failure(() => tagger.measure('countrate', countrate, { onSettingsChange: wrong as never })))?.code, 'usage');
  t.deepEqual(served.internal, []);
});
