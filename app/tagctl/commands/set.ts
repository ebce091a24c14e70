// tagctl/commands/set.ts - `tagctl set 1 trigger-level 0.5V`: one physical setting, by the words the tagger gave for it.
//
// What is printed is what the tagger applied, which may be the nearest step to what was asked.
import type { Command } from 'commander';
import { isFilter } from '../../core/conditioning.ts';
import { isTaggerError, TaggerError } from '../../core/errors.ts';
import type { SettingInfo, Settings, SettingValue } from '../../core/tagger.ts';
import { formatPs, formatSi, parseQuantity } from '../../core/units.ts';
import type { Context } from '../context.ts';
import { jsonLine } from '../document.ts';
import { command, examples } from '../help.ts';
import { kebab, parseChannel, parseInteger } from '../measure-options.ts';
import { addTaggerOptions, withTagger, type TaggerOptions } from '../session.ts';
import { paint, printable, table } from '../terminal.ts';

interface SetOptions extends TaggerOptions { revision?: string; json?: boolean }

export function setCommand(context: Context): Command {
  const set = command('set', 'Change a setting of a channel or of the tagger; alone: list what there is.')
    .usage('[CHANNEL] KEY VALUE [options]')
    .argument('[words...]')
    .option('--revision <N>', 'fail if the settings changed since this revision')
    .option('--json', 'one JSON document on stdout')
    // `-0.5V` is a value and no option.
    .allowUnknownOption()
    .action(async (words: string[], options: SetOptions) => {
      const unknown = words.find(word => /^--?[a-z]/i.test(word));
      if (unknown !== undefined) throw new TaggerError('usage', `Unknown option '${unknown}'.`, { hint: 'Add --help to see what there is.' });
      if (words.length === 0) return await listSettings(options, context);
      await changeSetting(words, options, context);
    });
  return examples(addTaggerOptions(set), 'tagctl set 1 trigger-level 0.5V', 'tagctl set 2 dead-time 4ns --revision 7', 'tagctl set 1 test-signal on', 'tagctl set conditional-filter 1:2,3');
}

async function changeSetting(words: string[], options: SetOptions, context: Context): Promise<void> {
  const [value, word, channelWord] = words.toReversed();
  if (value === undefined || word === undefined || words.length > 3) {
    throw new TaggerError('usage', `Cannot set '${words.join(' ')}': a key and a value are needed.`, {
      hint: 'Write tagctl set [CHANNEL] KEY VALUE, for example tagctl set 1 trigger-level 0.5V.',
    });
  }
  const channel = channelWord === undefined ? undefined : parseChannel(channelWord);
  const revision = options.revision === undefined ? undefined : parseInteger('revision', options.revision);
  await withTagger(options, context, async (tagger, session) => {
    const status = await tagger.status();
    const { settings: known } = status.info;
    const setting = findSetting(known, word, channel === undefined ? 'tagger' : 'channel');
    const parsed = parseValue(setting, value);
    const change: Settings = channel === undefined ? { tagger: { [setting.key]: parsed } } : { channels: { [channel]: { [setting.key]: parsed } } };
    const applied = await tagger.configure(change, revision === undefined ? {} : { revision }).catch(async (error: unknown) => {
      if (!isTaggerError(error) || error.code !== 'forbidden') throw error;
      const { grant: { facet } } = await session.whoami();
      if (facet !== 'view' && facet !== 'measure') throw error;
      throw new TaggerError('forbidden', `Cannot set the ${setting.label}: your link allows '${facet}', and settings take 'control'.`, { cause: error, hint: 'Ask for a link that allows control.' });
    });
    if (options.json) return await context.write([jsonLine(applied)]);
    const read = (settings: Settings): SettingValue | undefined => channel === undefined ? settings.tagger?.[setting.key] : settings.channels?.[channel]?.[setting.key];
    const what = `${channel === undefined ? '' : `channel ${channel} `}${setting.label}`;
    await context.print([`${what}: ${show(setting, read(status.settings))} -> ${show(setting, read(applied.settings))}  (revision ${applied.revision})`]);
  });
}

