// tagctl/measure-options.ts - the options of `measure` and `analyze`, made from the table of measurements.
//
// `binwidthPs` becomes `--binwidth TIME`. Channels have one more spelling, `--channels 1,2`, in the order of the table.
// Values are read here; whether they are in range is checked by the engine, so that there is one rule and one message.
import { Option, type Command } from 'commander';
import { channelsOf } from '../core/arguments.ts';
import { TaggerError } from '../core/errors.ts';
import { measurementNames, measurements, type MeasurementName, type MeasurementSpec, type Parameter } from '../core/measurements.ts';
import { virtualSpecOf, type VirtualChannels, type VirtualDefinition } from '../core/virtual.ts';
import { formatPs, parseQuantity } from '../core/units.ts';

/** `timeDifferences` -> `time-differences`; `binwidthPs` -> `binwidth`; `triggerLevelV` -> `trigger-level`. */
export function kebab(key: string): string {
  return key.replace(/(?<=[a-z\d])(Ps|V|Hz)$/, '').replaceAll(/(?<=[a-z])[A-Z]+/g, capitals => `-${capitals}`).toLowerCase();
}

/** All spellings of a measurement's name; the first is the one that help shows. */
export function spellings(name: MeasurementName): string[] {
  const { className } = measurements[name];
  return [...new Set([kebab(name), name, className, name.toLowerCase()])];
}

export function measurementOf(text: string): MeasurementName | undefined {
  return measurementNames.find(name => spellings(name).includes(text));
}

/** Parameters of kind `channel`, in the order in which `--channels` lists them; none where `channels` is an argument itself. */
function channelKeys(spec: MeasurementSpec): string[] {
  if ('channels' in spec.parameters) return [];
  return Object.entries(spec.parameters).filter(([, parameter]) => parameter.kind === 'channel').map(([key]) => key);
}

export function addMeasurementOptions(command: Command, name: MeasurementName): void {
  const spec: MeasurementSpec = measurements[name];
  const single = channelKeys(spec);
  if (single.length > 0) {
    const pair = single.slice(0, 2);
    const apart = pair.map(key => `--${key}`).join(' and ');
    command.addOption(new Option(`--channels <${pair.map(key => key.replace('channel', 'ch').toUpperCase()).join(',')}>`, `both in one; or apart, ${apart}`));
  }
  for (const [key, parameter] of Object.entries(spec.parameters)) {
    const option = new Option(`--${kebab(key)} <${placeholder(parameter)}>`, helpOf(parameter));
    command.addOption(single.slice(0, 2).includes(key) ? option.hideHelp() : option);
  }
}

function placeholder(parameter: Parameter): string {
  switch (parameter.kind) {
    case 'channels': return '1,2,...';
    case 'groups': return '1+2,1+3,...';
    case 'channel': return 'CHANNEL';
    case 'duration': return 'TIME';
    case 'durations': return 'TIME,...';
    case 'integer': return 'N';
    case 'integers': return 'N,...';
    case 'numbers': return 'NUMBER,...';
    case 'number': return parameter.unit === 'Hz' ? 'RATE' : parameter.unit === 'ps' ? 'TIME' : 'NUMBER';
    case 'boolean': return 'yes|no';
    case 'name': return 'NAME';
    case 'choice': return parameter.choices.join('|');
  }
}

