// test/tagctl/analyze.test.ts - `tagctl analyze` on recordings made here, against sums over all pairs, and on bad files.
import test from 'ava';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ptuFile } from '../support/ptu.ts';
import { Random } from '../support/random.ts';
import { emptyFolder, tagctl } from './run.ts';

interface Document { [key: string]: unknown; counts: number[]; indexPs: number[]; rateHz: number[]; liveTimePs: number; lossGrade: string }

const folder = emptyFolder();
const random = new Random(11);
const tags = makeTags();
const file = join(folder, 'made.ptu');
writeFileSync(file, ptuFile(tags.map(({ ps }) => ps), tags.map(({ channel }) => channel - 1), { header: { HW_InpChannels: 3 } }));

/** 3000 tags on three channels, many at equal times, over several wraps of the records' clock. */
function makeTags(): { ps: number; channel: number }[] {
  let ps = 1000;
  return Array.from({ length: 3000 }, () => {
    if (random.chance(0.8)) ps += Math.ceil(random.exponential(random.chance(0.01) ? 2e7 : 4000));
    return { ps, channel: random.integer(1, 3) };
  }).sort((a, b) => a.ps - b.ps || a.channel - b.channel).filter((tag, i, all) => i === 0 || tag.ps !== all[i - 1]!.ps || tag.channel !== all[i - 1]!.channel);
}
const timesOf = (channel: number): number[] => tags.filter(tag => tag.channel === channel).map(({ ps }) => ps);

/** Every pair once, by the definition: bin k holds (k - origin) * w <= d < (k + 1 - origin) * w. */
function pairs(plus: number[], minus: number[], width: number, count: number, origin: number): number[] {
  const counts = Array.from({ length: count }, () => 0);
  for (const a of plus) for (const b of minus) {
    const k = Math.floor((a - b) / width) + origin;
    if (k >= 0 && k < count) counts[k]!++;
  }
  return counts;
}

async function analyze(...args: string[]): Promise<Document> {
  const { code, stdout, stderr } = await tagctl(['analyze', file, ...args, '--json']);
  if (code !== 0 || stderr !== '') throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as Document;
}

test('analyze correlation gives the sum over all pairs, with both kernels and any size of block', async t => {
  const expected = pairs(timesOf(1), timesOf(2), 700, 101, 50);
  for (const extra of [[], ['--kernel', 'typescript', '--block-tags', '777'], ['--block-tags', '1']]) {
    const document = await analyze('correlation', '--channels', '1,2', '--binwidth', '700ps', '--bins', '101', ...extra);
    t.deepEqual(document.counts, expected, `seed ${random.seed}, ${extra.join(' ')}`);
    t.is(document.indexPs[0], -50 * 700);
    t.is(document['kernel'], extra.includes('typescript') ? 'typescript' : 'wasm');
  }
});

test('analyze histogram takes --click and --start, --channels, and every spelling of the name', async t => {
  const expected = pairs(timesOf(3), timesOf(1), 500, 40, 0);
  for (const args of [['histogram', '--click', '3', '--start', '1'], ['Histogram', '--channels', '3,1']]) {
    t.deepEqual((await analyze(...args, '--binwidth', '500ps', '--bins', '40')).counts, expected, `seed ${random.seed}, ${args.join(' ')}`);
  }
});

test('analyze histogramLogBins gives every pair in its bin, with edges, widths and a plot', async t => {
  const args = ['histogramLogBins', '--click', '2', '--start', '1', '--exp-start', '-11', '--exp-stop', '-7', '--bins', '12'];
  const document = await analyze(...args, '--normalized'), edges = document['edgesPs'] as number[];
  t.deepEqual(edges, Array.from({ length: 13 }, (_, k) => Math.round(10 ** (1 + k / 3))));
  const each = pairs(timesOf(2), timesOf(1), 1, edges[12]!, 0);
  t.deepEqual(document.counts, edges.slice(1).map((edge, k) => each.slice(edges[k], edge).reduce((sum, count) => sum + count, 0)), `seed ${random.seed}`);
  t.deepEqual((document['widthPs'] as number[]), edges.slice(1).map((edge, k) => edge - edges[k]!));
  t.is((document['g2'] as number[]).length, 12);
  const { stdout } = await tagctl(['analyze', file, ...args, '--plot']);
  t.regex(stdout, /10 ps +100 ps +1 ns +10 ns +100 ns/);
});

