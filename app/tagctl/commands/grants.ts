// tagctl/commands/grants.ts - `share`, `grants`, `revoke`: handing on a part of what one may do, and taking it back.
import { Option, type Command } from 'commander';
import { TaggerError } from '../../core/errors.ts';
import type { Facet, GrantInfo } from '../../client/index.ts';
import type { Context } from '../context.ts';
import { jsonLine } from '../document.ts';
import { command, examples } from '../help.ts';
import { parseChannels, parseInteger, parseTime } from '../measure-options.ts';
import { addStationOptions, withSession, type StationOptions } from '../session.ts';
import { paint, printable, table, type Terminal } from '../terminal.ts';

interface ShareOptions extends StationOptions {
  facet: Facet; taggers?: string; channels?: string; ttl?: string; uses?: string; label?: string; json?: boolean;
}
type Options = StationOptions & { json?: boolean };

export function shareCommand(context: Context): Command {
  const share = command('share', 'Make a link for somebody else: a part of what your own link allows.')
    .addOption(new Option('--facet <FACET>', 'view, measure, control or admin (view)').choices(['view', 'measure', 'control', 'admin']).default('view', 'view'))
    .option('--channels <1,2,...>', 'only these channels')
    .option('--taggers <ID,...>', 'only these taggers')
    .option('--ttl <TIME>', 'valid for so long, for example 2h')
    .option('--uses <N>', 'can be used for so many connections')
    .option('--label <TEXT>', 'for whom or what, as `tagctl grants` shows it')
    .option('--json', 'one JSON document on stdout')
    .action(async (options: ShareOptions) => {
      const ttlPs = options.ttl === undefined ? undefined : parseTime('ttl', options.ttl);
      if (ttlPs !== undefined && ttlPs < 1e12) throw new TaggerError('usage', `--ttl: a link valid for ${options.ttl} is over before anybody can use it.`, {
        hint: 'Write at least 1s, for example 2h or 7d.',
      });
      await withSession(options, context, async session => {
        const shared = await session.share({
          facet: options.facet,
          ...(options.channels === undefined ? {} : { channels: parseChannels(options.channels) }),
          ...(options.taggers === undefined ? {} : { taggers: options.taggers.split(',').map(id => id.trim()) }),
          ...(ttlPs === undefined ? {} : { ttlMs: Math.round(ttlPs / 1e9) }),
          ...(options.uses === undefined ? {} : { uses: parseInteger('uses', options.uses) }),
          ...(options.label === undefined ? {} : { label: options.label }),
        });
        if (options.json) return await context.write([jsonLine(shared)]);
        const only = [['channels', options.channels], ['taggers', options.taggers]].map(([what, list]) => list === undefined ? '' : `, ${what} ${list}`).join('');
        const until = shared.expires === null ? '' : `, until ${shared.expires}`;
        await context.print([
          shared.link, shared.webLink, '',
          paint(`For whoever has it: ${options.facet}${only}${until}. Take it back with: tagctl revoke ${shared.id}`, 'dim', context.out),
        ]);
      });
    });
  return examples(addStationOptions(share), 'tagctl share --facet measure --channels 1,2 --ttl 2h --label "Bob"', 'tagctl share --uses 1');
}

export function grantsCommand(context: Context): Command {
  const grants = command('grants', 'The links made from yours, as a tree.')
    .option('--json', 'one JSON document on stdout')
    .action(async (options: Options) => {
      await withSession(options, context, async session => {
        const rows = await session.grants();
        if (options.json) return await context.write([jsonLine({ grants: rows })]);
        await context.print(grantTree(rows, context.out));
      });
    });
  return examples(addStationOptions(grants), 'tagctl grants');
}

export function revokeCommand(context: Context): Command {
  const revoke = command('revoke', 'Take back a link and all that were made from it, at once.')
    .argument('<ID>', 'as `tagctl grants` shows it')
    .option('--json', 'one JSON document on stdout')
    .action(async (id: string, options: Options) => {
      await withSession(options, context, async session => {
        await session.revoke(id);
        if (options.json) return await context.write([jsonLine({ revoked: id })]);
        await context.print([`Revoked ${id} and everything made from it.`]);
      });
    });
  return examples(addStationOptions(revoke), 'tagctl revoke 4f2a9c1d');
}

/** Children below their parents, with the lines of a tree; a row whose parent is not in the list is a root. */
export function grantTree(rows: readonly GrantInfo[], terminal: Terminal): string[] {
  const [down, branch, last, skip] = terminal.unicode ? ['│  ', '├─ ', '└─ ', '   '] : ['|  ', '|- ', '`- ', '   '];
  const ids = new Set(rows.map(({ id }) => id));
  const cells: string[][] = [];
  const add = (row: GrantInfo, lead: string, below: string): void => {
    cells.push([`${lead}${row.id}`, row.facet, printable(row.label), limitsOf(row).slice(1).join(', ')]);
    const children = rows.filter(({ parent }) => parent === row.id);
    children.forEach((child, i) => {
      const isLast = i === children.length - 1;
      add(child, below + (isLast ? last : branch), below + (isLast ? skip : down));
    });
  };
  for (const row of rows) if (row.parent === null || !ids.has(row.parent)) add(row, '', '');
  const [head = '', ...lines] = table([['id', 'facet', 'label', 'limits'], ...cells]);
  return [paint(head, 'bold', terminal), ...lines];
}

/** First the facet, then each bound in words. */
function limitsOf({ facet, channels, taggers, expires, uses }: GrantInfo): string[] {
  return [
    facet,
    ...(taggers === null ? [] : [`tagger ${taggers.map(printable).join(', ')}`]),
    ...(channels === null ? [] : [`channels ${channels.join(', ')}`]),
    ...(expires === null ? [] : [`until ${expires}`]),
    ...(uses === null ? [] : [`${uses} use${uses === 1 ? '' : 's'} left`]),
  ];
}
