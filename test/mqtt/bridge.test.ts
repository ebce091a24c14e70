// test/mqtt/bridge.test.ts - the bridge against brokers in this process. Time is turned by hand, sockets are real.
//
// Many lines in one file, because every case needs the same bridge, clock, station and broker.
import type { Socket } from 'node:net';
import test from 'ava';
import type { HealthProbe } from '../../app/mqtt/health.ts';
import { MqttBridge } from '../../app/mqtt/bridge.ts';
import type { MqttOptions } from '../../app/mqtt/options.ts';
import { eventsKept } from '../../app/mqtt/outbox.ts';
import { closedPort, startBroker, startHostileBroker, until } from './broker.ts';
import { FakeStation } from '../support/fake-station.ts';
import { Random } from '../support/random.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ScriptedStation, ScriptedTagger } from './scripted-station.ts';

const root = 'tagd/tagd-01a2b3c4';
/** CONNACK of MQTT 5: welcome. */
const accepted = Uint8Array.of(0x20, 3, 0, 0, 0);
const quietHealth = (): HealthProbe => ({
  read: () => ({ load1: 0.5, rssBytes: 1e8, freeBytes: 1e9, eventLoopP99Ms: 1, uptimeS: 60 }), [Symbol.dispose]() {},
});

function makeBridge(options: Partial<MqttOptions> & { url: string }, random = () => 0.5) {
  const clock = new ManualClock();
  const tagger = new ScriptedTagger('sim');
  const station = new ScriptedStation(tagger);
  const bridge = new MqttBridge(station, options, { clock, random, health: quietHealth() });
  const connected = () => until('the bridge is connected', () => bridge.status().connected);
  const idle = () => until('all is acknowledged', () => bridge.status().connected && bridge.status().queued + bridge.status().inFlight === 0);
  const waiting = () => until('the bridge waits', () => bridge.status().state === 'waiting');
  return { clock, tagger, station, bridge, connected, idle, waiting };
}

test('on connecting it tells availability, info, state, channels in this order, and then rates', async t => {
  await using broker = await startBroker();
  const { bridge, idle } = makeBridge({ url: broker.url });
  bridge.start();
  await idle();
  t.deepEqual(broker.arrived, ['availability', 'info', 'usb_availability', 'state', 'ch/1/state', 'ch/2/state', 'health', 'rates'].map(name => `${root}/${name}`));
  t.is(broker.retained.get(`${root}/availability`), 'online');
  t.false(broker.retained.has(`${root}/rates`));
  await bridge.stop();
});

test('a broker that refuses MQTT 5 is asked with MQTT 3.1.1 at once', async t => {
  await using broker = await startBroker();
  const { bridge, connected, clock } = makeBridge({ url: broker.url });
  t.is(bridge.status().protocol, 5);
  bridge.start();
  await connected();
  t.is(bridge.status().protocol, 4);
  t.is(bridge.status().lastError, undefined);
  t.is(clock.nowMs(), Date.UTC(2026, 0, 1), 'no backoff was needed');
  await bridge.stop();
});

test('a broken connection publishes the last will, and the return announces itself again', async t => {
  await using broker = await startBroker();
  const { bridge, idle, clock, waiting } = makeBridge({ url: broker.url });
  bridge.start();
  await idle();
  broker.cut();
  await until('the will is out', () => broker.retained.get(`${root}/availability`) === 'offline');
  await waiting();
  t.is(bridge.status().lastError?.code, 'unavailable');
  clock.advance(1000);
  await idle();
  t.is(broker.retained.get(`${root}/availability`), 'online');
  t.is(bridge.status().connections, 2);
  await bridge.stop();
});

test('a clean stop says offline itself, once, and lets go of the station and of every timer', async t => {
  await using broker = await startBroker();
  const { bridge, idle, clock, station } = makeBridge({ url: broker.url });
  bridge.start();
  await idle();
  await bridge.stop();
  t.deepEqual(broker.received.filter(message => message.topic === `${root}/availability`).map(message => message.payload), ['online', 'offline']);
  t.is(station.watchers, 0);
  t.is(clock.pending, 0);
  t.is(bridge.status().state, 'stopped');
});

test('a broker that restarts with nothing remembered is told everything again', async t => {
  const first = await startBroker();
  const { bridge, idle, clock, waiting } = makeBridge({ url: first.url });
  bridge.start();
  await idle();
  const before = [...first.retained.keys()];
  await first.close();
  await waiting();
  await using second = await startBroker({ port: first.port });
  clock.advance(1000);
  await idle();
  t.deepEqual([...second.retained.keys()], before);
  t.is(second.topics().filter(topic => topic === `${root}/health`).length, 1, 'nothing stale is sent first');
  await bridge.stop();
});

