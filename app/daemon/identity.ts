// daemon/identity.ts - who this box is: an id that stays, a name a person may choose, a folder for its state.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { TaggerError } from '../core/errors.ts';

/** systemd's folder if there is one, else the user's own. */
export function defaultStateFolder(env: NodeJS.ProcessEnv, demo: boolean): string {
  const given = env['STATE_DIRECTORY'];
  if (given) return given.split(':')[0] as string;
  const base = env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state');
  return join(base, demo ? 'tagd-demo' : 'tagd');
}

/** Makes the state folder readable by its owner alone. */
export function openStateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new TaggerError('unavailable', `Cannot make the state folder ${folder}: ${(cause as Error).message}.`, {
      cause, hint: 'Give a folder that this user may write with --state DIR.',
    });
  }
}

/**
 * One daemon at a time: two would overwrite each other's grants, and a revoked link would come back with a restart.
 * The name is an abstract socket of Linux, which goes with the process however that ends; elsewhere nobody is kept out.
 *
 * @throws {TaggerError} `busy` if another daemon uses the folder
 */
export async function holdStateFolder(folder: string): Promise<Disposable> {
  const holder = createServer(socket => { socket.destroy(); }).unref();
  if (process.platform === 'linux') {
    holder.listen({ path: `\0tagd-${createHash('sha256').update(realpathSync(folder)).digest('hex')}` });
    await once(holder, 'listening').catch((cause: unknown) => {
      throw new TaggerError('busy', `Cannot use the state folder ${folder}: another tagd uses it.`, { cause, hint: 'Stop that one, or give this one a folder of its own with --state DIR.' });
    });
  }
  return { [Symbol.dispose]() { holder.close(); } };
}

/**
 * `tagd-<8 hex>`, derived once from the machine id (never the machine id itself, which systemd asks to keep private) or
 * drawn if there is none, and kept in the state folder from then on.
 */
export function stationId(stateFolder: string): string {
  const file = join(stateFolder, 'station-id');
  try {
    const kept = readFileSync(file, 'utf8').trim();
    if (/^tagd-[0-9a-f]{8}$/.test(kept)) return kept;
  } catch { /* the first start on this box */ }
  const id = `tagd-${createHash('sha256').update(`tagd ${machineId()}`).digest('hex').slice(0, 8)}`;
  try {
    writeFileSync(file, `${id}\n`, { mode: 0o600 });
  } catch (cause) {
    throw new TaggerError('unavailable', `Cannot write ${file}: ${(cause as Error).message}.`, { cause, hint: 'Give a folder that this user may write with --state DIR.' });
  }
  return id;
}

export function defaultName(): string { return hostname(); }

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim() || randomBytes(16).toString('hex');
  } catch {
    return randomBytes(16).toString('hex');
  }
}
