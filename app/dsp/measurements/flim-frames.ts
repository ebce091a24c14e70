// dsp/measurements/flim-frames.ts - frames of a Flim as its getters give them, on the results thread.
import type { CheckedConfig, FlimFrame } from '../../core/measurements.ts';
import { TaggerError } from '../../core/errors.ts';
import type { ResultInfo } from '../../core/results.ts';
import { word } from '../kernels/words.ts';
import { frameOf } from '../kernels/pixels-layout.ts';
import { viewsOf } from '../memory.ts';
import type { Payload, Totals, Workspace } from '../measurement.ts';
import { numberOf } from './config.ts';
import { countAt, largestCount, narrowCounts } from './counts.ts';
import { binCentres, binEdges } from './histogram.ts';

/** `outputs`: output frames that are complete. */
export type FlimScalars = { outputs: number; broken: number; position: number; isOpen: number };

/** Places of frames in a snapshot; from `ready` on the newest output frames, frame k at `ready + k % kept`. */
const place = { current: 0, summed: 1, ready: 2 } as const;
const none: FlimScalars = { outputs: 0, broken: 0, position: -1, isOpen: 0 };

export class FlimTotals implements Totals {
  readonly #pixels: number;
  readonly #bins: number;
  readonly #binwidthPs: number;
  readonly #framesPerOutput: number;
  readonly #finishAfter: number;
  readonly #kept: number;
  readonly #frame: ReturnType<typeof frameOf>;
  readonly #memory: WebAssembly.Memory;
  #scalars = none;
  /** The frames, one after the other; empty until they come. */
  #bytes: ArrayBufferLike = new ArrayBuffer(0);
  #at = 0;
  /** Sums that were handed out with `remove`: u64 as pairs of words. */
  #removed: Uint32Array | undefined;

  constructor(config: CheckedConfig, { memory }: Pick<Workspace, 'memory'>) {
    this.#pixels = numberOf(config, 'pixels');
    this.#bins = numberOf(config, 'bins');
    this.#binwidthPs = numberOf(config, 'binwidthPs');
    this.#framesPerOutput = numberOf(config, 'framesPerOutput');
    this.#finishAfter = numberOf(config, 'finishAfterFrames');
    this.#kept = numberOf(config, 'keptFrames');
    this.#frame = frameOf({ pixels: this.#pixels, bins: this.#bins });
    this.#memory = memory;
  }

  take(payload: Payload): void {
    this.#scalars = payload.scalars as FlimScalars;
    if (payload.kind === 'copy') this.#bytes = payload.data;
    else if (payload.kind === 'delta') {
      this.#at = payload.at;
      this.#bytes = viewsOf(this.#memory, payload.at + (place.ready + this.#kept) * this.#frame.bytes).buffer;
    }
  }

  clear(): void {
    this.#scalars = none;
    this.#bytes = new ArrayBuffer(0);
    this.#at = 0;
    this.#removed = undefined;
  }