test('analyze histogram2D and histogramND count the same starts; the map is drawn', async t => {
  const map = await analyze('histogram2D', '--start', '1', '--stop1', '2', '--stop2', '3', '--binwidth1', '1ns', '--binwidth2', '2ns', '--bins1', '20', '--bins2', '10');
  const grid = await analyze('histogramND', '--start', '1', '--stop', '2,3', '--binwidth', '1ns,2ns', '--bins', '20,10');
  const rows = map.counts as unknown as number[][];
  t.is(rows.length, 20);
  t.deepEqual(rows.flat(), grid.counts);
  t.true(grid.counts.reduce((sum, count) => sum + count, 0) > 100);
  const { stdout } = await tagctl(['analyze', file, 'histogram2D', '--start', '1', '--stop1', '2', '--stop2', '3', '--plot']);
  t.regex(stdout, /t\(stop2\) - t\(start\) \(ns\)\n.*starts a cell/);
});

test('analyze flim fills the pixels that a marker steps, and draws them', async t => {
  const args = ['flim', '--start', '1', '--click', '2', '--pixel-begin', '3', '--pixels', '4', '--bins', '10', '--binwidth', '1ns'];
  const document = await analyze(...args), rows = document.counts as unknown as number[][], begins = timesOf(3), frames = Math.floor((begins.length - 1) / 4);
  t.is(document['framesAcquired'] as unknown, frames);
  t.true(frames > 2, `seed ${random.seed}`);
  const expected = rows.map((_, pixel) => {
    const visits = Array.from({ length: frames }, (__, frame) => [begins[4 * frame + pixel]!, begins[4 * frame + pixel + 1]!] as const);
    return pairs(timesOf(2).filter(ps => visits.some(([from, to]) => ps >= from && ps < to)), timesOf(1), 1000, 10, 0);
  });
  t.deepEqual(rows, expected, `seed ${random.seed}`);
  const { stdout } = await tagctl(['analyze', file, ...args, '--plot']);
  t.regex(stdout, /^pixel$.*pairs a cell$/ms);
});

test('analyze adds a private delay, positive is later, and counts where every channel can be seen', async t => {
  const { counts, delays, startPs, stopPs } = await analyze('correlation', '--channels', '1,2', '--binwidth', '500ps', '--bins', '60', '--delay', '2=2500ps');
  const seen = (times: number[]): number[] => times.filter(ps => ps >= Number(startPs) && ps < Number(stopPs));
  t.is(startPs, '2500');
  t.deepEqual(counts, pairs(seen(timesOf(1)), seen(timesOf(2).map(ps => ps + 2500)), 500, 60, 30), `seed ${random.seed}`);
  t.deepEqual((delays as { channel: number; privatePs: number }[]).map(({ privatePs }) => privatePs), [0, 2500]);
});

test('analyze countrate: rate times live time is the number of tags', async t => {
  const document = await analyze('countrate', '--channels', '1,2,3');
  const received = [1, 2, 3].map(channel => timesOf(channel).length);
  t.deepEqual(document.counts, received);
  document.rateHz.forEach((rate, i) => t.true(Math.abs(rate * document.liveTimePs / 1e12 / received[i]! - 1) < 1e-12, `channel ${i + 1}: ${rate} Hz`));
  for (const key of ['missedTags', 'lossGrade', 'lostIntervals', 'tickPs', 'config', 'startPs', 'stopPs', 'ended', 'interrupted']) t.true(key in document, key);
  t.is(typeof document['stopPs'], 'string');
});

