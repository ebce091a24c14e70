// core/arguments.ts - the check of arguments against the table of measurements.
//
// Everything that comes from a client passes here before it reaches the engine; the message names argument and range.
import { TaggerError } from './errors.ts';
import { formatPs } from './units.ts';
import { measurements, measurementNames, type MeasurementName, type MeasurementRequest } from './measurements.ts';
import type { CheckedConfig, Getter, MeasurementSpec, Parameter, Parameters } from './spec.ts';
import type { Tick } from './tags.ts';
import { limits } from './limits.ts';

export function specOf(name: MeasurementName): MeasurementSpec { return measurements[name]; }

/** The channel numbers among the arguments, in their order, by the kinds of the parameters; one may come twice. 0 is none. */
export function channelsOf(parameters: Parameters, config: Readonly<Record<string, unknown>>): number[] {
  return Object.entries(parameters).flatMap(([key, { kind }]) => {
    const value = config[key];
    if (value === undefined || (kind !== 'channel' && kind !== 'channels' && kind !== 'groups')) return [];
    return ([value].flat(2) as number[]).filter(channel => channel !== 0);
  });
}

/**
 * Checks name and arguments and fills in the defaults.
 *
 * @param channels the channel numbers the tagger has
 * @throws {TaggerError} `usage` with the argument, what was given and what is allowed; `limit` above a bound of the box
 */
export function checkRequest(request: MeasurementRequest, channels: readonly number[]): { name: MeasurementName; config: CheckedConfig } {
  const { name } = request;
  if (typeof name !== 'string' || !Object.hasOwn(measurements, name)) {
    throw new TaggerError('usage', `Cannot create a measurement ${describe(name)}: there is no such measurement.`, { hint: `Use one of ${measurementNames.join(', ')}.` });
  }
  const spec = specOf(name);
  const given: unknown = request.config;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TaggerError('usage', `Cannot create ${spec.className}: its arguments must be an object, got ${describe(given)}.`);
  }
  const values = given as Record<string, unknown>;
  for (const key of Object.keys(values)) {
    if (!Object.hasOwn(spec.parameters, key)) {
      throw new TaggerError('usage', `Cannot create ${spec.className}: ${describe(key)} is not one of its arguments.`, { hint: `Use ${Object.keys(spec.parameters).join(', ')}.` });
    }
  }
  const config = checkArguments(`create ${spec.className}`, spec.parameters, values, channels);
  checkTogether(spec, config);
  return { name, config };
}

/** Checks known keys one by one and fills in the defaults. */
export function checkArguments(action: string, parameters: Parameters, values: Readonly<Record<string, unknown>>, channels: readonly number[]): CheckedConfig {
  return Object.fromEntries(Object.entries(parameters).map(([key, parameter]) => [key, checkParameter(action, key, parameter, values[key], channels)]));
}

/** Checks the arguments of a getter. */
export function checkGetter(name: MeasurementName, getter: unknown, args: Record<string, unknown> = {}): { getter: string; spec: Getter; args: Record<string, unknown> } {
  const measurement = specOf(name);
  if (typeof getter !== 'string' || !Object.hasOwn(measurement.getters, getter)) {
    throw new TaggerError('usage', `Cannot read ${describe(getter)} of ${measurement.className}: there is no such getter.`, {
      hint: `Use one of ${Object.keys(measurement.getters).join(', ')}.`,
    });
  }
  const spec = measurement.getters[getter] as Getter;
  for (const key of Object.keys(args)) {
    if (!spec.args || !Object.hasOwn(spec.args, key)) {
      throw new TaggerError('usage', `Cannot call ${measurement.className}.${getter}: ${describe(key)} is not one of its arguments.`);
    }
  }
  return { getter, spec, args: checkArguments(`call ${measurement.className}.${getter}`, spec.args ?? {}, args, []) };
}

function checkParameter(action: string, key: string, parameter: Parameter, given: unknown, channels: readonly number[]): CheckedConfig[string] {
  const wrong = (expected: string, value: unknown = given) => new TaggerError('usage', `Cannot ${action}: ${key} must be ${expected}, got ${describe(value)}.`);
  // A client in another language writes null for an argument it leaves out; for a yes or no it is neither.
  const isAbsent = given === undefined || (given === null && parameter.kind !== 'boolean');
  if (isAbsent) {
    if ('optional' in parameter && parameter.optional) return undefined;
    if (!('default' in parameter) || parameter.default === undefined) throw wrong(expectedOf(parameter));
  }
  const value = isAbsent ? (parameter as { default?: unknown }).default : given;
  switch (parameter.kind) {
    case 'channel':
      if (typeof value !== 'number') throw wrong('a channel number');
      return knownChannel(action, value, channels);
    case 'channels':
      return checkChannels(action, key, parameter, value, parameter.unused ? [0, ...channels] : channels);
    case 'groups': {
      const { min, max, least, most } = parameter;
      if (!Array.isArray(value) || value.length < min || value.length > max) throw wrong(`a list of ${min} to ${max} groups of channels`);
      const groups = value.map(group => checkChannels(action, `each of ${key}`, { min: least, max: most }, group, channels));
      if (new Set(groups.flat()).size > 64) throw wrong('groups of at most 64 different channels in all');
      return groups;
    }
    case 'duration': case 'integer': return checkWhole(action, key, parameter, value);
    case 'durations': case 'integers': case 'numbers': {
      const { least, most } = parameter;
      if (!Array.isArray(value) || value.length < least || value.length > most) throw wrong(expectedOf(parameter));
      return value.map(item => parameter.kind === 'numbers' ? checkNumber(action, `each of ${key}`, parameter, item) : checkWhole(action, `each of ${key}`, parameter, item));
    }
    case 'number': return checkNumber(action, key, parameter, value);
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong('true or false');
      return value;
    case 'name':
      if (typeof value !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)) throw wrong(expectedOf(parameter));
      return value;
    case 'choice':
      if (typeof value !== 'string' || !parameter.choices.includes(value)) throw wrong(expectedOf(parameter));
      return value;
  }
}

