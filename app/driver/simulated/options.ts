// driver/simulated/options.ts - what a simulated tagger may be asked for, checked whole, with its defaults.
import { TaggerError } from '../../core/errors.ts';
import { describe } from '../../core/arguments.ts';
import type { SimulatedFaults, SimulatedOptions, SimulatedSignal } from '../../core/tagger.ts';
import { bounds } from './signals.ts';

export interface CheckedOptions extends SimulatedOptions {
  seed: number;
  channels: number;
  signals: SimulatedSignal[];
  pace: 'live' | 'unpaced';
}

/** Above this the tags of one slice no longer fit the caches of anything. */
const highestRateHz = 2e8;

/** A source of photon pairs on channels 1 and 2 before a dark background, a 100 kHz clock on 3, dark counts on 4. */
export const defaultSignals: readonly SimulatedSignal[] = [
  { kind: 'pairs', channels: [1, 2], rateHz: 40_000, efficiency: 0.5, jitterPs: 350, delayPs: [0, 12_000] },
  { kind: 'poisson', channel: 1, rateHz: 30_000 },
  { kind: 'poisson', channel: 2, rateHz: 30_000 },
  { kind: 'periodic', channel: 3, periodPs: 10_000_000, jitterPs: 50 },
  { kind: 'poisson', channel: 4, rateHz: 500 },
];

/** @throws {TaggerError} `usage` with the option, what was given and what is allowed */
export function checkOptions(given: unknown): CheckedOptions {
  const options = object(given, 'the options', ['seed', 'channels', 'signals', 'deadTimePs', 'faults', 'pace', 'durationPs', 'startPs']);
  const channels = optional(options['channels'], value => whole(value, 'channels', 1, 16)) ?? 4;
  const signals = optional(options['signals'], value => list(value, 'signals', 64).map((signal, i) => checkSignal(signal, `signals[${i}]`, channels)))
    ?? defaultSignals.filter(signal => channelsOf(signal).every(channel => channel <= channels));
  const totalHz = signals.reduce((sum, signal) => sum + rateOf(signal), 0);
  if (totalHz > highestRateHz) throw refused('signals', `at most ${highestRateHz / 1e6} million tags per second in all`, `${totalHz / 1e6} million`);
  const checked: CheckedOptions = {
    seed: optional(options['seed'], value => whole(value, 'seed', 0, Number.MAX_SAFE_INTEGER)) ?? 1, channels, signals,
    pace: (optional(options['pace'], value => choice(value, 'pace', ['live', 'unpaced'])) ?? 'live') as CheckedOptions['pace'],
  };
  if (isGiven(options['deadTimePs'])) checked.deadTimePs = whole(options['deadTimePs'], 'deadTimePs', 0, 1e9);
  if (isGiven(options['durationPs'])) checked.durationPs = whole(options['durationPs'], 'durationPs', 1, Number.MAX_SAFE_INTEGER);
  if (isGiven(options['startPs'])) checked.startPs = decimal(options['startPs'], 'startPs');
  if (isGiven(options['faults'])) checked.faults = checkFaults(options['faults']);
  return checked;
}

function checkSignal(given: unknown, name: string, channels: number): SimulatedSignal {
  const kind = object(given, name)['kind'];
  const has = (keys: string[]): Record<string, unknown> => object(given, name, ['kind', ...keys]);
  const channel = (value: unknown, key: string): number => whole(value, `${name}.${key}`, 1, channels);
  const channelList = (value: unknown): number[] => list(value, `${name}.channels`, channels).map((each, i) => channel(each, `channels[${i}]`));
  const delays = (value: unknown): number[] => list(value, `${name}.delayPs`, 16).map((each, i) => number(each, `${name}.delayPs[${i}]`, -bounds.delayPs, bounds.delayPs));
  const period = (value: unknown): number => number(value, `${name}.periodPs`, 1000, bounds.periodPs);
  const jitter = (value: unknown): { jitterPs?: number } => (isGiven(value) ? { jitterPs: number(value, `${name}.jitterPs`, 0, bounds.jitterPs) } : {});
  switch (kind) {
    case 'poisson': {
      const signal = has(['channel', 'rateHz']);
      return { kind, channel: channel(signal['channel'], 'channel'), rateHz: number(signal['rateHz'], `${name}.rateHz`, 0, bounds.rateHz) };
    }
    case 'periodic': {
      const signal = has(['channel', 'periodPs', 'jitterPs', 'phasePs']);
      const phase = isGiven(signal['phasePs']) ? { phasePs: number(signal['phasePs'], `${name}.phasePs`, -bounds.periodPs, bounds.periodPs) } : {};
      return { kind, channel: channel(signal['channel'], 'channel'), periodPs: period(signal['periodPs']), ...jitter(signal['jitterPs']), ...phase };
    }
    case 'pulsed': {
      const signal = has(['channels', 'periodPs', 'probability', 'jitterPs', 'delayPs']);
      return {
        kind, channels: channelList(signal['channels']), periodPs: period(signal['periodPs']), probability: number(signal['probability'], `${name}.probability`, 1e-9, 1),
        ...jitter(signal['jitterPs']), ...(isGiven(signal['delayPs']) ? { delayPs: delays(signal['delayPs']) } : {}),
      };
    }
    case 'pairs': {
      const signal = has(['channels', 'rateHz', 'efficiency', 'jitterPs', 'delayPs']);
      return {
        kind, channels: channelList(signal['channels']), rateHz: number(signal['rateHz'], `${name}.rateHz`, 0, bounds.rateHz),
        ...(isGiven(signal['efficiency']) ? { efficiency: number(signal['efficiency'], `${name}.efficiency`, 0, 1) } : {}),
        ...jitter(signal['jitterPs']), ...(isGiven(signal['delayPs']) ? { delayPs: delays(signal['delayPs']) } : {}),
      };
    }
    default: throw refused(`${name}.kind`, 'one of poisson, periodic, pulsed, pairs', describe(kind));
  }
}

