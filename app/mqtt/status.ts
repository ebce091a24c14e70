// mqtt/status.ts - what the bridge says about itself, for the page, for health and for whoever looks for a fault.
import type { Protocol } from './link.ts';

export interface MqttStatus {
  state: 'stopped' | 'connecting' | 'connected' | 'waiting';
  connected: boolean;
  /** The broker, without a password. */
  url: string;
  /** The version of MQTT in use: 5, or 4 (that is 3.1.1) after the broker refused 5. */
  protocol: Protocol;
  /** Why the last connection or message failed; stays until the next failure. */
  lastError: { code: string; message: string; hint: string | undefined; at: string } | undefined;
  connections: number;
  /** Milliseconds that the next attempt was put off, while `waiting`. */
  retryInMs: number | undefined;
  /** Messages that the broker acknowledged, or that the socket took if nobody acknowledges them. */
  published: number;
  /** Messages that the broker refused, as an access list does. */
  refused: number;
  queued: number;
  inFlight: number;
  dropped: { events: number; samples: number };
}