function expectedOf(parameter: Parameter): string {
  switch (parameter.kind) {
    case 'channel': return 'a channel';
    case 'channels': return `a list of ${parameter.min} to ${parameter.max} channels`;
    case 'groups': return `a list of ${parameter.min} to ${parameter.max} groups of channels`;
    case 'duration': return `a whole number of ps from ${parameter.min} to ${parameter.max}`;
    case 'integer': return `a whole number from ${parameter.min} to ${parameter.max}`;
    case 'durations': return `a list of ${parameter.least} to ${parameter.most} whole numbers of ps`;
    case 'integers': return `a list of ${parameter.least} to ${parameter.most} whole numbers`;
    case 'numbers': return `a list of ${parameter.least} to ${parameter.most} numbers`;
    case 'number': return `a number from ${parameter.min} to ${parameter.max}${parameter.unit === '' ? '' : ` ${parameter.unit}`}`;
    case 'boolean': return 'true or false';
    case 'name': return 'a name of 1 to 64 letters, digits and . _ -';
    case 'choice': return `one of ${parameter.choices.join(', ')}`;
  }
}

function knownChannel(action: string, channel: unknown, channels: readonly number[]): number {
  if (typeof channel === 'number' && channels.includes(channel)) return channel;
  throw new TaggerError('not-found', `Cannot ${action}: there is no channel ${describe(channel)}.`, { hint: `This tagger has the channels ${channels.join(', ')}.` });
}

function checkChannels(
  action: string, key: string, { min, max, repeats }: { min: number; max: number; repeats?: true }, value: unknown, channels: readonly number[],
): number[] {
  const wrong = (expected: string) => new TaggerError('usage', `Cannot ${action}: ${key} must be ${expected}, got ${describe(value)}.`);
  if (!Array.isArray(value) || value.length < min || value.length > max) throw wrong(`a list of ${min} to ${max} channels`);
  const list = value.map(channel => knownChannel(action, channel, channels));
  if (repeats !== true && new Set(list).size !== list.length) throw wrong('a list without a channel twice');
  return list;
}

function checkNumber(action: string, key: string, { min, max, unit = '' }: { min: number; max: number; unit?: string }, value: unknown): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  const range = min === -Number.MAX_VALUE ? 'a finite number' : `a number from ${min} to ${max}${unit === '' ? '' : ` ${unit}`}`;
  throw new TaggerError('usage', `Cannot ${action}: ${key} must be ${range}, got ${describe(value)}.`);
}

function checkWhole(action: string, key: string, { kind, min, max }: { kind: string; min: number; max: number }, value: unknown): number {
  const range = `a whole number${kind.startsWith('duration') ? ' of ps' : ''} from ${min} to ${max}`;
  const message = `Cannot ${action}: ${key} must be ${range}, got ${describe(value)}.`;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min) throw new TaggerError('usage', message);
  if (value > max) throw new TaggerError('limit', message);
  return value;
}

/** Arguments that are fine alone may be absurd together: more bins than memory, a window beyond 2^53 ps, what the class says itself. */
function checkTogether(spec: MeasurementSpec, config: CheckedConfig): void {
  const number = (key: string): number => (typeof config[key] === 'number' ? config[key] : 1);
  const wrong = spec.check?.(config);
  if (wrong !== undefined) throw new TaggerError('usage', `Cannot create ${spec.className}: ${wrong}.`);
  const bins = spec.bins?.(config) ?? 0;
  if (bins > limits.binsPerMeasurement) {
    throw new TaggerError('limit', `Cannot create ${spec.className} with ${bins} bins: this box allows ${limits.binsPerMeasurement} for one measurement.`, {
      hint: 'Use wider bins or a shorter range.',
    });
  }
  if ('bins' in config && number('bins') * number('binwidthPs') > limits.windowPs) {
    throw new TaggerError('limit', `Cannot create ${spec.className}: ${number('bins')} bins of ${formatPs(number('binwidthPs'))} reach further than 2^53 ps (2.5 h).`, {
      hint: 'Use fewer or narrower bins.',
    });
  }
}

/** Binwidths near `binwidthPs` that are whole multiples of the tick; empty if it is one itself. */
export function nearestMultiples(binwidthPs: number, tick: Tick): number[] {
  const whole = (ps: number): boolean => (ps * tick.den) % tick.num === 0;
  if (whole(binwidthPs)) return [];
  const good: number[] = [];
  for (let ps = binwidthPs - 1; ps >= 1 && ps > binwidthPs - tick.num; ps--) if (whole(ps)) { good.push(ps); break; }
  for (let ps = binwidthPs + 1; ps <= binwidthPs + tick.num; ps++) if (whole(ps)) { good.push(ps); break; }
  return good;
}

/** A value as an error message may show it: short, and never a secret's length. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}...` : value}'`;
  if (Array.isArray(value)) return `[${value.slice(0, 8).map(item => describe(item)).join(', ')}${value.length > 8 ? ', ...' : ''}]`;
  if (value === null || typeof value !== 'object') return String(value);
  return 'an object';
}
