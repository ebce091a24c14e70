// test/system/mqtt-daemon.test.ts - the whole daemon and a real Mosquitto: rates arrive, a killed daemon is offline.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import mqtt from 'mqtt';
import { until } from '../mqtt/broker.ts';
import { startDaemon } from '../support/daemon.ts';
import { Mosquitto } from './mosquitto.ts';

test('tagd tells rates and presence; after SIGTERM and after SIGKILL it is offline; without the broker it serves on', async t => {
  await using broker = await Mosquitto.start();
  const config = join(broker.folder, 'tagd.toml');
  await writeFile(config, `[mqtt]\nurl = "${broker.url}"\nrates_seconds = 0.5\n`);
  const viewer = await mqtt.connectAsync(broker.url, { protocolVersion: 5, reconnectPeriod: 0 });
  const last = new Map<string, string>();
  viewer.on('message', (topic, payload) => { last.set(topic.split('/').slice(2).join('/'), payload.toString()); });
  await viewer.subscribeAsync('tagd/#', { qos: 1 });
  const json = (name: string) => JSON.parse(last.get(name) ?? 'null');

  let stateFolder: string | undefined;
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await using daemon = await startDaemon(['--tagger', 'simulated', '--free-run'], { config, ...(stateFolder === undefined ? {} : { stateFolder }) });
    ({ stateFolder } = daemon);
    last.clear();
    await until('rates of channel 1 arrive', () => (json('rates')?.ch['1'] ?? 0) > 0);
    // Two channels of the simulated tagger are Poisson at 50 kHz; over half a second sigma is 0.6 %.
    t.true(Math.abs(json('rates').ch['1'] - 50_000) < 50_000 * 0.05, last.get('rates'));
    await daemon.stop(signal);
    await until(`it is offline after ${signal}`, () => last.get('availability') === 'offline');
  }

  await using daemon = await startDaemon(['--tagger', 'simulated', '--free-run'], { config });
  await until('it is online', () => last.get('availability') === 'online');
  viewer.end(true);
  await broker.kill();
  const response = await fetch(`http://127.0.0.1:${daemon.port}/healthz`);
  t.is(response.status, 200);
  t.is(await daemon.stop(), 0);
});
