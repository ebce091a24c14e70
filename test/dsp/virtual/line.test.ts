// test/dsp/virtual/line.test.ts - virtual channels through a whole line: blocks, losses, epochs, rebases, two views at once.
import test, { type ExecutionContext } from 'ava';
import { checkVirtual, virtualNumbers, type VirtualChannels } from '../../../app/core/virtual.ts';
import type { MeasurementPort } from '../../../app/core/station.ts';
import { Random } from '../../support/random.ts';
import { countsIn, correlationOf, cut, delayed, liveIn, randomActs, truthOf, type Stretch } from '../support/scenario.ts';
import { ScriptedLine, type Act } from '../support/script.ts';
import { viewed } from './oracle.ts';

const physical = [1, 2, 3, 4];

/** Stretches by channel index, delayed first and then with virtual channels. */
function seen(stretches: readonly Stretch[], delaysPs: readonly number[], definitions: VirtualChannels): { stretches: Stretch[]; indexOf: (channel: number) => number } {
  const virtual = checkVirtual(definitions, physical), numbers = [...physical, ...virtualNumbers(virtual)];
  const indexOf = (channel: number): number => numbers.indexOf(channel);
  // Only the ring itself also has the tags of the very moment in which a stretch ends.
  if (virtual.length === 0) return { stretches: [...stretches], indexOf };
  const moved = delayed(stretches, delaysPs).map(({ tags, fromPs, toPs }) => viewed({ tags: tags.map(({ t, channel }) => ({ timePs: t, channel: channel + 1 })), fromPs, toPs }, virtual, indexOf));
  return {
    stretches: moved.filter(stretch => stretch !== undefined).map(({ tags, fromPs, toPs }) => ({ tags: tags.map(({ timePs, channel }) => ({ t: timePs, channel: indexOf(channel) })), fromPs, toPs })),
    indexOf,
  };
}

/** From the first moment at or after `fromPs` on; later steps back in time are not cut. */
function from(stretches: readonly Stretch[], fromPs: bigint): Stretch[] {
  const first = stretches.findIndex(({ toPs }) => toPs > fromPs);
  return [...cut([stretches[first]!], fromPs, 2n ** 65n), ...stretches.slice(first + 1)];
}

const nested: VirtualChannels = {
  1001: { kind: 'coincidence', channels: [1, 2], windowPs: 700, timestamp: 'average' },
  1002: { kind: 'combiner', channels: [1001, 3] },
  1003: { kind: 'gated', channel: 1002, gateStart: 4, gateStop: 1 },
  1004: { kind: 'delayed', channel: 1002, delayPs: -1500 },
  1005: { kind: 'combinations', channels: [1, 3, 4], windowPs: 300 },
};
const other: VirtualChannels = { 1001: { kind: 'delayed', channel: 2, delayPs: 2500 }, 1002: { kind: 'coincidences', groups: [[1, 3], [1001, 4]], windowPs: 900, timestamp: 'last' } };

async function counts(port: MeasurementPort): Promise<number[]> { return Array.from((await port.read('getCountsReceived')).value as Uint32Array, Number); }

async function check(
  t: ExecutionContext, ports: readonly MeasurementPort[], channels: number[], stretches: readonly Stretch[], delaysPs: readonly number[], definitions: VirtualChannels, message: string, fromPs?: bigint,
): Promise<void> {
  const [rate, pairs] = ports as [MeasurementPort, MeasurementPort];
  const view = seen(stretches, delaysPs, definitions);
  if (fromPs !== undefined) view.stretches = from(view.stretches, fromPs);
  for (const port of ports) t.true(await port.waitUntilFinished(), message);
  t.deepEqual(await counts(rate), countsIn(view.stretches, channels.map(view.indexOf)), message);
  t.is((await rate.account()).liveTimePs, liveIn(view.stretches), message);
  t.deepEqual(Array.from((await pairs.read('getData')).value as Uint32Array, Number), correlationOf(view.stretches, view.indexOf(channels[0]!), view.indexOf(channels.at(-1)!), 100, 51), message);
}

for (const maxBlockTags of [1, 777, 16384]) {
  test(`two clients have delays and virtual channels of their own on the same inputs, in blocks of ${maxBlockTags} tags`, async t => {
    for (const [seed, startPs] of [[1, 0n], [2, 2n ** 63n - 2n ** 40n - 30_000n], [3, 0n]] as const) {
      const random = new Random(seed), acts = randomActs(random, { startPs }), { stretches } = truthOf(acts);
      const delaysPs = [random.integer(-800, 800), 0, 0, random.integer(-800, 800)];
      await using scripted = await ScriptedLine.open({ acts, source: 'waitable' }, { maxBlockTags });
      const requests = (channels: number[]): Parameters<typeof scripted.line.createMeasurements>[0] => [
        { name: 'countrate', config: { channels } }, { name: 'correlation', config: { channel1: channels[0], channel2: channels.at(-1), binwidthPs: 100, bins: 51 } },
      ];
      const mine = [1001, 1, 1003, 1004, 1005, 1007, 1011], theirs = [2, 1001, 1002, 1003], plain = [1, 2, 3];
      const ports = [
        await scripted.line.createMeasurements(requests(mine), { start: false, delaysPs: { 1: delaysPs[0]!, 4: delaysPs[3]! }, virtual: nested }),
        await scripted.line.createMeasurements(requests(theirs), { start: false, virtual: other }),
        await scripted.line.createMeasurements(requests(plain), { start: false }),
      ] as const;
      await scripted.line.group(ports.flat()).start().catch(t.fail);
      // All of a group begin together, where the last of them can.
      const fromPs = stretches[0]!.fromPs + BigInt(Math.max(2500 + 900, Math.max(0, ...delaysPs) + 700));
      await check(t, ports[0], mine, stretches, delaysPs, nested, `seed ${seed}, nested`, fromPs);
      await check(t, ports[1], theirs, stretches, [], other, `seed ${seed}, other`, fromPs);
      await check(t, ports[2], plain, stretches, [], {}, `seed ${seed}, plain`, fromPs);
    }
  });
}