function checkFaults(given: unknown): SimulatedFaults {
  const faults = object(given, 'faults', ['losses', 'epochEveryPs', 'backward']);
  const checked: SimulatedFaults = {};
  if (isGiven(faults['losses'])) {
    checked.losses = list(faults['losses'], 'faults.losses', 8).map((each, i) => {
      const name = `faults.losses[${i}]`, loss = object(each, name, ['everyPs', 'lengthPs', 'grade']);
      const everyPs = whole(loss['everyPs'], `${name}.everyPs`, 1_000_000, 1e15);
      return { everyPs, lengthPs: whole(loss['lengthPs'], `${name}.lengthPs`, 1, everyPs - 1), grade: choice(loss['grade'], `${name}.grade`, ['counted', 'flagged', 'suspect']) as 'counted' };
    });
  }
  if (isGiven(faults['epochEveryPs'])) checked.epochEveryPs = whole(faults['epochEveryPs'], 'faults.epochEveryPs', 1_000_000, 1e15);
  if (isGiven(faults['backward'])) {
    const backward = object(faults['backward'], 'faults.backward', ['everyPs', 'byPs']);
    const everyPs = whole(backward['everyPs'], 'faults.backward.everyPs', 1_000_000, 1e15);
    checked.backward = { everyPs, byPs: whole(backward['byPs'], 'faults.backward.byPs', 1, Math.min(everyPs - 1, 1e12)) };
  }
  return checked;
}

/** The channels a signal clicks on. */
export function channelsOf(signal: SimulatedSignal): readonly number[] { return 'channels' in signal ? signal.channels : [signal.channel]; }

function rateOf(signal: SimulatedSignal): number {
  switch (signal.kind) {
    case 'poisson': return signal.rateHz;
    case 'periodic': return 1e12 / signal.periodPs;
    case 'pulsed': return signal.channels.length * signal.probability * 1e12 / signal.periodPs;
    case 'pairs': return signal.channels.length * signal.rateHz;
  }
}

function refused(name: string, expected: string, got: string): TaggerError {
  return new TaggerError('usage', `Cannot simulate a tagger: ${name} must be ${expected}, got ${got}.`);
}

function isGiven(value: unknown): boolean { return value !== undefined && value !== null; }
function optional<T>(value: unknown, check: (value: unknown) => T): T | undefined { return isGiven(value) ? check(value) : undefined; }

function object(value: unknown, name: string, keys?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused(name, 'an object', describe(value));
  const unknown = keys && Object.keys(value).find(key => !keys.includes(key));
  if (unknown !== undefined) throw new TaggerError('usage', `Cannot simulate a tagger: ${name} has no '${unknown.slice(0, 40)}'.`, { hint: `Use ${keys?.join(', ')}.` });
  return value as Record<string, unknown>;
}

function list(value: unknown, name: string, most: number): unknown[] {
  if (!Array.isArray(value) || value.length > most) throw refused(name, `a list of at most ${most}`, describe(value));
  return value;
}

function number(value: unknown, name: string, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most)) throw refused(name, `a number from ${least} to ${most}`, describe(value));
  return value;
}

function whole(value: unknown, name: string, least: number, most: number): number {
  if (!Number.isInteger(value)) throw refused(name, `a whole number from ${least} to ${most}`, describe(value));
  return number(value, name, least, most);
}

function choice(value: unknown, name: string, choices: readonly string[]): string {
  if (typeof value !== 'string' || !choices.includes(value)) throw refused(name, `one of ${choices.join(', ')}`, describe(value));
  return value;
}

function decimal(value: unknown, name: string): string {
  if (typeof value !== 'string' || !/^-?\d{1,19}$/.test(value) || BigInt.asIntN(64, BigInt(value)) !== BigInt(value)) throw refused(name, 'a whole number of ps as text, within 64 bits', describe(value));
  return value;
}
