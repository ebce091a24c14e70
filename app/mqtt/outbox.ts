// mqtt/outbox.ts - what still has to reach the broker, in bounded memory however long the broker stays away.
//
// Three kinds. A document is the last value of a retained topic: offline it is replaced, never queued, and each new
// connection gets all of them again. A sample is dropped in favour of a newer one. An event is kept in a ring of 100;
// the oldest goes first and is counted. Nothing else is ever stored, and the client library stores nothing of its own.
import type { Message } from './messages.ts';

export const eventsKept = 100;

export class Outbox {
  /** Every document that the broker has or shall have; insertion order = order of publishing. */
  readonly #documents = new Map<string, Message>();
  readonly #dueDocuments = new Set<string>();
  /** Topics of documents that a broker may hold, because they were sent once. */
  readonly #sent = new Set<string>();
  #events: Message[] = [];
  readonly #samples = new Map<string, Message>();
  #droppedEvents = 0;
  #droppedSamples = 0;

  /** Messages that wait. */
  get queued(): number { return this.#dueDocuments.size + this.#events.length + this.#samples.size; }
  /** Documents that are remembered for the next connection. */
  get remembered(): number { return this.#documents.size; }
  get droppedEvents(): number { return this.#droppedEvents; }
  get droppedSamples(): number { return this.#droppedSamples; }

  /** Publishes a retained document if it differs from the last one under its topic. */
  keep(message: Message): void {
    if (this.#documents.get(message.topic)?.payload === message.payload) return;
    this.#documents.set(message.topic, message);
    this.#dueDocuments.add(message.topic);
  }

  /** Forgets every document for which `wanted` is false, and removes it from the broker if it ever got there. */
  retire(wanted: (topic: string) => boolean): void {
    for (const [topic, message] of this.#documents) {
      if (wanted(topic) || message.payload === '') continue;
      if (this.#sent.has(topic)) this.keep({ ...message, payload: '' });
      else this.#forget(topic);
    }
  }

  event(message: Message): void {
    this.#events.push(message);
    if (this.#events.length > eventsKept) {
      this.#events.shift();
      this.#droppedEvents++;
    }
  }

  /** A value that is worthless once a newer one exists. */
  sample(message: Message): void {
    if (this.#samples.has(message.topic)) this.#droppedSamples++;
    this.#samples.set(message.topic, message);
  }

  /** A new connection: the broker may have forgotten everything, so every document goes out again; old samples do not. */
  restart(): void {
    this.#dueDocuments.clear();
    for (const topic of this.#documents.keys()) this.#dueDocuments.add(topic);
    this.#droppedSamples += this.#samples.size;
    this.#samples.clear();
  }

  next(): Message | undefined {
    for (const topic of this.#dueDocuments) {
      this.#dueDocuments.delete(topic);
      this.#sent.add(topic);
      return this.#documents.get(topic);
    }
    const event = this.#events.shift();
    if (event) return event;
    for (const [topic, sample] of this.#samples) {
      this.#samples.delete(topic);
      return sample;
    }
    return undefined;
  }

  /** The broker has this message: nothing is left to remember of a removed document. */
  delivered(message: Message): void {
    if (message.retain && message.payload === '' && this.#documents.get(message.topic) === message) this.#forget(message.topic);
  }

  /** The connection went before these were acknowledged. Events go back in front, so some may arrive twice. */
  undelivered(messages: readonly Message[]): void {
    const events = [...messages.filter(message => !message.retain && message.qos === 1), ...this.#events];
    this.#droppedEvents += Math.max(0, events.length - eventsKept);
    this.#events = events.slice(-eventsKept);
  }

  #forget(topic: string): void {
    this.#documents.delete(topic);
    this.#dueDocuments.delete(topic);
    this.#sent.delete(topic);
  }
}
