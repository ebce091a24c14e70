// test/driver/replay.test.ts - PTU recordings: what a sound file gives, and one clear error for each way to be broken.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { isTaggerError, type TaggerError } from '../../app/core/errors.ts';
import { openReplay, type ReplayOptions } from '../../app/driver/replay/driver.ts';
import { FakeSink } from '../support/fake-sink.ts';
import { ptuFile, ptuHeader, ptuOf, ptuTypes, syncCode, writePtu, type HeaderTags, type PtuType } from '../support/ptu.ts';
import { recordingsFolder } from '../support/recordings.ts';

const folder = mkdtempSync(join(tmpdir(), 'tagd-ptu-'));
test.after.always(() => { rmSync(folder, { recursive: true, force: true }); });
const never = new AbortController().signal;
let files = 0;

function save(bytes: Uint8Array): string {
  const path = join(folder, `${files++}.ptu`);
  writeFileSync(path, bytes);
  return path;
}

async function play(file: string, options: Partial<ReplayOptions> = {}, sink = new FakeSink()): Promise<{ sink: FakeSink; numbers: number[]; description: string }> {
  await using tagger = openReplay({ file, speed: 'unpaced', ...options });
  await tagger.run(sink, never);
  return { sink, numbers: [...sink.channels].map(index => tagger.info.channels[index]!.number), description: tagger.info.description! };
}

/** deepEqual() of AVA takes seconds for long arrays. */
function sameTags(a: FakeSink, b: FakeSink): boolean {
  return Buffer.from(a.timesPs.buffer).equals(Buffer.from(b.timesPs.buffer)) && Buffer.from(a.channels.buffer).equals(Buffer.from(b.channels.buffer));
}

test('channels: input c is c + 1, sync is 64, marker bits are 65, 66, 68 and 72; ties come in this order', async t => {
  const ticks = [10, 20, 20, 20, 20, 30, 40], codes = [0, syncCode + 15, syncCode, 3, 1, syncCode + 6, 2];
  for (const type of ['generic', 'hydraHarp1', 'hydraHarp2'] as const) {
    const { sink, numbers } = await play(save(ptuFile(ticks, codes, { type })));
    t.deepEqual(numbers, [1, 2, 4, 64, 65, 66, 68, 72, 66, 68, 3], type);
    t.deepEqual([...sink.timesPs], [10n, 20n, 20n, 20n, 20n, 20n, 20n, 20n, 30n, 30n, 40n], type);
  }
  await using tagger = openReplay({ file: save(ptuFile([1], [0], { header: { HW_InpChannels: 4 } })), speed: 'unpaced' });
  t.deepEqual(tagger.info.channels.map(channel => channel.number), [1, 2, 3, 4], 'inputs of the instrument are listed though they are dark');
  t.is(tagger.info.serial, '1234');
});

test('PicoHarp: a marker keeps its place although its low four bits are lost', async t => {
  const { sink, numbers } = await play(save(ptuFile([100, 107, 107, 130], [0, 1, syncCode + 2, 0], { type: 'picoHarp' })));
  t.deepEqual(numbers, [1, 2, 66, 1]);
  t.deepEqual([...sink.timesPs], [100n, 107n, 107n, 130n]);
});

test('times are floor(ticks * num / den) of the resolution in the header', async t => {
  for (const [resolutionS, num, den] of [[4e-12, 4n, 1n], [3.90625e-12, 125n, 32n], [8.1e-11, 81n, 1n], [1e-9, 1000n, 1n]] as const) {
    const ticks = [0, 1, 7, 33_554_431, 33_554_432, 2 ** 40 + 3];
    const { sink } = await play(save(ptuFile(ticks, ticks.map(() => 0), { resolutionS })));
    t.deepEqual([...sink.timesPs], ticks.map(tick => BigInt(tick) * num / den), `${resolutionS} s`);
  }
});

