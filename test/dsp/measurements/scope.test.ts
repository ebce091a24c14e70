// test/dsp/measurements/scope.test.ts - Scope against its definition in plain BigInt code, window by window.
import test from 'ava';
import type { CheckedConfig, ScopeData } from '../../../app/core/measurements.ts';
import { Random } from '../../support/random.ts';
import { Bench, cutsOf, randomStretches, type Stretch, type Tag } from './harness.ts';

interface Trace { triggerPs: bigint; lengthPs: number; cut: number; levels: number[]; edges: [channel: number, timePs: number, state: number][]; dropped: number }

const kinds = ['wasm', 'typescript'] as const;
const indexOf = (channel: number): number => channel < 0 ? 16 - channel : channel;

/** By the definition: every trigger outside a window opens one; an edge is in it by its time alone. */
function tracesOf(stretches: readonly Stretch[], config: CheckedConfig): Trace[] {
  const { channels, trigger, windowPs, traces, maxPoints } = config as { channels: number[]; trigger: number; windowPs: number; traces: number; maxPoints: number };
  const found: Trace[] = [];
  for (const { tags, toPs } of stretches) {
    let busyToPs: bigint | undefined;
    for (const { timePs: triggerPs, channel } of tags) {
      if (channel !== indexOf(trigger) || (busyToPs !== undefined && triggerPs < busyToPs) || (traces > 0 && found.length === traces)) continue;
      busyToPs = triggerPs + BigInt(windowPs);
      const endPs = busyToPs < toPs ? busyToPs : toPs;
      const edgeOf = (tag: Tag): number | undefined => channels.find(each => indexOf(each) === tag.channel);
      const within = tags.filter(tag => edgeOf(tag) !== undefined && tag.timePs >= triggerPs && tag.timePs < endPs);
      found.push({
        triggerPs, lengthPs: Number(endPs - triggerPs), cut: busyToPs > toPs ? 1 : 0, dropped: Math.max(0, within.length - maxPoints),
        levels: channels.map(each => {
          const last = tags.findLast(tag => tag.timePs < triggerPs && Math.abs(edgeOf(tag) ?? NaN) === Math.abs(each));
          return last === undefined ? 2 : edgeOf(last)! >= 0 ? 1 : 0;
        }),
        edges: within.slice(0, maxPoints).map(tag => [edgeOf(tag)!, Number(tag.timePs - triggerPs), edgeOf(tag)! >= 0 ? 1 : 0]),
      });
    }
  }
  return found;
}

function readOf(bench: Bench): Trace[] {
  const data = bench.read('getData') as ScopeData, width = data.levels.length / (data.cut.length || 1);
  return Array.from(data.cut, (cut, k) => ({
    triggerPs: data.triggerPs[k]! + bench.originPs, lengthPs: data.lengthPs[k]!, cut, dropped: 0, levels: [...data.levels.subarray(k * width, (k + 1) * width)],
    edges: Array.from(data.channels, (channel, i): [number, number, number] => [channel, data.timePs[i]!, data.states[i]!]).filter((_, i) => data.traces[i] === k),
  }));
}

test('Scope records every edge of every window once, however the tags are cut and whenever it is read, in both kernels', t => {
  for (let seed = 0; seed < 150; seed++) {
    const random = new Random(seed), indexes = [0, 1, indexOf(-1), indexOf(-2)];
    const stretches = randomStretches(random, { channels: 4 }).map(each => ({ ...each, tags: each.tags.map(tag => ({ ...tag, channel: indexes[tag.channel]! })) }));
    const config = {
      channels: random.pick([[1, -1], [-1], [-2, 1], [1, -1, 0, -2]]), trigger: random.pick([0, 1, -1, -2]),
      windowPs: random.pick([1, 5, 60, 1000, 2 ** 53 - 1]), traces: random.pick([0, 1, 3, 100]), maxPoints: random.pick([1, 3, 1000]),
    };
    const all = tracesOf(stretches, config), expected = config.traces === 0 ? all.slice(-1) : all;
    for (const { name, cut } of cutsOf(random)) {
      for (const kind of kinds) {
        const note = `seed ${seed}, ${name}, ${kind}, ${JSON.stringify(config)}`, bench = new Bench('scope', config, kind);
        bench.feed(stretches, {
          cut,
          beforeCall: () => {
            if (random.chance(0.1)) bench.rebase(2n ** 60n - bench.originPs);
            if (!random.chance(0.3)) return;
            bench.publish();
            if (!random.chance(0.3)) return;
            // What is over does not change any more.
            const got = readOf(bench), first = config.traces === 0 ? all.findIndex(each => each.triggerPs === got[0]?.triggerPs) : 0;
            t.deepEqual(got, all.slice(Math.max(0, first), Math.max(0, first) + got.length).map(each => ({ ...each, dropped: 0 })), note);
          },
        });
        t.deepEqual(readOf(bench), expected.map(each => ({ ...each, dropped: 0 })), note);
        t.is(bench.read('getDropped'), expected.reduce((sum, { dropped }) => sum + dropped, 0), note);
        t.is(bench.read('triggered'), all.length, note);
        t.is(bench.read('ready'), all.length >= (config.traces || 1), note);
        t.is(bench.measurement.done, config.traces > 0 && all.length === config.traces, note);
        if (bench.measurement.done) t.is(bench.measurement.doneAtPs! + bench.originPs, all.at(-1)!.triggerPs + BigInt(all.at(-1)!.lengthPs), note);
      }
    }
  }
});

