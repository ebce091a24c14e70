// test/rpc/matrix.test.ts - every remote method against every kind of authority: allowed, absent, or ended.
//
// The methods come from the classes, so that a new one without a row in the table fails here.
import test from 'ava';
import { RpcTarget } from 'capnweb';
import { measurements, measurementNames, type MeasurementName } from '../../app/core/measurements.ts';
import type { Facet } from '../../app/rpc/api.ts';
import { GateTarget } from '../../app/rpc/gate.ts';
import { measurementClasses } from '../../app/rpc/measurement.ts';
import { sessionClasses } from '../../app/rpc/session.ts';
import { SynchronizedTarget } from '../../app/rpc/synchronized.ts';
import { taggerClasses } from '../../app/rpc/tagger.ts';
import { SubscriptionTarget } from '../../app/rpc/updates.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { failure, rawConnect, secretOf, type AnyStub } from '../support/raw-rpc.ts';
import { serveStation, type ServedStation } from '../support/rpc-station.ts';

const facets: Facet[] = ['view', 'measure', 'control', 'admin'];

/** Each method of a tagger and the least facet that has it. */
const taggerMethods: Record<string, Facet> = {
  status: 'view', settings: 'view', rates: 'view', subscribeRates: 'view', watch: 'view', shared: 'view', sharedMeasurement: 'view',
  measure: 'measure', measureTogether: 'measure', synchronized: 'measure', getFence: 'measure', waitForFence: 'measure', sync: 'measure', configure: 'control',
};
const sessionMethods: Record<string, Facet> = {
  whoami: 'view', info: 'view', taggers: 'view', tagger: 'view', measurement: 'view', discard: 'view', share: 'view', grants: 'view', revoke: 'view', audit: 'view',
  admin: 'admin',
};
const adminMethods = ['grants', 'revoke', 'audit', 'verifyAudit', 'kernels', 'installKernel', 'removeKernel'];
const readMethods = ['isRunning', 'waitUntilFinished', 'getCaptureDuration', 'getConfiguration', 'account', 'read', 'parts', 'progress', 'subscribe'];
const steerMethods = ['start', 'startFor', 'stop', 'clear', 'number', 'detach'];
const togetherMethods = ['measure', 'register', 'unregister', 'start', 'startFor', 'stop', 'clear', 'isRunning', 'waitUntilFinished'];
const everyMethod = [...new Set([
  ...Object.keys(taggerMethods), ...Object.keys(sessionMethods), ...adminMethods, ...readMethods, ...steerMethods, ...togetherMethods, ...measurementNames.flatMap(gettersOf),
])];

function gettersOf(name: MeasurementName): string[] { return Object.keys(measurements[name].getters); }

/** Public names on the prototype chain, down to RpcTarget. */
function methodsOf(Class: { prototype: object }): string[] {
  const names = new Set<string>();
  for (let level = Class.prototype; level !== RpcTarget.prototype; level = Object.getPrototypeOf(level) as object) {
    for (const name of Object.getOwnPropertyNames(level)) if (name !== 'constructor') names.add(name);
  }
  return [...names].toSorted();
}

const absent = (method: string) => ({ code: 'forbidden', message: `Cannot call '${method}': this object has no such method.` });
const isAbsent = (found: { code: string; message: string } | undefined, method: string): boolean => found?.code === 'forbidden' && found.message === absent(method).message;

test('the classes have exactly the methods of the tables: nothing else is remote', t => {
  const reach = (table: Record<string, Facet>, facet: Facet): string[] =>
    Object.keys(table).filter(name => facets.indexOf(table[name] as Facet) <= facets.indexOf(facet)).toSorted();
  t.deepEqual(methodsOf(taggerClasses.view), reach(taggerMethods, 'view'));
  t.deepEqual(methodsOf(taggerClasses.measure), reach(taggerMethods, 'measure'));
  t.deepEqual(methodsOf(taggerClasses.control), reach(taggerMethods, 'control'));
  t.deepEqual(methodsOf(sessionClasses.session), reach(sessionMethods, 'control'));
  t.deepEqual(methodsOf(sessionClasses.adminSession), reach(sessionMethods, 'admin'));
  t.deepEqual(methodsOf(sessionClasses.admin), adminMethods.toSorted());
  t.deepEqual(methodsOf(GateTarget), ['hello', 'redeem']);
  t.deepEqual(methodsOf(SubscriptionTarget), ['cancel']);
  t.deepEqual(methodsOf(SynchronizedTarget), togetherMethods.toSorted());
  for (const name of measurementNames) {
    t.deepEqual(methodsOf(measurementClasses.readers[name]), [...readMethods, ...gettersOf(name)].toSorted(), name);
    t.deepEqual(methodsOf(measurementClasses.handles[name]), [...readMethods, ...steerMethods, ...gettersOf(name)].toSorted(), name);
  }
});

