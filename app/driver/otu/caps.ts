// driver/otu/caps.ts - what an OTU tagger can be set to: its JSON, which may be anything, as checked settings and raw values.
//
// A device says everything in raw int32; a setting of kind number is raw * scale, a boolean is 0 or 1, a choice is its place in the list.
import { TaggerError } from '../../core/errors.ts';
import { isRecord } from '../../core/settings.ts';
import type { SettingInfo, SettingValue } from '../../core/tagger.ts';

export const capsLimits = { bytes: 16 * 1024, piece: 16, settings: 32, choices: 64, label: 60, choice: 40, values: 1024 } as const;

export interface OtuSetting {
  /** wValue of GET and SET. */
  readonly key: number;
  readonly info: SettingInfo;
  readonly scale: number;
  readonly raw: { readonly min: number; readonly max: number; readonly step: number };
}
export interface OtuCaps {
  readonly settings: readonly OtuSetting[];
  /** Names of inputs, '' where there is none. */
  readonly inputs: readonly string[];
  readonly firmware?: string;
  /** Tags per second while the test signal is on. */
  readonly testRateHz?: number;
}

const units = ['V', 'ps', 'Hz', ''] as const, int32 = 2 ** 31;
// Text of a device goes to terminals and pages.
// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** @throws {TaggerError} `protocol` with the first thing that cannot be */
export function parseCaps(json: Uint8Array, inputs: number): OtuCaps {
  const refuse = (what: string): never => { throw new TaggerError('protocol', `Cannot read the capabilities of the OTU tagger: ${what}.`, { hint: 'See docs/otu-v1.md, section 3.2.' }); };
  if (json.length > capsLimits.bytes) refuse(`they have ${json.length} bytes, and at most ${capsLimits.bytes} are read`);
  let all: unknown;
  try {
    all = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    refuse('they are not JSON in UTF-8');
  }
  if (!isRecord(all)) return refuse('they are not a JSON object');
  const textOf = (value: unknown, most: number, what: string): string =>
    (typeof value === 'string' && value.length >= 1 && value.length <= most && !unprintable.test(value) ? value : refuse(`${what} is not 1 to ${most} printable characters`));
  const { settings = [], inputs: names = [], firmware, testRateHz } = all;
  if (!Array.isArray(settings) || settings.length > capsLimits.settings) return refuse(`settings is not a list of at most ${capsLimits.settings}`);
  if (!Array.isArray(names) || names.length > inputs) return refuse(`inputs is not a list of at most ${inputs} names, one per input`);
  const made = settings.map((each, i) => settingOf(each, i, textOf, refuse));
  for (const [i, { key, info }] of made.entries()) {
    if (made.findIndex(other => other.key === key || other.info.key === info.key) !== i) refuse(`setting ${info.key} has a key or a name that another one has`);
  }
  const values = made.reduce((sum, { info }) => sum + (info.scope === 'channel' ? inputs : 1), 0);
  if (values > capsLimits.values) refuse(`${values} values in all are more than ${capsLimits.values}`);
  if (testRateHz !== undefined && !(typeof testRateHz === 'number' && testRateHz >= 1 && testRateHz <= 1e9)) refuse('testRateHz is not a number from 1 to 1e9');
  return {
    settings: made, inputs: names.map((name, i) => (name === '' ? '' : textOf(name, capsLimits.label, `name ${i + 1} of the inputs`))),
    ...(firmware !== undefined && { firmware: textOf(firmware, capsLimits.label, 'firmware') }), ...(testRateHz !== undefined && { testRateHz: testRateHz as number }),
  };
}

function settingOf(each: unknown, i: number, textOf: (value: unknown, most: number, what: string) => string, refuse: (what: string) => never): OtuSetting {
  if (!isRecord(each)) return refuse(`setting ${i} is not an object`);
  const { key, name, kind, unit = '', scope, scale = 1, step = 1 } = each;
  const own = typeof name === 'string' && /^[a-z][A-Za-z0-9]{0,39}$/.test(name) && !(name in Object.prototype) ? name : refuse(`setting ${i} has no name of letters and digits that begins with a small letter`);
  const whole = (value: unknown, least: number, most: number, what: string): number =>
    (Number.isInteger(value) && Number(value) >= least && Number(value) <= most ? Number(value) : refuse(`${what} of ${own} is not a whole number from ${least} to ${most}`));
  const raw = (value: unknown, what: string): number => whole(value, -int32, int32 - 1, what);
  const at = whole(key, 1, 65_535, 'key'), label = textOf(each['label'], capsLimits.label, `the label of ${own}`);
  if (scope !== 'channel' && scope !== 'tagger') return refuse(`the scope of ${own} is neither channel nor tagger`);
  if (!units.some(known => known === unit)) refuse(`the unit of ${own} is none of V, ps, Hz and none`);
  const common = { key: own, label, unit: unit as SettingInfo['unit'], scope } as const;
  if (kind === 'boolean') return { key: at, scale: 1, raw: { min: 0, max: 1, step: 1 }, info: { ...common, kind, default: whole(each['default'] ?? 0, 0, 1, 'default') === 1 } };
  if (kind === 'choice') {
    const { choices } = each;
    if (!Array.isArray(choices) || choices.length < 1 || choices.length > capsLimits.choices) return refuse(`the choices of ${own} are not a list of 1 to ${capsLimits.choices}`);
    const texts = choices.map(choice => textOf(choice, capsLimits.choice, `a choice of ${own}`));
    if (new Set(texts).size < texts.length) refuse(`a choice of ${own} is there twice`);
    return { key: at, scale: 1, raw: { min: 0, max: texts.length - 1, step: 1 }, info: { ...common, kind, choices: texts, default: texts[whole(each['default'] ?? 0, 0, texts.length - 1, 'default')]! } };
  }
  if (kind !== 'number') return refuse(`the kind of ${own} is none of number, boolean and choice`);
  if (typeof scale !== 'number' || !(scale >= 1e-12 && scale <= 1e12)) return refuse(`the scale of ${own} is not a number from 1e-12 to 1e12`);
  const min = raw(each['min'], 'min'), max = raw(each['max'], 'max'), by = whole(step, 1, int32 - 1, 'step');
  if (min > max) refuse(`the range of ${own} ends before it begins`);
  // Steps are counted from 0, here and in the checks of the engine.
  if (min % by !== 0 || max % by !== 0) refuse(`the range of ${own} does not begin and end at a multiple of its step`);
  const fallback = whole(each['default'], min, max, 'default');
  return {
    key: at, scale, raw: { min, max, step: by },
    info: { ...common, kind, min: scaled(min, scale), max: scaled(max, scale), step: scaled(by, scale), default: scaled(fallback, scale) },
  };
}

/** 500 * 0.001 is 0.5, without the last digits that binary fractions leave. */
function scaled(raw: number, scale: number): number { return Number((raw * scale).toPrecision(15)); }

/** undefined: the device answered something that the setting cannot be. */
export function valueOf({ info, scale, raw: { min, max, step } }: OtuSetting, raw: number): SettingValue | undefined {
  if (!(raw >= min && raw <= max) || raw % step !== 0) return undefined;
  return info.kind === 'boolean' ? raw === 1 : info.kind === 'choice' ? info.choices?.[raw] : scaled(raw, scale);
}

export function rawOf({ info, scale, raw: { min, max } }: OtuSetting, value: SettingValue): number {
  if (info.kind === 'boolean') return value === true ? 1 : 0;
  if (info.kind === 'choice') return info.choices?.indexOf(value as string) ?? 0;
  return Math.min(max, Math.max(min, Math.round(Number(value) / scale)));
}
