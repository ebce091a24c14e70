// driver/bridge/protocol.ts - what is said between tagd and a bridge: JSON lines, checked whole before anything of them is believed.
//
// docs/bridge.md is this protocol for people. Commands go to the bridge's standard input, answers come on its standard error, records on its
// standard output (records.ts). A bridge is a stranger's program: nothing it says is taken without a look.
import { TaggerError } from '../../core/errors.ts';
import { checkSettings, isRecord } from '../../core/settings.ts';
import type { ChannelInfo, LossReport, SettingInfo, Settings, SettingValue, TaggerInfo } from '../../core/tagger.ts';
import { tickBounds } from '../decode/decode.ts';

export const protocolVersion = 1;

/** Every bound of the protocol, each with its reason. */
export const bridgeLimits = {
  /** From the start of the command to its capabilities; each `busy` line gives as much again. */
  capabilitiesMs: 5000,
  /** With `busy` lines: loading an FPGA takes seconds, more than this nobody waits. */
  busyMs: 60_000,
  /** From a command to its answer. */
  answerMs: 5000,
  /** The same for `stop`, and then for the records that it names: somebody waits for the end of the run. */
  stopMs: 2000,
  /** A bridge that was told to leave and does not is sent SIGTERM after this, and killed after the second. */
  leaveMs: 1000,
  killMs: 2000,
  /** One line either way; capabilities of 254 channels are about a tenth. */
  lineBytes: 256 * 1024,
  /** Lines on standard error in one second, all together: above this it babbles. */
  chatterBytesPerSecond: 4 * 1024 * 1024,
  /** Channel numbers; above 1000 they are virtual channels of tagd. */
  channelNumber: 999,
  channels: 254,
  settings: 64,
  /** A record is due so often, if the bridge says so: tags, or one that says that nothing was missed. */
  heartbeatMs: [10, 60_000],
} as const;

/** `si16`: 16-byte records. `a1`, `a1x`: words of the S-Fifteen tools. */
export type RecordFormat = 'si16' | 'a1' | 'a1x';
export const recordFormats: readonly RecordFormat[] = ['si16', 'a1', 'a1x'];

export interface Capabilities {
  info: TaggerInfo;
  format: RecordFormat;
  values: Settings;
  heartbeatMs: number | undefined;
}

/** One line of a bridge. */
export type BridgeLine =
  | { kind: 'capabilities'; fields: Record<string, unknown> }
  | { kind: 'done' | 'refused'; id: number; fields: Record<string, unknown> }
  | { kind: 'end'; records: number }
  | { kind: 'busy' | 'warning' | 'error' | 'text'; message: string; hint?: string | undefined };

/** Reads a line of standard error. What is not JSON, or of no known kind, is text for people: never an error. */
export function readLine(line: string): BridgeLine {
  if (!line.startsWith('{')) return { kind: 'text', message: printable(line) };
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return { kind: 'text', message: printable(line) };
  }
  const { kind, id, records, message, hint } = fields as Record<string, unknown>;
  if (kind === 'capabilities') return { kind, fields: fields as Record<string, unknown> };
  if ((kind === 'done' || kind === 'refused') && typeof id === 'number') return { kind, id, fields: fields as Record<string, unknown> };
  if (kind === 'end') return { kind, records: isCount(records) ? records : 0 };
  if (kind === 'busy' || kind === 'warning' || kind === 'error') {
    return { kind, message: typeof message === 'string' ? printable(message) : 'no reason given', ...(typeof hint === 'string' && { hint: printable(hint) }) };
  }
  return { kind: 'text', message: printable(line) };
}

export function writeLine(id: number, command: string, rest: Record<string, unknown> = {}): string { return `${JSON.stringify({ id, command, ...rest })}\n`; }

/** What a person may see of a stranger's text. */
export function printable(text: string, length = 200): string {
  // eslint-disable-next-line no-control-regex
  const plain = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]+/g, ' ').trim();
  return plain.length > length ? `${plain.slice(0, length)}...` : plain;
}

