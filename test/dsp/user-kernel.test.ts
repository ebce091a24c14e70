// test/dsp/user-kernel.test.ts - a user's module in a thread of its own: the right tags, and harm to nobody but itself.
import test from 'ava';
import type { TaggerError } from '../../app/core/errors.ts';
import { limits } from '../../app/core/limits.ts';
import type { MeasurementPort } from '../../app/core/station.ts';
import { testKernels } from '../support/kernels.ts';
import { Random } from '../support/random.ts';
import { delayed, randomActs, truthOf } from './support/scenario.ts';
import { ScriptedLine, type Act, type Script } from './support/script.ts';

const kernel = (module: string, channels: number[], given: number[] = []) => ({ name: 'userKernel' as const, config: { module, channels, arguments: given } });
const countrate = { name: 'countrate' as const, config: { channels: [1, 2] } };
const open = (script: Script, options: Parameters<typeof ScriptedLine.open>[1] = {}) => ScriptedLine.open(script, { kernelModule: testKernels, ...options });

async function valuesOf(port: MeasurementPort): Promise<number[]> {
  return Array.from((await port.read('getData')).value as Float64Array);
}

test('a kernel is handed every tag of its channels once, in order, and told of every gap', async t => {
  for (let seed = 0; seed < 8; seed++) {
    const random = new Random(seed), acts = randomActs(random, { startPs: random.pick([0n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 2n ** 40n - 100_000n]) });
    const delaysPs: Record<number, number> = random.chance(0.5) ? {} : { 2: 5000 };
    await using scripted = await open({ acts, source: 'waitable' }, { ringSlots: 16, maxBlockTags: random.pick([1, 7, 100, 16384]), kernel: random.pick(['wasm', 'typescript'] as const) });
    const [port] = await scripted.line.createMeasurements([kernel('tally', [2, 1], [5, 8.5])], { delaysPs });
    await port!.waitUntilFinished();
    const { stretches } = truthOf(acts), seen = delaysPs[2] === undefined ? stretches : delayed(stretches, [0, delaysPs[2], 0, 0]);
    const own = seen.flatMap(({ tags }) => tags).filter(({ channel }) => channel < 2);
    const values = await valuesOf(port!), info = await port!.account(), note = `seed ${seed}`;
    t.deepEqual(values.slice(0, 2), [1, 0].map(channel => own.filter(tag => tag.channel === channel).length), note);
    t.is(info.tags, own.length, note);
    t.is(values[7], 8.5, note);
    const originPs = seen[0]?.fromPs ?? 0n;
    const sum = own.reduce((all, tag) => (all + tag.t - originPs) & 0xffffffffffn, 0n);
    if (info.epochs === 0 && info.disorder === 0 && !acts.some(act => act.do === 'slip')) t.is(values[3], Number(sum), note);
    t.true(values[5]! >= stretches.length - 1, note);
  }
});

test('a kernel that traps, aborts or misplaces its results fails alone, with the reason', async t => {
  const acts: Act[] = [{ do: 'heartbeat', timePs: 0n }, { do: 'comb', fromPs: 1000n, stepPs: 1000, count: 100_000 }];
  const reasons = { traps: /process\(\) failed: unreachable/, aborts: /process\(\) failed: the kernel called abort/, misplaces: /results\(\) is no place/ } as const;
  for (const [name, reason] of Object.entries(reasons)) {
    await using scripted = await open({ acts, source: 'waitable' });
    const [bad, good] = await scripted.line.createMeasurements([kernel(name, [1]), countrate]) as [MeasurementPort, MeasurementPort];
    await good.waitUntilFinished();
    const error = await t.throwsAsync(bad.read('getData'), { message: reason }) as TaggerError | undefined;
    t.is(error?.code, 'usage');
    t.is((await good.account()).tags, 100_000);
    t.is((await good.account()).lossGrade, 'none');
  }
});

test('a kernel that loops is ended with its thread: a recording goes on, others lose nothing, its place is free again', async t => {
  const acts: Act[] = [{ do: 'heartbeat', timePs: 0n }, { do: 'comb', fromPs: 1000n, stepPs: 1000, count: 300_000 }];
  await using scripted = await open({ acts, source: 'waitable' });
  const [looping, stuck, good] = await scripted.line.createMeasurements([kernel('loops', [1]), kernel('loopsAtClear', [1]), countrate]) as MeasurementPort[];
  // A command that is under way when the thread is ended is told why.
  const told = t.throwsAsync((async () => { for (;;) await looping!.clear(); })(), { code: 'timeout' });
  await Promise.all([looping, stuck, good].map(port => port!.waitUntilFinished()));
  await told;
  for (const port of [looping!, stuck!]) {
    const error = await t.throwsAsync(port.read('getData'), { message: /was ended: a call did not return within 2 s/ }) as TaggerError | undefined;
    t.is(error?.code, 'timeout');
  }
  t.is((await good!.account()).tags, 300_000);
  t.is((await good!.account()).lossGrade, 'none');
  const before = scripted.line.usedBytes;
  looping!.dispose();
  stuck!.dispose();
  while (scripted.line.usedBytes === before) await new Promise(resolve => { setImmediate(resolve); });
  const again = await scripted.line.createMeasurements(Array.from({ length: limits.kernelsRunning }, () => kernel('tally', [1])), { start: false });
  const error = await t.throwsAsync(scripted.line.createMeasurements([kernel('tally', [1])]), { message: /4 run on this tagger/ }) as TaggerError | undefined;
  t.is(error?.code, 'limit');
  for (const port of again) port.dispose();
});

test('a kernel too slow for a live source has gaps of its own, and nobody else has them', async t => {
  const pieces = 30, each = 1024;
  const acts: Act[] = Array.from({ length: pieces }, (_, i): Act[] => [{ do: 'gate', name: String(i) }, { do: 'comb', fromPs: BigInt(1000 + i * each * 1000), stepPs: 1000, count: each }]).flat();
  await using scripted = await open({ acts: [{ do: 'heartbeat', timePs: 0n }, ...acts], source: 'live' }, { ringSlots: 16, maxBlockTags: 256 });
  const { line } = scripted;
  const [slow, good] = await line.createMeasurements([kernel('slow', [1]), countrate]) as [MeasurementPort, MeasurementPort];
  await scripted.reached('0');
  // Both have begun: what the kernel is too late for from now on is its own loss.
  t.true(await line.waitForFence(line.getFence()));
  for (let i = 0; i < pieces; i++) {
    scripted.open(String(i));
    // The next piece comes as soon as the other one has this; the kernel needs a hundred times as long for it.
    while ((await good.account()).tags < (i + 1) * each);
  }
  await Promise.all([slow, good].map(port => port.waitUntilFinished()));
  t.like(await good.account(), { tags: pieces * each, lossGrade: 'none', lostIntervals: 0 });
  const info = await slow.account();
  t.is(info.lossGrade, 'counted');
  t.true(info.tags > 0 && info.lostIntervals > 0);
  t.is(info.tags + (info.missedTags[0] ?? NaN), pieces * each / 2, 'received and missed are all of them');
});

test('without a store there are no kernels, and an unknown one is named', async t => {
  await using scripted = await ScriptedLine.open({ acts: [] });
  await t.throwsAsync(scripted.line.createMeasurements([kernel('tally', [1])]), { message: /not available here/ });
});
