// dsp/cost.ts - what a measurement costs, by the clock of its worker: time for each tag of the stream, its own or not.
//
// Measured so, costs of one line may be compared and added whatever the rate. Every block is timed, no single tag is.

/** So few tags tell more about the block than about them. */
const leastTags = 4096;
/** Tags after which an old figure counts for a half. */
const halfTags = 2 ** 18;

export class Cost {
  /** ns; NaN before it is known. */
  nsPerTag = NaN;
  #ms = 0;
  #tags = 0;

  spend(ms: number): void { this.#ms += Math.max(0, ms); }

  /** The time spent was for so many tags. @returns true if the figure is a new one */
  over(tags: number): boolean {
    this.#tags += tags;
    if (this.#tags < leastTags) return false;
    const now = (this.#ms * 1e6) / this.#tags;
    this.nsPerTag = Number.isNaN(this.nsPerTag) ? now : now + (this.nsPerTag - now) * halfTags / (halfTags + this.#tags);
    this.#ms = 0;
    this.#tags = 0;
    return true;
  }
}

/** A measurement that has its place. */
export interface Placed { worker: number; name: string; nsPerTag: number }

/**
 * The worker on which the measurements cost least together. One that was not measured yet is taken to cost what others of its
 * class do, or what any does. Where costs are equal it is the worker with the fewest.
 */
export function cheapestWorker(workers: readonly number[], placed: readonly Placed[]): number | undefined {
  const known = placed.filter(({ nsPerTag }) => !Number.isNaN(nsPerTag));
  const mean = (of: readonly Placed[]): number | undefined => (of.length > 0 ? of.reduce((sum, { nsPerTag }) => sum + nsPerTag, 0) / of.length : undefined);
  const usual = mean(known) ?? 1, byName = new Map(placed.map(({ name }) => [name, mean(known.filter(each => each.name === name)) ?? usual]));
  const loads = new Map(workers.map(worker => [worker, { worker, ns: 0, count: 0 }]));
  for (const { worker, name, nsPerTag } of placed) {
    const load = loads.get(worker);
    if (!load) continue;
    load.ns += Number.isNaN(nsPerTag) ? byName.get(name)! : nsPerTag;
    load.count++;
  }
  return [...loads.values()].sort((a, b) => a.ns - b.ns || a.count - b.count)[0]?.worker;
}
