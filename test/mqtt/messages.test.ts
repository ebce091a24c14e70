// test/mqtt/messages.test.ts - what is published for a given state of the station, and what no state may ever bring about.
import test from 'ava';
import type { StationInfo } from '../../app/core/station.ts';
import {
  availability, documents, eventMessage, healthMessage, newsOf, ratesMessage, wireName, type Message, type StationView,
} from '../../app/mqtt/messages.ts';
import { stationTopics, taggerTopics } from '../../app/mqtt/topics.ts';
import { Random } from '../support/random.ts';
import { randomTagger, ScriptedTagger } from './scripted-station.ts';

const info: StationInfo = { id: 'tagd-01a2b3c4', name: 'Lab 3', version: '0.1.0', startedAt: '2026-01-01T00:00:00.000Z' };
const view = (...taggers: ScriptedTagger[]): StationView => ({
  baseTopic: 'tagd', info, taggers: taggers.map(tagger => ({ status: tagger.status(), clock: 'unknown' })),
});
const parsed = (messages: readonly Message[], topic: string) => JSON.parse(messages.find(message => message.topic === topic)?.payload ?? 'null');

test('a station with one tagger has the short topics, in the order info, presence, state, channels', t => {
  const messages = documents(view(new ScriptedTagger('sim')));
  t.deepEqual(messages.map(message => message.topic), [
    'tagd/tagd-01a2b3c4/info', 'tagd/tagd-01a2b3c4/usb_availability', 'tagd/tagd-01a2b3c4/state',
    'tagd/tagd-01a2b3c4/ch/1/state', 'tagd/tagd-01a2b3c4/ch/2/state',
  ]);
  t.true(messages.every(message => message.retain && message.qos === 1));
});

test('golden: state, channel and rates of a streaming tagger', t => {
  const tagger = new ScriptedTagger('sim');
  const messages = documents(view(tagger));
  t.deepEqual(parsed(messages, 'tagd/tagd-01a2b3c4/state'), {
    tagger: 'sim', state: 'streaming', detail: 'Streaming.', clock: 'unknown', settings_revision: 1, loss_grade: 'none',
    lost_tags_total: 0, lost_intervals: 0, epochs: 1, disorder: 0, settings: { clock_source: 'internal' },
  });
  t.deepEqual(parsed(messages, 'tagd/tagd-01a2b3c4/ch/2/state'), {
    trigger_level_volts: -0.12, dead_time_ps: 2000, test_signal: false, tagger: 'sim', channel: 2, name: 'Ch 2', edge: 'rising',
  });
  const [rates] = ratesMessage(view(tagger), 0, tagger.rates(5000));
  t.deepEqual({ ...rates, payload: JSON.parse(rates?.payload ?? '') }, {
    topic: 'tagd/tagd-01a2b3c4/rates', retain: false, qos: 0, expirySeconds: 30,
    payload: {
      t: '2026-01-01T00:00:05.000Z', tagger: 'sim', dt: 5, ch: { 1: 1000.5, 2: 1000.5 }, total: 2001, tags_total: { 1: 7, 2: 7 },
    },
  });
});

test('golden: info names every tagger, its topic and its channels', t => {
  const info = parsed(documents(view(new ScriptedTagger('sim', 1), new ScriptedTagger('Run 7', 1))), 'tagd/tagd-01a2b3c4/info');
  t.is(info.schema, 1);
  t.is(info.id, 'tagd-01a2b3c4');
  t.is(info.api_url, null);
  t.deepEqual(info.taggers.map((tagger: { id: string; topic: string }) => [tagger.id, tagger.topic]), [
    ['sim', 'tagd/tagd-01a2b3c4'], ['Run 7', 'tagd/tagd-01a2b3c4/tagger/run-7'],
  ]);
  t.deepEqual(info.taggers[0].channels, [{ channel: 1, name: 'Ch 1' }]);
  t.is(info.taggers[0].tick_ps, 3.90625);
});

test('a second tagger does not move the topics of the first', t => {
  const alone = documents(view(new ScriptedTagger('a'))).slice(1);
  const both = documents(view(new ScriptedTagger('a'), new ScriptedTagger('b')));
  for (const message of alone) t.deepEqual(both.find(other => other.topic === message.topic), message);
  t.is(parsed(both, 'tagd/tagd-01a2b3c4/tagger/b/state').tagger, 'b');
});

test('without a tagger numbers are null, never 0, and the tagger is offline', t => {
  const tagger = new ScriptedTagger('sim');
  for (const state of ['absent', 'probing'] as const) {
    tagger.become(state);
    const messages = documents(view(tagger));
    t.is(messages.find(message => message.topic.endsWith('/usb_availability'))?.payload, 'offline');
    t.is(parsed(messages, 'tagd/tagd-01a2b3c4/state').lost_tags_total, null);
    const rates = JSON.parse(ratesMessage(view(tagger), 0, tagger.rates(5000))[0]?.payload ?? '');
    t.like(rates, { dt: null, ch: { 1: null, 2: null }, total: null, tags_total: { 1: null, 2: null } });
  }
});

