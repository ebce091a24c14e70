// driver/bridge/command.ts - the command of a bridge as words, and where its program is. No shell reads it, unless the user names one.
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TaggerError } from '../../core/errors.ts';

const hint = "No shell reads the command: write bridge:sh -c '...' for one, and quotes around such a character if it is meant as it is.";

/**
 * Splits at blanks. 'Single quotes' keep everything, "double quotes" everything but \" and \\, and a backslash keeps the next character.
 * What a shell would act on, without quotes, is refused: somebody expects something that would not happen.
 * @throws {TaggerError} `usage`
 */
export function splitCommand(command: string): string[] {
  const refuse = (what: string, advice = hint): never => { throw new TaggerError('usage', `Cannot use '${command.slice(0, 80)}' as the command of a bridge: ${what}.`, { hint: advice }); };
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < command.length; i++) {
    const char = command[i]!;
    if (char === '\0') refuse('it holds a zero byte');
    if (char === "'" || char === '"') {
      word ??= '';
      for (i++; command[i] !== char; i++) {
        if (i >= command.length) refuse(`a ${char} is not closed`, 'Close it, or put a backslash in front of it.');
        if (char === '"' && command[i] === '\\' && (command[i + 1] === '"' || command[i + 1] === '\\')) i++;
        word += command[i]!;
      }
    } else if (char === '\\') {
      if (++i === command.length) refuse('it ends with a backslash', 'Write two of them for one.');
      word = (word ?? '') + command[i]!;
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if ('|&;<>$`'.includes(char)) refuse(`${char} means something to a shell only`);
    else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  if (words.length === 0 || words[0] === '') refuse('it is empty', 'Write bridge:COMMAND, for example bridge:python3 swabian.py.');
  return words;
}

/** Looks for the program, so that a wrong name is told at once and clearly. @throws {TaggerError} `not-found`, `forbidden` */
export function checkProgram(program: string): void {
  const places = program.includes('/') ? [program] : (process.env['PATH'] ?? '').split(delimiter).filter(Boolean).map(folder => join(folder, program));
  let isThere = false;
  for (const place of places) {
    try {
      if (!statSync(place).isFile()) continue;
      isThere = true;
      accessSync(place, constants.X_OK);
      return;
    } catch { /* The next one, then. */ }
  }
  if (isThere) throw new TaggerError('forbidden', `Cannot start the bridge ${program.slice(0, 200)}: it may not be executed.`, { hint: `chmod +x ${program}, or name its interpreter in front of it: bridge:python3 ${program}` });
  throw new TaggerError('not-found', `Cannot start the bridge ${program.slice(0, 200)}: there is no such program.`, {
    hint: program.includes('/') ? 'No shell reads the command, so ~ stays as it is; a relative path starts at the folder of the daemon.' : 'It is not on the PATH of the daemon; write its full path.',
  });
}

/** The environment of the daemon without what is meant for the daemon alone: its links and its voice to the service manager. */
export function bridgeEnvironment(from: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(from).filter(([key]) => !/^(TAGD_|NOTIFY_SOCKET$|WATCHDOG_|LISTEN_(FDS|PID|FDNAMES)$|CREDENTIALS_DIRECTORY$)/.test(key)));
}