test('a stranger can call nothing but hello and redeem', async t => {
  await using served = await serveStation();
  // A stranger may send only so many messages, and a call takes three.
  for (let i = 0; i < everyMethod.length; i += 16) {
    await using peer = await rawConnect(served.port);
    for (const method of everyMethod.slice(i, i + 16)) {
      const found = await failure(() => peer.gate[method]!());
      t.true(isAbsent(found, method), `${method}: ${JSON.stringify(found)}`);
    }
  }
  t.deepEqual(served.internal, []);
});

interface Held { session: AnyStub; tagger: AnyStub; measurement: AnyStub | undefined; shared: AnyStub; together: AnyStub | undefined; admin: AnyStub | undefined }

/** One of everything that a facet can hold. */
async function holdAll(served: ServedStation, gate: AnyStub, secret: string, facet: Facet): Promise<Held> {
  const session = await gate['redeem']!(secret);
  const tagger = await session['tagger']!();
  return {
    session, tagger, shared: await tagger['sharedMeasurement']!('kept'),
    measurement: facet === 'view' ? undefined : await tagger['measure']!('countrate', { channels: [1] }),
    together: facet === 'view' ? undefined : await tagger['synchronized']!(),
    admin: facet === 'admin' ? await session['admin']!() : undefined,
  };
}

async function keepOne(served: ServedStation): Promise<void> {
  await using owner = await served.connect();
  const tagger = await owner.tagger();
  await (await tagger.measure('correlation', { channel1: 1, channel2: 2 })).detach('kept');
}

for (const facet of facets) {
  test(`with a ${facet} link exactly the methods of its facet can be called`, async t => {
    await using served = await serveStation();
    await keepOne(served);
    const { link, session: guest } = await served.guest({ facet });
    await using _guest = guest;
    await using peer = await rawConnect(served.port);
    const held = await holdAll(served, peer.gate, secretOf(link), facet);
    const has: [string, AnyStub | undefined, (method: string) => boolean][] = [
      ['session', held.session, method => method in sessionMethods && facets.indexOf(sessionMethods[method] as Facet) <= facets.indexOf(facet)],
      ['tagger', held.tagger, method => method in taggerMethods && facets.indexOf(taggerMethods[method] as Facet) <= facets.indexOf(facet)],
      ['measurement', held.measurement, method => [...readMethods, ...steerMethods, ...gettersOf('countrate')].includes(method)],
      ['shared', held.shared, method => [...readMethods, ...gettersOf('correlation')].includes(method)],
      ['together', held.together, method => togetherMethods.includes(method)],
      ['admin', held.admin, method => adminMethods.includes(method)],
    ];
    for (const [what, stub, allowed] of has) {
      if (!stub) continue;
      for (const method of everyMethod) {
        // Without arguments a method that exists answers or complains about them; only waiting for a running one would not return.
        const found = await failure(() => method === 'waitUntilFinished' ? stub[method]!(0) : stub[method]!());
        t.is(isAbsent(found, method), !allowed(method), `${what}.${method}: ${JSON.stringify(found)}`);
        t.not(found?.code, 'internal', `${what}.${method}`);
        t.not(found?.code, 'none', `${what}.${method}`);
      }
    }
    t.deepEqual(served.internal, []);
  });

  for (const how of ['revoked', 'expired'] as const) {
    test(`after a ${facet} link was ${how}, every method of everything made with it fails closed`, async t => {
      const clock = new ManualClock();
      await using served = await serveStation({ clock });
      await keepOne(served);
      const { link, id, session: guest } = await served.guest({ facet, ttlMs: 4000 });
      await using _guest = guest;
      await using peer = await rawConnect(served.port);
      const held = await holdAll(served, peer.gate, secretOf(link), facet);
      // With a second grant the connection stays, so that every refusal is seen to be the object's own.
      await peer.gate['redeem']!(secretOf(served.link));
      if (how === 'revoked') await served.grants.revoke(id);
      else clock.advance(4000); // before the first heartbeat
      const methods: [AnyStub | undefined, string[]][] = [
        [held.session, methodsOf(facet === 'admin' ? sessionClasses.adminSession : sessionClasses.session)],
        [held.tagger, methodsOf(taggerClasses[facet === 'admin' ? 'control' : facet])],
        [held.measurement, methodsOf(measurementClasses.handles.countrate)], [held.shared, methodsOf(measurementClasses.readers.correlation)],
        [held.together, togetherMethods], [held.admin, adminMethods],
      ];
      for (const [stub, names] of methods) {
        for (const method of stub ? names : []) t.is((await failure(() => stub![method]!()))?.code, 'closed', method);
      }
      const again = await failure(() => peer.gate['redeem']!(secretOf(link)));
      const never = await failure(() => peer.gate['redeem']!('A'.repeat(43)));
      t.deepEqual(again, never, 'revoked, expired and unknown read the same');
      t.is(again?.code, 'forbidden');
      t.is(served.station.tagger().live.length, 1, 'only the kept one is left');
    });
  }
}