test('overflow records alone move the heartbeat, and the end is the last record', async t => {
  const { sink } = await play(save(ptuOf(Uint32Array.of(7, 0xfe000000 + 1000))));
  t.deepEqual([...sink.timesPs], [7n]);
  t.deepEqual(sink.markers.map(marker => marker.kind === 'heartbeat' && marker.atPs), [0n, 1000n * 2n ** 25n]);
});

test('both decoders play the same', async t => {
  const file = join(folder, 'both.ptu');
  writePtu(file, { tags: 70_000, seed: 4, meanGapPs: 300_000 });
  const wasm = await play(file, { decoder: 'wasm' }), twin = await play(file, { decoder: 'typescript' });
  t.true(sameTags(twin.sink, wasm.sink));
  t.is(wasm.sink.tags, 70_000);
});

test('chunks of any size give the same tags', async t => {
  const file = join(folder, 'chunks.ptu');
  const written = writePtu(file, { tags: 20_000, seed: 5, meanGapPs: 10_000_000, inputs: 3 });
  const expected = await play(file);
  t.deepEqual([1, 2, 3].map(number => expected.numbers.filter(each => each === number).length), written.counts);
  t.deepEqual([expected.sink.timesPs[0], expected.sink.timesPs.at(-1)], [BigInt(written.firstPs), BigInt(written.lastPs)]);
  for (const scratchBytes of [400, 1000, 5000]) t.true(sameTags((await play(file, {}, new FakeSink({ scratchBytes }))).sink, expected.sink), `${scratchBytes} bytes of scratch`);
});

test('times that step backwards are handed over as they are', async t => {
  const { sink } = await play(save(ptuOf(Uint32Array.of(1000, 500, 2000, 1500, 1500))));
  t.deepEqual([...sink.timesPs], [1000n, 500n, 2000n, 1500n, 1500n]);
});

test('records of no known kind are lost intervals, each at its place', async t => {
  const { sink, numbers } = await play(save(ptuOf(Uint32Array.of(100, (0x80000000 + (20 << 25) + 150) >>> 0, 200, (63 << 25) + 250, 300))));
  t.deepEqual(numbers, [1, 1, 1]);
  t.deepEqual(sink.losses.map(({ fromPs, toPs, grade }) => ({ fromPs, toPs, grade })), [{ fromPs: 100n, toPs: 151n, grade: 'flagged' }, { fromPs: 200n, toPs: 251n, grade: 'flagged' }]);
  await t.throwsAsync(play(save(ptuOf(new Uint32Array(5000).fill(0xa8000001)))), { message: /1001 of its first 1001 records are of no known kind/ });
});

test('a lying record count and a cut record are said, and all that is there is replayed', async t => {
  for (const claimed of [0, -1, 2, 1e9]) {
    const { sink, description } = await play(save(ptuFile([1, 2, 3], [0, 1, 0], { header: { TTResult_NumberOfRecords: claimed } })));
    t.is(sink.tags, 3);
    t.regex(description, new RegExp(`header says ${claimed} records, the file holds 3`));
  }
  const file = save(ptuFile([1, 2, 3], [0, 1, 0]));
  truncateSync(file, statSync(file).size - 1);
  const { sink, description } = await play(file);
  t.is(sink.tags, 2);
  t.regex(description, /3 bytes of an unfinished record/);
  t.false(description.includes(folder), 'the folder is nobody else\'s business');
  t.regex((await play(save(ptuHeader()))).description, /no records/);
});

const good = ptuFile([1, 2, 3], [0, 1, 0]);
const withHeader = (header: HeaderTags): Uint8Array => ptuFile([1, 2, 3], [0, 1, 0], { header });
/** Position of the first tag of this name. */
const find = (name: string): number => Buffer.from(good).indexOf(name);
function patched(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = good.slice();
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}

