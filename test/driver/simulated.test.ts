// test/driver/simulated.test.ts - the simulated tagger is physics: rates, pairs, dead time and losses come out as they went in.
import test from 'ava';
import { isTaggerError } from '../../app/core/errors.ts';
import type { SimulatedOptions } from '../../app/core/tagger.ts';
import { openSimulated } from '../../app/driver/simulated/driver.ts';
import { testSignalPeriodPs, triggeredFraction } from '../../app/driver/simulated/inputs.ts';
import { Generator, Poisson } from '../../app/driver/simulated/random.ts';
import { Slice } from '../../app/driver/simulated/slice.ts';
import { Random } from '../support/random.ts';
import { FakeSink } from '../support/fake-sink.ts';

const never = new AbortController().signal;

/** Times by channel number, as doubles: short streams from time 0. */
async function stream(options: SimulatedOptions, change: Record<number, Record<string, number | boolean>> = {}): Promise<{ times: number[][]; sink: FakeSink }> {
  await using tagger = openSimulated({ pace: 'unpaced', ...options });
  await tagger.configure({ channels: change });
  const sink = new FakeSink();
  await tagger.run(sink, never);
  const times: number[][] = Array.from({ length: 17 }, () => []);
  const { timesPs, channels } = sink;
  for (let i = 0; i < timesPs.length; i++) times[channels[i]! + 1]!.push(Number(timesPs[i]));
  return { times, sink };
}

/** Within five standard deviations of a count with this expectation. */
function near(count: number, expected: number, variance = expected): boolean { return Math.abs(count - expected) <= 5 * Math.sqrt(variance) + 1e-9; }

/** deepEqual() of AVA takes minutes to print how two long lists differ. */
function same(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((each, i) => each === b[i]);
}

test('Poisson: rate, independence of halves and exponential gaps within 5 sigma', async t => {
  for (const seed of [1, 2, 3]) {
    const rateHz = 2e6, { times } = await stream({ seed, durationPs: 1e11, signals: [{ kind: 'poisson', channel: 1, rateHz }] });
    const clicks = times[1]!;
    t.true(near(clicks.length, rateHz * 0.1), `seed ${seed}: ${clicks.length} clicks`);
    t.true(near(clicks.filter(time => time < 5e10).length, rateHz * 0.05), `seed ${seed}: first half`);
    const gaps = clicks.slice(1).map((time, i) => time - clicks[i]!);
    for (const [k, reach] of [[1, 0.1], [2, 1], [3, 3]] as const) {
      const p = Math.exp(-reach), longer = gaps.filter(gap => gap > reach * 1e12 / rateHz).length;
      t.true(near(longer, gaps.length * p, gaps.length * p * (1 - p)), `seed ${seed}: gaps ${k}: ${longer / gaps.length} instead of ${p}`);
    }
  }
});

test('Poisson counts have the right mean and variance, from 0.01 to 100,000', t => {
  for (const mean of [0, 0.01, 0.7, 4, 30, 1000, 1e5]) {
    const poisson = new Poisson(mean), generator = new Generator(7, 1), n = 4000;
    let sum = 0, squares = 0;
    for (let i = 0; i < n; i++) {
      const k = poisson.draw(generator);
      sum += k;
      squares += (k - mean) ** 2;
    }
    t.true(near(sum, n * mean), `mean ${mean}: ${sum / n}`);
    // The variance of a squared deviation is 2 mean^2 + mean.
    t.true(near(squares, n * mean, n * (2 * mean * mean + mean)), `variance of ${mean}: ${squares / n}`);
  }
});

