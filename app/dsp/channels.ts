// dsp/channels.ts - which channels a measurement looks at.
import type { CheckedConfig } from '../core/measurements.ts';

const channelKeys: ReadonlySet<string> = new Set(['channels', 'channel1', 'channel2', 'click', 'start', 'next', 'sync']);

/** The channel numbers among the arguments, in their order; those that were not given are left out. */
export function channelsOf(config: CheckedConfig): number[] {
  return Object.entries(config)
    .flatMap(([key, value]) => (channelKeys.has(key) && value !== undefined ? value : []))
    .filter(value => typeof value === 'number');
}