test('a view alone is what its definitions say, with losses of every grade between', async t => {
  for (const seed of [11, 12, 13, 14]) {
    const acts = randomActs(new Random(seed)), { stretches, lostIntervals, epochs } = truthOf(acts);
    await using scripted = await ScriptedLine.open({ acts, source: 'waitable' }, { maxBlockTags: 50, kernel: seed % 2 === 0 ? 'wasm' : 'typescript' });
    const channels = [2, 1001, 1002, 1003];
    const ports = await scripted.line.createMeasurements([
      { name: 'countrate', config: { channels } }, { name: 'correlation', config: { channel1: 2, channel2: 1003, binwidthPs: 100, bins: 51 } },
    ], { virtual: other });
    await check(t, ports, channels, stretches, [], other, `seed ${seed}`);
    const { info } = await ports[0]!.read('getData');
    t.is(info.epochs, epochs, `seed ${seed}`);
    t.true(info.lostIntervals <= lostIntervals && (lostIntervals === 0 || info.missedTags.every(missed => missed === null)), `seed ${seed}: what a loss took of a virtual channel is not known`);
    t.deepEqual(info.virtual, { channels: { 1001: other[1001]!, 1002: other[1002]! }, leadInPs: 2500 + 900, holdBackPs: 0 });
    t.deepEqual(info.delays.map(({ channel }) => channel).sort(), [1, 2, 3, 4], 'the inputs it is made of');
  }
});

test('equal views are made once, whatever their channels are called, and given back with the last', async t => {
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }], source: 'waitable' });
  const before = scripted.line.usedBytes;
  const create = async (number: number): Promise<MeasurementPort> => {
    const virtual: VirtualChannels = { [number]: { kind: 'coincidence', channels: [1, 2], windowPs: 5 } };
    return (await scripted.line.createMeasurements([{ name: 'countrate', config: { channels: [number] } }], { virtual, start: false }))[0]!;
  };
  const first = await create(1001), one = scripted.line.usedBytes - before;
  const second = await create(2002), two = scripted.line.usedBytes - before - one;
  t.true(one > 1e6 && two < 20_000, `${one} and ${two} bytes`);
  for (const port of [first, second]) port.dispose();
  await scripted.line.createMeasurements([{ name: 'countrate', config: { channels: [1] } }]);
  while (scripted.line.usedBytes > before + 20_000) await new Promise(resolve => { setImmediate(resolve); });
  t.pass();
});

test('a change of settings of an input concerns what is made of it, as late as its tags', async t => {
  const tags = (fromPs: number): Act => ({ do: 'tags', tags: { timesPs: [0, 1, 2, 3].map(i => BigInt(fromPs + i * 1000)), channels: [0, 1, 0, 1] } });
  const acts: Act[] = [tags(0), tags(10_000), { do: 'settings', atPs: 13_500n, revision: 1, channels: [0] }, tags(20_000), { do: 'heartbeat', timePs: 100_000n }];
  await using scripted = await ScriptedLine.open({ acts, source: 'waitable' });
  const virtual: VirtualChannels = { 1001: { kind: 'combiner', channels: [1] }, 1002: { kind: 'delayed', channel: 1001, delayPs: 6000 }, 1003: { kind: 'combiner', channels: [2] } };
  const ports = await scripted.line.createMeasurements([1001, 1002, 1003].map(channel => ({ name: 'countrate' as const, config: { channels: [channel] } })), { virtual, onSettingsChange: 'stop' });
  for (const port of ports) await port.waitUntilFinished();
  const accounts = await Promise.all(ports.map(port => port.account()));
  t.deepEqual(accounts.map(({ stoppedBy }) => stoppedBy), ['settings', 'settings', undefined]);
  // The view begins at 6000, as late as its latest tags; a change is marked behind the last tag before it.
  t.deepEqual(await Promise.all(ports.map(counts)), [[2], [4], [4]]);
  t.deepEqual(accounts.map(({ stopPs }) => stopPs).slice(0, 2), [13_001n, 19_001n]);
});

test('more tags than a view has room for are a lost interval that says so', async t => {
  const comb: Act = { do: 'comb', fromPs: 0n, stepPs: 1, count: 200_000 };
  await using scripted = await ScriptedLine.open({ acts: [comb, { do: 'heartbeat', timePs: 10n ** 6n }], source: 'waitable' });
  const virtual: VirtualChannels = { 1001: { kind: 'coincidence', channels: [1, 2], windowPs: 100_000, consume: false } };
  const [port] = await scripted.line.createMeasurements([{ name: 'countrate', config: { channels: [1001, 1] } }], { virtual });
  await port!.waitUntilFinished();
  const { info } = await port!.read('getData');
  t.true(info.lostIntervals > 0);
  t.is(info.lossGrade, 'flagged');
});