test('pairs: efficiency, correlated fraction, delay and jitter', async t => {
  const efficiency = 0.4, rateHz = 5e5, seconds = 0.2, delay = 12_345;
  for (const seed of [1, 2]) {
    const { times } = await stream({ seed, durationPs: seconds * 1e12, signals: [{ kind: 'pairs', channels: [1, 2], rateHz, efficiency, jitterPs: 100, delayPs: [0, delay] }] });
    const [, one = [], two = []] = times, mothers = rateHz * seconds;
    t.true(near(one.length, mothers * efficiency) && near(two.length, mothers * efficiency), `seed ${seed}: singles ${one.length}, ${two.length}`);
    const differences: number[] = [];
    for (let i = 0, k = 0; i < one.length; i++) {
      while (k < two.length && two[k]! < one[i]! + delay - 1500) k++;
      if (k < two.length && two[k]! < one[i]! + delay + 1500) differences.push(two[k]! - one[i]!);
    }
    const accidental = one.length * two.length / (seconds * 1e12) * 3000;
    t.true(near(differences.length, mothers * efficiency ** 2 + accidental), `seed ${seed}: ${differences.length} coincidences`);
    const mean = differences.reduce((sum, each) => sum + each, 0) / differences.length;
    const sigma = Math.sqrt(differences.reduce((sum, each) => sum + (each - mean) ** 2, 0) / differences.length);
    t.true(Math.abs(mean - delay) < 5 * 160 / Math.sqrt(differences.length), `seed ${seed}: delay ${mean}`);
    // Two jitters of 100 ps, and a few accidental coincidences spread over 3 ns.
    t.true(sigma > 135 && sigma < 175, `seed ${seed}: jitter ${sigma}`);
  }
});

test('periodic: exact without jitter, from its phase on, over slices and beyond 2^53 ps', async t => {
  const periodPs = 1_000_003, phasePs = 17;
  const { times } = await stream({ durationPs: 2e10, signals: [{ kind: 'periodic', channel: 3, periodPs, phasePs }] });
  t.is(times[3]!.length, Math.floor((2e10 - 1 - phasePs) / periodPs) + 1);
  t.true(times[3]!.every((time, i) => time === phasePs + i * periodPs));

  const startPs = 2n ** 63n - 10n ** 9n;
  await using tagger = openSimulated({ pace: 'unpaced', durationPs: 2e9, startPs: String(startPs), signals: [{ kind: 'periodic', channel: 1, periodPs: 1e6 }] });
  const sink = new FakeSink();
  await tagger.run(sink, never);
  t.true(sink.timesPs.every((timePs, i) => timePs === BigInt.asIntN(64, startPs + BigInt(i) * 1_000_000n)), 'modulo 2^64');
  t.is(sink.tags, 2000);
});

test('pulsed: each channel clicks with its probability near its pulses', async t => {
  const periodPs = 12_500, probability = 0.1, jitterPs = 200, durationPs = 1e10;
  const { times } = await stream({ durationPs, signals: [{ kind: 'pulsed', channels: [1, 2], periodPs, probability, jitterPs, delayPs: [0, 4000] }] });
  const pulses = durationPs / periodPs;
  for (const [channel, delay] of [[1, 0], [2, 4000]] as const) {
    const clicks = times[channel]!;
    t.true(near(clicks.length, pulses * probability, pulses * probability * (1 - probability)), `channel ${channel}: ${clicks.length}`);
    const phases = clicks.map(time => ((time - delay + periodPs / 2) % periodPs + periodPs) % periodPs - periodPs / 2);
    t.true(phases.every(phase => Math.abs(phase) <= 6 * jitterPs + 1));
    t.true(near(phases.filter(phase => Math.abs(phase) < jitterPs).length, clicks.length * 0.6827, clicks.length * 0.6827 * 0.3173), 'one sigma holds 68 %');
  }
});

test('dead time: no two clicks are closer, and the rate is r / (1 + r tau)', async t => {
  const rateHz = 4e6, deadTimePs = 78_000, durationPs = 1e11;
  const { times } = await stream({ durationPs, deadTimePs, signals: [{ kind: 'poisson', channel: 1, rateHz }] });
  const clicks = times[1]!, x = rateHz * deadTimePs * 1e-12;
  t.true(clicks.every((time, i) => i === 0 || time - clicks[i - 1]! >= deadTimePs));
  t.true(near(clicks.length, rateHz * 0.1 / (1 + x), rateHz * 0.1 / (1 + x) ** 3), `${clicks.length}`);
});

