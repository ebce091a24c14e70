// daemon/station.ts - the box as rpc, http and mqtt see it: its identity and the lines it owns.
import { TaggerError } from '../core/errors.ts';
import type { KernelStore, Station, StationEvent, StationInfo, TaggerPort } from '../core/station.ts';
import type { Log } from './log.ts';

export class LocalStation implements Station {
  readonly info: StationInfo;
  readonly kernels: KernelStore;
  readonly #taggers = new Map<string, TaggerPort>();
  readonly #listeners = new Set<(event: StationEvent) => void>();
  readonly #log: Log;

  constructor(info: StationInfo, kernels: KernelStore, log: Log) {
    this.info = info;
    this.kernels = kernels;
    this.#log = log;
  }

  taggers(): TaggerPort[] { return [...this.#taggers.values()]; }

  add(tagger: TaggerPort): void {
    if (this.#taggers.has(tagger.id)) throw new TaggerError('conflict', `Cannot add the tagger '${tagger.id}': there is one of this name.`);
    this.#taggers.set(tagger.id, tagger);
  }

  watch(listener: (event: StationEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  /** Tells everybody who watches. One listener's fault is its own. */
  emit(event: StationEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#listeners.delete(listener);
        this.#log.error('a listener of station events failed and was dropped', { error: String(error) });
      }
    }
  }
}