/** @throws {TaggerError} `unsupported` for another version, `protocol` for the first thing that cannot be */
export function checkCapabilities(fields: Record<string, unknown>): Capabilities {
  const { tagd, model, serial, firmware, description, channels, settings = [], values = {}, format = 'si16', tick = { num: 1, den: 1 }, overflowReport = 'unknown', heartbeatMs } = fields;
  if (tagd !== protocolVersion) {
    throw new TaggerError('unsupported', `Cannot use the bridge: it speaks version ${show(tagd)} of the protocol, and this tagd speaks version ${protocolVersion}.`, { hint: 'Use a bridge and a tagd of the same time.' });
  }
  const text = (key: string, value: unknown): string => (typeof value === 'string' && value.trim() !== '' && value.length <= 100 ? printable(value) : refuse(`${key} is ${show(value)}, not a short text`));
  if (!recordFormats.includes(format as RecordFormat)) refuse(`format is ${show(format)}, not one of ${recordFormats.join(', ')}`);
  if (!(overflowReports as readonly unknown[]).includes(overflowReport)) refuse(`overflowReport is ${show(overflowReport)}, not one of ${overflowReports.join(', ')}`);
  const [least, most] = bridgeLimits.heartbeatMs;
  if (heartbeatMs !== undefined && !(typeof heartbeatMs === 'number' && heartbeatMs >= least && heartbeatMs <= most)) refuse(`heartbeatMs is ${show(heartbeatMs)}, not ${least} to ${most}`);
  const info: TaggerInfo = {
    model: text('model', model), serial: text('serial', serial), driver: 'bridge', source: 'live', tick: tickOf(tick), channels: channelsOf(channels), settings: settingsOf(settings),
    ...(firmware !== undefined && { firmware: text('firmware', firmware) }), ...(description !== undefined && { description: text('description', description) }),
    overflowReport: overflowReport as LossReport, freeRunning: true,
  };
  const a1 = format !== 'si16';
  if (a1 && info.channels.some(({ number }, i) => number !== i + 1 || number > 4)) refuse('the words of a1 have the channels 1 to 4, in this order');
  return { info, format: format as RecordFormat, values: checkValues(values, info), heartbeatMs: heartbeatMs as number | undefined };
}

const overflowReports: readonly LossReport[] = ['counted', 'flagged', 'suspect', 'unknown', 'none'];

function refuse(what: string): never {
  throw new TaggerError('protocol', `Cannot use the bridge: in its capabilities ${what}.`, { hint: 'See docs/bridge.md, "Capabilities".' });
}

function tickOf(tick: unknown): TaggerInfo['tick'] {
  const { num, den } = isRecord(tick) ? tick : {};
  if (!isCount(num) || !isCount(den) || num < 1 || den < 1 || num > tickBounds.num || den > tickBounds.den) refuse(`tick is ${show(tick)}, not num 1 to ${tickBounds.num} over den 1 to ${tickBounds.den} ps`);
  return { num, den };
}

function channelsOf(channels: unknown): ChannelInfo[] {
  const { channels: most, channelNumber: largest } = bridgeLimits;
  if (!Array.isArray(channels) || channels.length < 1 || channels.length > most) refuse(`channels has ${Array.isArray(channels) ? channels.length : 'no'} entries, not 1 to ${most}`);
  const list = channels.map((channel: unknown): ChannelInfo => {
    const { number, name = `Ch ${String(number)}` } = isRecord(channel) ? channel : {};
    if (!Number.isInteger(number) || number === 0 || Math.abs(number as number) > largest) refuse(`a channel has the number ${show(number)}, not 1 to ${largest} or, for a falling edge, -1 to -${largest}`);
    if (typeof name !== 'string' || printable(name) === '' || name.length > 64) refuse(`channel ${String(number)} has the name ${show(name)}`);
    return { number: number as number, name: printable(name) };
  }).toSorted((a, b) => a.number - b.number);
  const twice = list.find(({ number }, i) => list[i - 1]?.number === number);
  if (twice) refuse(`channel ${twice.number} is listed twice`);
  return list;
}

function settingsOf(settings: unknown): SettingInfo[] {
  if (!Array.isArray(settings) || settings.length > bridgeLimits.settings) refuse(`settings has ${Array.isArray(settings) ? settings.length : 'no'} entries, not up to ${bridgeLimits.settings}`);
  const list = settings.map(settingOf);
  const twice = list.find(({ key, scope }, i) => list.findIndex(other => other.key === key && other.scope === scope) < i);
  if (twice) refuse(`the setting ${twice.key} is listed twice`);
  return list;
}