test('settings do to the tags what they say', async t => {
  const options: SimulatedOptions = { durationPs: 3e10, signals: [1, 2].map(channel => ({ kind: 'poisson', channel, rateHz: 1e6 })) };
  const plain = await stream(options);

  const divided = await stream(options, { 1: { eventDivider: 10 } });
  t.true(same(divided.times[1], plain.times[1]!.filter((_, i) => i % 10 === 9)));
  t.true(same(divided.times[2], plain.times[2]), 'the other channel is as before');

  const held = await stream(options, { 1: { deadTimePs: 1_000_000 } });
  const oracle: number[] = [];
  for (const time of plain.times[1]!) if (oracle.length === 0 || time - oracle.at(-1)! >= 1_000_000) oracle.push(time);
  t.true(same(held.times[1], oracle), 'non-extending');

  const pairs: SimulatedOptions = { durationPs: 3e10, signals: [{ kind: 'pairs', channels: [1, 2], rateHz: 1e6, jitterPs: 100 }] };
  const prompt = await stream(pairs), delayed = await stream(pairs, { 2: { inputDelayPs: 5_000_000 } });
  t.true(same(delayed.times[1], prompt.times[1]));
  t.true(same(delayed.times[2]!.filter(time => time >= 5_000_000), prompt.times[2]!.map(time => time + 5_000_000).filter(time => time < 3e10)));

  const tested = await stream(options, { 2: { testSignal: true } });
  t.true(same(tested.times[1], plain.times[1]));
  t.is(Math.round(tested.times[2]!.length / 0.03 / 1e4), 84, 'about 845 kHz');
  t.true(tested.times[2]!.slice(1).every((time, i) => Math.abs(time - tested.times[2]![i]! - testSignalPeriodPs) < 250), 'and periodic');
});

test('a trigger level within the pulse heights loses that part of the clicks, one above loses all', async t => {
  t.is(triggeredFraction(0.5), 1);
  t.is(triggeredFraction(1), 0.5);
  for (const levelV of [0.25, 0.8, 1, 1.3, 2, 0, -0.5]) {
    const { times } = await stream({ durationPs: 3e10, signals: [{ kind: 'poisson', channel: 1, rateHz: 1e6 }] }, { 1: { triggerLevelV: levelV } });
    const expected = 3e4 * triggeredFraction(levelV);
    t.true(near(times[1]!.length, expected), `${levelV} V: ${times[1]!.length} instead of ${expected}`);
  }
  for (let levelV = 0.01; levelV < 2; levelV += 0.01) t.true(triggeredFraction(levelV) >= triggeredFraction(levelV + 0.01), 'a higher level never lets more through');
});

test('a change while it runs resolves where it takes effect', async t => {
  for (const pace of ['unpaced', 'live'] as const) {
    await using tagger = openSimulated({ pace, signals: [{ kind: 'poisson', channel: 1, rateHz: 1e6 }, { kind: 'poisson', channel: 2, rateHz: 1e6 }] });
    const control = new AbortController(), sink = new FakeSink();
    const running = tagger.run(sink, control.signal);
    while (sink.tags === 0) await new Promise(resolve => { setImmediate(resolve); });
    await tagger.configure({ channels: { 2: { testSignal: true }, 1: { triggerLevelV: 2 } } });
    const before = sink.tags, border = sink.markers.at(-1)!;
    while (sink.tags < before + 10_000) await new Promise(resolve => { setImmediate(resolve); });
    control.abort();
    await running;
    t.is(border.kind, 'heartbeat');
    t.true(border.kind === 'heartbeat' && sink.timesPs[before]! >= border.atPs && sink.timesPs[before - 1]! < border.atPs);
    t.true(sink.channels.subarray(0, before).includes(0));
    t.false(sink.channels.subarray(before).includes(0), `${pace}: channel 1 is dark from there on`);
  }
});

test('switching the test signal while it runs leaves nothing of it behind', async t => {
  await using tagger = openSimulated({ pace: 'unpaced', signals: [{ kind: 'poisson', channel: 1, rateHz: 1000 }] });
  const sink = new FakeSink({ stopAfter: 50_000 });
  const running = tagger.run(sink, never);
  let switched = 0;
  for (let testSignal = true; !sink.stopped; testSignal = !testSignal) {
    await tagger.configure({ channels: { 1: { testSignal }, 2: { testSignal, inputDelayPs: testSignal ? 90_000_000 : 0 } } });
    switched++;
  }
  await running;
  t.true(sink.channels.every(index => index < 2));
  t.true(switched > 2);
});

