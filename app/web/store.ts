// web/store.ts - what the page knows, as signals. Filled by the connection, read by the components, nothing else.
import { signal } from '@preact/signals';
import type { TaggerStatus, Rates } from '../core/station.ts';
import type { TagdSession, Tagger } from '../client/index.ts';

export type Connection =
  | { state: 'no-link' }
  | { state: 'connecting'; attempt: number; because: string | undefined }
  | { state: 'open'; session: TagdSession; tagger: Tagger }
  /** The link itself is no good: trying again would not help. */
  | { state: 'refused'; message: string; hint: string | undefined };

export const connection = signal<Connection>({ state: 'no-link' });
export const status = signal<TaggerStatus | undefined>(undefined);
export const boxName = signal('tagd');
export const rates = signal<Rates | undefined>(undefined);

/** One minute of rates per channel for the sparklines; `null` is a gap. */
export const history = signal<ReadonlyMap<number, readonly (number | null)[]>>(new Map());
export const historyLength = 120;

export function takeRates(next: Rates): void {
  rates.value = next;
  const lines = new Map<number, readonly (number | null)[]>();
  for (const { channel, rateHz } of next.channels) lines.set(channel, [...history.value.get(channel) ?? [], rateHz].slice(-historyLength));
  history.value = lines;
}