/** Trigger 0 every 100 ps, an edge of channel 1 behind it at 1, 2, 3 ... 40, 1 ... ps. */
function steady(triggers: number): Stretch {
  const tags = Array.from({ length: triggers }, (_, i): Tag[] => [{ timePs: 100n * BigInt(i), channel: 0 }, { timePs: 100n * BigInt(i) + BigInt(i % 40 + 1), channel: 1 }]).flat();
  return { tags, fromPs: 0n, toPs: 100n * BigInt(triggers), end: { kind: 'pause', atPs: 100n * BigInt(triggers) } };
}

test('with traces 0 a reader sees the latest trace, whenever he comes, and nobody has to come', t => {
  for (const kind of kinds) {
    for (const every of [1, 2, 3, 7, 1000]) {
      const bench = new Bench('scope', { channels: [1], trigger: 0, windowPs: 50, traces: 0, maxPoints: 2 }, kind);
      let calls = 0, checked = 0;
      bench.feed([steady(60)], {
        cut: () => 1,
        publishAfter: () => ++calls % every === 0,
        beforeCall: () => {
          if (calls % every !== 0 || calls < 4) return;
          // A call ends with its tag: a window of 50 is over once the next trigger came.
          const over = Math.floor((calls - 1) / 2), got = readOf(bench);
          t.deepEqual(got.map(each => each.triggerPs), [100n * BigInt(over - 1)], `${kind}, ${calls} tags, read each ${every}`);
          t.deepEqual(got[0]!.edges, [[1, (over - 1) % 40 + 1, 1]]);
          checked++;
        },
      });
      t.true(checked > 0 || every === 1000);
      t.is(bench.read('triggered'), 60);
      t.deepEqual(readOf(bench).map(each => each.edges), [[[1, 20, 1]]], kind);
    }
  }
});

test('a scope that was cleared begins anew: no trace, no level, all traces to come', t => {
  for (const kind of kinds) {
    const bench = new Bench('scope', { channels: [1], trigger: 0, windowPs: 50, traces: 2, maxPoints: 10 }, kind);
    bench.feed([steady(5)]);
    t.true(bench.measurement.done);
    bench.measurement.clear(500n);
    bench.totals.clear();
    t.false(bench.measurement.done);
    bench.publish();
    t.deepEqual([readOf(bench), bench.read('triggered'), bench.read('ready')], [[], 0, false]);
    const again = steady(5), laterPs = 1000n;
    bench.feed([{ ...again, tags: again.tags.map(tag => ({ ...tag, timePs: tag.timePs + laterPs })), fromPs: laterPs, toPs: again.toPs + laterPs }]);
    t.deepEqual(readOf(bench).map(({ triggerPs, levels, edges }) => [triggerPs, levels, edges]), [[1000n, [2], [[1, 1, 1]]], [1100n, [1], [[1, 2, 1]]]]);
  }
});

test('tags behind the last trace are of no scope, and its live time ends with it', t => {
  for (const kind of kinds) {
    const bench = new Bench('scope', { channels: [1], trigger: 0, windowPs: 50, traces: 2, maxPoints: 10 }, kind);
    bench.feed([steady(5)]);
    t.is(bench.measurement.tags, 4);
    t.is(bench.measurement.doneAtPs, 150n);
  }
});
