// test/daemon/config.test.ts - a configuration is right as a whole or says everything that is wrong with it.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { loadConfig, nearest, parseConfig, schemaJson } from '../../app/daemon/config.ts';

test('loadConfig() without a file gives the defaults: loopback, simulated tagger, no MQTT', t => {
  const config = loadConfig(undefined);
  t.deepEqual(config.listen, { host: '127.0.0.1', port: 7433 });
  t.is(config.tagger.source, 'simulated');
  t.is(config.mqtt.url, undefined);
});

test('loadConfig() reads what the operator wrote', t => {
  const file = join(mkdtempSync(join(tmpdir(), 'tagd-')), 'tagd.toml');
  writeFileSync(file, 'name = "Lab 3"\n[listen]\nport = 9000\n[mqtt]\nurl = "mqtt://broker"\nrates_seconds = 0.5\n');
  const config = loadConfig(file);
  t.is(config.name, 'Lab 3');
  t.is(config.listen.port, 9000);
  t.is(config.mqtt.rates_seconds, 0.5);
});

test('parseConfig() names every fault at once, with line, column and the nearest key', t => {
  const text = ['name = "Lab 3"', '[listen]', 'prot = 9000', '', '[mqtt]', 'url = "http://broker"', '  rates_seconds = 0.1', 'colour = 1'].join('\n');
  const error = t.throws(() => parseConfig(text, 'tagd.toml'), { name: 'TaggerError' });
  const lines = error?.message.split('\n') ?? [];
  t.is(lines.length, 4, error?.message ?? '');
  t.true(lines.some(line => line.startsWith("tagd.toml:3:1: listen.prot: unknown key; did you mean 'port'?")), error?.message ?? '');
  t.true(lines.some(line => line.startsWith('tagd.toml:6:1: mqtt.url: must begin with mqtt://')));
  t.true(lines.some(line => line.startsWith('tagd.toml:7:3: mqtt.rates_seconds: ')));
  t.true(lines.some(line => line.includes('mqtt.colour: unknown key; known are url, username')));
});

test('parseConfig() points at the place where TOML itself is broken', t => {
  t.throws(() => parseConfig('name = "Lab\n', 'tagd.toml'), { message: /^tagd\.toml:1:\d+: / });
});

test('a file that is not there is named', t => {
  t.throws(() => loadConfig('/nowhere/tagd.toml'), { message: /Cannot read the configuration \/nowhere\/tagd\.toml/ });
});

test('schemaJson() is a JSON schema with a description of every key', t => {
  const schema = JSON.parse(schemaJson()) as { properties: { mqtt: { properties: Record<string, { description?: string }> } } };
  t.truthy(schema.properties.mqtt.properties['url']?.description);
});

test('nearest() finds a slip of the keyboard and nothing else', t => {
  t.is(nearest('usrename', ['username', 'url']), 'username');
  t.is(nearest('colour', ['username', 'url']), undefined);
});
