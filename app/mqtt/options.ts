// mqtt/options.ts - what an operator may choose for the bridge to the broker.
//
// The daemon reads these from its configuration; `checkOptions` is the last line of defence and runs before any socket.
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { TaggerError } from '../core/errors.ts';

export interface MqttOptions {
  /** `mqtt://host:1883`, `mqtts://...`, `ws://...` or `wss://...`. */
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  /** Default: the station's id. Two clients with one id throw each other out. */
  clientId?: string | undefined;
  /** First level of every topic; default `tagd`. */
  baseTopic?: string | undefined;
  /** Between two messages with rates; 500 to 60 000 ms, default 5000: every change costs a home automation one row. */
  ratesEveryMs?: number | undefined;
  /** Authorities that may sign the broker's certificate, PEM; default: those of the system. */
  ca?: string | undefined;
  /** The certificate and key of this station, PEM, if the broker asks for one. */
  cert?: string | undefined;
  key?: string | undefined;
  /** Address of the page and interface of this station, published in `info`. */
  apiUrl?: string | undefined;
}

export const defaultBaseTopic = 'tagd';
export const defaultRatesEveryMs = 5_000;

/** @throws {TaggerError} `usage` with what is wrong; never shows a password */
export function checkOptions(options: MqttOptions): void {
  if (!isBrokerUrl(options.url)) {
    throw new TaggerError('usage', `Cannot use '${hidePassword(options.url)}' as the address of an MQTT broker.`, {
      hint: 'Write mqtt://HOST:1883, or mqtts://HOST:8883 for an encrypted connection.',
    });
  }
  const { ratesEveryMs = defaultRatesEveryMs, baseTopic = defaultBaseTopic } = options;
  if (!(ratesEveryMs >= 500 && ratesEveryMs <= 60_000)) {
    throw new TaggerError('usage', `Cannot publish rates every ${ratesEveryMs} ms: the interval must be from 500 to 60000 ms.`, {
      hint: 'Faster rates are for the page and the client library.',
    });
  }
  // Wildcards would address other people's topics; a leading $ is the broker's own.
  if (!/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/.test(baseTopic) || baseTopic.length > 100) {
    throw new TaggerError('usage', `Cannot use '${baseTopic.slice(0, 100)}' as the base topic.`, {
      hint: 'Use letters, digits, - _ and . in levels parted by /, at most 100 characters.',
    });
  }
  if (!isCredential(options)) {
    throw new TaggerError('usage', 'Cannot use the authorities, certificate or key given for the MQTT broker.', {
      hint: 'Give PEM text: -----BEGIN CERTIFICATE-----, and -----BEGIN PRIVATE KEY----- for the key.',
    });
  }
}

function isCredential({ ca, cert, key }: MqttOptions): boolean {
  try {
    createSecureContext({ ca, cert, key });
    // Authorities in which nothing can be read would be left out in silence, and every broker refused.
    return ca === undefined || new X509Certificate(ca).raw.length > 0;
  } catch {
    return false;
  }
}

function isBrokerUrl(text: string): boolean {
  try {
    const url = new URL(text);
    // A lone % in a password parses here and throws later, in the client library.
    decodeURIComponent(url.username + url.password);
    return ['mqtt:', 'mqtts:', 'ws:', 'wss:'].includes(url.protocol) && url.hostname !== '';
  } catch {
    return false;
  }
}

/** The address as logs and status may show it. */
export function hidePassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)?.*@/is, '$1').replace(/[?#].*$/s, '');
}
