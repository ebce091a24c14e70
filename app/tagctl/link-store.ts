// tagctl/link-store.ts - where the link of this user lies: in one file that nobody else can read.
//
// A link holds a secret. It is never printed again after `login`, and a file that others can read is refused as ssh does.
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CommandError, exitCodes } from './failure.ts';

export function linkFile(environment: NodeJS.ProcessEnv): string {
  const base = environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config');
  return join(base, 'tagd', 'link');
}

/** `--link`, else TAGD_LINK, else the file. */
export async function findLink(option: string | undefined, environment: NodeJS.ProcessEnv): Promise<string> {
  const given = option ?? environment['TAGD_LINK'];
  if (given !== undefined && given.trim() !== '') return given.trim();
  const file = linkFile(environment);
  let text: string;
  try {
    if (process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0) {
      throw new CommandError(exitCodes.forbidden, 'forbidden', `Cannot use the link in ${file}: others can read the file.`, `chmod 600 ${file}`);
    }
    text = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new CommandError(exitCodes.inputOutput, 'unavailable', `Cannot read the link in ${file}: ${(error as NodeJS.ErrnoException).code}.`);
    }
    text = '';
  }
  if (text === '') {
    throw new CommandError(exitCodes.usage, 'usage', 'There is no link to a station yet.', 'Run `tagctl login` and paste the link, or set TAGD_LINK.');
  }
  return text;
}

/** Written beside and moved into place, so that a full disk leaves the old link. */
export async function storeLink(link: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const file = linkFile(environment);
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const beside = `${file}.${process.pid}`;
    await writeFile(beside, `${link}\n`, { mode: 0o600, flag: 'wx' });
    await rename(beside, file);
  } catch (error) {
    throw new CommandError(exitCodes.cannotCreate, 'unavailable', `Cannot write the link to ${file}: ${(error as NodeJS.ErrnoException).code}.`);
  }
  return file;
}
