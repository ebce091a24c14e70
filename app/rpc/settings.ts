// rpc/settings.ts - the check of a change of settings against what the tagger says about itself.
//
// Keys, types, ranges and reach are checked here; steps and combinations are the driver's, who knows its hardware.
import { checkFilter } from '../core/conditioning.ts';
import { TaggerError } from '../core/errors.ts';
import type { SettingInfo, Settings, SettingValue, TaggerInfo } from '../core/tagger.ts';
import { checkBoolean, checkChoice, checkNumber, checkRecord, isRecord } from './checks.ts';
import type { Reach } from './reach.ts';

/** @throws {TaggerError} `usage`, `not-found` or `forbidden`, naming setting and range */
export function checkSettings(action: string, change: unknown, info: TaggerInfo, reach: Reach): Settings {
  if (!isRecord(change)) throw new TaggerError('usage', `Cannot ${action}: the change must be an object with tagger or channels.`);
  const { tagger, channels } = checkRecord(action, change, ['tagger', 'channels']);
  const checked: Settings = {};
  if (tagger !== undefined) {
    if (reach.channels !== null) throw new TaggerError('forbidden', `Cannot ${action} as a whole: this link reaches single channels.`);
    checked.tagger = checkValues(action, tagger, info, 'tagger');
  }
  if (channels !== undefined) {
    if (!isRecord(channels)) throw new TaggerError('usage', `Cannot ${action}: channels must be an object of channel: values.`);
    checked.channels = {};
    for (const [key, values] of Object.entries(channels)) {
      const channel = Number(key);
      if (!info.channels.some(({ number }) => number === channel)) throw new TaggerError('not-found', `Cannot ${action}: there is no channel '${key.slice(0, 20)}'.`);
      reach.check(action, [channel]);
      checked.channels[channel] = checkValues(`${action}, channel ${channel}`, values, info, 'channel');
    }
  }
  return checked;
}

function checkValues(action: string, values: unknown, info: TaggerInfo, scope: SettingInfo['scope']): Record<string, SettingValue> {
  if (!isRecord(values)) throw new TaggerError('usage', `Cannot ${action}: the values must be an object of setting: value.`);
  const known = info.settings.filter(setting => setting.scope === scope);
  const checked: Record<string, SettingValue> = {};
  for (const [key, value] of Object.entries(values)) {
    const setting = known.find(each => each.key === key);
    if (!setting) {
      throw new TaggerError('usage', `Cannot ${action}: there is no setting '${key.slice(0, 40)}'.`, {
        hint: known.length > 0 ? `Use ${known.map(each => each.key).join(', ')}.` : `This tagger has no settings of a ${scope}.`,
      });
    }
    checked[key] = checkValue(action, setting, value, info);
  }
  return checked;
}

function checkValue(action: string, setting: SettingInfo, value: unknown, info: TaggerInfo): SettingValue {
  switch (setting.kind) {
    case 'boolean': return checkBoolean(action, setting.key, value);
    case 'choice': return checkChoice(action, setting.key, value, setting.choices ?? []);
    case 'filter': return checkFilter(`${action}: ${setting.key}`, value, info.channels.map(({ number }) => number));
    case 'number': return checkNumber(action, setting.key, value, setting.min ?? -Number.MAX_VALUE, setting.max ?? Number.MAX_VALUE);
  }
}
