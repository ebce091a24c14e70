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

export type FlimScalars = {
  /** Output frames complete, and frames of the one under way. */
  outputs: number; parts: number;
  broken: number; position: number; isOpen: number; currentBeganPs: bigint; readyBeganPs: bigint;
};

type FrameName = 'Current' | 'Ready' | 'Summed';
const none: FlimScalars = { outputs: 0, parts: 0, broken: 0, position: -1, isOpen: 0, currentBeganPs: 0n, readyBeganPs: 0n };

export class FlimTotals implements Totals {
  readonly #pixels: number;
  readonly #bins: number;
  readonly #binwidthPs: number;
  readonly #framesPerOutput: number;
  readonly #finishAfter: number;
  readonly #frame: ReturnType<typeof frameOf>;
  readonly #memory: WebAssembly.Memory;
  #scalars = none;
  /** The three frames, one after the other; empty until they come. */
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
    this.#frame = frameOf({ pixels: this.#pixels, bins: this.#bins });
    this.#memory = memory;
  }

  take(payload: Payload): void {
    this.#scalars = payload.scalars as FlimScalars;
    if (payload.kind === 'copy') this.#bytes = payload.data;
    else if (payload.kind === 'delta') {
      this.#at = payload.at;
      this.#bytes = viewsOf(this.#memory, payload.at + 3 * this.#frame.bytes).buffer;
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
        const sums = name === 'Summed' ? this.#summed(args['onlyReady'] !== false, args['remove'] === true) : this.#sums(name as FrameName);
        return what === 'Intensity' ? this.#intensities(sums) : what === 'Ex' ? this.#object(name as FrameName, sums) : this.#counts(sums);
      }
    }
  }

  /** Counts and live times of a frame as pairs of words, where they lie. */
  #sums(name: FrameName): Uint32Array {
    if (this.#bytes.byteLength === 0) return new Uint32Array(2 * this.#frame.sums);
    return new Uint32Array(this.#bytes, this.#at + this.#offset(name), 2 * this.#frame.sums);
  }

  #offset(name: FrameName): number { return this.#frame.bytes * ['Current', 'Ready', 'Summed'].indexOf(name); }

  #summed(onlyReady: boolean, remove: boolean): Uint32Array {
    if (remove && !onlyReady) {
      throw new TaggerError('usage', 'Cannot remove summed frames with onlyReady = false: the frame under way is counted again when it is complete.', { hint: 'Leave onlyReady out.' });
    }
    let sums = this.#sums('Summed');
    if (this.#removed) sums = subtracted(sums, this.#removed);
    if (remove) this.#removed = this.#sums('Summed').slice();
    return onlyReady ? sums : added(sums, this.#sums('Current'));
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

  #object(name: FrameName, sums: Uint32Array): FlimFrame {
    const { outputs, position, isOpen, currentBeganPs, readyBeganPs } = this.#scalars, isCurrent = name === 'Current';
    const times = (offset: number): Float64Array => Float64Array.from(
      this.#bytes.byteLength === 0 ? new BigInt64Array(this.#pixels) : new BigInt64Array(this.#bytes, this.#at + this.#offset(name) + offset, this.#pixels), Number);
    return {
      pixels: this.#pixels, bins: this.#bins, frameNumber: isCurrent ? outputs : outputs - 1, pixelPosition: isCurrent ? position : outputs > 0 ? this.#pixels - 1 : -1,
      valid: isCurrent ? isOpen > 0 : outputs > 0, frames: name === 'Summed' ? outputs * this.#framesPerOutput : isCurrent ? 1 : outputs > 0 ? this.#framesPerOutput : 0,
      beginPs: BigInt64Array.of(isCurrent ? currentBeganPs : readyBeganPs), histograms: this.#counts(sums), summedCounts: this.#summedCounts(sums),
      intensitiesHz: this.#intensities(sums), liveTimePs: this.#livePs(sums), pixelBeginsPs: times(this.#frame.begins), pixelEndsPs: times(this.#frame.ends),
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
