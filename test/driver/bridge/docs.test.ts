// test/driver/bridge/docs.test.ts - docs/bridge.md says what the code does: every line of JSON, every command, every number.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openBridge } from '../../../app/driver/bridge/driver.ts';
import { bridgeLimits as limits, checkCapabilities, checkValues, readLine, writeLine } from '../../../app/driver/bridge/protocol.ts';
import { parseSource } from '../../../app/driver/open.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { testPython } from './support.ts';

const page = readFileSync(new URL('../../../docs/bridge.md', import.meta.url), 'utf8');
const lines = [...page.matchAll(/```json\n([\s\S]*?)```/g)].flatMap(match => match[1]!.trim().split('\n'));
const example = fileURLToPath(new URL('../../../ops/bridge/example.py', import.meta.url));

test('every line of JSON in docs/bridge.md is read as it is meant', t => {
  const capabilities = checkCapabilities(JSON.parse(lines[0]!) as Record<string, unknown>);
  t.is(capabilities.info.serial, '1740000JG2');
  const kinds = lines.map(line => {
    const fields = JSON.parse(line) as { command?: string; id: number; kind?: string; settings?: object };
    if (fields.command === undefined) {
      const read = readLine(line);
      t.is(read.kind, fields.kind as never, line);
      if (fields.settings && read.kind === 'done') t.notThrows(() => checkValues(fields.settings, capabilities.info));
      return read.kind;
    }
    const { id, command, ...rest } = fields;
    t.is(writeLine(id, command, rest).trim(), line, 'as tagd writes it');
    return command;
  });
  t.deepEqual([...new Set(kinds)].toSorted(), ['busy', 'capabilities', 'configure', 'done', 'end', 'error', 'refused', 'start', 'stop', 'warning']);
});

test('every command in docs/bridge.md can be given', t => {
  const commands = [...page.matchAll(/^tagd --tagger '([^']+)'$/gm)].map(match => match[1]!);
  t.is(commands.length, 4);
  for (const command of commands) t.is(parseSource(command).kind, 'bridge');
  const inText = [...page.matchAll(/`(bridge(-a1x?)?:[^`]*\s[^`]*)`/g)].map(match => match[1]!);
  t.true(inText.length > 0);
  for (const command of inText) t.notThrows(() => parseSource(command), command);
});

test('every number in docs/bridge.md is the one in the code', t => {
  for (const text of [
    `Within **${limits.capabilitiesMs / 1000} s**`, `up to ${limits.busyMs / 1000} s in all`, `due in **${limits.answerMs / 1000} s**, that to \`stop\` in **${limits.stopMs / 1000} s**`, `after ${limits.leaveMs / 1000} s SIGTERM`,
    `${limits.killMs / 1000} s later SIGKILL`, `at most ${limits.lineBytes / 1024} KiB`, `more than ${limits.chatterBytesPerSecond / 2 ** 20} MiB a second`, `1 to ${limits.channels}; -${limits.channelNumber} to ${limits.channelNumber}`,
    `up to ${limits.settings} |`, `${limits.heartbeatMs.join(' to ')} |`, `example.py\` is the smallest whole bridge, ${readFileSync(example, 'utf8').trimEnd().split('\n').length} lines`,
  ]) t.true(page.includes(text), text);
});

testPython('ops/bridge/example.py is a whole bridge', async t => {
  await using tagger = await openBridge({ command: `python3 ${example}` });
  for (let run = 0; run < 2; run++) {
    const sink = new FakeSink({ stopAfter: 30_000 });
    await tagger.run(sink, new AbortController().signal);
    t.is(sink.losses.length, 0);
    t.true(sink.timesPs.every((timePs, i) => timePs === BigInt(i) * 1_000_000n), `run ${run}`);
  }
});

test('ops/bridge/swabian.py is no longer than it was promised to be', t => {
  t.true(readFileSync(new URL('../../../ops/bridge/swabian.py', import.meta.url), 'utf8').trimEnd().split('\n').length <= 120);
});