test('refused credentials are named and tried again', async t => {
  let welcome = false;
  await using broker = await startBroker({ accept: () => welcome });
  const { bridge, idle, clock, waiting } = makeBridge({ url: broker.url, username: 'lab', password: 'wrong-secret' });
  bridge.start();
  await waiting();
  t.like(bridge.status().lastError, { code: 'forbidden', hint: 'Check user name and password of the broker.' });
  t.false(JSON.stringify(bridge.status()).includes('wrong-secret'));
  welcome = true;
  clock.advance(60_000);
  await idle();
  t.true(bridge.status().connected);
  await bridge.stop();
});

test('retries double from 1 s to 60 s, each stretched or shrunk by up to a half', async t => {
  const port = await closedPort();
  const fates = [0, 0.25, 0.5, 0.999, 0, 0.5, 0.5, 1];
  const { bridge, clock, waiting } = makeBridge({ url: `mqtt://127.0.0.1:${port}` }, () => fates.shift() ?? 0.5);
  bridge.start();
  const waits: (number | undefined)[] = [];
  while (fates.length > 0) {
    await waiting();
    waits.push(bridge.status().retryInMs);
    clock.advance(bridge.status().retryInMs ?? 0);
  }
  t.deepEqual(waits.slice(0, 7), [500, 1500, 4000, 11992, 8000, 32_000, 60_000]);
  t.regex(bridge.status().lastError?.message ?? '', new RegExp(`127.0.0.1:${port}.*ECONNREFUSED`));
  await bridge.stop();
  t.is(clock.pending, 0);
});

test('the backoff begins anew only after a connection of a minute', async t => {
  await using broker = await startBroker();
  const { bridge, connected, clock, waiting } = makeBridge({ url: broker.url });
  const waits: (number | undefined)[] = [];
  bridge.start();
  for (const upMs of [0, 0, 59_000, 60_000, 0]) {
    await connected();
    clock.advance(upMs);
    broker.cut();
    await waiting();
    waits.push(bridge.status().retryInMs);
    clock.advance(bridge.status().retryInMs ?? 0);
  }
  t.deepEqual(waits, [1000, 2000, 4000, 1000, 2000]);
  await bridge.stop();
});

test('100 000 changes without a broker keep 100 events and no queue', async t => {
  const { bridge, station, waiting } = makeBridge({ url: `mqtt://127.0.0.1:${await closedPort()}` });
  bridge.start();
  await waiting();
  for (let i = 0; i < 100_000; i++) {
    station.emit({ kind: 'loss', taggerId: 'sim', grade: 'flagged', place: 'usb', intervals: i });
    if (i % 3 === 0) station.emit({ kind: 'settings', taggerId: 'sim', revision: i });
  }
  const { queued, inFlight, dropped } = bridge.status();
  t.true(queued <= eventsKept + 1, `${queued} queued`);
  t.is(inFlight, 0);
  t.is(dropped.events, 100_000 + 33_334 - 20, 'ten of each kind pass at once, the rest is counted');
  await bridge.stop();
});

test('events of an absence arrive in order afterwards; a storm of one kind is thinned out and counted', async t => {
  await using broker = await startBroker();
  const { bridge, station, clock, waiting, idle } = makeBridge({ url: broker.url });
  bridge.start();
  await idle();
  broker.cut();
  await waiting();
  for (let i = 0; i < 250; i++) station.emit({ kind: 'settings', taggerId: 'sim', revision: i });
  station.emit({ kind: 'clock', taggerId: 'sim', locked: false });
  t.is(bridge.status().dropped.events, 240);
  clock.advance(1000);
  await idle();
  const events = broker.received.filter(message => message.topic === `${root}/event`).map(message => JSON.parse(message.payload));
  t.deepEqual(events.map(event => event.revision ?? event.event_type), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 'clock_lost']);
  t.is(JSON.parse(broker.retained.get(`${root}/state`) ?? '').clock, 'lost');
  await bridge.stop();
});

