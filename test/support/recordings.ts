// test/support/recordings.ts - where recordings of real instruments lie, if they do: they are not part of the program.
//
// Tests on them have titles that start with `recordings:` and are skipped, by name, where the folder is missing.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** `TAGD_RECORDINGS`, which `npm test` sets where it finds them. */
export function recordingsFolder(): string | undefined {
  const named = process.env['TAGD_RECORDINGS'];
  return named && existsSync(named) ? resolve(named) : undefined;
}
