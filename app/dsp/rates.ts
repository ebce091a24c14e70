// dsp/rates.ts - the rates a line shows without any measurement: counted by ingest, sampled by the main thread.
import type { Rates } from '../core/station.ts';
import type { ChannelInfo } from '../core/tagger.ts';
import type { Ring } from './ring.ts';

/** Samples reach back this far; a longer window is cut to it. */
const keepMs = 60_000;

interface Sample { atMs: number; livePs: number; totals: Float64Array }

export class RateMeter {
  readonly #ring: Ring;
  readonly #channels: readonly ChannelInfo[];
  /** Oldest first. */
  readonly #samples: Sample[] = [];

  constructor(ring: Ring, channels: readonly ChannelInfo[]) {
    this.#ring = ring;
    this.#channels = channels;
    this.sample();
  }

  sample(): void {
    const now = this.#now();
    this.#samples.push(now);
    while (this.#samples.length > 2 && this.#samples[0]!.atMs < now.atMs - keepMs) this.#samples.shift();
  }

  /** @param connected false: there is no tagger, and nobody knows a rate */
  rates(windowMs: number, connected: boolean): Rates {
    const now = this.#now();
    const since = this.#samples.findLast(({ atMs }) => atMs <= now.atMs - windowMs) ?? this.#samples[0] ?? now;
    const livePs = now.livePs - since.livePs;
    const known = connected && livePs > 0;
    const channels = this.#channels.map(({ number, name }, i) => ({
      channel: number, name, rateHz: known ? (now.totals[i]! - since.totals[i]!) / (livePs * 1e-12) : null, totalTags: now.totals[i]!,
    }));
    return {
      liveTimePs: livePs, at: new Date().toISOString(), channels,
      totalHz: known ? channels.reduce((sum, { rateHz }) => sum + (rateHz ?? 0), 0) : null,
    };
  }

  #now(): Sample {
    return { atMs: performance.now(), livePs: this.#ring.livePs, totals: this.#ring.totals(this.#channels.length).slice() };
  }
}
