// dsp/give-way.ts - threads that calculate step behind those that must not be late: the one with the sockets, and the one
// that owns the tagger.
import { setPriority } from 'node:os';

/** On Linux a priority belongs to a thread, and 0 means the one that calls. Elsewhere nothing is asked for. */
export function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, 5);
  } catch { /* not allowed here; the work is done all the same */ }
}
