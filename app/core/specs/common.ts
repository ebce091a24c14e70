// core/specs/common.ts - arguments and getters that many measurements have in common.
import { limits } from '../limits.ts';
import type { CheckedConfig } from '../spec.ts';

export const click = { kind: 'channel', help: 'Channel of the clicks.' } as const;
export const start = { kind: 'channel', optional: true, help: 'Channel of the starts; the click channel itself if not given.' } as const;
export const binwidth = { kind: 'duration', min: 1, max: limits.windowPs, default: 1000, help: 'Width of a bin.' } as const;
export const bins = { kind: 'integer', min: 1, max: limits.binsPerMeasurement, default: 1000, help: 'Number of bins.' } as const;
export const channels = { kind: 'channels', min: 1, max: 64, help: 'Channels to count.' } as const;

export const binIndex = { type: 'numbers', shape: '[bins]', unit: 'ps', help: 'Left edges of the bins.' } as const;
export const centres = { type: 'numbers', shape: '[bins]', unit: 'ps', help: 'Centres of the bins: left edge + (binwidth - tick) / 2.' } as const;
export const rates = {
  kind: 'choice', choices: ['global', 'segment'], default: 'global',
  help: 'Rates for the normalisation: over the whole live time, or of each uninterrupted segment.',
} as const;

/** g2 and its error, as `--normalized` gives them. */
export const g2 = { g2: 'getDataNormalized', g2Error: 'getDataNormalizedError' } as const;

export const pairsAtLoss = 'Open starts are forgotten; no pair spans a lost interval or an epoch. Live time and the segments of g2 leave it out.';

/** A number among the arguments, for the sizes of a table; 1 where it is absent. */
export function sizeOf(config: CheckedConfig, key: string): number {
  const value = config[key];
  return typeof value === 'number' ? value : Array.isArray(value) ? value.length : 1;
}