const faults: [string, Uint8Array, string, RegExp][] = [
  ['empty', new Uint8Array(0), 'protocol', /the file is empty/],
  ['text', new TextEncoder().encode('time,channel\n1,2\n'), 'protocol', /does not begin with PQTTTR/],
  ['three bytes of the magic', good.slice(0, 3), 'protocol', /ends after 3 bytes, inside the magic/],
  ['cut in the header', good.slice(0, 130), 'protocol', /the file ends at byte 130, before Header_End/],
  ['cut in a text', good.slice(0, 16 + 48 + 3), 'protocol', /claims 40 bytes and the file has 3 left/],
  ['a text longer than the file', patched(view => { view.setBigInt64(find('File_GUID') + 40, 2n ** 40n, true); }), 'protocol', /'File_GUID' claims 1099511627776 bytes/],
  ['a negative length', patched(view => { view.setBigInt64(find('File_GUID') + 40, -8n, true); }), 'protocol', /claims -8 bytes/],
  ['an unknown tag type', patched(view => { view.setUint32(find('Measurement_Mode') + 36, 0x12345678, true); }), 'protocol', /unknown type 0x12345678/],
  ['no Header_End', patched((_, bytes) => { bytes[find('Header_End')] = 0x58; }), 'protocol', /before Header_End|unknown type/],
  ['T3', withHeader({ TTResultFormat_TTTRRecType: 0x01010304 }), 'unsupported', /T3 records .* not supported yet/],
  ['an unknown record type', withHeader({ TTResultFormat_TTTRRecType: 0x777 }), 'unsupported', /record type 0x00000777 is unknown/],
  ['no record type', withHeader({ TTResultFormat_TTTRRecType: null }), 'protocol', /lacks TTResultFormat_TTTRRecType/],
  ['a record type in words', withHeader({ TTResultFormat_TTTRRecType: 'T2' }), 'protocol', /not a number/],
  ['64 bits per record', withHeader({ TTResultFormat_BitsPerRecord: 64 }), 'protocol', /64 bits per record/],
  ['no resolution', withHeader({ MeasDesc_GlobalResolution: null }), 'protocol', /lacks MeasDesc_GlobalResolution/],
  ...[0, -1e-12, NaN, Infinity].map((value): [string, Uint8Array, string, RegExp] => [`a resolution of ${value}`, withHeader({ MeasDesc_GlobalResolution: value }), 'protocol', /not a positive number/]),
  ['a resolution of an hour', withHeader({ MeasDesc_GlobalResolution: 3600 }), 'unsupported', /no fraction of picoseconds/],
  ['an odd resolution', withHeader({ MeasDesc_GlobalResolution: Math.PI * 1e-12 }), 'unsupported', /no fraction of picoseconds/],
  ['a header without end', Buffer.concat([ptuHeader().subarray(0, -48), Buffer.alloc(2 * 1024 * 1024, ptuHeader().subarray(-96, -48))]), 'protocol', /goes on after 1048576 bytes/],
];
for (const [what, bytes, code, message] of faults) {
  test(`${what}: one clear error`, t => {
    const error = t.throws(() => openReplay({ file: save(bytes), speed: 'unpaced' }), { message }) as TaggerError;
    t.true(isTaggerError(error) && error.code === code, `${error.code}: ${error.message}`);
    t.regex(error.message, /^Cannot .*\d+\.ptu/);
    t.false(error.message.includes(folder));
  });
}

test('a file that is missing, a folder, or shortened while it is read', async t => {
  t.is((t.throws(() => openReplay({ file: join(folder, 'none.ptu'), speed: 'unpaced' }), { message: /there is no such file/ }) as TaggerError).code, 'not-found');
  t.is((t.throws(() => openReplay({ file: folder, speed: 'unpaced' })) as TaggerError).code, 'usage');
  const file = join(folder, 'shorter.ptu');
  writePtu(file, { tags: 200_000, seed: 6 });
  await using tagger = openReplay({ file, speed: 'unpaced' });
  truncateSync(file, 100_000);
  t.is((await t.throwsAsync(tagger.run(new FakeSink({ forget: true }), never), { message: /became shorter/ }) as TaggerError).code, 'device-lost');
});

