// dsp/measurements/region.ts - parts of a measurement's region, one after the other, each on a 64-byte border.

export interface Part { readonly offset: number; readonly bytes: number }

export class RegionPlan {
  #bytes = 0;

  part(bytes: number): Part {
    const part = { offset: this.#bytes, bytes };
    this.#bytes += Math.ceil(bytes / 64) * 64;
    return part;
  }

  get bytes(): number { return this.#bytes; }
}
