// test/system/mqtt.test.ts - the bridge against a real Mosquitto, with its access list, certificates and last will.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import mqtt, { type IClientOptions, type IPublishPacket } from 'mqtt';
import { MqttBridge } from '../../app/mqtt/bridge.ts';
import type { MqttOptions } from '../../app/mqtt/options.ts';
import { until } from '../mqtt/broker.ts';
import { ScriptedStation, ScriptedTagger } from '../mqtt/scripted-station.ts';
import { makeCertificates, makePasswords, Mosquitto, program } from './mosquitto.ts';

const root = 'tagd/tagd-01a2b3c4';
const example = (name: string) => fileURLToPath(new URL(`../../ops/mosquitto/${name}`, import.meta.url));

function makeBridge(t: ExecutionContext, options: MqttOptions) {
  const station = new ScriptedStation(new ScriptedTagger('sim'));
  const bridge = new MqttBridge(station, options, { random: () => 0 });
  const idle = () => until('all is acknowledged', () => bridge.status().connected && bridge.status().queued + bridge.status().inFlight === 0);
  t.teardown(() => bridge.stop());
  return { station, bridge, idle };
}

/** A subscriber to everything of the stations. */
async function watch(url: string, options: IClientOptions = {}) {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
  const seen: { topic: string; payload: string; packet: IPublishPacket }[] = [];
  client.on('message', (topic, payload, packet) => { seen.push({ topic, payload: payload.toString(), packet }); });
  await client.subscribeAsync('tagd/#', { qos: 1 });
  const of = (topic: string) => seen.filter(message => message.topic === `${root}/${topic}`).map(message => message.payload);
  return { client, seen, of, [Symbol.dispose]: () => { client.end(true); } };
}

/** A broker as the examples in ops/ make it, on a free port. */
function asInTheExamples(tls: boolean) {
  return Mosquitto.start((port, folder) => {
    makePasswords(join(folder, 'tagd.passwd'), { 'tagd-01a2b3c4': 'one', 'tagd-ffffffff': 'two', viewer: 'three' });
    copyFileSync(example('acl.example'), join(folder, 'tagd.acl'));
    if (tls) makeCertificates(folder);
    const lines = readFileSync(example('mosquitto.conf.example'), 'utf8')
      .replace('listener 8883', `listener ${port} 127.0.0.1`)
      .replaceAll('/etc/mosquitto/certs/', `${folder}/`).replaceAll('/etc/mosquitto/', `${folder}/`);
    return tls ? lines : lines.replace(/^(cafile|certfile|keyfile).*$/gm, '');
  });
}

