// core/settings.ts - the check of a change of settings against what a tagger says it has, before any of it is applied.
import { TaggerError } from './errors.ts';
import { describe } from './arguments.ts';
import { checkFilter } from './conditioning.ts';
import type { SettingInfo, Settings, SettingValue, TaggerInfo } from './tagger.ts';

/** @throws {TaggerError} `usage` or `not-found` for the first value that cannot be; nothing was applied then */
export function checkSettings(change: Settings, info: Pick<TaggerInfo, 'model' | 'channels' | 'settings'>): void {
  if (!isRecord(change)) throw new TaggerError('usage', `Cannot configure the ${info.model}: the settings must be an object, got ${describe(change)}.`);
  for (const key of Object.keys(change)) {
    if (key !== 'tagger' && key !== 'channels') throw new TaggerError('usage', `Cannot configure the ${info.model}: '${key}' is neither 'tagger' nor 'channels'.`);
  }
  const { tagger = {}, channels = {} } = change;
  checkValues(tagger, 'tagger', `the ${info.model}`, info);
  if (!isRecord(channels)) throw new TaggerError('usage', `Cannot configure the ${info.model}: channels must be an object of settings by channel number.`);
  for (const [number, values] of Object.entries(channels)) {
    if (!info.channels.some(channel => String(channel.number) === number)) {
      throw new TaggerError('not-found', `Cannot configure channel ${number.slice(0, 20)}: the ${info.model} has the channels ${info.channels.map(channel => channel.number).join(', ')}.`);
    }
    checkValues(values, 'channel', `channel ${number}`, info);
  }
}

function checkValues(values: unknown, scope: SettingInfo['scope'], target: string, info: Pick<TaggerInfo, 'model' | 'channels' | 'settings'>): void {
  if (!isRecord(values)) throw new TaggerError('usage', `Cannot configure ${target}: its settings must be an object, got ${describe(values)}.`);
  const known = info.settings.filter(setting => setting.scope === scope);
  for (const [key, value] of Object.entries(values)) {
    const setting = known.find(candidate => candidate.key === key);
    if (!setting) {
      throw new TaggerError('unsupported', `Cannot set '${key.slice(0, 40)}' of ${target}: the ${info.model} has no such setting.`, {
        hint: known.length > 0 ? `It has ${known.map(candidate => candidate.key).join(', ')}.` : 'It has no settings of this kind.',
      });
    }
    if (setting.kind === 'filter') checkFilter(`set the ${setting.label} of ${target}`, value, info.channels.map(channel => channel.number));
    else checkValue(setting, value as SettingValue, target, info.model);
  }
}

function checkValue(setting: SettingInfo, value: SettingValue, target: string, model: string): void {
  const refuse = (expected: string): never => {
    throw new TaggerError('usage', `Cannot set the ${setting.label} of ${target} to ${describe(value)}: the ${model} accepts ${expected}.`);
  };
  const { kind, unit, min = -Infinity, max = Infinity, step } = setting;
  if (kind === 'boolean' && typeof value !== 'boolean') refuse('true or false');
  if (kind === 'choice' && !(typeof value === 'string' && setting.choices?.includes(value))) refuse(`one of ${setting.choices?.join(', ')}`);
  if (kind !== 'number') return;
  const suffix = unit === '' ? '' : ` ${unit}`;
  if (typeof value !== 'number' || !(value >= min && value <= max)) refuse(`${min} to ${max}${suffix}`);
  // 0.3 is three steps of 0.1 although its double is not.
  if (step !== undefined && Math.abs(Number(value) / step - Math.round(Number(value) / step)) > 1e-6) refuse(`steps of ${step}${suffix}`);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
