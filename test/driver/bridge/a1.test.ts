// test/driver/bridge/a1.test.ts - bridge-a1: the words of the S-Fifteen tools from a command that knows no protocol, or from a bridge that does.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ChannelInfo } from '../../../app/core/tagger.ts';
import { openBridge } from '../../../app/driver/bridge/driver.ts';
import { openTagger, parseSource } from '../../../app/driver/open.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { recordingsFolder } from '../../support/recordings.ts';
import { conformance } from '../conformance.ts';
import { freshFile, processes } from './support.ts';
import { until } from '../../support/until.ts';

/** Words of 1/256 ns, every 100 us or so, with dummies between them; an a1X file has their halves the other way round. */
function words(count: number, swapped = false): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * count));
  for (let i = 0; i < count; i++) {
    const word = (BigInt(5_000_000 + i * 25_601) << 10n) | BigInt(i % 7 === 6 ? 0x318 : 0x300 | (1 + i % 15));
    view.setUint32(8 * i + (swapped ? 4 : 0), Number(word & 0xffffffffn), true);
    view.setUint32(8 * i + (swapped ? 0 : 4), Number(word >> 32n), true);
  }
  return new Uint8Array(view.buffer);
}

function file(bytes: Uint8Array): string {
  const name = freshFile();
  writeFileSync(name, bytes);
  return name;
}

const short = file(words(2000)), endless = file(words(100_000));
conformance(test, {
  name: 'bridge-a1', open: () => openBridge({ command: `cat ${short}`, raw: 'a1' }),
  openEndless: () => openBridge({ command: `sh -c "cat ${endless}; exec tail -f /dev/null"`, raw: 'a1' }),
});

test('bridge-a1x: the same tags from words whose halves are swapped', async t => {
  const sinks: FakeSink[] = [];
  for (const source of [`bridge-a1:cat ${short}`, `bridge-a1x:cat ${file(words(2000, true))}`]) {
    await using tagger = await openTagger(parseSource(source));
    const sink = new FakeSink();
    await tagger.run(sink, new AbortController().signal);
    sinks.push(sink);
  }
  t.true(sinks[0]!.tags > 2000);
  t.deepEqual(sinks[1]!.timesPs, sinks[0]!.timesPs);
  t.deepEqual(sinks[1]!.channels, sinks[0]!.channels);
});

test('a bridge may send a1 words too: here it is a script of the shell', async t => {
  const say = (line: object): string => `echo '${JSON.stringify(line)}' >&2`;
  const script = file(new TextEncoder().encode([
    say({ tagd: 1, kind: 'capabilities', model: 'Shell', serial: '1', format: 'a1', channels: [1, 2, 3, 4].map(number => ({ number })), tick: { num: 125, den: 32 } }),
    'n=0', 'while read line; do', 'n=$((n + 1))', 'case "$line" in',
    `*start*) echo "{\\"kind\\":\\"done\\",\\"id\\":$n}" >&2; cat ${short}; ${say({ kind: 'end', records: 2000 })};;`,
    '*) echo "{\\"kind\\":\\"done\\",\\"id\\":$n,\\"records\\":2000}" >&2;;', 'esac', 'done',
  ].join('\n')));
  await using tagger = await openBridge({ command: `sh ${script}` });
  await using plain = await openBridge({ command: `cat ${short}`, raw: 'a1' });
  const expected = new FakeSink();
  await plain.run(expected, new AbortController().signal);
  for (let run = 0; run < 2; run++) {
    const sink = new FakeSink();
    await tagger.run(sink, new AbortController().signal);
    t.deepEqual(sink.timesPs, expected.timesPs, `run ${run}`);
    t.deepEqual(sink.losses, []);
  }
});

test('bridge-a1: a program that fails is started again, with a flagged gap and a new epoch', async t => {
  const once = freshFile();
  await using tagger = await openBridge({ command: `sh -c "cat ${short}; [ -e ${once} ] || { touch ${once}; echo usbtmst4: device is gone >&2; exit 2; }"`, raw: 'a1' });
  const sink = new FakeSink(), details = new Set<string | undefined>();
  const looking = setInterval(() => details.add(tagger.detail()), 5);
  await tagger.run(sink, new AbortController().signal);
  clearInterval(looking);
  t.deepEqual(sink.markers.filter(({ kind }) => kind !== 'heartbeat').map(({ kind }) => kind), ['losing', 'lost', 'epoch']);
  t.is(sink.tags, 2 * sink.markers.find(({ kind }) => kind === 'epoch')!.tagsBefore);
  t.true([...details].some(detail => /ended with code 2: usbtmst4: device is gone\./.test(detail ?? '')), [...details].join());
});

test('bridge-a1: the program is ended with the run', async t => {
  const mark = 'a-raw-one';
  await using tagger = await openBridge({ command: `sh -c "cat ${endless}; : ${mark}; exec tail -f ${mark} /dev/null"`, raw: 'a1' });
  await tagger.run(new FakeSink({ stopAfter: 10 }), new AbortController().signal);
  await until(() => processes(mark).length === 0, 'it is gone');
  t.pass();
});

const folder = recordingsFolder();
/** Records that are tags, and backward steps: what is known of the files, counted by others. */
const files = {
  's15-tdc2-c1234.a1': { raw: 'a1', records: 2000, steps: 0 },
  's15-tdc2-c14-rollover.a1x': { raw: 'a1x', records: 862, steps: 8 },
  's15-pair-185.a1x': { raw: 'a1x', records: 185, steps: 0 },
} as const;

for (const [name, { raw, records, steps }] of Object.entries(files)) {
  const path = folder && join(folder, name);
  (path && existsSync(path) ? test : test.skip)(`recordings: ${name} decodes with its known counts`, async t => {
    await using tagger = await openBridge({ command: `cat '${path}'`, raw });
    const sink = new FakeSink();
    await tagger.run(sink, new AbortController().signal);
    t.is(sink.markers.filter(({ kind }) => kind === 'slip').length, steps);
    // One record may be several tags of one time.
    const counts = new Map<string, number>(), { timesPs, channels } = sink;
    let clicks = 0;
    for (let i = 0; i < timesPs.length;) {
      const inputs: number[] = [];
      for (const at = timesPs[i]; i < timesPs.length && timesPs[i] === at && !inputs.includes(channels[i]!); i++) inputs.push(channels[i]!);
      const key = inputs.length > 1 ? 'several' : `${(tagger.info.channels[inputs[0]!] as ChannelInfo).number}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      clicks++;
    }
    t.is(clicks, records);
    if (name === 's15-tdc2-c1234.a1') t.deepEqual(Object.fromEntries(counts), { 1: 614, 2: 481, 3: 476, 4: 417, several: 12 });
    if (name === 's15-pair-185.a1x') t.deepEqual(Object.fromEntries(counts), { 1: 103, 2: 82 });
  });
}
