// dsp/software-inputs.ts - a tagger's settings and those that ingest adds in software, as one.
//
// What the tagger has of these it does itself. Its own stages come first, so a filter in software stands behind a divider in hardware:
// that would be the wrong order (filter, divider, dead time), and is refused.
import { isFilter, noFilter } from '../core/conditioning.ts';
import { TaggerError } from '../core/errors.ts';
import { checkSettings, isRecord } from '../core/settings.ts';
import type { SettingInfo, Settings, SettingValue, Tagger, TaggerInfo } from '../core/tagger.ts';
import type { Conditioning } from './conditioning.ts';
import type { ReferenceClock } from './reference-clock.ts';

const clockKeys = ['referenceClock', 'referenceFrequencyHz', 'referencePeriods'] as const;

const softwareSettings = (numbers: readonly number[]): readonly SettingInfo[] => [
  { key: 'conditionalFilter', label: 'conditional filter', kind: 'filter', unit: '', scope: 'tagger', default: noFilter },
  { key: 'eventDivider', label: 'event divider', kind: 'number', unit: '', scope: 'channel', min: 1, max: 65_535, step: 1, default: 1 },
  // Longer than a second is a gate, and a time near the end of int64 must not overflow.
  { key: 'softwareDeadTimePs', label: 'software dead time', kind: 'number', unit: 'ps', scope: 'channel', min: 0, max: 1e12, step: 1, default: 0 },
  { key: 'referenceClock', label: 'reference clock', kind: 'choice', unit: '', scope: 'tagger', choices: ['off', ...numbers.map(String)], default: 'off' },
  { key: 'referenceFrequencyHz', label: 'reference frequency', kind: 'number', unit: 'Hz', scope: 'tagger', min: 1, max: 1e9, default: 10e6 },
  // A lock is tried anew as often as this: fewer would mark the stream at every other tag.
  { key: 'referencePeriods', label: 'averaging periods of the reference', kind: 'number', unit: '', scope: 'tagger', min: 50, max: 1e6, step: 1, default: 1000 },
];

type Values = Record<string, SettingValue>;

export class SoftwareInputs {
  readonly info: TaggerInfo;
  readonly #tagger: Tagger;
  readonly #own: readonly SettingInfo[];
  #values: { tagger: Values; channels: Record<number, Values> };

