// mqtt/link.ts - one connection to the broker, from its first byte to its end. The only importer of mqtt.js.
//
// Each attempt gets a client of its own with reconnection switched off: mqtt.js keeps unacknowledged messages in stores
// that outlive the connection, resends them before anybody can speak, and waits for ever where a broker refused it. A
// fresh client has none of that; backoff and memory are in the hands of bridge.ts and outbox.ts.
//
// The broker is not trusted: every error of the client ends the connection, and so does a packet that no honest broker
// would send to a client without subscriptions. `onClosed` is called exactly once.
import mqtt from 'mqtt';
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt';
import { isTaggerError, TaggerError } from '../core/errors.ts';
import type { Message } from './messages.ts';
import { hidePassword, type MqttOptions } from './options.ts';

export type Protocol = 5 | 4;

export interface LinkOptions {
  broker: MqttOptions;
  clientId: string;
  protocol: Protocol;
  /** Published by the broker when the connection dies without a goodbye. */
  will: Message;
  /** @param window unacknowledged messages that the broker takes at a time */
  onOpen(window: number): void;
  onClosed(end: LinkEnd): void;
}
export interface LinkEnd {
  /** Why, in words for people. */
  error: TaggerError;
  /** The broker does not speak this version of MQTT. */
  protocolRefused: boolean;
}

const keepaliveSeconds = 30;
/** Unacknowledged messages we allow ourselves: enough for a round trip, little enough to repeat. */
const ownWindow = 16;
/** An answer of the broker is a few bytes; a packet that grows beyond this is an attack or no MQTT at all. */
const incomingPacketBytes = 256 * 1024;
const sameId = 'If this happens again and again, another client may use the same client id: give each its own.';
/** CONNACK reason codes, and their forms before MQTT 5. */
const refusedProtocol: readonly number[] = [1, 132];
const refusedCredentials: readonly number[] = [4, 5, 134, 135];

export class Link {
  readonly #client: MqttClient;
  readonly #address: string;
  readonly #onClosed: (end: LinkEnd) => void;
  #over = false;
  #bytesSincePacket = 0;

  constructor({ broker, clientId, protocol, will, onOpen, onClosed }: LinkOptions) {
    this.#address = hidePassword(broker.url);
    this.#onClosed = onClosed;
    this.#client = mqtt.connect(broker.url, clientOptions(broker, clientId, protocol, will));
    this.#client.on('connect', packet => {
      if (!this.#over) onOpen(Math.min(ownWindow, packet.properties?.receiveMaximum ?? ownWindow));
    });
    this.#client.on('error', error => this.#close(explain(error, this.#address), refusedProtocol.includes(reasonCode(error))));
    this.#client.on('disconnect', packet => this.#close(new TaggerError('unavailable',
      `The MQTT broker ${this.#address} ended the connection with reason code ${packet.reasonCode ?? 0}.`, { hint: sameId })));
    // Mosquitto 2.0 hangs up on a client that another one displaced, without a word.
    this.#client.on('close', () => this.#close(new TaggerError('unavailable', `The connection to the MQTT broker ${this.#address} was lost.`, { hint: sameId })));
    this.#client.on('packetreceive', packet => {
      this.#bytesSincePacket = 0;
      if (packet.cmd === 'publish' && packet.qos === 2) this.drop('it sent a QoS 2 message that nobody subscribed to');
    });
    this.#client.stream.on('data', (chunk: Uint8Array) => {
      this.#bytesSincePacket += chunk.length;
      if (this.#bytesSincePacket > incomingPacketBytes) this.drop(`it sent ${this.#bytesSincePacket} bytes that are no answer`);
    });
  }

  /** @param done called once: without an error when the broker acknowledged it (QoS 1) or the socket took it (QoS 0) */
  publish(message: Message, done: (error?: TaggerError) => void): void {
    const properties: IPublishPacket['properties'] = message.expirySeconds === undefined ? {} : { messageExpiryInterval: message.expirySeconds };
    this.#client.publish(message.topic, message.payload, { qos: message.qos, retain: message.retain, properties }, error => {
      if (this.#over) return;
      if (!error) done();
      else {
        done(new TaggerError(refusedCredentials.includes(reasonCode(error)) ? 'forbidden' : 'unavailable',
          `The MQTT broker ${this.#address} refused a message to ${message.topic}: ${error.message}.`,
          { hint: 'Let this station write below its own topic in the access list of the broker.' }));
      }
    });
  }

  /** Ends the connection at once; the broker publishes the will. */
  drop(reason: string): void {
    this.#close(new TaggerError('protocol', `Left the MQTT broker ${this.#address}: ${reason}.`));
  }

  /** Says a last word and goodbye, so that the will is not published; gives up after `timeoutMs`. Does not call `onClosed`. */
  async end(lastWord: Message, timeoutMs: number): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const client = this.#client;
    const { promise, resolve } = Promise.withResolvers<void>();
    client.once('close', resolve);
    // A broker that does not acknowledge, or does not hang up after our goodbye, must not hold the daemon.
    const timer = setTimeout(() => { client.stream.destroy(); resolve(); }, timeoutMs);
    if (client.connected) {
      client.publish(lastWord.topic, lastWord.payload, { qos: lastWord.qos, retain: lastWord.retain }, () => client.end(false));
    } else client.end(true);
    await promise;
    clearTimeout(timer);
  }

  #close(error: TaggerError, protocolRefused = false): void {
    if (this.#over) return;
    this.#over = true;
    this.#client.end(true);
    this.#onClosed({ error, protocolRefused });
  }
}

function clientOptions(broker: MqttOptions, clientId: string, protocol: Protocol, will: Message): IClientOptions {
  return {
    clientId, protocolVersion: protocol, keepalive: keepaliveSeconds, clean: true,
    reconnectPeriod: 0, queueQoSZero: false, resubscribe: false,
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: will.qos, retain: will.retain },
    ...(protocol === 5 ? { properties: { sessionExpiryInterval: 0, maximumPacketSize: incomingPacketBytes } } : {}),
    ...(broker.username === undefined ? {} : { username: broker.username }),
    ...(broker.password === undefined ? {} : { password: broker.password }),
    ...(broker.ca === undefined ? {} : { ca: broker.ca }),
    ...(broker.cert === undefined ? {} : { cert: broker.cert }),
    ...(broker.key === undefined ? {} : { key: broker.key }),
  };
}

function reasonCode(error: Error): number { return 'code' in error && typeof error.code === 'number' ? error.code : 0; }

/** The words of mqtt.js and of the operating system, with what to do about them. */
function explain(error: Error, address: string): TaggerError {
  if (isTaggerError(error)) return error;
  const code = reasonCode(error);
  const words = error.message.replace(/^Connection refused: /, '');
  if (refusedCredentials.includes(code)) {
    return new TaggerError('forbidden', `The MQTT broker ${address} refused the connection: ${words}.`, { hint: 'Check user name and password of the broker.' });
  }
  if (code > 0) return new TaggerError('unavailable', `The MQTT broker ${address} refused the connection: ${words}.`);
  return new TaggerError('unavailable', `Cannot talk to the MQTT broker ${address}: ${error.message || String(error)}.`, {
    hint: 'Check its address and that it runs; tagd keeps trying.',
  });
}
