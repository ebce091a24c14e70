// test/tagctl/frequency.test.ts - `tagctl analyze` of clocks and pulses on a recording made here, against direct sums.
import test from 'ava';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ptuFile } from '../support/ptu.ts';
import { Random } from '../support/random.ts';
import { emptyFolder, tagctl } from './run.ts';

const random = new Random(4), clock: number[] = [], pulses: { ps: number; channel: number }[] = [];
for (let i = 0; i < 20_000; i++) {
  clock.push(1_000_000 * (i + 1) + random.integer(0, 300));
  if (i % 1000 === 0) pulses.push({ ps: clock[i]! + 40_000, channel: 2 }, ...(i === 7000 ? [] : [{ ps: clock[i]! + 40_000 + i, channel: 3 }]));
}
const tags = [...clock.map(ps => ({ ps, channel: 1 })), ...pulses].sort((a, b) => a.ps - b.ps || a.channel - b.channel);
const file = join(emptyFolder(), 'clock.ptu');
writeFileSync(file, ptuFile(tags.map(({ ps }) => ps), tags.map(({ channel }) => channel - 1), { header: { HW_InpChannels: 3 } }));

async function analyze(...args: string[]): Promise<Record<string, (number | null)[] & number>> {
  const { code, stdout, stderr } = await tagctl(['analyze', file, ...args, '--json']);
  if (code !== 0 || stderr !== '') throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, (number | null)[] & number>;
}

test('analyze frequency-stability gives the Allan deviation of the file, and plots it', async t => {
  const { tauS, adev, phaseS } = await analyze('frequency-stability', '--channel', '1', '--steps', '1,10', '--average', '1', '--trace-length', '50');
  const meanPs = (clock.at(-1)! - clock[0]!) / (clock.length - 1);
  [1, 10].forEach((m, i) => {
    const second = clock.slice(2 * m).map((ps, k) => ps - 2 * clock[k + m]! + clock[k]!), sum = second.reduce((total, value) => total + value * value, 0);
    t.true(Math.abs(adev![i]! / (Math.sqrt(sum / 2 / second.length) / (m * meanPs)) - 1) < 1e-12);
    t.true(Math.abs(tauS![i]! / (m * meanPs * 1e-12) - 1) < 1e-12);
  });
  t.is(phaseS!.length, 50);
  const { stdout } = await tagctl(['analyze', file, 'frequency-stability', '--channel', '1', '--steps', '1,10,100', '--plot']);
  t.regex(stdout, /Allan deviation, log/);
});

test('analyze frequency-counter finds the frequency in every window', async t => {
  const said = await analyze('frequency-counter', '--channels', '1', '--sampling-interval', '1ms', '--fitting-window', '1ms');
  const frequencyHz = [...said['frequencyHz']!].flat(), instantaneousHz = [...said['instantaneousHz']!].flat();
  t.is(said['indexPs']!.length, 20);
  t.is(frequencyHz[0], null);
  t.true(frequencyHz.slice(1).every(value => Math.abs(value! - 1e6) < 1) && instantaneousHz.every(value => Math.abs(value! - 1e6) < 1));
  const refused = await tagctl(['analyze', file, 'frequency-counter', '--channels', '1', '--sampling-interval', '1ms', '--fitting-window', '2ms']);
  t.not(refused.code, 0);
  t.regex(refused.stderr, /longer than/);
});

test('analyze pulse-per-second-monitor has a row per reference, and a gap where a pulse is missing', async t => {
  const { offsetsPs, status, row } = await analyze('pulse-per-second-monitor', '--reference', '2', '--signals', '3', '--period', '1ms');
  t.deepEqual([...row!], Array.from({ length: 20 }, (_, i) => i));
  t.deepEqual([...offsetsPs!].flat(), Array.from({ length: 20 }, (_, i) => (i === 7 ? null : 1000 * i)));
  t.deepEqual([...status!], Array.from({ length: 20 }, (_, i) => (i === 7 ? 0 : 1)));
});

test('analyze phase-noise knows the jitter of the file', async t => {
  const { jitterS, carrierHz, noiseDbc } = await analyze('phase-noise', '--channel', '1', '--samples', '512');
  t.true(Math.abs(jitterS! / (300e-12 / Math.sqrt(12)) - 1) < 0.05 && Math.abs(carrierHz! - 1e6) < 1);
  t.is(noiseDbc!.length, 256);
  const refused = await tagctl(['analyze', file, 'phase-noise', '--channel', '1', '--samples', '500']);
  t.regex(refused.stderr, /no power of two/);
});
