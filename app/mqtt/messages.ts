// mqtt/messages.ts - what is published: pure functions from the state of the station to messages.
//
// A number that is not known is null and never 0 (JSON writes NaN and Infinity as null by itself). Names are in snake case with their unit at the end; payloads are JSON
// save the two availability topics, which are one plain word because that is what consumers compare with.
import type { LedgerSnapshot } from '../core/ledger.ts';
import type { Rates, StationEvent, StationInfo, TaggerState, TaggerStatus } from '../core/station.ts';
import type { SettingInfo, SettingValue } from '../core/tagger.ts';
import type { HealthReading } from './health.ts';
import { stationTopics, taggerTopics, type StationTopics, type TaggerTopics } from './topics.ts';

export interface Message {
  topic: string;
  /** '' with `retain` removes what the broker keeps under this topic. */
  payload: string;
  retain: boolean;
  qos: 0 | 1;
  /** The broker throws an undelivered message away after this (MQTT 5 only). */
  expirySeconds?: number;
}

/** The station at one moment, as far as retained documents tell of it. */
export interface StationView {
  baseTopic: string;
  info: StationInfo;
  /** In the order of the station: the first one has the short topics. */
  taggers: readonly TaggerView[];
  apiUrl?: string | undefined;
}
export interface TaggerView {
  status: TaggerStatus;
  /** As last reported; `unknown` until the tagger says something about its clock. */
  clock: ClockState;
}
export type ClockState = 'locked' | 'lost' | 'unknown';

/** Goes up when a document changes in a way that breaks its readers. */
const schemaVersion = 1;
const ratesExpirySeconds = 30;
const eventExpirySeconds = 3600;

/** True while the tagger can be asked for tags: also after a recording came to its end. */
export function isPresent(state: TaggerState): boolean { return state === 'ready' || state === 'streaming' || state === 'ended'; }

/** False before the tagger was first found: then a total of 0 would be a claim about a device nobody has seen. */
function wasFound(state: TaggerState): boolean { return state !== 'absent' && state !== 'probing'; }

export function availability(topics: StationTopics, online: boolean): Message {
  return { topic: topics.availability, payload: onlineWord(online), retain: true, qos: 1 };
}

/** Every retained document save availability and health, in the order in which they are published: info, state, channels. */
export function documents(view: StationView): Message[] {
  const topicsOf = (tagger: TaggerView, index: number): TaggerTopics => taggerTopics(view.baseTopic, view.info.id, tagger.status.id, index);
  return [
    document(stationTopics(view.baseTopic, view.info.id).info, stationDocument(view, topicsOf)),
    ...view.taggers.flatMap((tagger, index) => {
      const topics = topicsOf(tagger, index);
      return [
        { topic: topics.usbAvailability, payload: onlineWord(isPresent(tagger.status.state)), retain: true, qos: 1 } as const,
        document(topics.state, stateDocument(tagger)),
      ];
    }),
    ...view.taggers.flatMap((tagger, index) => {
      const topics = topicsOf(tagger, index);
      return tagger.status.info.channels.map(channel => document(topics.channel(channel.number), channelDocument(tagger.status, channel)));
    }),
  ];
}

function stationDocument(view: StationView, topicsOf: (tagger: TaggerView, index: number) => TaggerTopics): object {
  const { info } = view;
  return {
    schema: schemaVersion, id: info.id, name: text(info.name), version: info.version, started: info.startedAt,
    node: process.version, os: `${process.platform} ${process.arch}`, api_url: view.apiUrl ?? null,
    taggers: view.taggers.map((tagger, index) => {
      const { id, info: device, kernel } = tagger.status;
      return {
        id, topic: topicsOf(tagger, index).root, model: text(device.model), serial: text(device.serial), driver: device.driver,
        firmware: device.firmware === undefined ? null : text(device.firmware), source: device.source, kernel,
        tick_ps: device.tick.num / device.tick.den, loss_report: device.overflowReport,
        channels: device.channels.map(channel => ({ channel: channel.number, name: text(channel.name) })),
      };
    }),
  };
}

function stateDocument({ status, clock }: TaggerView): object {
  const { info, ledger } = status;
  return {
    tagger: status.id, state: status.state, detail: text(status.detail), clock, settings_revision: status.revision,
    // "No loss was reported" means nothing from a device that cannot report one.
    loss_grade: ledger.grade === 'none' && info.overflowReport === 'unknown' ? 'unknown' : ledger.grade,
    lost_tags_total: wasFound(status.state) && info.overflowReport !== 'unknown' ? lostTags(ledger) : null, lost_intervals: ledger.intervals,
    epochs: ledger.epochs, disorder: ledger.disorder,
    settings: settingValues(info.settings, 'tagger', status.settings.tagger),
  };
}

