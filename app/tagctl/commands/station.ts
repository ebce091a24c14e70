// tagctl/commands/station.ts - `info`, `taggers`: what is there and whether it is well.
import type { Command } from 'commander';
import type { LedgerSnapshot } from '../../core/ledger.ts';
import type { TaggerState, TaggerStatus } from '../../core/station.ts';
import { formatPs } from '../../core/units.ts';
import type { TagdSession } from '../../client/index.ts';
import type { Context } from '../context.ts';
import { jsonLine } from '../document.ts';
import { command, examples } from '../help.ts';
import { whole } from '../report.ts';
import { attachedLines, attachedTaggers } from '../attached.ts';
import { addStationOptions, withSession, type StationOptions } from '../session.ts';
import { paint, printable, type Style, type Terminal } from '../terminal.ts';

type Options = StationOptions & { json?: boolean };

export function infoCommand(context: Context): Command {
  const info = command('info', 'The station, what your link allows, and its taggers.')
    .option('--json', 'one JSON document on stdout')
    .action(async (options: Options) => {
      await withSession(options, context, async session => {
        const [station, { grant }, taggers] = await Promise.all([session.info(), session.whoami(), statuses(session)]);
        if (options.json) return await context.write([jsonLine({ station, grant, taggers })]);
        const facts: [string, string][] = [
          ['station', `${station.name} (${station.id}), tagd ${station.version}`], ['up since', station.startedAt],
          ['your link', `${grant.facet}${grant.label === '' ? '' : ` "${grant.label}"`}${grant.expires === null ? '' : `, until ${grant.expires}`}`],
        ];
        await context.print([
          ...facts.map(([label, text]) => `${paint(label.padEnd(9), 'dim', context.out)}  ${printable(text)}`), '',
          ...taggers.flatMap(status => taggerLines(status, context.out)),
        ]);
      });
    });
  return examples(addStationOptions(info), 'tagctl info', 'tagctl info --via localhost:8443   # through a tunnel');
}

export function taggersCommand(context: Context): Command {
  const taggers = command('taggers', 'The taggers of the station: state, channels, account of loss.')
    .option('--usb', 'those attached to this computer, and what each needs')
    .option('--json', 'one JSON document on stdout')
    .action(async (options: Options & { usb?: boolean }) => {
      if (options.usb) {
        const found = await attachedTaggers();
        return options.json ? await context.write([jsonLine({ usb: found })]) : await context.print(attachedLines(found));
      }
      await withSession(options, context, async session => {
        const list = await statuses(session);
        if (options.json) return await context.write([jsonLine({ taggers: list })]);
        await context.print(list.length === 0 ? ['There is no tagger.'] : list.flatMap(status => taggerLines(status, context.out)));
      });
    });
  return examples(addStationOptions(taggers), 'tagctl taggers --json | jq .taggers[0].info.channels', 'tagctl taggers --usb   # before there is a station');
}

async function statuses(session: TagdSession): Promise<TaggerStatus[]> {
  return await Promise.all((await session.taggers()).map(async ({ id }) => {
    using tagger = await session.tagger(id);
    return await tagger.status();
  }));
}

const stateStyle: Record<TaggerState, Style> = { absent: 'yellow', probing: 'yellow', ready: 'green', streaming: 'green', ended: 'cyan', gone: 'red', uploading: 'yellow', renumerating: 'yellow' };

function taggerLines({ id, state, detail, info, revision, ledger, kernel }: TaggerStatus, terminal: Terminal): string[] {
  const tick = info.tick.num / info.tick.den;
  const facts: [string, string][] = [
    ['model', `${info.model} ${info.serial}${info.description === undefined ? '' : ` (${info.description})`}, tick ${formatPs(Number(tick.toPrecision(8)))}`],
    ['channels', info.channels.map(({ number, name }) => name === `Ch ${number}` ? String(number) : `${number} ${name}`).join(', ')],
    ['kernels', `${kernel}, settings revision ${revision}`],
    ['loss', lossText(ledger)],
  ];
  return [
    `${paint(printable(id), 'bold', terminal)}  ${paint(state, stateStyle[state], terminal)}  ${printable(detail)}`.trimEnd(),
    ...facts.map(([label, text]) => {
      const line = printable(text);
      return `  ${paint(label.padEnd(9), 'dim', terminal)}${label === 'loss' ? paint(line, ledger.grade === 'none' ? 'green' : ledger.grade === 'counted' ? 'yellow' : 'red', terminal) : line}`;
    }),
  ];
}

function lossText({ channels, grade, intervals }: LedgerSnapshot): string {
  const delivered = channels.reduce((sum, entry) => sum + entry.delivered, 0);
  const counted = channels.reduce((sum, entry) => sum + entry.lost.device + entry.lost.usb + entry.lost.host, 0);
  const filtered = channels.reduce((sum, entry) => sum + entry.filtered, 0);
  const removed = filtered === 0 ? '' : `, ${whole(filtered)} filtered`;
  if (grade === 'none') return `none (${whole(delivered)} tags delivered${removed})`;
  const missed = grade === 'counted' ? `${whole(counted)} tags` : counted > 0 ? `${whole(counted)} tags and an unknown number more` : 'an unknown number of tags';
  return `${grade}: ${missed} in ${whole(intervals)} interval${intervals === 1 ? '' : 's'}, ${whole(delivered)} delivered${removed}`;
}
