// tagctl/commands/login.ts - `tagctl login`: takes a link from stdin, tries it, keeps it for this user.
//
// From stdin and not as an argument, because arguments show up in the process list and in the shell's history.
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { TaggerError } from '../../core/errors.ts';
import { parseLink } from '../../core/link.ts';
import type { Context } from '../context.ts';
import { command, examples } from '../help.ts';
import { storeLink } from '../link-store.ts';
import { withSession } from '../session.ts';
import { printable } from '../terminal.ts';

export function loginCommand(context: Context): Command {
  const login = command('login', 'Read a link from stdin, try it, and keep it for later commands.')
    .option('--via <HOST:PORT>', 'reach the station there, this once')
    .action(async (options: { via?: string }) => {
      if (process.stdin.isTTY) process.stderr.write('Paste the link: ');
      const link = await firstLine();
      if (link === '') throw new TaggerError('usage', 'Cannot log in: no link came on stdin.', { hint: 'echo \'tagd://...\' | tagctl login' });
      // Says what is wrong with it before anything is sent anywhere.
      parseLink(link);
      const name = await withSession({ link, ...options }, context, async session => (await session.info()).name);
      const file = await storeLink(link, context.environment);
      await context.print([`Logged in to ${printable(name)}. The link is kept in ${file}.`]);
    });
  return examples(login, 'tagctl login < link.txt', 'TAGD_LINK=tagd://... tagctl info    # without login');
}

async function firstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    for await (const line of lines) return line.trim().slice(0, 4096);
    return '';
  } finally { lines.close(); }
}
