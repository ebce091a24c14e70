// test/dsp/software-inputs.test.ts - settings of a tagger and of its conditioning in software, as one: shown, checked, applied, marked.
import test from 'ava';
import type { SettingInfo, Settings, Tagger, TaggerInfo } from '../../app/core/tagger.ts';
import { SoftwareInputs } from '../../app/dsp/software-inputs.ts';
import { ScriptedLine, type Act } from './support/script.ts';

const divider: SettingInfo = { key: 'eventDivider', label: 'event divider', kind: 'number', unit: '', scope: 'channel', min: 1, max: 8, step: 1, default: 1 };
const level: SettingInfo = { key: 'triggerLevelV', label: 'trigger level', kind: 'number', unit: 'V', scope: 'channel', min: -1, max: 1, default: 0 };

class FakeTagger implements Tagger {
  readonly info: TaggerInfo;
  readonly changes: Settings[] = [];
  refuse = false;
  #channels: NonNullable<Settings['channels']> = { 1: { triggerLevelV: 0 }, 2: { triggerLevelV: 0 }, [-3]: { triggerLevelV: 0 } };
  constructor(settings: SettingInfo[]) {
    this.info = {
      model: 'fake', serial: '0', driver: 'fake', source: 'live', tick: { num: 1, den: 1 }, settings, overflowReport: 'counted', freeRunning: true,
      channels: [1, 2, -3].map(number => ({ number, name: `Ch ${number}` })),
    };
  }
  settings(): Settings { return { channels: this.#channels }; }
  async configure(change: Settings): Promise<Settings> {
    if (this.refuse) throw new Error('refused');
    this.changes.push(change);
    for (const [number, values] of Object.entries(change.channels ?? {})) this.#channels = { ...this.#channels, [number]: { ...this.#channels[Number(number)], ...values } };
    return this.settings();
  }
  async run(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

test('what the tagger lacks is added, with its range; the tagger is only told what is its own', async t => {
  const tagger = new FakeTagger([level]);
  const inputs = new SoftwareInputs(tagger);
  t.deepEqual(inputs.info.settings.map(({ key }) => key), ['triggerLevelV', 'conditionalFilter', 'eventDivider', 'softwareDeadTimePs', 'referenceClock', 'referenceFrequencyHz', 'referencePeriods']);
  t.deepEqual(inputs.settings(), {
    tagger: { conditionalFilter: { trigger: [], filtered: [] }, referenceClock: 'off', referenceFrequencyHz: 10e6, referencePeriods: 1000 },
    channels: Object.fromEntries([1, 2, -3].map(number => [number, { triggerLevelV: 0, eventDivider: 1, softwareDeadTimePs: 0 }])),
  });
  const { applied, rules } = await inputs.configure({ tagger: { conditionalFilter: { trigger: [-3], filtered: [1, 2] } }, channels: { 1: { eventDivider: 5 }, [-3]: { triggerLevelV: 0.5, softwareDeadTimePs: 70 } } });
  t.deepEqual(tagger.changes, [{ channels: { [-3]: { triggerLevelV: 0.5 } } }]);
  t.deepEqual(rules, { trigger: [2], filtered: [0, 1], dividers: [5, 1, 1], deadTimesPs: [0, 0, 70] });
  t.deepEqual(applied.channels?.[-3], { triggerLevelV: 0.5, eventDivider: 1, softwareDeadTimePs: 70 });
  t.deepEqual(applied, inputs.settings());
  t.is((await inputs.configure({ channels: { 1: { triggerLevelV: 0.1 } } })).rules, undefined, 'what is conditioned goes on undisturbed');
  const clocked = await inputs.configure({ tagger: { referenceClock: '-3', referenceFrequencyHz: 5e6 } });
  t.deepEqual([clocked.rules, clocked.follow], [undefined, { clock: { channelIndex: 2, frequencyHz: 5e6, averagingPeriods: 1000 } }], 'a clock does not disturb what is conditioned');
  t.deepEqual((await inputs.configure({ tagger: { referenceClock: 'off' } })).follow, { clock: undefined });
  t.deepEqual((await inputs.configure({ channels: { 2: { eventDivider: 2 } } })).rules?.dividers, [5, 2, 1]);
  t.is(tagger.changes.length, 2, 'a change in software does not wait for the instrument');
  t.deepEqual((await inputs.configure({ tagger: { conditionalFilter: { trigger: [], filtered: [] } } })).rules, { trigger: [], filtered: [], dividers: [5, 2, 1], deadTimesPs: [0, 0, 70] });
});

test('a change is applied whole or not at all', async t => {
  const tagger = new FakeTagger([level]);
  const inputs = new SoftwareInputs(tagger);
  const before = inputs.settings();
  tagger.refuse = true;
  await t.throwsAsync(inputs.configure({ channels: { 1: { triggerLevelV: 0.5, eventDivider: 5 } } }), { message: 'refused' });
  tagger.refuse = false;
  await t.throwsAsync(inputs.configure({ channels: { 1: { triggerLevelV: 0.5, eventDivider: 0 } } }), { code: 'usage', message: /accepts 1 to 65535/ });
  t.deepEqual(inputs.settings(), before);
  t.deepEqual(tagger.changes, []);
});

test('values out of range are refused with the range, unknown and doubled channels by name', async t => {
  const inputs = new SoftwareInputs(new FakeTagger([level]));
  const refused = async (change: unknown, message: RegExp, code = 'usage'): Promise<void> => { await t.throwsAsync(inputs.configure(change as Settings), { code, message }); };
  await refused({ channels: { 1: { eventDivider: 65_536 } } }, /1 to 65535/);
  await refused({ channels: { 1: { eventDivider: 1.5 } } }, /steps of 1/);
  await refused({ channels: { 1: { eventDivider: NaN } } }, /1 to 65535/);
  await refused({ channels: { 1: { softwareDeadTimePs: -1 } } }, /0 to 1000000000000 ps/);
  await refused({ channels: { 1: { softwareDeadTimePs: 1e12 + 1 } } }, /0 to 1000000000000 ps/);
  await refused({ channels: { 1: { softwareDeadTimePs: '5' } } }, /0 to 1000000000000 ps/);
  await refused({ tagger: { referenceClock: '9' } }, /one of off, 1, 2, -3/);
  await refused({ tagger: { referenceFrequencyHz: 0 } }, /1 to 1000000000 Hz/);
  await refused({ tagger: { referencePeriods: 10 } }, /50 to 1000000/);
  await refused({ channels: { 9: { eventDivider: 2 } } }, /channels 1, 2, -3/, 'not-found');
  await refused({ tagger: { conditionalFilter: { trigger: [1], filtered: [9] } } }, /no channel 9/, 'not-found');
  await refused({ tagger: { conditionalFilter: { trigger: ['1'], filtered: [2] } } }, /no channel '1'/, 'not-found');
  await refused({ tagger: { conditionalFilter: { trigger: [1, 1], filtered: [2] } } }, /channel 1 stands in it twice/);
  await refused({ tagger: { conditionalFilter: { trigger: [1], filtered: [2, 1] } } }, /channel 1 stands in it twice/);
  await refused({ tagger: { conditionalFilter: { trigger: [1], filtered: [] } } }, /no filtered channel/);
  await refused({ tagger: { conditionalFilter: { trigger: [], filtered: [1] } } }, /no trigger/);
  await refused({ tagger: { conditionalFilter: { trigger: [1] } } }, /trigger and filtered/);
  await refused({ tagger: { conditionalFilter: { trigger: 1, filtered: [2] } } }, /trigger must be a list/);
  for (const value of [null, 5, 'off', [1], undefined, { trigger: [1], filtered: [2], more: 3 }]) await refused({ tagger: { conditionalFilter: value } }, /is an object with trigger and filtered/);
});

test('what the hardware does stays there, and a filter in software is not put behind a divider in hardware', async t => {
  const tagger = new FakeTagger([level, divider]);
  const inputs = new SoftwareInputs(tagger);
  t.deepEqual(inputs.info.settings.filter(({ key }) => key === 'eventDivider'), [divider]);
  t.is((await inputs.configure({ channels: { 1: { eventDivider: 2 } } })).rules, undefined);
  t.deepEqual(tagger.changes, [{ channels: { 1: { eventDivider: 2 } } }]);
  const filter = { trigger: [1], filtered: [2] };
  await t.throwsAsync(inputs.configure({ tagger: { conditionalFilter: filter } }), { code: 'usage', message: /channel 1.*must be 1/ });
  const { rules } = await inputs.configure({ tagger: { conditionalFilter: filter }, channels: { 1: { eventDivider: 1 } } });
  t.deepEqual(rules, { trigger: [0], filtered: [1], dividers: [1, 1, 1], deadTimesPs: [0, 0, 0] });
  await t.throwsAsync(inputs.configure({ channels: { 2: { eventDivider: 2 } } }), { code: 'usage', message: /channel 2.*must be 1/ });
  await inputs.configure({ channels: { [-3]: { eventDivider: 2 } } });
  t.like(inputs.settings().channels?.[-3], { eventDivider: 2 });
});

test('on a line: the change is marked where it takes effect, its tags are filtered and not missed, results tell the dead time', async t => {
  const comb = (fromPs: number): Act => ({ do: 'tags', tags: { timesPs: Array.from({ length: 100 }, (_, i) => BigInt(fromPs + i * 10)), channels: Array.from({ length: 100 }, (_, i) => i % 2) } });
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }, comb(0), { do: 'gate', name: 'b' }, comb(1000), { do: 'heartbeat', timePs: 2000n }], source: 'waitable' });
  const { line } = scripted;
  t.true(line.status().info.settings.some(({ key }) => key === 'conditionalFilter'));
  const [port] = await line.createMeasurements([{ name: 'countrate', config: { channels: [1, 2] } }], { onSettingsChange: 'split' });
  scripted.open('a');
  await scripted.reached('b');
  const { revision, settings } = await line.configure({ channels: { 1: { softwareDeadTimePs: 40 }, 2: { eventDivider: 10 } } });
  t.is(revision, 1);
  t.like(settings.channels?.[1], { softwareDeadTimePs: 40, eventDivider: 1 });
  await t.throwsAsync(line.configure({ channels: { 1: { eventDivider: 0 } } }), { code: 'usage' });
  t.is(line.status().revision, 1);
  scripted.open('b');
  await port!.waitUntilFinished();
  const { parts } = await port!.parts();
  t.deepEqual(parts.map(({ settingsRevisions, deadTimePs }) => [settingsRevisions, deadTimePs]), [[[0], 0], [[1], 40]]);
  const counts = await Promise.all([0, 1].map(async part => Array.from((await port!.read('getCountsReceived', {}, part)).value as ArrayLike<number>, Number)));
  t.deepEqual(counts, [[50, 50], [25, 5]]);
  t.like(await port!.account(), { missedTags: [0, 0], lossGrade: 'none' });
  const { ledger } = line.status();
  t.deepEqual(ledger.channels.slice(0, 2).map(({ delivered, filtered }) => [delivered, filtered]), [[75, 25], [55, 45]]);
  t.is(ledger.grade, 'none');
});

