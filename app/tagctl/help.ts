// tagctl/help.ts - one screen of help per command: usage, one sentence, the options, examples.
import { Command, type Help } from 'commander';

/** A command that prints compact help, suggests near names and throws where commander would exit. */
export function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .exitOverride()
    .helpOption('-h, --help', 'show this')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .configureHelp({ formatHelp, subcommandTerm: sub => sub.name(), optionDescription: option => option.description });
}

export function examples(made: Command, ...lines: string[]): Command {
  return made.addHelpText('after', `\nExamples:\n${lines.map(line => `  ${line}`).join('\n')}`);
}

/** As wide as the narrowest terminal in use, whatever this one is: help is also pasted and printed. */
const lineWidth = 79;

function formatHelp(shown: Command, helper: Help): string {
  const items = [
    ...helper.visibleArguments(shown).map(argument => [helper.argumentTerm(argument), helper.argumentDescription(argument)]),
    ...helper.visibleCommands(shown).map(sub => [helper.subcommandTerm(sub), helper.subcommandDescription(sub)]),
    ...helper.visibleOptions(shown).map(option => [helper.optionTerm(option), helper.optionDescription(option)]),
  ] as [string, string][];
  const width = Math.max(0, ...items.map(([term]) => term.length));
  const subs = new Set(helper.visibleCommands(shown).map(sub => helper.subcommandTerm(sub)));
  // A long list of commands is for finding a name; the whole sentence is in the help of each.
  const describe = (term: string, text: string): string => (subs.size > 15 && subs.has(term) ? inOneLine(text, lineWidth - width - 4) : wrap(text, width + 4));
  const wrap = (text: string, indent: number): string => helper.boxWrap(text, Math.max(40, lineWidth - indent)).replaceAll('\n', `\n${' '.repeat(indent)}`);
  return [
    `Usage: ${path(shown)} ${shown.usage()}`,
    wrap(helper.commandDescription(shown), 0),
    '',
    ...items.map(([term, text]) => `  ${term.padEnd(width)}  ${describe(term, text)}`.trimEnd()),
    '',
  ].join('\n');
}

/** As many words as fit. */
function inOneLine(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = text.lastIndexOf(' ', width - 4);
  return `${text.slice(0, end).replace(/[,:;]$/, '')} ...`;
}

/** `tagctl measure correlation`, without the other spellings of the name. */
function path(shown: Command): string {
  return shown.parent === null ? shown.name() : `${path(shown.parent)} ${shown.name()}`;
}
