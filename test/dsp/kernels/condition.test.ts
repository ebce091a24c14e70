// test/dsp/kernels/condition.test.ts - input conditioning against the textbook, in both forms, in place and moved, cut anywhere.
import test from 'ava';
import { Conditioner, conditioningBytes, type Conditioning } from '../../../app/dsp/conditioning.ts';
import { Ledger } from '../../../app/core/ledger.ts';
import { Random } from '../../support/random.ts';
import { conditioned, dead, divided, filtered, randomRules } from '../support/conditioned.ts';
import { bases, kernelSets, memory, randomTags, readTags, startTimesPs, writeTags, type Tag } from './fixture.ts';

const none: Conditioning = { trigger: [], filtered: [], dividers: [], deadTimesPs: [] };

/** In pieces, each moved down behind what passed before it; the state in the end too. */
function run(kernels: (typeof kernelSets)[number], at: number, tags: readonly Tag[], rules: Conditioning, cuts: () => number): { tags: Tag[]; state: string; removed: number[] } {
  const timesAt = at, channelsAt = at + 100_000, planAt = at + 200_000 - ((at + 200_000) % 64);
  const conditioner = new Conditioner(memory, planAt, 256);
  conditioner.set(rules);
  writeTags(timesAt, channelsAt, tags);
  let kept = 0;
  for (let done = 0; done < tags.length;) {
    const n = Math.min(tags.length - done, cuts());
    // Without rules no tag is handed to it.
    kept += !conditioner.active ? n : conditioner.pass(kernels, timesAt + 8 * done, channelsAt + done, n, timesAt + 8 * kept, channelsAt + kept);
    done += n;
  }
  const state = Buffer.from(new Uint8Array(memory.buffer, planAt, conditioningBytes)).toString('latin1');
  const ledger = new Ledger(256);
  conditioner.account(ledger);
  conditioner.account(ledger);
  return { tags: readTags(timesAt, channelsAt, kept), state, removed: ledger.snapshot().channels.map(entry => entry.filtered) };
}

for (const only of ['filter', 'divider', 'dead', undefined] as const) {
  test(`conditionTags(): ${only ?? 'all stages'}`, t => {
    let removed = 0;
    for (let seed = 0; seed < 40; seed++) {
      const note = `seed ${seed}`;
      const random = new Random(seed);
      const channels = random.pick([2, 3, 5, 40]);
      const tags = randomTags(random, { n: random.integer(0, 400), channels, meanPs: 300, startPs: random.pick(startTimesPs) });
      const rules = randomRules(random, channels, only);
      const stages = { filter: filtered, divider: divided, dead };
      const expected = only === undefined ? conditioned(tags, rules) : stages[only](tags, rules);
      removed += tags.length - expected.length;
      const most = random.pick([1, 7, 50, 400]);
      const states = kernelSets.flatMap(kernels => bases.map(at => {
        const cuts = new Random(seed);
        const result = run(kernels, at, tags, rules, () => cuts.integer(1, most));
        t.deepEqual(result.tags, expected, `${note}, ${kernels.kind}, at ${at}`);
        const count = (list: readonly Tag[], channel: number): number => list.filter(tag => tag.channel === channel).length;
        t.deepEqual(result.removed.slice(0, channels), Array.from({ length: channels }, (_, channel) => count(tags, channel) - count(expected, channel)), note);
        return result.state;
      }));
      t.is(new Set(states).size, 1, `${note}: both forms, at each address, remember the same`);
    }
    t.true(removed > 500, String(removed));
  });
}

test('the edges: a tag exactly at the end of the dead time, a trigger at the time of the tag, the first of every n', t => {
  const tag = (timePs: bigint, channel: number): Tag => ({ timePs, channel });
  const passed = (tags: Tag[], rules: Partial<Conditioning>): string[] => {
    const results = kernelSets.map(kernels => run(kernels, bases[0]!, tags, { ...none, ...rules }, () => 1).tags.map(({ timePs, channel }) => `${channel}@${timePs}`));
    t.deepEqual(results[0], results[1]);
    return results[0]!;
  };
  const row = [10n, 14n, 15n, 19n, 20n, 20n].map(timePs => tag(timePs, 0));
  t.deepEqual(passed(row, { deadTimesPs: [5] }), ['0@10', '0@15', '0@20'], 'not extended by tags that were removed');
  t.deepEqual(passed(row, { dividers: [3] }), ['0@10', '0@19']);
  t.deepEqual(passed(row, { dividers: [2], deadTimesPs: [6] }), ['0@10', '0@20'], 'the divider counts before the dead time');
  // Of equal times the lower channel is first, as everywhere.
  t.deepEqual(passed([tag(1n, 1), tag(5n, 0), tag(5n, 1), tag(6n, 1), tag(7n, 0), tag(7n, 0), tag(8n, 1), tag(8n, 1)], { trigger: [0], filtered: [1] }), ['0@5', '1@5', '0@7', '0@7', '1@8']);
  t.deepEqual(passed([tag(5n, 0), tag(5n, 1), tag(6n, 0)], { trigger: [1], filtered: [0] }), ['1@5', '0@6']);
  t.deepEqual(passed([tag(1n, 0), tag(1n, 1), tag(1n, 2), tag(2n, 2)], { trigger: [0], filtered: [1, 2] }), ['0@1', '1@1', '2@1'], 'each filtered channel has its own first tag');
  const beside = [tag(1n, 0), tag(2n, 1), tag(3n, 1), tag(4n, 1), tag(5n, 0), tag(6n, 1)];
  t.deepEqual(passed(beside, { trigger: [0], filtered: [1], dividers: [1, 2] }), ['0@1', '1@2', '0@5'], 'the divider counts what the filter let through');
  t.deepEqual(passed(beside, { trigger: [0], filtered: [1], dividers: [2, 1] }), ['0@1', '1@2', '1@6'], 'a trigger that the divider takes out was one');
});