test('a station that is killed is offline for those who watch and for those who come later', async t => {
  await using broker = await Mosquitto.start();
  using viewer = await watch(broker.url);
  const child = spawn(process.execPath, [fileURLToPath(new URL('mqtt-station.ts', import.meta.url)), broker.url], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  t.deepEqual(viewer.of('availability'), ['online']);
  child.kill('SIGKILL');
  await until('the will is out', () => viewer.of('availability').length === 2);
  t.deepEqual(viewer.of('availability'), ['online', 'offline']);
  using late = await watch(broker.url);
  await until('the retained word is there', () => late.of('availability').length === 1);
  t.deepEqual(late.of('availability'), ['offline']);
});

test('a late subscriber gets every document, and no rates; mosquitto_sub reads them', async t => {
  await using broker = await Mosquitto.start();
  const { bridge, idle } = makeBridge(t, { url: broker.url });
  bridge.start();
  await idle();
  t.is(bridge.status().protocol, 5);
  const names = ['availability', 'info', 'usb_availability', 'state', 'ch/1/state', 'ch/2/state', 'health'];
  const { stdout } = await promisify(execFile)(program('mosquitto_sub'),
    ['-p', String(broker.port), '-t', 'tagd/#', '-F', '%r %t %p', '-C', String(names.length), '-W', '5']);
  const lines = stdout.trim().split('\n').map(line => line.split(' '));
  t.deepEqual(lines.map(([retained]) => retained), names.map(() => '1'));
  t.deepEqual(lines.map(([, topic]) => topic).toSorted(), names.map(name => `${root}/${name}`).toSorted());
  await bridge.stop();
});

test('a clean stop says offline once: the will is not published as well', async t => {
  await using broker = await Mosquitto.start();
  using viewer = await watch(broker.url);
  const { bridge, idle } = makeBridge(t, { url: broker.url });
  bridge.start();
  await idle();
  await bridge.stop();
  await viewer.client.publishAsync('tagd/marker', '', { qos: 1 });
  await until('everything before the marker is here', () => viewer.seen.some(message => message.topic === 'tagd/marker'));
  t.deepEqual(viewer.of('availability'), ['online', 'offline']);
});

test('rates and events expire: they carry the time they are good for', async t => {
  await using broker = await Mosquitto.start();
  using viewer = await watch(broker.url);
  const { bridge, idle, station } = makeBridge(t, { url: broker.url });
  bridge.start();
  await idle();
  station.emit({ kind: 'clock', taggerId: 'sim', locked: true });
  await until('the event is here', () => viewer.of('event').length === 1 && viewer.of('rates').length === 1);
  const expiry = (name: string) => viewer.seen.find(message => message.topic === `${root}/${name}`)?.packet.properties?.messageExpiryInterval ?? 0;
  t.true(expiry('rates') > 0 && expiry('rates') <= 30);
  t.true(expiry('event') > 30 && expiry('event') <= 3600);
  await bridge.stop();
});

test('a broker that was killed and remembers nothing is told everything again', async t => {
  await using broker = await Mosquitto.start();
  const { bridge, idle } = makeBridge(t, { url: broker.url });
  bridge.start();
  await idle();
  await broker.kill();
  await until('the loss was noticed', () => !bridge.status().connected);
  await broker.run();
  await idle();
  using viewer = await watch(broker.url);
  await until('all seven documents are back', () => viewer.seen.length >= 7);
  t.deepEqual(viewer.of('availability'), ['online']);
  await bridge.stop();
});

test('two stations with one client id: the one thrown out names the likely cause', async t => {
  await using broker = await Mosquitto.start();
  const first = makeBridge(t, { url: broker.url });
  const second = makeBridge(t, { url: broker.url });
  first.bridge.start();
  await first.idle();
  second.bridge.start();
  await until('one was thrown out', () => first.bridge.status().state === 'waiting');
  t.regex(first.bridge.status().lastError?.hint ?? '', /same client id/);
  await first.bridge.stop();
  await second.bridge.stop();
});

test('the example access list lets a station write below its own topic alone, and the refusal is visible', async t => {
  await using broker = await asInTheExamples(false);
  using viewer = await watch(broker.url, { username: 'viewer', password: 'three' });
  const honest = makeBridge(t, { url: broker.url, username: 'tagd-01a2b3c4', password: 'one' });
  honest.bridge.start();
  await honest.idle();
  t.is(honest.bridge.status().refused, 0);
  t.is(honest.bridge.status().lastError, undefined);
  await until('the viewer sees it', () => viewer.of('availability').length === 1);
  await honest.bridge.stop();
  await until('the viewer sees it go', () => viewer.of('availability').length === 2);

  // The same station id, but logged in as another station; its own client id, so that nothing else is in the way.
  const impostor = makeBridge(t, { url: broker.url, username: 'tagd-ffffffff', password: 'two', clientId: 'impostor' });
  impostor.bridge.start();
  await impostor.idle();
  t.is(impostor.bridge.status().refused, 7);
  t.is(impostor.bridge.status().lastError?.code, 'forbidden');
  t.regex(impostor.bridge.status().lastError?.message ?? '', /refused a message to tagd\/tagd-01a2b3c4\/.*Not authorized/);
  await impostor.bridge.stop();

  await t.throwsAsync(viewer.client.publishAsync(`${root}/availability`, 'online', { qos: 1 }), { message: /Not authorized/ });
  t.deepEqual(viewer.of('availability'), ['online', 'offline']);
});

test('a wrong password is named as such', async t => {
  await using broker = await asInTheExamples(false);
  const { bridge } = makeBridge(t, { url: broker.url, username: 'tagd-01a2b3c4', password: 'guess' });
  bridge.start();
  await until('it was refused', () => bridge.status().lastError !== undefined);
  t.like(bridge.status().lastError, { code: 'forbidden', hint: 'Check user name and password of the broker.' });
  await bridge.stop();
});

test('the example configuration: encrypted, and only a broker that the given authority signed is believed', async t => {
  await using broker = await asInTheExamples(true);
  const url = `mqtts://127.0.0.1:${broker.port}`;
  const account = { url, username: 'tagd-01a2b3c4', password: 'one' };
  const trusting = makeBridge(t, { ...account, ca: readFileSync(join(broker.folder, 'ca.crt'), 'utf8') });
  trusting.bridge.start();
  await trusting.idle();
  t.is(trusting.bridge.status().lastError, undefined);
  await trusting.bridge.stop();
  const careful = makeBridge(t, account);
  careful.bridge.start();
  await until('it refused', () => careful.bridge.status().lastError !== undefined);
  t.regex(careful.bridge.status().lastError?.message ?? '', /certificate/i);
  t.is(careful.bridge.status().connections, 0);
  await careful.bridge.stop();
});