test('analyze --for stops at that stream time exactly', async t => {
  const { counts, captureDurationPs, startPs } = await analyze('countrate', '--channels', '1,2,3', '--for', '5us');
  const until = Number(startPs) + 5e6;
  t.is(captureDurationPs, 5e6);
  t.deepEqual(counts, [1, 2, 3].map(channel => timesOf(channel).filter(ps => ps < until).length), `seed ${random.seed}`);
});

test('analyze counter and time-differences nest their rows', async t => {
  const counter = await analyze('counter', '--channels', '1,2', '--binwidth', '100us', '--values', '5') as unknown as { counts: number[][]; rateHz: (number | null)[][]; countsTotal: number[] };
  t.deepEqual([counter.counts.length, counter.counts[0]?.length, counter.rateHz.length], [2, 5, 2]);
  t.deepEqual(counter.countsTotal, [1, 2].map(channel => timesOf(channel).length));
  const differences = await analyze('time-differences', '--click', '1', '--start', '2', '--bins', '7', '--next', '3', '--histograms', '3') as unknown as { counts: number[][] };
  t.deepEqual(differences.counts.map(row => row.length), [7, 7, 7]);
});

test('analyze start-stop lists the bins that are not empty', async t => {
  const { counts, indexPs } = await analyze('start-stop', '--click', '1', '--start', '2', '--binwidth', '1ns');
  t.true(counts.every(count => count > 0));
  t.deepEqual(indexPs, indexPs.toSorted((a, b) => a - b));
  t.true(counts.length > 3);
});

test('analyze --csv and --npy write the same columns, and the account on top', async t => {
  const csv = join(folder, 'out.csv');
  const npy = join(folder, 'out.npy');
  const { code, stdout, stderr } = await tagctl(['analyze', file, 'correlation', '--channels', '1,2', '--bins', '20', '--normalized', '--csv', csv, '--npy', npy]);
  t.is(code, 0, stderr);
  t.true(stdout.includes('live time'));
  const lines = readFileSync(csv, 'utf8').trimEnd().split('\n');
  t.true(lines.some(line => line.startsWith('# loss: none')));
  const [names, ...rows] = lines.filter(line => !line.startsWith('#'));
  t.is(names, 'index_ps,counts,g2,g2_error');
  const expected = pairs(timesOf(1), timesOf(2), 1000, 20, 10);
  t.deepEqual(rows.map(line => line.split(',').slice(0, 2).map(Number)), expected.map((count, k) => [(k - 10) * 1000, count]));
  const bytes = readFileSync(npy);
  const dataAt = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, dataAt);
  t.regex(header, /\('index_ps', '<f8'\), \('counts', '[|<]u\d'\), \('g2', '<f8'\), \('g2_error', '<f8'\)/);
  const stride = (bytes.length - dataAt) / 20;
  t.deepEqual(Array.from({ length: 20 }, (_, k) => bytes.readDoubleLE(dataAt + k * stride)), expected.map((_, k) => (k - 10) * 1000));
});

test('analyze prints a summary that names live time, tags and loss, and a plot of 80 columns', async t => {
  const { code, stdout, stderr } = await tagctl(['analyze', file, 'correlation', '--channels', '1,2', '--plot']);
  t.is(code, 0, stderr);
  t.is(stderr, '');
  for (const word of ['Correlation', 't(1) - t(2)', 'pairs', 'peak', 'g2(0)', 'live time', 'tags', 'loss', 'none', 't(ch1) - t(ch2) (ns)']) t.true(stdout.includes(word), word);
  // oxlint-disable-next-line no-control-regex
  t.regex(stdout, /^[\n\x20-\x7e]*$/, 'plain ASCII in the C locale, no colour in a pipe');
});