function channelDocument(status: TaggerStatus, channel: { number: number; name: string }): object {
  return {
    ...settingValues(status.info.settings, 'channel', status.settings.channels?.[channel.number]),
    tagger: status.id, channel: channel.number, name: text(channel.name), edge: channel.number < 0 ? 'falling' : 'rising',
  };
}

/** Rates of one tagger; without the tagger, or without live time, everything is null. */
export function ratesMessage(view: StationView, index: number, rates: Rates): Message[] {
  const tagger = view.taggers[index];
  if (!tagger) return [];
  const known = isPresent(tagger.status.state) && rates.liveTimePs > 0;
  const byChannel = (value: (channel: Rates['channels'][number]) => number | null): Record<string, number | null> =>
    Object.fromEntries(rates.channels.map(channel => [channel.channel, value(channel)]));
  return [{
    topic: taggerTopics(view.baseTopic, view.info.id, tagger.status.id, index).rates,
    payload: JSON.stringify({
      t: rates.at, tagger: tagger.status.id, dt: known ? roundTo(rates.liveTimePs * 1e-12, 6) : null,
      ch: byChannel(channel => (known ? roundTo(channel.rateHz, 3) : null)),
      total: known ? roundTo(rates.totalHz, 3) : null,
      tags_total: byChannel(channel => (wasFound(tagger.status.state) ? channel.totalTags : null)),
    }),
    retain: false, qos: 0, expirySeconds: ratesExpirySeconds,
  }];
}

export function healthMessage(topics: StationTopics, health: HealthReading, mqtt: { queued: number; published: number; dropped: number }): Message {
  return document(topics.health, {
    load_1min: health.load1, memory_rss_bytes: health.rssBytes, memory_free_bytes: health.freeBytes,
    event_loop_p99_ms: roundTo(health.eventLoopP99Ms, 3), uptime_s: roundTo(health.uptimeS, 0),
    mqtt_queued: mqtt.queued, mqtt_published_total: mqtt.published, mqtt_dropped_total: mqtt.dropped,
  });
}

/** What a change of the station is called in the stream of events, or nothing if it is no news. */
export type EventType = 'overflow' | 'clock_lost' | 'clock_locked' | 'usb_open' | 'usb_lost' | 'config_changed';
export interface StationNews { type: EventType; tagger: string; details: Record<string, string | number | null> }

/** @param before presence of the tagger when it was last looked at; @param now its presence and words on it */
export function newsOf(event: StationEvent, before: boolean, now: { present: boolean; detail: string }): StationNews | undefined {
  const tagger = event.taggerId;
  switch (event.kind) {
    case 'loss': return { type: 'overflow', tagger, details: { grade: event.grade, place: event.place, intervals: event.intervals } };
    case 'clock': return { type: event.locked ? 'clock_locked' : 'clock_lost', tagger, details: {} };
    case 'settings': return { type: 'config_changed', tagger, details: { revision: event.revision } };
    case 'state':
      if (before === now.present) return undefined;
      return { type: now.present ? 'usb_open' : 'usb_lost', tagger, details: { detail: text(now.detail) } };
  }
}

export function eventMessage(topics: StationTopics, news: StationNews, atMs: number): Message {
  return {
    topic: topics.event,
    payload: JSON.stringify({ event_type: news.type, t: new Date(atMs).toISOString(), tagger: news.tagger, ...news.details }),
    retain: false, qos: 1, expirySeconds: eventExpirySeconds,
  };
}

/** `triggerLevelV` -> `trigger_level_volts`. */
export function wireName(key: string): string {
  return key.replace(/V$/, 'Volts').replace(/Hz$/, 'Hertz').replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
}

function settingValues(
  settings: readonly SettingInfo[], scope: SettingInfo['scope'], values: Record<string, SettingValue> | undefined,
): Record<string, SettingValue | null> {
  return Object.fromEntries(settings.filter(setting => setting.scope === scope).map(({ key }) => [wireName(key), values?.[key] ?? null]));
}

/** All lost tags of a tagger, or null as soon as one interval exists of which nobody counted the tags. */
function lostTags(ledger: LedgerSnapshot): number | null {
  let lost = 0;
  for (const channel of ledger.channels) {
    if (channel.unknown.device + channel.unknown.usb + channel.unknown.host > 0) return null;
    lost += channel.lost.device + channel.lost.usb + channel.lost.host;
  }
  return lost;
}

function document(topic: string, content: object): Message { return { topic, payload: JSON.stringify(content), retain: true, qos: 1 }; }
function onlineWord(online: boolean): string { return online ? 'online' : 'offline'; }
function roundTo(value: number | null, digits: number): number | null { return value === null ? null : Number(value.toFixed(digits)); }

/** Words that came from a device or a person, short enough for every consumer. */
function text(words: string): string { return words.length > 255 ? `${words.slice(0, 252)}...` : words; }