test('a broker that never acknowledges is left after 20 s, and nothing piles up meanwhile', async t => {
  let hungUp = false;
  await using broker = await startHostileBroker(socket => {
    socket.on('data', () => {}).once('data', () => socket.write(accepted));
    socket.on('close', () => { hungUp = true; });
  });
  const { bridge, station, tagger, clock, connected, waiting } = makeBridge({ url: broker.url });
  station.list = [tagger, new ScriptedTagger('other', 16)];
  bridge.start();
  await connected();
  for (let i = 0; i < 10_000; i++) station.emit({ kind: 'settings', taggerId: 'sim', revision: i });
  t.is(bridge.status().inFlight, 16);
  t.true(bridge.status().queued < 50, `${bridge.status().queued} queued`);
  clock.advance(20_000);
  await waiting();
  t.regex(bridge.status().lastError?.message ?? '', /did not answer for 20 s/);
  await until('the connection is closed', () => hungUp);
  await bridge.stop();
});

test('a broker that takes the connection and says nothing is left after 20 s', async t => {
  await using broker = await startHostileBroker(socket => socket.resume());
  const { bridge, clock, waiting } = makeBridge({ url: broker.url });
  bridge.start();
  await until('the broker has the connection', () => broker.connections === 1);
  t.is(bridge.status().state, 'connecting');
  clock.advance(20_000);
  await waiting();
  t.regex(bridge.status().lastError?.message ?? '', /did not answer/);
  await bridge.stop();
});

const attacks: Record<string, (socket: Socket) => void> = {
  'an HTTP server': socket => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'a packet of 256 MB': socket => { socket.write(accepted); socket.write(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f)); flood(socket); },
  'a QoS 2 message': socket => { socket.write(accepted); socket.write(Uint8Array.of(0x34, 5, 0, 1, 0x61, 0, 1, 0)); },
  'a second CONNACK': socket => { socket.write(accepted); socket.write(accepted); },
  'a reserved packet type': socket => { socket.write(accepted); socket.write(Uint8Array.of(0x00, 0)); },
  'an endless length': socket => { socket.write(accepted); socket.write(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, 0xff)); },
  'a DISCONNECT: session taken over': socket => { socket.write(accepted); socket.write(Uint8Array.of(0xe0, 2, 142, 0)); },
  'both protocols refused': socket => socket.write(Uint8Array.of(0x20, 2, 0, 1)),
  'a closed door': socket => socket.destroy(),
};
for (const [name, attack] of Object.entries(attacks)) {
  test(`hostile broker: ${name} ends the connection, is named, and is tried again later`, async t => {
    await using broker = await startHostileBroker(socket => socket.once('data', () => attack(socket)));
    const { bridge, clock, waiting } = makeBridge({ url: broker.url });
    bridge.start();
    await waiting();
    const seen = broker.connections;
    t.truthy(bridge.status().lastError?.message);
    t.log(bridge.status().lastError?.message);
    clock.advance(bridge.status().retryInMs ?? 0);
    await until('it came back', () => broker.connections > seen);
    await bridge.stop();
    t.is(bridge.status().state, 'stopped');
  });
}
function flood(socket: Socket): void {
  const more = () => { while (!socket.destroyed && socket.write(Buffer.alloc(65_536))); };
  socket.on('drain', more);
  more();
}

test('random bytes for an answer never get through and never hold it up', async t => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const first = random.chance(0.5) ? accepted : new Uint8Array();
    const bytes = Uint8Array.from({ length: random.integer(1, 2000) }, () => random.integer(0, 255));
    await using broker = await startHostileBroker(socket => socket.once('data', () => socket.end(Buffer.concat([first, bytes]))));
    const { bridge, clock, waiting } = makeBridge({ url: broker.url });
    bridge.start();
    await t.notThrowsAsync(waiting(), `seed ${seed}`);
    await bridge.stop();
    t.is(clock.pending, 0, `seed ${seed}`);
  }
});

test('a packet that never ends is not collected: the connection ends after less than 8 MB', async t => {
  const sockets: Socket[] = [];
  await using broker = await startHostileBroker(socket => socket.once('data', () => { sockets.push(socket); attacks['a packet of 256 MB']?.(socket); }));
  const { bridge, waiting } = makeBridge({ url: broker.url });
  bridge.start();
  await waiting();
  const bytes = sockets[0]?.bytesWritten ?? Number.NaN;
  t.true(bytes < 8 * 2 ** 20, `${bytes} bytes`);
  await bridge.stop();
});

