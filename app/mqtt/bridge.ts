// mqtt/bridge.ts - the life of the station on a broker: connect, tell everything, keep telling, come back.
//
// It never gates the daemon: it reads snapshots, its memory is bounded by outbox.ts whatever the broker does, and nothing
// it does is awaited by anybody save `stop()`, which takes 2 s at most. On every connection: availability, info, state,
// channels, rates, in this order; the broker may have lost all of it. Documents follow a change by at most a second.
import { systemClock, type Clock } from '../core/clock.ts';
import { isTaggerError, TaggerError } from '../core/errors.ts';
import type { Station, StationEvent } from '../core/station.ts';
import { startHealthProbe, type HealthProbe } from './health.ts';
import { Link, type LinkEnd } from './link.ts';
import {
  availability, documents, eventMessage, healthMessage, isPresent, newsOf, ratesMessage,
  type ClockState, type Message, type StationNews, type StationView,
} from './messages.ts';
import { checkOptions, defaultBaseTopic, defaultRatesEveryMs, hidePassword, type MqttOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { EventBudget, retryDelayMs } from './pace.ts';
import type { MqttStatus } from './status.ts';
import { stationTopics, type StationTopics } from './topics.ts';

/** A connection that lived this long was a good one: the next retry is quick again. */
const stableAfterMs = 60_000;
/** To accept a connection, and then each message. */
const answerWithinMs = 20_000;
const stopWithinMs = 2_000;
const documentsApartMs = 1_000;
const healthEveryMs = 60_000;

/** What a test turns by hand. */
export interface MqttSurroundings { clock?: Clock; random?: () => number; health?: HealthProbe }

export class MqttBridge {
  readonly #station: Station;
  readonly #options: MqttOptions;
  readonly #baseTopic: string;
  readonly #ratesEveryMs: number;
  readonly #topics: StationTopics;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #health: HealthProbe;
  readonly #outbox = new Outbox();

  #unwatch: (() => void) | undefined;
  #link: Link | undefined;
  #protocol: MqttStatus['protocol'] = 5;
  #connected = false;
  #failures = 0;
  #retryInMs: number | undefined;
  #cancelRetry = (): void => {};

  /** Sent on this connection and not acknowledged yet. */
  readonly #inFlight = new Set<Message>();
  #window = 0;
  #pumping = false;
  #cancelPatience = (): void => {};
  /** Timers that run only while connected. */
  readonly #cancelTicks = new Map<'rates' | 'health' | 'documents' | 'stable', () => void>();
  /** Something changed since the documents were published. */
  #stale = false;

  /** Taggers that were there when they last changed their state. */
  readonly #present = new Set<string>();
  readonly #clocks = new Map<string, ClockState>();
  readonly #eventBudget = new EventBudget();

  #lastError: MqttStatus['lastError'];
  #connections = 0;
  #published = 0;
  #refused = 0;
  #droppedEvents = 0;

  /** @throws {TaggerError} `usage` if an option or the id of the station cannot be used; the broker is not asked here */
  constructor(station: Station, options: MqttOptions, surroundings: MqttSurroundings = {}) {
    checkOptions(options);
    this.#station = station;
    this.#options = options;
    this.#baseTopic = options.baseTopic ?? defaultBaseTopic;
    this.#ratesEveryMs = options.ratesEveryMs ?? defaultRatesEveryMs;
    this.#topics = stationTopics(this.#baseTopic, station.info.id);
    this.#clock = surroundings.clock ?? systemClock;
    this.#random = surroundings.random ?? Math.random;
    this.#health = surroundings.health ?? startHealthProbe();
  }

  /** Begins to connect and returns at once; a broker that is not there is tried again for ever. */
  start(): void {
    if (this.#unwatch) return;
    for (const { id } of this.#station.taggers()) if (this.#look(id).present) this.#present.add(id);
    this.#unwatch = this.#station.watch(event => this.#onStationEvent(event));
    this.#outbox.keep(availability(this.#topics, true));
    this.#connect();
  }

  /** Says `offline` if the broker listens, and ends. Takes 2 s at most. A bridge lives once. */
  async stop(): Promise<void> {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#cancelRetry();
    this.#retryInMs = undefined;
    this.#health[Symbol.dispose]();
    const link = this.#link;
    this.#leave();
    await link?.end(availability(this.#topics, false), stopWithinMs);
  }

  status(): MqttStatus {
    return {
      state: this.#connected ? 'connected' : this.#link ? 'connecting' : this.#unwatch ? 'waiting' : 'stopped',
      connected: this.#connected, url: hidePassword(this.#options.url), protocol: this.#protocol, lastError: this.#lastError,
      connections: this.#connections, retryInMs: this.#retryInMs, published: this.#published, refused: this.#refused,
      queued: this.#outbox.queued, inFlight: this.#inFlight.size,
      dropped: { events: this.#droppedEvents + this.#outbox.droppedEvents, samples: this.#outbox.droppedSamples },
    };
  }

  #connect(): void {
    this.#retryInMs = undefined;
    this.#link = new Link({
      broker: this.#options, clientId: this.#options.clientId ?? this.#station.info.id, protocol: this.#protocol,
      will: availability(this.#topics, false),
      onOpen: window => this.#onOpen(window),
      onClosed: end => this.#onClosed(end),
    });
    this.#startPatience(this.#link);
  }

  #onOpen(window: number): void {
    this.#connected = true;
    this.#connections++;
    this.#window = window;
    this.#cancelPatience();
    this.#outbox.restart();
    this.#publishDocuments();
    this.#publishRates();
    this.#publishHealth();
    this.#cancelTicks.set('stable', this.#clock.after(stableAfterMs, () => { this.#failures = 0; }));
    this.#every(this.#ratesEveryMs, 'rates', () => this.#publishRates());
    this.#every(healthEveryMs, 'health', () => {
      this.#publishHealth();
      this.#publishChanges(); // In case something changed without an event.
    });
    this.#pump();
  }

  #onClosed({ error, protocolRefused }: LinkEnd): void {
    this.#leave();
    if (protocolRefused) {
      this.#protocol = this.#protocol === 5 ? 4 : 5;
      // The older version is tried at once; a broker that refuses both waits like any other.
      if (this.#protocol === 4) return this.#connect();
    }
    this.#note(error);
    this.#failures++;
    this.#retryInMs = retryDelayMs(this.#failures, this.#random());
    this.#cancelRetry = this.#clock.after(this.#retryInMs, () => this.#connect());
  }

  /** Everything that belongs to one connection ends with it. */
  #leave(): void {
    this.#link = undefined;
    this.#connected = false;
    this.#cancelPatience();
    for (const cancel of this.#cancelTicks.values()) cancel();
    this.#cancelTicks.clear();
    this.#outbox.undelivered([...this.#inFlight]);
    this.#inFlight.clear();
  }

  #onStationEvent(event: StationEvent): void {
    const { taggerId: id } = event;
    const now = this.#look(id);
    const news = newsOf(event, this.#present.has(id), now);
    if (event.kind === 'state' && now.present) this.#present.add(id);
    if (event.kind === 'state' && !now.present) this.#present.delete(id);
    if (event.kind === 'clock') this.#clocks.set(id, event.locked ? 'locked' : 'lost');
    if (!now.present) this.#clocks.delete(id);
    if (news) this.#publishNews(news);
    this.#publishChanges();
    this.#pump();
  }

  #look(taggerId: string): { present: boolean; detail: string } {
    const status = this.#ask(() => this.#station.taggers().find(tagger => tagger.id === taggerId)?.status());
    return { present: status !== undefined && isPresent(status.state), detail: status?.detail ?? '' };
  }

  #publishNews(news: StationNews): void {
    const nowMs = this.#clock.nowMs();
    if (this.#eventBudget.take(news.type, nowMs)) this.#outbox.event(eventMessage(this.#topics, news, nowMs));
    else this.#droppedEvents++;
  }

  /** At once, then at most once a second, however fast the station changes; without a connection not at all. */
  #publishChanges(): void {
    this.#stale = true;
    if (this.#connected && !this.#cancelTicks.has('documents')) this.#publishDocuments();
  }

  #publishDocuments(): void {
    this.#stale = false;
    this.#cancelTicks.set('documents', this.#clock.after(documentsApartMs, () => {
      this.#cancelTicks.delete('documents');
      if (this.#stale) this.#publishDocuments();
      this.#pump();
    }));
    const messages = this.#ask(() => documents(this.#view()));
    if (!messages) return;
    const topics = new Set(messages.map(message => message.topic)).add(this.#topics.availability).add(this.#topics.health);
    for (const message of messages) this.#outbox.keep(message);
    this.#outbox.retire(topic => topics.has(topic));
  }

  #publishRates(): void {
    this.#ask(() => {
      const view = this.#view();
      this.#station.taggers().forEach((tagger, index) => {
        for (const message of ratesMessage(view, index, tagger.rates(this.#ratesEveryMs))) this.#outbox.sample(message);
      });
    });
  }

  #publishHealth(): void {
    const { queued, published, dropped } = this.status();
    this.#outbox.keep(healthMessage(this.#topics, this.#health.read(), { queued, published, dropped: dropped.events + dropped.samples }));
  }

  #view(): StationView {
    return {
      baseTopic: this.#baseTopic, info: this.#station.info, apiUrl: this.#options.apiUrl,
      taggers: this.#station.taggers().map(tagger => ({ status: tagger.status(), clock: this.#clocks.get(tagger.id) ?? 'unknown' })),
    };
  }

  /** Again and again while this connection lasts. */
  #every(intervalMs: number, name: 'rates' | 'health', run: () => void): void {
    this.#cancelTicks.set(name, this.#clock.after(intervalMs, () => {
      run();
      this.#pump();
      this.#every(intervalMs, name, run);
    }));
  }

  /** Hands messages over as long as the broker keeps acknowledging; what waits meanwhile waits in the outbox. */
  #pump(): void {
    const link = this.#link;
    if (!this.#connected || !link || this.#pumping) return;
    this.#pumping = true;
    while (this.#link === link && this.#inFlight.size < this.#window) {
      const message = this.#outbox.next();
      if (!message) break;
      if (this.#inFlight.size === 0) this.#startPatience(link);
      this.#inFlight.add(message);
      link.publish(message, error => this.#onAcknowledged(link, message, error));
    }
    this.#pumping = false;
  }

  #onAcknowledged(link: Link, message: Message, error: TaggerError | undefined): void {
    if (this.#link !== link) return;
    this.#inFlight.delete(message);
    this.#cancelPatience();
    if (this.#inFlight.size > 0) this.#startPatience(link);
    if (error) {
      this.#refused++;
      this.#note(error);
    } else {
      this.#published++;
      this.#outbox.delivered(message);
    }
    this.#pump();
  }

  /** A broker that takes the connection, or answers pings, but acknowledges nothing is as good as gone. */
  #startPatience(link: Link): void {
    this.#cancelPatience = this.#clock.after(answerWithinMs, () => link.drop(`it did not answer for ${answerWithinMs / 1000} s`));
  }

  /** A tagger may be closed between two questions: that is noted, not thrown. A bug is thrown. */
  #ask<T>(question: () => T): T | undefined {
    try {
      return question();
    } catch (error) {
      if (!isTaggerError(error)) throw error;
      this.#note(error);
      return undefined;
    }
  }

  #note(error: TaggerError): void {
    this.#lastError = { code: error.code, message: error.message, hint: error.hint, at: new Date(this.#clock.nowMs()).toISOString() };
  }
}
