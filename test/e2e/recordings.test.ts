// test/e2e/recordings.test.ts - a real recording through daemon, ring, worker, RPC and client, against figures that were
// computed independently. Every figure of the expectation, at three block sizes.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { connect } from '../../app/client/index.ts';
import { startDaemon } from '../support/daemon.ts';
import { recordingsFolder } from '../support/recordings.ts';

interface Expected {
  overflowRecords: number;
  channels: Record<'1' | '2', { tags: number; firstPs: number; lastPs: number }>;
  correlation_1_2_binwidth16_n20000: { total: number; argmax: number; max: number; sha256_int32le: string; first20: number[]; centre20: number[] };
  correlation_1_2_binwidth1000_n401: { counts: number[] };
  histogram_click2_start1_binwidth500_n1000: { total: number; sha256_int32le: string; first20: number[] };
  pairs_within_1000ps: number;
}

const folder = recordingsFolder();
const name = 'hydraharp-t2-hbt';

/** The hash in the expectation is over little-endian int32. */
const sha256 = (counts: ArrayLike<number>): string =>
  createHash('sha256').update(new Uint8Array(Int32Array.from(counts).buffer)).digest('hex');
const sum = (counts: ArrayLike<number>): number => Array.from(counts).reduce((total, count) => total + count, 0);

if (folder !== undefined) {
  const expected = JSON.parse(readFileSync(join(folder, `${name}.expected.json`), 'utf8')) as Expected;
  for (const blockTags of [1, 777, 16384]) {
    test(`recordings: ${name} through daemon and client, blocks of ${blockTags} tags`, async t => {
      const config = join(mkdtempSync(join(tmpdir(), 'tagd-')), 'tagd.toml');
      writeFileSync(config, `[tagger]\nblock_tags = ${blockTags}\nring_blocks = 16\n`);
      await using daemon = await startDaemon(['--tagger', `replay:${join(folder, `${name}.ptu`)}`], { config });
      await using session = await connect(daemon.link);
      const tagger = await session.tagger();
      const [fine, coarse, histogram, rate, counter, near] = await tagger.measureTogether([
        { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs: 16, bins: 20000 } },
        { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs: 1000, bins: 401 } },
        { name: 'histogram', config: { click: 2, start: 1, binwidthPs: 500, bins: 1000 } },
        { name: 'countrate', config: { channels: [1, 2] } },
        { name: 'counter', config: { channels: [1, 2], binwidthPs: 1e9, values: 2000 } },
        { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs: 1, bins: 2001 } },
      ]);
      t.true(await rate.waitUntilFinished(60_000), 'the recording came to its end');
      t.false(await fine.isRunning());

      const { value, info } = await fine.read('getData');
      const want = expected.correlation_1_2_binwidth16_n20000;
      t.is(sum(value), want.total);
      t.is(value.indexOf(want.max), want.argmax);
      t.is(sha256(value), want.sha256_int32le);
      t.deepEqual([...value.subarray(0, 20)], want.first20);
      t.deepEqual([...value.subarray(9990, 10010)], want.centre20);
      t.is((await fine.getIndex())[10_000], 0);
      t.deepEqual([...await coarse.getData()], expected.correlation_1_2_binwidth1000_n401.counts);
      const wantHistogram = expected.histogram_click2_start1_binwidth500_n1000;
      const counts = await histogram.getData();
      t.is(sum(counts), wantHistogram.total);
      t.is(sha256(counts), wantHistogram.sha256_int32le);
      t.deepEqual([...counts.subarray(0, 20)], wantHistogram.first20);
      t.is(sum(await near.getData()), expected.pairs_within_1000ps, '2001 bins of 1 ps are all pairs with |d| <= 1000 ps');

      t.deepEqual([...await rate.getCountsTotal()], [expected.channels[1].tags, expected.channels[2].tags]);
      t.is(info.tags, expected.channels[1].tags + expected.channels[2].tags);
      t.deepEqual([...await counter.getDataTotalCounts()], [expected.channels[1].tags, expected.channels[2].tags]);
      t.is(info.lossGrade, 'none');
      t.deepEqual(info.missedTags, [null, null], 'a recording does not say what its instrument missed');
      t.true(info.ended);
      // The stream is known to be complete up to its last record; a second less the rest of one overflow period.
      t.true(info.liveTimePs >= expected.channels[1].lastPs && info.liveTimePs <= 1.001e12, String(info.liveTimePs));
      const rates = await rate.getData();
      t.true(Math.abs((rates[0] as number) - expected.channels[1].tags / (info.liveTimePs * 1e-12)) < 1e-6);
    });
  }
} else test('recordings are looked for', t => { t.is(folder, undefined); });
