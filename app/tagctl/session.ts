// tagctl/session.ts - the way from a command to a station: link, session, tagger.
//
// The client library is loaded only here and only when a command needs a station, so that help is quick.
import type { Command } from 'commander';
import type { TagdSession, Tagger } from '../client/index.ts';
import type { Context } from './context.ts';
import { findLink } from './link-store.ts';

export interface StationOptions { link?: string; via?: string }
export interface TaggerOptions extends StationOptions { tagger?: string }

export function addStationOptions(command: Command): Command {
  return command
    .option('--link <LINK>', 'instead of the one that `login` keeps')
    .option('--via <HOST:PORT>', 'reach the station there, as through a tunnel');
}

export function addTaggerOptions(command: Command): Command {
  return addStationOptions(command.option('--tagger <ID>', 'which one, if the station has several'));
}

/** Runs `use` with a session and ends the session afterwards, whatever happens. */
export async function withSession<T>(options: StationOptions, context: Context, use: (session: TagdSession) => Promise<T>): Promise<T> {
  const link = await findLink(options.link, context.environment);
  const { connect } = await import('../client/index.ts');
  await using session = await connect(link, options.via === undefined ? {} : { via: options.via });
  return await use(session);
}

export async function withTagger<T>(options: TaggerOptions, context: Context, use: (tagger: Tagger, session: TagdSession) => Promise<T>): Promise<T> {
  return await withSession(options, context, async session => {
    using tagger = await session.tagger(options.tagger);
    return await use(tagger, session);
  });
}