test('an event that was on its way when the connection broke is sent again', async t => {
  const heard = ['', '', ''];
  await using broker = await startHostileBroker((socket, connection) => {
    socket.once('data', () => socket.write(accepted));
    socket.on('data', (bytes: Buffer) => {
      heard[connection] += bytes.toString('latin1');
      if (connection === 1 && heard[connection]?.includes('clock_lost')) socket.destroy();
    });
  });
  const { bridge, station, connected, clock, waiting } = makeBridge({ url: broker.url });
  bridge.start();
  await connected();
  station.emit({ kind: 'clock', taggerId: 'sim', locked: false });
  await waiting();
  clock.advance(bridge.status().retryInMs ?? 0);
  await t.notThrowsAsync(until('the event came again', () => heard[2]?.includes('clock_lost') ?? false));
  await bridge.stop();
});

test('messages that nobody asked for are ignored', async t => {
  await using broker = await startHostileBroker(socket => socket.once('data', () => {
    socket.write(accepted);
    for (let i = 0; i < 1000; i++) socket.write(Buffer.concat([Uint8Array.of(0x30, 0x84, 0x08, 0, 1, 0x61, 0), Buffer.alloc(1024)]));
  }));
  const { bridge, connected } = makeBridge({ url: broker.url });
  bridge.start();
  await connected();
  await until('some answers were sent', () => bridge.status().inFlight > 0);
  t.true(bridge.status().connected);
  await bridge.stop();
});

test('rates: every 5 s, as the mean over the interval', async t => {
  await using broker = await startBroker();
  const { bridge, idle, clock, tagger } = makeBridge({ url: broker.url });
  bridge.start();
  await idle();
  const rates = () => broker.received.filter(message => message.topic === `${root}/rates`);
  t.is(rates().length, 1);
  clock.advance(4999);
  await idle();
  t.is(rates().length, 1);
  clock.advance(1);
  await until('the second message is there', () => rates().length === 2);
  t.deepEqual(tagger.windows, [5000, 5000]);
  t.like(rates()[1], { retain: false, qos: 0 });
  t.like(JSON.parse(rates()[1]?.payload ?? ''), { dt: 5, ch: { 1: 1000.5 }, total: 2001 });
  await bridge.stop();
});

test('a tagger that is pulled out: offline, null rates, an event; and back again', async t => {
  await using broker = await startBroker();
  const { bridge, idle, clock, tagger, station } = makeBridge({ url: broker.url, ratesEveryMs: 500 });
  bridge.start();
  await idle();
  for (const [state, presence, type, rate] of [['gone', 'offline', 'usb_lost', null], ['streaming', 'online', 'usb_open', 1000.5]] as const) {
    tagger.become(state);
    station.emit({ kind: 'state', taggerId: 'sim' });
    station.emit({ kind: 'state', taggerId: 'sim' });
    clock.advance(1000);
    await idle();
    await until('rates are out', () => JSON.parse(broker.last(`${root}/rates`) ?? '').ch['1'] === rate);
    t.is(broker.retained.get(`${root}/usb_availability`), presence);
    t.is(broker.retained.get(`${root}/availability`), 'online');
    t.like(JSON.parse(broker.last(`${root}/event`) ?? ''), { event_type: type, tagger: 'sim' });
  }
  t.is(broker.topics().filter(topic => topic.endsWith('/event')).length, 2, 'presence is news only when it changed');
  await bridge.stop();
});

test('a setting that is changed through the station reaches the document of its channel', async t => {
  await using broker = await startBroker();
  const station = new FakeStation();
  const clock = new ManualClock();
  const bridge = new MqttBridge(station, { url: broker.url }, { clock, health: quietHealth() });
  bridge.start();
  const topic = `tagd/${station.info.id}/ch/2/state`;
  await until('the channel is told', () => broker.retained.has(topic));
  t.is(JSON.parse(broker.retained.get(topic) ?? '').trigger_level_volts, 0.5);
  await station.tagger().configure({ channels: { 2: { triggerLevelV: -1 } } });
  clock.advance(1000);
  await until('the change is told', () => JSON.parse(broker.retained.get(topic) ?? '').trigger_level_volts === -1);
  t.is(station.listeners, 1);
  await bridge.stop();
  t.is(station.listeners, 0);
});

test('documents follow changes at most once a second, and only if they differ', async t => {
  await using broker = await startBroker();
  const { bridge, idle, clock, tagger, station } = makeBridge({ url: broker.url });
  bridge.start();
  await idle();
  const count = () => broker.topics().filter(topic => topic === `${root}/state`).length;
  for (let i = 0; i < 100; i++) {
    tagger.current = { ...tagger.current, revision: i + 2 };
    station.emit({ kind: 'settings', taggerId: 'sim', revision: i + 2 });
    clock.advance(20);
  }
  await idle();
  t.is(count(), 1 + 2);
  t.is(JSON.parse(broker.retained.get(`${root}/state`) ?? '').settings_revision, 101);
  t.is(broker.topics().filter(topic => topic === `${root}/info`).length, 1);
  await bridge.stop();
});