async function listSettings(options: SetOptions, context: Context): Promise<void> {
  await withTagger(options, context, async tagger => {
    const { info, settings, revision } = await tagger.status();
    if (options.json) return await context.write([jsonLine({ settings, revision, known: info.settings })]);
    const rows = info.settings.flatMap(setting => setting.scope === 'tagger'
      ? [['', kebab(setting.key), show(setting, settings.tagger?.[setting.key]), allowed(setting)]]
      : info.channels.map(({ number }) => [String(number), kebab(setting.key), show(setting, settings.channels?.[number]?.[setting.key]), allowed(setting)]));
    const [head = '', ...lines] = table([['channel', 'key', 'value', 'allowed'], ...rows]);
    await context.print([paint(head, 'bold', context.out), ...lines.map(printable), paint(`revision ${revision}`, 'dim', context.out)]);
  });
}

/** By the kebab spelling or by the key itself. */
function findSetting(known: readonly SettingInfo[], word: string, scope: SettingInfo['scope']): SettingInfo {
  const found = known.filter(setting => word === setting.key || word === kebab(setting.key));
  const fits = found.find(setting => setting.scope === scope);
  if (fits) return fits;
  const keys = known.filter(setting => setting.scope === scope).map(setting => kebab(setting.key));
  const hint = found.length > 0
    ? scope === 'tagger' ? `It belongs to a channel: write tagctl set 1 ${word} VALUE.` : `It belongs to the tagger as a whole: write tagctl set ${word} VALUE.`
    : keys.length > 0 ? `Settings of a ${scope}: ${keys.join(', ')}.` : `This tagger has no settings of a ${scope}.`;
  throw new TaggerError('usage', `Cannot set '${word}': this tagger has no such setting${found.length > 0 ? ` of a ${scope}` : ''}.`, { hint });
}

export function parseValue(setting: SettingInfo, text: string): SettingValue {
  const wrong = (expected: string): TaggerError => new TaggerError('usage', `Cannot set ${setting.label} to '${text}'.`, { hint: `Write ${expected}.` });
  if (setting.kind === 'boolean') {
    if (text === 'on' || text === 'true') return true;
    if (text === 'off' || text === 'false') return false;
    throw wrong('on or off');
  }
  if (setting.kind === 'choice') {
    if (!setting.choices?.includes(text)) throw wrong(`one of ${setting.choices?.join(', ') ?? 'nothing'}`);
    return text;
  }
  if (setting.kind === 'filter') {
    if (text === 'off') return { trigger: [], filtered: [] };
    const [trigger, filtered, ...more] = text.split(':').map(list => list.split(','));
    if (!trigger || !filtered || more.length > 0) throw wrong('the triggers, a colon and the filtered channels, as in 1:2,3, or off');
    return { trigger: trigger.map(parseChannel), filtered: filtered.map(parseChannel) };
  }
  if (setting.unit === '') {
    if (!/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) throw wrong('a number without a unit');
    return Number(text);
  }
  return parseQuantity(text, ({ V: 'voltage', ps: 'time', Hz: 'rate' } as const)[setting.unit]);
}

function show(setting: SettingInfo, value: SettingValue | undefined): string {
  if (value === undefined) return '-';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (isFilter(value)) return value.trigger.length === 0 ? 'off' : `${value.trigger.join(',')}:${value.filtered.join(',')}`;
  if (typeof value === 'string' || setting.unit === '') return String(value);
  return setting.unit === 'ps' ? formatPs(value) : formatSi(value, setting.unit);
}

function allowed(setting: SettingInfo): string {
  if (setting.kind === 'boolean') return 'on, off';
  if (setting.kind === 'choice') return setting.choices?.join(', ') ?? '';
  if (setting.kind === 'filter') return 'TRIGGER,...:FILTERED,..., off';
  const [min, max] = [setting.min, setting.max].map(bound => bound === undefined ? '' : show(setting, bound));
  return `${min} .. ${max}${setting.step === undefined || setting.step === 1 && setting.unit !== 'V' ? '' : `, steps of ${show(setting, setting.step)}`}`;
}
