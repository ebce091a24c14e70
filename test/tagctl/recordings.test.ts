// test/tagctl/recordings.test.ts - `tagctl analyze` on a recording of a real instrument, figure by figure.
import test from 'ava';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordingsFolder } from '../support/recordings.ts';
import { tagctl } from './run.ts';

interface Expected {
  channels: Record<string, { tags: number }>;
  correlation_1_2_binwidth16_n20000: { total: number; argmax: number; max: number; sha256_int32le: string };
  correlation_1_2_binwidth1000_n401: { counts: number[] };
  histogram_click2_start1_binwidth500_n1000: { total: number; sha256_int32le: string };
}

const folder = recordingsFolder();
const file = join(folder ?? '', 'hydraharp-t2-hbt.ptu');
const onRecording = folder !== undefined && existsSync(file) ? test : test.skip;
const expected = (): Expected => JSON.parse(readFileSync(join(folder ?? '', 'hydraharp-t2-hbt.expected.json'), 'utf8')) as Expected;

async function counts(...args: string[]): Promise<number[]> {
  const { code, stdout, stderr } = await tagctl(['analyze', file, ...args, '--json']);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return (JSON.parse(stdout) as { counts: number[] }).counts;
}
const fineCorrelation = ['correlation', '--channels', '1,2', '--binwidth', '16ps', '--bins', '20000'];
const sha256 = (values: number[]): string => createHash('sha256').update(new Uint8Array(Int32Array.from(values).buffer)).digest('hex');
const total = (values: number[]): number => values.reduce((sum, value) => sum + value, 0);

for (const [blocks, kernel] of [['777', 'typescript'], ['16384', 'wasm']] as const) {
  onRecording(`recordings: tagctl analyze gives the expected figures with blocks of ${blocks} tags and ${kernel} kernels`, async t => {
    const want = expected();
    const how = ['--block-tags', blocks, '--kernel', kernel];
    const [rates, fine, coarse, histogram] = await Promise.all([
      counts('countrate', '--channels', '1,2', ...how),
      counts(...fineCorrelation, ...how),
      counts('correlation', '--channel1', '1', '--channel2', '2', '--binwidth', '1ns', '--bins', '401', ...how),
      counts('histogram', '--click', '2', '--start', '1', '--binwidth', '500ps', '--bins', '1000', ...how),
    ]);
    t.deepEqual(rates, [want.channels['1']?.tags, want.channels['2']?.tags]);
    const { correlation_1_2_binwidth16_n20000: wantFine, histogram_click2_start1_binwidth500_n1000: wantHistogram } = want;
    t.is(total(fine), wantFine.total);
    t.is(Math.max(...fine), wantFine.max);
    t.is(fine.indexOf(wantFine.max), wantFine.argmax);
    t.is(sha256(fine), wantFine.sha256_int32le);
    t.deepEqual(coarse, want.correlation_1_2_binwidth1000_n401.counts);
    t.is(total(histogram), wantHistogram.total);
    t.is(sha256(histogram), wantHistogram.sha256_int32le);
  });
}

onRecording('recordings: tagctl analyze gives the expected histogram with a block for every tag', async t => {
  t.is(sha256(await counts(...fineCorrelation, '--block-tags', '1')), expected().correlation_1_2_binwidth16_n20000.sha256_int32le);
});

onRecording('recordings: tagctl analyze pulsed-g2 finds the period, the missing peak and g2(0) of the pulsed source', async t => {
  const { code, stdout, stderr } = await tagctl(['analyze', file, 'pulsed-g2', '--channel1', '1', '--channel2', '2', '--zero', '-24ns', '--json']);
  t.is(code, 0, stderr);
  const got = JSON.parse(stdout) as Record<'g2' | 'g2Error' | 'g2Poisson' | 'g2PoissonError' | 'periodPs' | 'centrePs' | 'central' | 'side' | 'sideDeviation' | 'poisson', number>;
  const near = (value: number, expected: number, by: number): void => { t.true(Math.abs(value - expected) <= by, `${value} is not ${expected} +- ${by}`); };
  near(got.periodPs, 3128.15, 0.1);
  near(got.centrePs, -23_940, 10);
  t.is(got.central, 2);
  near(got.side, 488, 2);
  near(got.sideDeviation, 26, 1.5);
  near(got.poisson, 112, 0.5);
  near(got.g2, 0.0041, 0.000_05);
  near(got.g2Error, 0.0029, 0.000_05);
  near(got.g2Poisson, 0.018, 0.0005);
  near(got.g2PoissonError, 0.013, 0.0005);
});
