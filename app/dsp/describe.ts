// dsp/describe.ts - what stands beside a result and does not change while tags flow: delays, dead time, tick.
import { channelsOf, nearestMultiples, specOf } from '../core/arguments.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { CheckedConfig, MeasurementName } from '../core/measurements.ts';
import type { Settings, SettingValue } from '../core/tagger.ts';
import type { Tick } from '../core/tags.ts';
import { definitionsOf, physicalOf, type CheckedVirtual } from '../core/virtual.ts';
import { formatPs } from '../core/units.ts';
import type { FixedInfo } from './messages.ts';
import type { ViewPlan } from './view.ts';

/** @throws {TaggerError} `usage`, `not-found` or `limit` for delays that no view can have */
export function checkDelays(delays: Readonly<Record<number, number>>, numbers: readonly number[]): Readonly<Record<number, number>> {
  for (const [key, ps] of Object.entries(delays)) {
    const action = `Cannot delay channel ${key} by ${typeof ps === 'number' ? ps : 'that'} ps`;
    if (!numbers.includes(Number(key))) throw new TaggerError('not-found', `${action}: there is no such channel.`, { hint: `This tagger has the channels ${numbers.join(', ')}.` });
    if (typeof ps !== 'number' || !Number.isInteger(ps)) throw new TaggerError('usage', `${action}: a delay is a whole number of ps.`);
    if (Math.abs(ps) > limits.holdBackPs) throw new TaggerError('limit', `${action}: the longest delay is ${formatPs(limits.holdBackPs)}.`);
  }
  return delays;
}

export function fixedInfo(facts: {
  taggerId: string; name: MeasurementName; config: CheckedConfig; tick: Tick; settings: Settings; privatePs: Readonly<Record<number, number>>;
  virtual: readonly CheckedVirtual[]; view: Pick<ViewPlan, 'leadInPs' | 'holdBackPs'> | undefined;
}): FixedInfo {
  const { taggerId, name, config, tick, settings, privatePs, virtual, view } = facts;
  const channels = physicalOf(channelsOf(specOf(name).parameters, config), virtual);
  const setting = (channel: number, key: string): SettingValue | undefined => settings.channels?.[channel]?.[key] ?? settings.tagger?.[key];
  const number = (value: SettingValue | undefined): number => (typeof value === 'number' ? value : 0);
  const binwidthPs = typeof config['binwidthPs'] === 'number' ? config['binwidthPs'] : undefined;
  const nearestGoodPs = binwidthPs === undefined ? [] : nearestMultiples(binwidthPs, tick);
  return {
    name, config, taggerId, tickPs: tick, nearestGoodPs,
    aliased: binwidthPs !== undefined && (binwidthPs * tick.den) % tick.num !== 0,
    delays: channels.map(channel => ({
      channel, hardwarePs: number(setting(channel, 'inputDelayPs')), stationPs: 0, privatePs: privatePs[channel] ?? 0,
    })),
    ...(virtual.length > 0 && { virtual: { channels: definitionsOf(virtual), leadInPs: view?.leadInPs ?? 0, holdBackPs: view?.holdBackPs ?? 0 } }),
    deadTimePs: Math.max(0, ...channels.flatMap(channel => ['deadTimePs', 'softwareDeadTimePs'].map(key => number(setting(channel, key))))),
  };
}
