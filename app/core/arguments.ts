// core/arguments.ts - the check of arguments against the table of measurements.
//
// Everything that comes from a client passes here before it reaches the engine; the message names argument and range.
import { TaggerError } from './errors.ts';
import { formatPs } from './units.ts';
import {
  measurements, measurementNames,
  type CheckedConfig, type Getter, type MeasurementName, type MeasurementRequest, type MeasurementSpec, type Parameter,
} from './measurements.ts';
import type { Tick } from './tags.ts';
import { limits } from './limits.ts';

export function specOf(name: MeasurementName): MeasurementSpec { return measurements[name]; }

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
  const config: CheckedConfig = {};
  for (const [key, parameter] of Object.entries(spec.parameters)) {
    config[key] = checkParameter(`create ${spec.className}`, key, parameter, values[key], channels);
  }
  checkSize(spec, config);
  return { name, config };
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
  const checked: Record<string, unknown> = {};
  for (const key of Object.keys(args)) {
    if (!spec.args || !Object.hasOwn(spec.args, key)) {
      throw new TaggerError('usage', `Cannot call ${measurement.className}.${getter}: ${describe(key)} is not one of its arguments.`);
    }
  }
  for (const [key, parameter] of Object.entries(spec.args ?? {})) {
    const value = args[key];
    if (parameter.kind === 'boolean') {
      if (value !== undefined && typeof value !== 'boolean') throw new TaggerError('usage', `Cannot call ${measurement.className}.${getter}: ${key} must be true or false, got ${describe(value)}.`);
      checked[key] = value ?? parameter.default;
    } else checked[key] = checkParameter(`call ${measurement.className}.${getter}`, key, parameter, value, []);
  }
  return { getter, spec, args: checked };
}

function checkParameter(action: string, key: string, parameter: Parameter, value: unknown, channels: readonly number[]): CheckedConfig[string] {
  const wrong = (expected: string, hint?: string) =>
    new TaggerError('usage', `Cannot ${action}: ${key} must be ${expected}, got ${describe(value)}.`, { hint });
  const has = `This tagger has the channels ${channels.join(', ')}.`;
  switch (parameter.kind) {
    case 'channels': {
      if (!Array.isArray(value) || value.length < parameter.min || value.length > parameter.max) {
        throw wrong(`a list of ${parameter.min} to ${parameter.max} channels`);
      }
      for (const channel of value as unknown[]) {
        if (typeof channel !== 'number' || !channels.includes(channel)) throw new TaggerError('not-found', `Cannot ${action}: there is no channel ${describe(channel)}.`, {
          hint: has,
        });
      }
      if (new Set(value).size !== value.length) throw wrong('a list without a channel twice');
      return [...(value as number[])];
    }
    case 'channel':
      if (value === undefined || value === null) {
        if (parameter.optional) return undefined;
        throw wrong('a channel');
      }
      if (typeof value !== 'number') throw wrong('a channel number');
      if (!channels.includes(value)) throw new TaggerError('not-found', `Cannot ${action}: there is no channel ${value}.`, { hint: has });
      return value;
    case 'duration':
    case 'integer': {
      const chosen = value ?? parameter.default;
      const show = parameter.kind === 'duration' ? formatPs : String;
      const range = parameter.kind === 'duration'
        ? `a whole number of ps from ${parameter.min} to ${parameter.max}` : `a whole number from ${show(parameter.min)} to ${show(parameter.max)}`;
      if (typeof chosen !== 'number' || !Number.isInteger(chosen) || chosen < parameter.min) throw wrong(range);
      if (chosen > parameter.max) throw new TaggerError('limit', `Cannot ${action}: ${key} must be ${range}, got ${describe(value)}.`);
      return chosen;
    }
    case 'choice': {
      const chosen = value ?? parameter.default;
      if (typeof chosen !== 'string' || !parameter.choices.includes(chosen)) throw wrong(`one of ${parameter.choices.join(', ')}`);
      return chosen;
    }
  }
}

/** Two arguments that are fine alone may be absurd together: window beyond 2^53 ps, more bins than memory. */
function checkSize(spec: MeasurementSpec, config: CheckedConfig): void {
  const number = (key: string): number => (typeof config[key] === 'number' ? config[key] : 1);
  const bins = number('bins') * number('histograms') * number('values') * (Array.isArray(config['channels']) ? config['channels'].length : 1);
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
