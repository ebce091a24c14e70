// dsp/measurements/tau-pairs.ts - the multi-tau side of HistogramLogBins: all pairs at long delays, at a cost per tag that hardly grows.
//
// The grid of bins begins with each stretch. A pair is counted in the bin it belongs to or in a neighbour: its delay is taken
// with an error of less than one bin, which is an eighth of the delay or less, and of none on average.
import { lowestTauPs, noBin, tauPlan, writeTauPlan } from '../kernels/multi-tau-layout.ts';
import type { Segment, Workspace } from '../measurement.ts';

export const tauPairsBytes = 64 * Math.ceil(tauPlan.bytes / 64) + 64;

/** For each octave from 2^20 ps and each of its eight lags the bin of the histogram. */
export function binsOfLags(edgesPs: readonly number[]): Uint32Array {
  const bins: number[] = [];
  for (let octavePs = lowestTauPs; octavePs < edgesPs.at(-1)!; octavePs *= 2) {
    for (let lag = 8; lag < 16; lag++) {
      const lowestPs = (lag * octavePs) / 8, bin = edgesPs.findLastIndex(edge => edge <= lowestPs);
      bins.push(bin < 0 || bin === edgesPs.length - 1 ? noBin : bin);
    }
  }
  return Uint32Array.from(bins);
}

export class TauPairs {
  readonly #workspace: Workspace;
  readonly #planAt: number;
  readonly #limitsAt: number;
  readonly #plan: () => DataView;

  /** @param at region of `tauPairsBytes` bytes */
  constructor(workspace: Workspace, at: number, edgesPs: readonly number[], channels: { click: number; start: number }) {
    const binOf = binsOfLags(edgesPs);
    this.#workspace = workspace;
    this.#planAt = at;
    this.#limitsAt = at + tauPairsBytes - 64;
    this.#plan = () => new DataView(workspace.memory.buffer, at, tauPairsBytes);
    writeTauPlan(workspace.memory, at, { ...channels, octaves: binOf.length / 8, binOf });
  }

  process({ timesAt, channelsAt, n, fromPs, toPs }: Pick<Segment, 'timesAt' | 'channelsAt' | 'n' | 'fromPs' | 'toPs'>, countsAt: number): void {
    const view = this.#plan(), at = tauPairsBytes - 64;
    view.setBigInt64(at, fromPs, true);
    view.setBigInt64(at + 8, toPs, true);
    this.#workspace.kernels.multiTau(timesAt, channelsAt, n, this.#limitsAt, this.#limitsAt + 8, this.#planAt, countsAt);
  }

  endSegment(countsAt: number): void { this.#workspace.kernels.multiTauEnd(this.#planAt, countsAt); }

  /** What is open is counted into bins that are zeroed next. */
  clear(countsAt: number): void {
    this.endSegment(countsAt);
    this.#plan().setFloat64(tauPlan.dropped, 0, true);
  }

  rebase(byPs: bigint): void {
    const view = this.#plan();
    view.setBigInt64(tauPlan.page, view.getBigInt64(tauPlan.page, true) - byPs, true);
  }

  /** Tags beyond what a bin of 131 ns can hold. */
  get dropped(): number { return this.#plan().getFloat64(tauPlan.dropped, true); }
}
