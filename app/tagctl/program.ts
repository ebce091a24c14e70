// tagctl/program.ts - all commands of tagctl in one tree.
import type { Command } from 'commander';
import { analyzeCommand } from './commands/analyze.ts';
import { grantsCommand, revokeCommand, shareCommand } from './commands/grants.ts';
import { kernelCommand } from './commands/kernel.ts';
import { loginCommand } from './commands/login.ts';
import { measureCommand } from './commands/measure.ts';
import { otuCheckCommand } from './commands/otu-check.ts';
import { ratesCommand } from './commands/rates.ts';
import { setCommand } from './commands/set.ts';
import { infoCommand, taggersCommand } from './commands/station.ts';
import { TaggerError } from '../core/errors.ts';
import { measurementNames } from '../core/measurements.ts';
import { version } from '../core/version.ts';
import type { Context } from './context.ts';
import { command, examples } from './help.ts';
import { kebab, measurementOf } from './measure-options.ts';

export function makeProgram(context: Context): Command {
  const program = command('tagctl', 'Use a time tagger on the network, or analyze a recording without one.')
    .usage('COMMAND [options]')
    .version(version, '-V, --version', 'show the version');
  for (const make of [
    loginCommand, infoCommand, taggersCommand, ratesCommand, setCommand, measureCommand, analyzeCommand, shareCommand, grantsCommand, revokeCommand, kernelCommand, otuCheckCommand,
  ]) program.addCommand(make(context));
  return examples(program,
    'tagctl login < link.txt', 'tagctl rates --watch', 'tagctl measure correlation --channels 1,2 --binwidth 16ps --for 10s --plot',
    'tagctl analyze run.ptu countrate --channels 1,2 --json');
}

/** `analyze FILE NAME ...` reads well; a tree of commands wants the name first. */
export function inTreeOrder(args: readonly string[]): string[] {
  const [first, second, third, ...rest] = args;
  if (first === 'analyze' && second !== undefined && !second.startsWith('-') && measurementOf(second) === undefined && (third === undefined || third.startsWith('-'))) {
    throw new TaggerError('usage', `Cannot analyze ${second}: it is not said what to measure.`, { hint: `Name it after the file: ${measurementNames.map(kebab).join(', ')}.` });
  }
  const swap = first === 'analyze' && second !== undefined && third !== undefined && !second.startsWith('-') && !third.startsWith('-')
    && (measurementOf(second) === undefined || measurementOf(third) !== undefined);
  return swap ? [first, third, second, ...rest] : [...args];
}
