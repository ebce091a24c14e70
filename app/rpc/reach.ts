// rpc/reach.ts - the channels a grant reaches, and what is left of answers for somebody who reaches only some.
import { TaggerError } from '../core/errors.ts';
import type { Rates, TaggerStatus } from '../core/station.ts';
import type { Settings } from '../core/tagger.ts';

export class Reach {
  readonly channels: readonly number[] | null;
  /** @param channels `null` reaches all */
  constructor(channels: readonly number[] | null) { this.channels = channels; }

  has(channel: number): boolean { return this.channels === null || this.channels.includes(channel); }

  /** @throws {TaggerError} `forbidden` for the first channel that is out of reach */
  check(action: string, channels: readonly number[]): void {
    const first = channels.find(channel => !this.has(channel));
    if (first === undefined) return;
    throw new TaggerError('forbidden', `Cannot ${action}: this link does not reach channel ${first}.`, {
      hint: `It reaches ${this.channels?.join(', ')}; ask for a link with more channels.`,
    });
  }

  settings(settings: Settings): Settings {
    if (this.channels === null || !settings.channels) return settings;
    return { ...settings, channels: Object.fromEntries(Object.entries(settings.channels).filter(([channel]) => this.has(Number(channel)))) };
  }

  status(status: TaggerStatus): TaggerStatus {
    if (this.channels === null) return status;
    const visible = status.info.channels.map(({ number }) => this.has(number));
    return {
      ...status, settings: this.settings(status.settings), info: { ...status.info, channels: status.info.channels.filter((_, i) => visible[i]) },
      ledger: { ...status.ledger, channels: status.ledger.channels.filter((_, i) => visible[i]) },
    };
  }

  rates(rates: Rates): Rates {
    if (this.channels === null) return rates;
    const channels = rates.channels.filter(({ channel }) => this.has(channel));
    const known = channels.map(({ rateHz }) => rateHz).filter(rateHz => rateHz !== null);
    return { ...rates, channels, totalHz: known.length === 0 ? null : known.reduce((sum, rateHz) => sum + rateHz, 0) };
  }
}