// Alone, because it looks at the memory of the process.
test.serial('three million tags stream through constant memory; progress goes from 0 to 1', async t => {
  const file = join(folder, 'long.ptu');
  const written = writePtu(file, { tags: 3_000_000, seed: 7, meanGapPs: 100_000 });
  await using tagger = openReplay({ file, speed: 'unpaced' });
  t.is(tagger.progress(), 0);
  const seen: number[] = [];
  class Watching extends FakeSink {
    override heartbeat(): void { seen.push(tagger.progress()); }
  }
  const sink = new Watching({ forget: true });
  const before = process.memoryUsage().arrayBuffers;
  await tagger.run(sink, never);
  t.is(sink.tags, written.tags);
  t.is(tagger.progress(), 1);
  t.true(seen.length > 10 && seen.every((each, i) => i === 0 || each >= seen[i - 1]!));
  t.true(process.memoryUsage().arrayBuffers - before < 4e6);
});

test('a long file is sampled: its inputs are found, all markers are listed, a stray input is a loss', async t => {
  // 17 M records, nearly all overflows: 68 MB, above the limit of a whole scan.
  const records = new Uint32Array(17_000_000).fill(0xfe000001);
  records[0] = 5;
  records[16_999_990] = (2 << 25) + 5;
  records[3_000_000] = (40 << 25) + 9;
  records[3_000_001] = 77;
  const file = save(ptuOf(records));
  await using tagger = openReplay({ file, speed: 'unpaced' });
  t.deepEqual(tagger.info.channels.map(channel => channel.number), [1, 2, 3, 64, 65, 66, 68, 72]);
  const sink = new FakeSink();
  await tagger.run(sink, never);
  t.is(sink.tags, 3);
  t.deepEqual(sink.losses.map(loss => loss.grade), ['flagged']);
  t.is(sink.losses[0]!.toPs, 2_999_999n * 2n ** 25n + 10n);
});

for (const type of Object.keys(ptuTypes) as PtuType[]) {
  test(`${type}: a paced replay keeps to the clock`, async t => {
    const ticks = Array.from({ length: 60 }, (_, i) => i * 1_000_000_000);
    const begunMs = performance.now();
    const { sink } = await play(save(ptuFile(ticks, ticks.map(() => 0), { type })), { speed: 2 });
    // 59 ms of stream at twice the speed; how much longer it takes is up to the machine.
    t.true(performance.now() - begunMs >= 59 / 2);
    t.is(sink.tags, 60);
  });
}

const recordings = recordingsFolder();
const recorded = recordings === undefined ? test.skip : test;
recorded('recordings: hydraharp-t2-hbt.ptu gives the counts and times found by others', async t => {
  const file = join(recordings!, 'hydraharp-t2-hbt.ptu');
  const expected = JSON.parse(readFileSync(join(recordings!, 'hydraharp-t2-hbt.expected.json'), 'utf8')) as { sha256: string; tickPs: number; channels: Record<string, { tags: number; firstPs: number; lastPs: number }> };
  t.is(createHash('sha256').update(readFileSync(file)).digest('hex'), expected.sha256);
  for (const decoder of ['wasm', 'typescript'] as const) {
    for (const rooms of [[16_384], [1], [777]]) {
      const { sink, numbers, description } = await play(file, { decoder }, new FakeSink({ rooms }));
      const { timesPs } = sink;
      const found = Object.fromEntries(Object.keys(expected.channels).map(number => {
        const first = numbers.indexOf(Number(number)), last = numbers.lastIndexOf(Number(number));
        const tags = numbers.reduce((sum, each) => sum + (each === Number(number) ? 1 : 0), 0);
        return [number, { tags, firstPs: Number(timesPs[first]), lastPs: Number(timesPs[last]) }];
      }));
      t.deepEqual(found, expected.channels, `${decoder}, rooms of ${rooms}`);
      t.deepEqual(sink.losses, []);
      t.is(description, 'replay of hydraharp-t2-hbt.ptu');
    }
  }
});