test('on a line: a reference clock withholds tags until it has locked, and its state can be read', async t => {
  const combs = (fromPs: number): Act => ({ do: 'tags', tags: { timesPs: Array.from({ length: 600 }, (_, i) => BigInt(fromPs + i * 500_050)), channels: Array.from({ length: 600 }, (_, i) => i % 2) } });
  await using scripted = await ScriptedLine.open({ acts: [{ do: 'gate', name: 'a' }, combs(0), { do: 'gate', name: 'b' }], source: 'waitable' });
  const { line } = scripted;
  t.is(line.status().referenceClock, undefined);
  const heard: boolean[] = [];
  line.onEvent(event => { if (event.kind === 'clock') heard.push(event.locked); });
  const [port] = await line.createMeasurements([{ name: 'histogram', config: { click: 2, start: 1, binwidthPs: 1, bins: 600_000 } }]);
  await scripted.reached('a');
  await line.configure({ tagger: { referenceClock: '1', referenceFrequencyHz: 1e6, referencePeriods: 100 } });
  scripted.open('a');
  await scripted.reached('b');
  scripted.open('b');
  await port!.waitUntilFinished();
  t.like(line.status().referenceClock, { locked: true, errors: 0 });
  t.true(Math.abs(line.status().referenceClock!.periodPs - 1_000_100) < 1e-3);
  t.deepEqual(heard, [true]);
  const counts = (await port!.read('getData')).value as ArrayLike<number>;
  t.is(Number(counts[500_000]), 200, 'a delay of 500050 ps of the tagger is 500 ns of the clock');
  t.like(await port!.account(), { lossGrade: 'counted', lostIntervals: 1, missedTags: [99, 100] });
});
