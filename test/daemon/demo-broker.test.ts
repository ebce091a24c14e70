// test/daemon/demo-broker.test.ts - the broker of the demonstration: loopback only, clear about a taken port.
import { createServer, type AddressInfo } from 'node:net';
import test from 'ava';
import mqtt from 'mqtt';
import { startDemoBroker } from '../../app/daemon/demo-broker.ts';

test('a retained message reaches a late subscriber; close() frees the port and cuts who is connected', async t => {
  const broker = await startDemoBroker(0);
  t.regex(broker.url, /^mqtt:\/\/127\.0\.0\.1:\d+$/);
  const writer = await mqtt.connectAsync(broker.url, { reconnectPeriod: 0 });
  await writer.publishAsync('a/b', 'kept', { qos: 1, retain: true });
  const reader = await mqtt.connectAsync(broker.url, { reconnectPeriod: 0 });
  const message = new Promise<string>(resolve => reader.on('message', (_topic, payload) => resolve(payload.toString())));
  await reader.subscribeAsync('a/#');
  t.is(await message, 'kept');
  const cut = new Promise(resolve => reader.on('close', () => resolve(undefined)));
  await broker.close();
  await cut;
  const again = await startDemoBroker(Number(new URL(broker.url).port));
  t.is(again.url, broker.url);
  await again.close();
});

test('a taken port is `busy`, named, with what to do', async t => {
  const other = createServer();
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const error = await t.throwsAsync(startDemoBroker(port), { code: 'busy' });
  t.true(error.message.includes(`127.0.0.1:${port}`));
  t.truthy('hint' in error && error.hint);
  other.close();
});

test('it opens to this computer alone', async t => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org']) await t.throwsAsync(startDemoBroker(0, host), { code: 'forbidden' }, host);
});

test('garbage from a client harms nobody', async t => {
  const broker = await startDemoBroker(0);
  const response = await fetch(broker.url.replace('mqtt:', 'http:'), { signal: AbortSignal.timeout(5000) }).catch((error: unknown) => error);
  t.true(response instanceof Error);
  const client = await mqtt.connectAsync(broker.url, { reconnectPeriod: 0 });
  t.true(client.connected);
  await client.endAsync();
  await broker.close();
});