test('a second tagger appears under its own topics and takes them along when it goes', async t => {
  await using broker = await startBroker();
  const { bridge, idle, clock, tagger, station } = makeBridge({ url: broker.url });
  bridge.start();
  await idle();
  station.list = [tagger, new ScriptedTagger('Run 7', 1)];
  station.emit({ kind: 'state', taggerId: 'Run 7' });
  clock.advance(1000);
  await idle();
  t.is(broker.retained.get(`${root}/tagger/run-7/usb_availability`), 'online');
  station.list = [tagger];
  station.emit({ kind: 'state', taggerId: 'Run 7' });
  clock.advance(1000);
  await idle();
  t.deepEqual([...broker.retained.keys()].filter(topic => topic.includes('run-7')), []);
  await bridge.stop();
});

test('a tagger that is closed between two questions is noted and harms nothing', async t => {
  await using broker = await startBroker();
  const { bridge, idle, clock, tagger, station } = makeBridge({ url: broker.url });
  bridge.start();
  await idle();
  tagger.closed = true;
  station.emit({ kind: 'state', taggerId: 'sim' });
  clock.advance(10_000);
  t.is(bridge.status().lastError?.code, 'closed');
  t.true(bridge.status().connected);
  await bridge.stop();
});

test('health: every minute, with the account of this bridge', async t => {
  await using broker = await startBroker();
  const { bridge, idle, clock } = makeBridge({ url: broker.url });
  bridge.start();
  await idle();
  clock.advance(60_000);
  await idle();
  t.like(JSON.parse(broker.retained.get(`${root}/health`) ?? ''), { load_1min: 0.5, memory_rss_bytes: 1e8, event_loop_p99_ms: 1, mqtt_dropped_total: 0 });
  t.is(broker.topics().filter(topic => topic.endsWith('/health')).length, 2);
  await bridge.stop();
});

test('stop() ends a bridge that waits, one that connects, and one whose broker is deaf', async t => {
  t.timeout(15_000, 'stop() must not wait for a broker');
  const absent = makeBridge({ url: `mqtt://127.0.0.1:${await closedPort()}` });
  absent.bridge.start();
  await absent.waiting();
  await absent.bridge.stop();
  await using silent = await startHostileBroker(socket => socket.resume());
  const connecting = makeBridge({ url: silent.url });
  connecting.bridge.start();
  await connecting.bridge.stop();
  await using deaf = await startHostileBroker(socket => socket.once('data', () => { socket.write(accepted); socket.pause(); }));
  const stuck = makeBridge({ url: deaf.url });
  stuck.bridge.start();
  await stuck.connected();
  await stuck.bridge.stop();
  for (const { bridge, clock } of [absent, connecting, stuck]) {
    t.is(bridge.status().state, 'stopped');
    t.is(clock.pending, 0);
  }
});

test('options that cannot work are refused before any socket opens, without showing a password', t => {
  const wrong: Partial<MqttOptions>[] = [
    { url: 'localhost' }, { url: 'http://host' }, { url: 'mqtt://' }, { url: 'mqtt://u:p%zz@host' }, { url: 'mqtt://host:99999' },
    { ratesEveryMs: 499 }, { ratesEveryMs: 60_001 }, { ratesEveryMs: Number.NaN },
    { baseTopic: '' }, { baseTopic: 'a/#' }, { baseTopic: '+' }, { baseTopic: '/a' }, { baseTopic: 'a//b' }, { baseTopic: '$SYS' },
    { ca: 'no certificate' }, { cert: 'x', key: 'y' },
  ];
  for (const options of wrong) {
    t.throws(() => makeBridge({ url: 'mqtt://host', ...options }), { code: 'usage' }, JSON.stringify(options));
  }
  for (const url of ['amqp://lab:hush@host', 'lab:hush@host', 'mqtt://lab:hu/sh@host', 'mqtt://lab:hu@sh@']) {
    const error = t.throws(() => makeBridge({ url }), { code: 'usage' });
    t.notRegex(error.message, /hu|sh/);
  }
  t.is(makeBridge({ url: 'mqtt://lab:hush@host:1883' }).bridge.status().url, 'mqtt://host:1883');
});