function settingOf(setting: unknown): SettingInfo {
  const { key, label = key, kind, unit = '', scope, min, max, step, choices, default: value } = isRecord(setting) ? setting : {};
  if (typeof key !== 'string' || !/^[a-z][A-Za-z0-9]{0,39}$/.test(key) || key in Object.prototype) refuse(`a setting has the key ${show(key)}`);
  const wrong = (what: string): never => refuse(`the setting ${key} has ${what}`);
  if (typeof label !== 'string' || printable(label) === '' || label.length > 64) wrong(`the label ${show(label)}`);
  if (scope !== 'channel' && scope !== 'tagger') wrong(`the scope ${show(scope)}, not channel or tagger`);
  if (unit !== 'V' && unit !== 'ps' && unit !== 'Hz' && unit !== '') wrong(`the unit ${show(unit)}, not V, ps, Hz or none`);
  const common = { key, label: printable(label as string), unit, scope } as Pick<SettingInfo, 'key' | 'label' | 'unit' | 'scope'>;
  if (kind === 'boolean') return typeof value === 'boolean' ? { ...common, kind, default: value } : wrong(`the default ${show(value)}, not true or false`);
  if (kind === 'choice') {
    const isText = (choice: unknown): choice is string => typeof choice === 'string' && choice !== '' && choice.length <= 64 && choice === printable(choice);
    if (!Array.isArray(choices) || choices.length < 1 || choices.length > 64 || !choices.every(isText) || new Set(choices).size < choices.length) return wrong(`the choices ${show(choices)}`);
    return choices.includes(value as string) ? { ...common, kind, choices, default: value as string } : wrong(`the default ${show(value)}, which is no choice`);
  }
  if (kind !== 'number') return wrong(`the kind ${show(kind)}, not number, boolean or choice`);
  if (!isFinite(min) || !isFinite(max) || min > max) return wrong(`the range ${show(min)} to ${show(max)}`);
  if (step !== undefined && !(isFinite(step) && step > 0)) wrong(`the step ${show(step)}`);
  if (!isFinite(value) || value < min || value > max) return wrong(`the default ${show(value)}, outside ${min} to ${max}`);
  return { ...common, kind, min, max, default: value, ...(step !== undefined && { step: step as number }) };
}

/** Values that were applied: complete and within range. They need not be whole steps, because a converter rounds. @throws {TaggerError} `protocol` */
export function checkValues(values: unknown, info: TaggerInfo): Settings {
  const loose = { ...info, settings: info.settings.map(({ step: _, ...setting }) => setting) };
  const { tagger = {}, channels = {} } = isRecord(values) ? values : {};
  try {
    checkSettings({ tagger, channels } as Settings, loose);
  } catch (error) {
    throw new TaggerError('protocol', `Cannot use the bridge: of the values that it applied one cannot be. ${(error as Error).message}`, { cause: error });
  }
  const pick = (scope: SettingInfo['scope'], from: Record<string, SettingValue> | undefined, where: string): Record<string, SettingValue> =>
    Object.fromEntries(info.settings.filter(setting => setting.scope === scope).map(({ key }) => {
      const value = from?.[key];
      if (value === undefined) throw new TaggerError('protocol', `Cannot use the bridge: it does not say what ${key} of ${where} is.`, { hint: 'See docs/bridge.md, "Settings".' });
      return [key, value];
    }));
  return {
    tagger: pick('tagger', tagger as Record<string, SettingValue>, 'the tagger'),
    channels: Object.fromEntries(info.channels.map(({ number }) => [number, pick('channel', (channels as NonNullable<Settings['channels']>)[number], `channel ${number}`)])),
  };
}

function isCount(value: unknown): value is number { return Number.isSafeInteger(value) && (value as number) >= 0; }
function isFinite(value: unknown): value is number { return typeof value === 'number' && Number.isFinite(value); }
function show(value: unknown): string { return value === undefined ? 'missing' : printable(JSON.stringify(value) ?? String(value), 60); }