test('losses that touch become one interval of the worst grade', async t => {
  const losses: NonNullable<NonNullable<SimulatedOptions['faults']>['losses']> = [{ everyPs: 7e9, lengthPs: 5e9, grade: 'flagged' }, { everyPs: 3e9, lengthPs: 1e9, grade: 'counted' }];
  const { sink } = await stream({ durationPs: 2.5e10, faults: { losses } });
  // Flagged 7-12, 14-19, 21-26 (the end is at 25); counted 3-4, 6-7, 9-10, 12-13, 15-16, 18-19, 21-22, 24-25.
  t.deepEqual(sink.losses.map(({ fromPs, toPs, grade }) => [Number(fromPs) / 1e9, Number(toPs) / 1e9, grade]),
    [[3, 4, 'counted'], [6, 13, 'flagged'], [14, 19, 'flagged'], [21, 25, 'flagged']]);
});

test('losses: what is delivered and what is counted make up the stream without faults', async t => {
  const signals: SimulatedOptions['signals'] = [{ kind: 'poisson', channel: 1, rateHz: 3e6 }, { kind: 'pairs', channels: [2, 3], rateHz: 5e5, jitterPs: 100 }];
  for (const seed of [1, 2, 3]) {
    const options: SimulatedOptions = { seed, durationPs: 2e10, deadTimePs: 20_000, signals };
    const whole = await stream(options);
    for (const losses of [
      [{ everyPs: 6e9, lengthPs: 3e9, grade: 'counted' }], [{ everyPs: 1e6, lengthPs: 3e5, grade: 'counted' }],
      [{ everyPs: 7e9, lengthPs: 6.9e9, grade: 'counted' }, { everyPs: 3e9, lengthPs: 1e9, grade: 'counted' }], [{ everyPs: 1.9e10, lengthPs: 1.8e10, grade: 'counted' }],
    ] as NonNullable<SimulatedOptions['faults']>['losses'][]) {
      const { times, sink } = await stream({ ...options, faults: { losses: losses! } });
      const message = `seed ${seed}, ${JSON.stringify(losses)}`;
      const reported = sink.losses;
      for (const channel of [1, 2, 3]) {
        const missed = reported.reduce((sum, loss) => sum + (loss.missed?.find(each => each.channelIndex === channel - 1)?.count ?? 0), 0);
        t.is(times[channel]!.length + missed, whole.times[channel]!.length, message);
        t.true(missed > 0, message);
      }
      t.true(reported.every((loss, i) => loss.fromPs < loss.toPs && (i === 0 || loss.fromPs >= reported[i - 1]!.toPs)), message);
      const intervals = reported.map(({ fromPs, toPs }) => [Number(fromPs), Number(toPs)] as const);
      let next = 0;
      const outside = whole.times[1]!.filter(time => {
        while (next < intervals.length && intervals[next]![1] <= time) next++;
        return next === intervals.length || time < intervals[next]![0];
      });
      t.true(same(times[1], outside), `${message}: exactly the tags inside the intervals are missing`);
    }
  }
});

test('flagged and suspect losses do not say how many; a suspect interval covers the true one', async t => {
  for (const grade of ['flagged', 'suspect'] as const) {
    const losses = [{ everyPs: 1e10, lengthPs: 3e9, grade }];
    const { sink } = await stream({ durationPs: 5e10, faults: { losses } });
    t.is(sink.losses.length, 4);
    for (const [i, loss] of sink.losses.entries()) {
      t.is(loss.grade, grade);
      t.is(loss.missed, undefined);
      t.true(loss.fromPs <= BigInt((i + 1) * 1e10) && loss.toPs >= BigInt((i + 1) * 1e10 + 3e9));
      if (grade === 'flagged') t.is(loss.toPs - loss.fromPs, 3_000_000_000n);
    }
    t.is(sink.markers.filter(marker => marker.kind === 'losing').length, grade === 'flagged' ? 4 : 0, 'a device that only suspects cannot announce it');
  }
});

