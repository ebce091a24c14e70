// test/support/recordings.ts - where recordings of real instruments lie, if they do: they are not part of the program.
//
// Tests on them have titles that start with `recordings:` and are skipped, by name, where the folder is missing.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `TAGD_RECORDINGS`, else the folder beside the checkout, else nothing. */
export function recordingsFolder(): string | undefined {
  const named = process.env['TAGD_RECORDINGS'];
  if (named) return existsSync(named) ? resolve(named) : undefined;
  const beside = fileURLToPath(new URL('../../../shared/data', import.meta.url));
  return existsSync(beside) ? beside : undefined;
}