  constructor(tagger: Tagger) {
    const { info } = tagger;
    this.#tagger = tagger;
    this.#own = softwareSettings(info.channels.map(({ number }) => number)).filter(({ key }) => !info.settings.some(setting => setting.key === key));
    this.info = { ...info, settings: [...info.settings, ...this.#own] };
    const defaults = (scope: SettingInfo['scope']): Values => Object.fromEntries(this.#own.filter(setting => setting.scope === scope).map(setting => [setting.key, setting.default]));
    this.#values = { tagger: defaults('tagger'), channels: Object.fromEntries(info.channels.map(({ number }) => [number, defaults('channel')])) };
  }

  /** Complete, those of the tagger first. */
  settings(): Settings { return this.#merged(this.#tagger.settings()); }

  /** The tagger changes what is its own, or refuses everything. `rules` and `follow` only if something is to be done differently from now on. */
  async configure(change: Settings): Promise<{ applied: Settings; rules: Conditioning | undefined; follow: { clock: ReferenceClock | undefined } | undefined }> {
    const { own, rest } = this.#split(change);
    if (!own) {
      this.#checkOrder(this.#values.tagger, rest);
      return { applied: this.#merged(await this.#tagger.configure(rest)), rules: undefined, follow: undefined };
    }
    checkSettings(own, { ...this.info, settings: [...this.#own] });
    const tagger = { ...this.#values.tagger, ...own.tagger };
    const channels = Object.fromEntries(Object.entries(this.#values.channels).map(([number, values]) => [number, { ...values, ...own.channels?.[Number(number)] }]));
    this.#checkOrder(tagger, rest);
    const applied = Object.keys(rest).length > 0 ? await this.#tagger.configure(rest) : this.#tagger.settings();
    this.#values = { tagger, channels };
    const isClock = (key: string): boolean => (clockKeys as readonly string[]).includes(key);
    const changed = Object.keys(own.tagger ?? {}), isConditioned = Object.keys(own.channels ?? {}).length > 0 || changed.some(key => !isClock(key));
    return { applied: this.#merged(applied), rules: isConditioned ? this.#rules() : undefined, follow: changed.some(isClock) ? { clock: this.#clock() } : undefined };
  }

  #merged(settings: Settings): Settings {
    const channels: Record<number, Values> = { ...settings.channels };
    for (const { number } of this.info.channels) channels[number] = { ...channels[number], ...this.#values.channels[number] };
    return { tagger: { ...settings.tagger, ...this.#values.tagger }, channels };
  }

  /** What has no shape goes to the tagger, which refuses it in its own words. */
  #split(change: Settings): { own: Settings | undefined; rest: Settings } {
    const own: Required<Settings> = { tagger: {}, channels: {} }, rest: Settings = { ...change };
    const isOwn = (scope: SettingInfo['scope'], key: string): boolean => this.#own.some(setting => setting.scope === scope && setting.key === key);
    const divide = (scope: SettingInfo['scope'], values: Values): [mine: Values, others: Values] => {
      const entries = Object.entries(values);
      return [Object.fromEntries(entries.filter(([key]) => isOwn(scope, key))), Object.fromEntries(entries.filter(([key]) => !isOwn(scope, key)))];
    };
    if (isRecord(change.tagger)) {
      const [mine, others] = divide('tagger', change.tagger);
      own.tagger = mine;
      rest.tagger = others;
      if (Object.keys(others).length === 0) delete rest.tagger;
    }
    if (isRecord(change.channels)) {
      rest.channels = {};
      for (const [number, values] of Object.entries(change.channels)) {
        const [mine, others] = isRecord(values) ? divide('channel', values) : [{}, values];
        if (Object.keys(mine).length > 0) own.channels[Number(number)] = mine;
        if (Object.keys(mine).length === 0 || Object.keys(others).length > 0) rest.channels[Number(number)] = others;
      }
      if (Object.keys(rest.channels).length === 0) delete rest.channels;
    }
    return { own: Object.keys(own.tagger).length + Object.keys(own.channels).length > 0 ? own : undefined, rest };
  }

  #checkOrder(tagger: Values, rest: Settings): void {
    const filter = tagger['conditionalFilter'];
    if (!isFilter(filter) || this.#own.some(({ key }) => key === 'eventDivider')) return;
    const now = this.#tagger.settings();
    for (const channel of [...filter.trigger, ...filter.filtered]) {
      const hardware = rest.channels?.[channel]?.['eventDivider'] ?? now.channels?.[channel]?.['eventDivider'] ?? 1;
      if (hardware === 1) continue;
      throw new TaggerError('usage', `Cannot filter channel ${channel} of the ${this.info.model}: its event divider is ${String(hardware)}, works in the instrument, and would come first; it must be 1.`, {
        hint: 'Set the event divider of all channels of the filter to 1.',
      });
    }
  }

  #clock(): ReferenceClock | undefined {
    const { referenceClock, referenceFrequencyHz, referencePeriods } = this.#values.tagger;
    const channelIndex = this.info.channels.findIndex(({ number }) => String(number) === referenceClock);
    return channelIndex < 0 ? undefined : { channelIndex, frequencyHz: Number(referenceFrequencyHz), averagingPeriods: Number(referencePeriods) };
  }

  #rules(): Conditioning {
    const { tagger, channels } = this.#values;
    const filter = isFilter(tagger['conditionalFilter']) ? tagger['conditionalFilter'] : noFilter;
    const index = (number: number): number => this.info.channels.findIndex(channel => channel.number === number);
    const each = (key: string, otherwise: number): number[] => this.info.channels.map(({ number }) => Number(channels[number]?.[key] ?? otherwise));
    return { trigger: filter.trigger.map(index), filtered: filter.filtered.map(index), dividers: each('eventDivider', 1), deadTimesPs: each('softwareDeadTimePs', 0) };
  }
}