  evaluate(getter: string, args: Readonly<Record<string, unknown>>, info: ResultInfo): unknown {
    const { outputs, broken, position, isOpen } = this.#scalars, range = { below: 0, bins: this.#bins, binwidthPs: this.#binwidthPs };
    switch (getter) {
      case 'getFramesAcquired': return outputs;
      case 'getFramesBroken': return broken;
      case 'getPixelPosition': return position;
      case 'isAcquiring': return isOpen > 0;
      case 'ready': return this.#finishAfter > 0 && outputs >= this.#finishAfter;
      case 'getIndex': return binEdges(range);
      case 'getCentres': return binCentres(range, info);
      case 'getData': return this.#counts(this.#summed(true, false));
      case 'getPixels': return Int32Array.from({ length: this.#pixels }, (_, i) => i);
      default: {
        const [, name, what] = /^get(Current|Ready|Summed)Frames?(Intensity|Ex|)$/.exec(getter) ?? [];
        if (name === undefined) throw new Error(`no getter ${getter}`);
        const frame = name === 'Ready' ? this.#indexOf(Number(args['index'] ?? -1)) : outputs - 1;
        const at = name === 'Current' ? place.current : name === 'Summed' ? place.summed : place.ready + Math.max(frame, 0) % this.#kept;
        const sums = name === 'Summed' ? this.#summed(args['onlyReady'] !== false, args['remove'] === true) : this.#sums(at);
        if (what === 'Intensity') return this.#intensities(sums);
        if (what === '') return this.#counts(sums);
        const isCurrent = name === 'Current', isThere = frame >= 0, frames = name === 'Summed' ? outputs * this.#framesPerOutput : isThere ? this.#framesPerOutput : 0;
        return this.#object(at, sums, isCurrent
          ? { frameNumber: outputs, pixelPosition: position, valid: isOpen > 0, frames: 1 }
          : { frameNumber: frame, pixelPosition: isThere ? this.#pixels - 1 : -1, valid: isThere, frames });
      }
    }
  }

  /** Number of an output frame; -1 is the newest. Before the first one there is -1 alone. */
  #indexOf(index: number): number {
    const { outputs } = this.#scalars, frame = index < 0 ? outputs + index : index;
    if (index === -1 || (frame >= Math.max(0, outputs - this.#kept) && frame < outputs)) return frame;
    throw new TaggerError('not-found', `Cannot read output frame ${index} of the Flim: ${outputs === 0 ? 'none is complete' : `it keeps ${Math.max(0, outputs - this.#kept)} to ${outputs - 1}`}.`, {
      hint: 'Keep more with keptFrames; -1 is the newest.',
    });
  }

  /** Counts and live times of a frame as pairs of words, where they lie. */
  #sums(at: number): Uint32Array {
    if (this.#bytes.byteLength === 0) return new Uint32Array(2 * this.#frame.sums);
    return new Uint32Array(this.#bytes, this.#at + at * this.#frame.bytes, 2 * this.#frame.sums);
  }

  #summed(onlyReady: boolean, remove: boolean): Uint32Array {
    if (remove && !onlyReady) {
      throw new TaggerError('usage', 'Cannot remove summed frames with onlyReady = false: the frame under way is counted again when it is complete.', { hint: 'Leave onlyReady out.' });
    }
    let sums = this.#sums(place.summed);
    if (this.#removed) sums = subtracted(sums, this.#removed);
    if (remove) this.#removed = this.#sums(place.summed).slice();
    return onlyReady ? sums : added(sums, this.#sums(place.current));
  }

  #counts(sums: Uint32Array) {
    const words = sums.subarray(0, 2 * this.#frame.cells);
    return narrowCounts(words, largestCount(words));
  }

  #summedCounts(sums: Uint32Array): Float64Array {
    return Float64Array.from({ length: this.#pixels }, (_, pixel) => {
      let sum = 0;
      for (let k = 0; k < this.#bins; k++) sum += countAt(sums, pixel * this.#bins + k);
      return sum;
    });
  }

  #livePs(sums: Uint32Array): Float64Array { return Float64Array.from({ length: this.#pixels }, (_, pixel) => countAt(sums, this.#frame.cells + pixel)); }

  #intensities(sums: Uint32Array): Float64Array {
    const livePs = this.#livePs(sums);
    return this.#summedCounts(sums).map((counts, pixel) => (livePs[pixel]! > 0 ? counts / livePs[pixel]! * 1e12 : NaN));
  }

  #object(at: number, sums: Uint32Array, known: Pick<FlimFrame, 'frameNumber' | 'pixelPosition' | 'valid' | 'frames'>): FlimFrame {
    const offset = this.#at + at * this.#frame.bytes, isThere = this.#bytes.byteLength > 0;
    const times = (column: number, n: number): BigInt64Array => (isThere ? new BigInt64Array(this.#bytes, offset + column, n) : new BigInt64Array(n));
    const places = (column: number): Float64Array => Float64Array.from(times(column, this.#pixels), Number);
    // The sum began when the newest frame in it did.
    const newest = at === place.summed ? this.#at + (place.ready + Math.max(known.frameNumber, 0) % this.#kept) * this.#frame.bytes - offset : 0;
    return {
      pixels: this.#pixels, bins: this.#bins, ...known, beginPs: times(newest + this.#frame.began, 1).slice(), histograms: this.#counts(sums),
      summedCounts: this.#summedCounts(sums), intensitiesHz: this.#intensities(sums), liveTimePs: this.#livePs(sums),
      pixelBeginsPs: places(this.#frame.begins), pixelEndsPs: places(this.#frame.ends),
    };
  }
}

function subtracted(from: Uint32Array, what: Uint32Array): Uint32Array {
  const out = new Uint32Array(from.length);
  for (let i = 0; i < out.length; i += 2) {
    const low = from[i]! - what[i]!;
    out[i] = low;
    out[i + 1] = from[i + 1]! - what[i + 1]! - (low < 0 ? 1 : 0);
  }
  return out;
}

function added(a: Uint32Array, b: Uint32Array): Uint32Array {
  const out = new Uint32Array(a.length);
  for (let i = 0; i < out.length; i += 2) {
    const low = a[i]! + b[i]!;
    out[i] = low;
    out[i + 1] = a[i + 1]! + b[i + 1]! + (low >= word ? 1 : 0);
  }
  return out;
}