test('analyze warns of a binwidth that is no multiple of the tick', async t => {
  const coarse = join(folder, 'coarse.ptu');
  writeFileSync(coarse, ptuFile([10, 20, 30], [0, 1, 0], { resolutionS: 4e-12, header: { HW_InpChannels: 2 } }));
  const { stdout } = await tagctl(['analyze', coarse, 'correlation', '--channels', '1,2', '--binwidth', '10ps', '--bins', '10']);
  t.regex(stdout, /aliased .*tick \(4 ps\).*use 8 ps or 12 ps/);
});

test('a bad file is one clear error with its own exit code, and nothing on stdout', async t => {
  const sound = readFileSync(file);
  const cases: [string, Uint8Array | undefined, number, RegExp][] = [
    ['missing.ptu', undefined, 66, /Cannot read .*missing\.ptu: there is no such file/],
    ['empty.ptu', new Uint8Array(), 65, /empty\.ptu: the file is empty/],
    ['picture.ptu', Buffer.from('\u0089PNG, and no tags at all'), 65, /not a PTU file/],
    ['header.ptu', sound.subarray(0, 200), 65, /header\.ptu/],
  ];
  for (const [name, bytes, exitCode, message] of cases) {
    const path = join(folder, name);
    if (bytes) writeFileSync(path, bytes);
    const { code, stdout, stderr } = await tagctl(['analyze', path, 'countrate', '--channels', '1']);
    t.is(code, exitCode, `${name}: ${stderr}`);
    t.is(stdout, '', name);
    t.regex(stderr, message);
    t.regex(stderr, /^tagctl: [^\n]+\n[^\n]+\n$/, 'a message and a hint, no stack');
  }
});

test('a recording that breaks off is measured as far as it goes, and says so', async t => {
  const short = join(folder, 'short.ptu');
  const sound = readFileSync(file);
  writeFileSync(short, sound.subarray(0, sound.length - 4001));
  const { code, stdout } = await tagctl(['analyze', short, 'countrate', '--channels', '1,2,3']);
  t.is(code, 0);
  t.regex(stdout, /note +header says \d+ records, the file holds \d+/);
});

test('analyze measures on virtual channels, one made of the other, and says how they are made', async t => {
  const windowPs = 2000, coincidences: number[] = [];
  let last: Record<number, number> = {};
  for (const { ps, channel } of tags.filter(each => each.channel !== 3)) {
    last[channel] = ps;
    if (Math.abs((last[1] ?? -1e12) - (last[2] ?? -1e12)) > windowPs || last[1] === undefined || last[2] === undefined) continue;
    coincidences.push(ps);
    last = {};
  }
  // The view leaves out as much as a window at the beginning of the recording, and the moment of its last tag.
  const seen = coincidences.filter(ps => ps >= tags[0]!.ps + windowPs && ps < tags.at(-1)!.ps);
  const made = ['--virtual', '1001=coincidence channels=1,2 window=2ns', '--virtual', '1002=delayed channel=1001 delay=0ps'];
  for (const extra of [[], ['--kernel', 'typescript', '--block-tags', '7']]) {
    const document = await analyze('correlation', '--channels', '3,1002', '--binwidth', '700ps', '--bins', '101', ...made, ...extra);
    const fromPs = Number(document['startPs']), others = timesOf(3).filter(ps => ps >= fromPs && ps < tags.at(-1)!.ps);
    t.deepEqual(document.counts, pairs(others, seen.filter(ps => ps >= fromPs), 700, 101, 50), `seed ${random.seed}, ${extra.join(' ')}`);
    t.like(document['virtual'] as object, { channels: { 1001: { kind: 'coincidence', channels: [1, 2], windowPs: 2000 }, 1002: { kind: 'delayed' } }, leadInPs: 2000, holdBackPs: 0 });
  }
  const { code, stdout, stderr } = await tagctl(['analyze', file, 'countrate', '--channels', '1001', ...made.slice(0, 2), '--delay', '2=0ps']);
  t.is(code, 0, stderr);
  t.regex(stdout, /virtual 1001 .*coincidence/);
});
