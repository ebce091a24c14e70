// rpc/kept.ts - measurements and who holds them: freed when the last handle is gone and no grant keeps them.
//
// A handle is one client's interest. Detaching gives the measurement to the grant, under a name, until it is discarded
// or the grant ends; names are one space for the whole station, so that a shared result can be called by its name.
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { MeasurementPort } from '../core/station.ts';

/** One measurement of the engine with the number of interests in it. */
export class Held {
  readonly port: MeasurementPort;
  readonly taggerId: string;
  #interests = 0;

  constructor(port: MeasurementPort, taggerId: string) {
    this.port = port;
    this.taggerId = taggerId;
  }

  /** @returns a function that gives the interest up, once */
  hold(): () => void {
    this.#interests++;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      if (--this.#interests === 0) this.port.dispose();
    };
  }

  /** Physical channels it measures on, or that what it measures on is made of. */
  get channels(): readonly number[] { return this.port.inputs; }
}

export interface KeptMeasurement { name: string; held: Held; grantId: string; owner: string; release: () => void }

export class Kept {
  readonly #byName = new Map<string, KeptMeasurement>();

  keep(name: string, held: Held, grantId: string, owner: string): void {
    const action = `keep a measurement as '${name}'`;
    if (this.get(name)) throw new TaggerError('conflict', `Cannot ${action}: there is one of this name.`, { hint: 'Choose another name, or discard the old one.' });
    if (this.all().filter(kept => kept.grantId === grantId).length >= limits.detachedPerGrant) {
      throw new TaggerError('limit', `Cannot ${action}: this link keeps ${limits.detachedPerGrant} measurements.`, { hint: 'Discard some that are no longer needed.' });
    }
    if (held.port.closed.aborted) throw new TaggerError('closed', `Cannot ${action}: it has ended.`);
    this.#byName.set(name, { name, held, grantId, owner, release: held.hold() });
  }

  get(name: string): KeptMeasurement | undefined {
    const kept = this.#byName.get(name);
    // Its tagger may have been taken down since.
    if (kept?.held.port.closed.aborted) this.#drop(kept);
    return this.#byName.get(name);
  }

  all(): KeptMeasurement[] { return [...this.#byName.keys()].map(name => this.get(name)).filter(kept => kept !== undefined); }

  discard(name: string): void {
    const kept = this.#byName.get(name);
    if (kept) this.#drop(kept);
  }

  /** The grants have ended. */
  discardOf(grantIds: readonly string[]): void {
    for (const kept of this.all()) if (grantIds.includes(kept.grantId)) this.#drop(kept);
  }

  #drop(kept: KeptMeasurement): void {
    this.#byName.delete(kept.name);
    kept.release();
  }
}