function helpOf(parameter: Parameter): string {
  const text = parameter.help.replace(/\.$/, '');
  const given = 'default' in parameter && parameter.default !== undefined && String(parameter.default) !== '' ? ` (${defaultText(parameter, parameter.default)})` : '';
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}${given}`;
}

function defaultText({ kind }: Parameter, value: unknown): string {
  if (kind === 'boolean') return value === true ? 'yes' : 'no';
  return [value].flat().map(item => kind.startsWith('duration') ? formatPs(item as number).replace(' ', '') : String(item)).join(',');
}

/** Reads the options of one measurement into the arguments that the engine takes. */
export function configFrom(name: MeasurementName, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const spec: MeasurementSpec = measurements[name];
  const config: Record<string, unknown> = {};
  const single = channelKeys(spec);
  if (single.length > 0 && typeof given['channels'] === 'string') {
    const channels = parseChannels(given['channels']);
    if (channels.length > 2) {
      throw new TaggerError('usage', `Cannot use ${channels.length} channels for ${spec.className}: it takes ${single.slice(0, 2).join(' and ')}.`, {
        hint: `Write --channels ${channels.slice(0, 2).join(',')}.`,
      });
    }
    channels.forEach((channel, i) => { config[single[i] as string] = channel; });
  }
  for (const [key, parameter] of Object.entries(spec.parameters)) {
    const text = given[optionKey(key)];
    if (typeof text !== 'string') continue;
    if (key in config) throw new TaggerError('usage', `Cannot use both --channels and --${kebab(key)}.`, { hint: 'Leave one of them out.' });
    config[key] = parse(kebab(key), parameter, text);
  }
  const [first] = single;
  if (first !== undefined && !(first in config)) {
    throw new TaggerError('usage', `Cannot measure ${spec.className}: no channel is given.`, {
      hint: `Write --channels ${single.slice(0, 2).join(',').toUpperCase()}, for example --channels 1,2.`,
    });
  }
  if (spec.parameters['channels'] && !('optional' in spec.parameters['channels']) && !('channels' in config)) {
    throw new TaggerError('usage', `Cannot measure ${spec.className}: no channel is given.`, { hint: 'Write --channels 1,2.' });
  }
  return config;
}

/** @throws {TaggerError} `usage` if a delay is for a channel that is not measured: it would change nothing, and say nothing */
export function checkDelays(
  name: MeasurementName, config: Readonly<Record<string, unknown>>, { delay: delays = {}, virtual = {} }: { delay?: Readonly<Record<number, number>>; virtual?: VirtualChannels },
): void {
  const made = Object.values(virtual).flatMap((definition: VirtualDefinition) => channelsOf(virtualSpecOf(definition.kind).parameters, definition as Record<string, unknown>));
  const measured = [...new Set([...channelsOf(measurements[name].parameters, config), ...made])];
  const other = Object.keys(delays).map(Number).find(channel => !measured.includes(channel));
  if (other !== undefined) {
    throw new TaggerError('usage', `--delay: this measurement does not use channel ${other}.`, { hint: `It uses ${measured.join(', ')}.` });
  }
}

/** The property under which commander keeps `--max-counts`. */
function optionKey(key: string): string {
  return kebab(key).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** A value as it is written in an option. */
export function parse(option: string, parameter: Parameter, text: string): unknown {
  switch (parameter.kind) {
    case 'channels': return parameter.unused ? text.split(',').map(item => (item.trim() === '0' ? 0 : parseChannel(item))) : parseChannels(text);
    case 'groups': return text.split(',').map(group => group.split('+').map(parseChannel));
    case 'channel': return parseChannel(text);
    case 'duration': return parseTime(option, text);
    case 'durations': return text.split(',').map(item => parseTime(option, item));
    case 'integer': return parseInteger(option, text);
    case 'integers': return text.split(',').map(item => parseInteger(option, item));
    case 'numbers': return text.split(',').map(item => parseNumber(option, item));
    case 'number': return parameter.unit === 'Hz' ? parseRate(option, text) : parameter.unit === 'ps' ? parseTime(option, text, true) : parseNumber(option, text);
    case 'boolean': return parseYes(option, text);
    case 'name': case 'choice': return text;
  }
}

function parseRate(option: string, text: string): number {
  try { return parseQuantity(text, 'rate'); } catch (error) {
    throw error instanceof TaggerError ? new TaggerError(error.code, `--${option}: ${error.message}`, { hint: error.hint }) : error;
  }
}

function parseNumber(option: string, text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number)) throw new TaggerError('usage', `--${option}: cannot read '${text}' as a number.`, { hint: 'Write a plain number, for example -9 or 0.5.' });
  return number;
}

function parseYes(option: string, text: string): boolean {
  if (['yes', 'true', 'on'].includes(text)) return true;
  if (['no', 'false', 'off'].includes(text)) return false;
  throw new TaggerError('usage', `--${option}: cannot read '${text}'.`, { hint: 'Write yes or no.' });
}

export function parseTime(option: string, text: string, fractions = false): number {
  try { return parseQuantity(text, 'time', fractions); } catch (error) {
    throw error instanceof TaggerError ? new TaggerError(error.code, `--${option}: ${error.message}`, { hint: error.hint }) : error;
  }
}

export function parseInteger(option: string, text: string): number {
  if (!/^[+-]?\d+(e\d+)?$/i.test(text)) {
    throw new TaggerError('usage', `--${option}: cannot read '${text}' as a whole number.`, { hint: 'Write digits alone, for example 1000.' });
  }
  return Number(text);
}

/** `1,2` or `1,-2`; a negative channel is the falling edge. */
export function parseChannels(text: string): number[] { return text.split(',').map(parseChannel); }

export function parseChannel(text: string): number {
  const channel = Number(text);
  if (!/^-?\d{1,6}$/.test(text.trim()) || channel === 0) {
    throw new TaggerError('usage', `Cannot read '${text}' as a channel.`, {
      hint: 'Channels are whole numbers from 1, as on the case; -1 is the falling edge of channel 1. A list is written 1,2,3.',
    });
  }
  return channel;
}

/** Collects `--delay 2=-500ps --delay 3=1ns` into ps by channel. */
export function collectDelay(text: string, collected: Record<number, number> = {}): Record<number, number> {
  const [channel, time, ...rest] = text.split('=');
  if (channel === undefined || time === undefined || rest.length > 0) {
    throw new TaggerError('usage', `--delay: cannot read '${text}'.`, { hint: 'Write CHANNEL=TIME, for example --delay 2=-500ps; positive is later.' });
  }
  return { ...collected, [parseChannel(channel)]: parseTime('delay', time) };
}

/** The arguments that the example of the table gives. */
export function configOfExample(name: MeasurementName): Record<string, unknown> {
  const words = measurements[name].example.match(/--[\w-]+( (?!--)\S+)?/g) ?? [];
  const options = words.map(word => word.slice(2).split(' ')).map(([key = '', value]): [string, string | undefined] => [key.replaceAll(/-([a-z\d])/g, (_, letter: string) => letter.toUpperCase()), value]);
  return configFrom(name, Object.fromEntries(options));
}