test('rates of a present tagger without live time are null; a dark channel is 0', t => {
  const tagger = new ScriptedTagger('sim');
  const payload = (liveTimePs: number) => JSON.parse(ratesMessage(view(tagger), 0, { ...tagger.rates(5000), liveTimePs })[0]?.payload ?? '');
  t.is(payload(0).total, null);
  t.is(payload(0).ch['1'], null);
  tagger.rateHz = 0;
  t.is(payload(1e12).ch['1'], 0);
});

test('lost tags are null as soon as one interval was not counted, and after a device that cannot count', t => {
  const tagger = new ScriptedTagger('sim');
  const [first, second] = tagger.current.ledger.channels;
  if (!first || !second) return t.fail();
  first.lost.device = 3;
  second.lost.host = 4;
  tagger.current.ledger.grade = 'counted';
  const state = () => parsed(documents(view(tagger)), 'tagd/tagd-01a2b3c4/state');
  t.is(state().lost_tags_total, 7);
  second.unknown.usb = 1;
  t.is(state().lost_tags_total, null);
  second.unknown.usb = 0;
  tagger.current.ledger.grade = 'none';
  tagger.current.info.overflowReport = 'unknown';
  t.is(state().lost_tags_total, null);
  t.is(state().loss_grade, 'unknown');
});

test('news: losses, clock, settings, and presence only when it changed', t => {
  const now = { present: true, detail: 'ok' };
  t.deepEqual(newsOf({ kind: 'loss', taggerId: 'a', grade: 'flagged', place: 'usb', intervals: 2 }, true, now),
    { type: 'overflow', tagger: 'a', details: { grade: 'flagged', place: 'usb', intervals: 2 } });
  t.is(newsOf({ kind: 'clock', taggerId: 'a', locked: false }, true, now)?.type, 'clock_lost');
  t.is(newsOf({ kind: 'clock', taggerId: 'a', locked: true }, true, now)?.type, 'clock_locked');
  t.is(newsOf({ kind: 'settings', taggerId: 'a', revision: 3 }, true, now)?.details['revision'], 3);
  t.is(newsOf({ kind: 'state', taggerId: 'a' }, true, now), undefined);
  t.is(newsOf({ kind: 'state', taggerId: 'a' }, false, now)?.type, 'usb_open');
  t.is(newsOf({ kind: 'state', taggerId: 'a' }, true, { present: false, detail: 'gone' })?.type, 'usb_lost');
  const topics = stationTopics('tagd', info.id);
  t.deepEqual(eventMessage(topics, { type: 'usb_lost', tagger: 'a', details: { detail: 'gone' } }, 0), {
    topic: 'tagd/tagd-01a2b3c4/event', retain: false, qos: 1, expirySeconds: 3600,
    payload: '{"event_type":"usb_lost","t":"1970-01-01T00:00:00.000Z","tagger":"a","detail":"gone"}',
  });
});

test('the last will and the announcement share one retained topic', t => {
  const topics = stationTopics('tagd', info.id);
  t.deepEqual(availability(topics, true), { topic: 'tagd/tagd-01a2b3c4/availability', payload: 'online', retain: true, qos: 1 });
  t.is(availability(topics, false).payload, 'offline');
  t.is(availability(topics, false).topic, availability(topics, true).topic);
});

test('wireName() writes keys in snake case with the unit spelled out', t => {
  t.deepEqual(['triggerLevelV', 'deadTimePs', 'inputDelayPs', 'eventDivider', 'testSignal', 'referenceHz'].map(wireName),
    ['trigger_level_volts', 'dead_time_ps', 'input_delay_ps', 'event_divider', 'test_signal', 'reference_hertz']);
});

test('an id that is no level of a topic is refused for a station and rewritten for a tagger', t => {
  for (const id of ['', 'a/b', 'a+b', '#', 'Tagd', 'a b']) t.throws(() => stationTopics('tagd', id), { code: 'usage' }, id);
  t.is(taggerTopics('tagd', info.id, 'SN 0042/A#', 1).root, 'tagd/tagd-01a2b3c4/tagger/sn-0042-a-');
});

test('every document of any station is valid, small, and holds neither NaN nor Infinity', t => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const taggers = Array.from({ length: random.integer(0, 3) }, () => randomTagger(random));
    const all = view(...taggers);
    const health = { load1: Number.NaN, rssBytes: 1, freeBytes: 2, eventLoopP99Ms: Number.NaN, uptimeS: 3 };
    const messages = [
      ...documents(all), ...taggers.flatMap((tagger, index) => ratesMessage(all, index, tagger.rates(random.integer(0, 5000)))),
      healthMessage(stationTopics('tagd', info.id), health, { queued: 0, published: 0, dropped: 0 }),
    ];
    for (const { topic, payload, retain, qos } of messages) {
      const words = `seed ${seed}, ${topic}: ${payload.slice(0, 300)}`;
      t.regex(topic, /^tagd(\/[a-z0-9_-]+)+$/, words);
      t.true(Buffer.byteLength(payload) < 32 * 1024, words);
      t.is(qos, retain ? 1 : 0, words);
      if (topic.endsWith('/usb_availability')) t.true(payload === 'online' || payload === 'offline', words);
      else t.notThrows(() => JSON.parse(payload), words);
      t.false(/NaN|Infinity/.test(payload), words);
    }
  }
});