test('restarts and backward steps come where they were asked for', async t => {
  const signals: SimulatedOptions['signals'] = [{ kind: 'periodic', channel: 1, periodPs: 1e6 }];
  const restarted = await stream({ durationPs: 1e10, signals, faults: { epochEveryPs: 3e9 } });
  t.deepEqual(restarted.sink.markers.flatMap(marker => (marker.kind === 'epoch' ? [marker.atPs] : [])), [3_000_000_000n, 6_000_000_000n, 9_000_000_000n]);
  const { timesPs } = (await stream({ durationPs: 1e10, signals, faults: { backward: { everyPs: 2e9, byPs: 5e6 } } })).sink;
  const steps = timesPs.reduce((sum, timePs, i) => sum + (i > 0 && timePs < timesPs[i - 1]! ? 1 : 0), 0);
  t.is(steps, 4);
  t.is(timesPs.length, 1e4, 'and no tag is lost');
});

test('the same seed gives the same tags at any pace; another seed gives others', async t => {
  const options: SimulatedOptions = { durationPs: 4e10 };
  const unpaced = await stream({ ...options, pace: 'unpaced' }), live = await stream({ ...options, pace: 'live' }), other = await stream({ ...options, seed: 2 });
  t.true(live.times.every((times, channel) => same(times, unpaced.times[channel])));
  t.false(same(other.times[1], unpaced.times[1]));
});

test('a slice sorts any tags by time and channel', t => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed), n = random.pick([0, 1, 2, 63, 64, 65, 300, 5000]);
    const spread = random.pick([1, 10, 2 ** 16, 2 ** 32]), slice = new Slice();
    const expected: [number, number][] = [];
    for (let i = 0; i < n; i++) {
      const tag: [number, number] = [random.integer(0, spread - 1), random.integer(0, 15)];
      slice.add(...tag);
      expected.push(tag);
    }
    slice.sort();
    expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    t.deepEqual(Array.from({ length: slice.n }, (_, i) => [slice.times[i], slice.channels[i]]), expected, `seed ${seed}: ${n} tags within ${spread} ps`);
  }
});

test('options are refused one by one, with the name of the option', t => {
  const bad: [unknown, RegExp][] = [
    [{ sed: 1 }, /has no 'sed'/], [{ seed: -1 }, /seed must be/], [{ seed: 1.5 }, /seed/], [{ channels: 0 }, /channels/], [{ channels: 17 }, /channels/], [{ signals: {} }, /signals must be a list/],
    [{ signals: [{ kind: 'laser' }] }, /signals\[0\]\.kind must be one of/], [{ signals: [{ kind: 'poisson', channel: 5, rateHz: 1 }] }, /signals\[0\]\.channel/],
    [{ signals: [{ kind: 'poisson', channel: 1, rateHz: -1 }] }, /rateHz/], [{ signals: [{ kind: 'poisson', channel: 1, rateHz: 1e12 }] }, /rateHz/],
    [{ signals: [{ kind: 'poisson', channel: 1 }] }, /rateHz must be a number/], [{ signals: [{ kind: 'periodic', channel: 1, periodPs: 0 }] }, /periodPs/],
    [{ signals: [{ kind: 'pulsed', channels: [1], periodPs: 1e4, probability: 2 }] }, /probability/], [{ signals: Array.from({ length: 3 }, () => ({ kind: 'periodic', channel: 1, periodPs: 10_000 })) }, /million tags/],
    [{ signals: [{ kind: 'pairs', channels: [1, 2], rateHz: 1, jitterPs: 1e12 }] }, /jitterPs/], [{ faults: { losses: [{ everyPs: 10, lengthPs: 1, grade: 'counted' }] } }, /everyPs/],
    [{ faults: { losses: [{ everyPs: 1e9, lengthPs: 1e9, grade: 'counted' }] } }, /lengthPs/], [{ faults: { losses: [{ everyPs: 1e9, lengthPs: 1, grade: 'lost' }] } }, /grade/],
    [{ startPs: '1e9' }, /startPs/], [{ startPs: '9223372036854775808' }, /startPs/], [{ pace: 'slow' }, /pace/], [{ durationPs: 0 }, /durationPs/], [null, /options must be an object/], [[], /an object/],
  ];
  for (const [options, message] of bad) {
    const error = t.throws(() => openSimulated(options), { message }, JSON.stringify(options));
    t.true(isTaggerError(error) && error.code === 'usage');
  }
});
