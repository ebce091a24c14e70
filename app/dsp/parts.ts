// dsp/parts.ts - what is kept of the closed parts of a measurement: their accounts, and their values as plain arrays.
//
// A part is evaluated when it is closed, every getter with its default arguments, because its bins are used again.
import { checkGetter, specOf } from '../core/arguments.ts';
import { TaggerError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { MeasurementName } from '../core/measurements.ts';
import type { ResultInfo } from '../core/results.ts';
import type { Parts } from '../core/station.ts';
import type { Totals } from './measurement.ts';

interface Part { info: ResultInfo; values: Map<string, unknown>; bytes: number }

export class PartList {
  readonly #name: MeasurementName;
  #kept: Part[] = [];
  #dropped = 0;
  #generation = 0;

  constructor(name: MeasurementName) { this.#name = name; }

  /** A measurement that was cleared begins with part 0 again. */
  of(generation: number): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#kept = [];
    this.#dropped = 0;
  }

  add(totals: Totals, info: ResultInfo): void {
    const values = new Map<string, unknown>();
    // Those that take away come last: the others must see all.
    const getters = Object.entries(specOf(this.#name).getters).toSorted(([, a], [, b]) => Number(a.takes === true) - Number(b.takes === true));
    for (const [getter] of getters) values.set(getter, totals.evaluate(getter, this.#defaults(getter), info));
    this.#kept.push({ info, values, bytes: [...values.values()].reduce<number>((sum, value) => sum + bytesOf(value), 0) });
    while (this.#kept.length > limits.partsPerMeasurement || (this.#kept.length > 1 && this.#bytes > limits.partBytesPerMeasurement)) {
      this.#kept.shift();
      this.#dropped++;
    }
  }

  list(current: ResultInfo): Parts { return { parts: [...this.#kept.map(({ info }) => info), current], dropped: this.#dropped }; }

  /** The value is a copy: it travels on, and may be asked for again. */
  read(part: number, getter: string, args: Readonly<Record<string, unknown>>): { value: unknown; info: ResultInfo } {
    const found = this.#kept.find(({ info }) => info.part === part);
    if (!found) {
      throw new TaggerError('not-found', `Cannot read part ${part} of the ${this.#name}: it is not kept.`, { hint: 'parts() lists those that are.' });
    }
    if (JSON.stringify(args) !== JSON.stringify(this.#defaults(getter))) {
      throw new TaggerError('unsupported', `Cannot read ${getter} of part ${part} with these arguments: a closed part answers with the default ones.`);
    }
    return { value: structuredClone(found.values.get(getter)), info: found.info };
  }

  get #bytes(): number { return this.#kept.reduce((sum, { bytes }) => sum + bytes, 0); }
  #defaults(getter: string): Record<string, unknown> { return checkGetter(this.#name, getter).args; }
}

function bytesOf(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  return typeof value === 'object' && value !== null ? Object.values(value).reduce<number>((sum, item) => sum + bytesOf(item), 0) : 8;
}
