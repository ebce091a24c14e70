// dsp/measurements/histogram-log-bins.ts - HistogramLogBins: delays of all pairs in bins of growing width, with g2.
//
// Unlike the reference system, pairs count from the first tag on: the normalisation knows how much of each stretch could hold a
// delay, so nothing needs to wait for a full range. A bin's expectation is the sum over its delays and not the one at its centre,
// since a wide bin may reach over the end of a short stretch.
import type { CheckedConfig } from '../../core/measurements.ts';
import type { ResultInfo } from '../../core/results.ts';
import type { LogPlan } from '../kernels/log-bins-layout.ts';
import { lowestTauPs } from '../kernels/multi-tau-layout.ts';
import type { Measurement, MeasurementClass, Payload, Segment, Totals, Workspace } from '../measurement.ts';
import { BinTotals, Bins, binsBytes } from './bins.ts';
import { numberOf, optionalOf } from './config.ts';
import { countAt } from './counts.ts';
import { isMultiTau, logEdges } from './log-edges.ts';
import { LogPairs, logPairsBytes } from './log-pairs.ts';
import { StretchAccount, expectedPairs, fromScalars, none } from './stretches.ts';
import { Tally } from './tally.ts';
import { TauPairs, tauPairsBytes } from './tau-pairs.ts';

/** Below this delay pairs are binned one by one: at a few Mcps it holds a few tags. */
const nearPs = lowestTauPs;

/** What is counted pair by pair. */
function planOf(config: CheckedConfig): LogPlan {
  const edgesPs = logEdges(config), isFar = edgesPs.at(-1)! > lowestTauPs;
  if (isMultiTau(config) && isFar) {
    // Only what lies below the multi-tau bins, if anything does; the bin that reaches over their begin is counted by both.
    const near = edgesPs.findIndex(edge => edge >= lowestTauPs);
    return { edgesPs: [...edgesPs.slice(0, near), lowestTauPs], nearLimitPs: lowestTauPs };
  }
  return { edgesPs, nearLimitPs: edgesPs.findLast(edge => edge <= nearPs) ?? edgesPs[0]! };
}

/** Bytes of what counts near pairs, or all of them, and of what counts far ones together. */
function partsOf(config: CheckedConfig): { pairs: number; tau: number } {
  const edges = logEdges(config), isTau = isMultiTau(config) && edges.at(-1)! > lowestTauPs;
  return { pairs: isTau && edges[0]! >= lowestTauPs ? 0 : logPairsBytes(planOf(config)), tau: isTau ? tauPairsBytes : 0 };
}

class LogBinsMeasurement implements Measurement {
  readonly done = false;
  readonly #pairs: LogPairs | undefined;
  readonly #tau: TauPairs | undefined;
  readonly #bins: Bins;
  readonly #tally: Tally;
  readonly #stretches: StretchAccount;

  constructor(config: CheckedConfig, workspace: Workspace) {
    const edgesPs = logEdges(config), click = workspace.indexOf(numberOf(config, 'click')), startChannel = optionalOf(config, 'start');
    const start = startChannel === undefined ? click : workspace.indexOf(startChannel), parts = partsOf(config);
    if (parts.pairs > 0) this.#pairs = new LogPairs(workspace, workspace.at, planOf(config), { click, start });
    if (parts.tau > 0) this.#tau = new TauPairs(workspace, workspace.at + parts.pairs, edgesPs, { click, start });
    this.#bins = new Bins(workspace, workspace.at + parts.pairs + parts.tau, edgesPs.length - 1);
    this.#tally = new Tally(workspace, [click, start]);
    this.#stretches = new StretchAccount(edgesPs.at(-1)!);
  }

  process(segment: Segment): void {
    this.#tally.add(segment);
    this.#stretches.add(segment, this.#tally.latest[0]!, this.#tally.latest[1]!);
    this.#pairs?.process(segment, this.#bins.at);
    this.#tau?.process(segment, this.#bins.at);
  }

  endSegment(): void {
    this.#pairs?.endSegment();
    this.#tau?.endSegment(this.#bins.at);
    this.#stretches.endSegment();
  }

  clear(): void {
    this.#pairs?.clear();
    this.#tau?.clear(this.#bins.at);
    this.#bins.clear();
    this.#tally.clear();
    this.#stretches.clear();
  }

  rebase(byPs: bigint): void {
    this.#pairs?.rebase(byPs);
    this.#tau?.rebase(byPs);
  }

  publish(): Payload { return this.#bins.publish(this.#stretches.scalars()); }
  get tags(): number { return this.#tally.tags; }
  get droppedStarts(): number { return (this.#pairs?.dropped ?? 0) + (this.#tau?.dropped ?? 0); }
}

class LogBinsTotals implements Totals {
  readonly #edgesPs: readonly number[];
  readonly #isAuto: boolean;
  readonly #bins: BinTotals;
  #stretches = none();

  constructor(config: CheckedConfig, workspace: Pick<Workspace, 'memory' | 'kernels'>) {
    this.#edgesPs = logEdges(config);
    this.#isAuto = config['start'] === undefined || config['start'] === config['click'];
    this.#bins = new BinTotals(workspace, this.#edgesPs.length - 1);
  }

  take(payload: Payload): void {
    this.#bins.take(payload);
    this.#stretches = fromScalars(payload.scalars);
  }

  clear(): void {
    this.#bins.clear();
    this.#stretches = none();
  }

  evaluate(getter: string, args: Readonly<Record<string, unknown>>, info: ResultInfo): unknown {
    const edges = this.#edgesPs, n = edges.length - 1;
    switch (getter) {
      case 'getData': return this.#bins.counts();
      case 'getBinEdges': return Float64Array.from(edges);
      case 'getIndex': return Float64Array.from(edges.slice(0, n));
      case 'getBinWidths': return this.#eachBin((fromPs, toPs) => toPs - fromPs);
      case 'getDataNormalizedCountsPerPs': return this.#eachBin((fromPs, toPs, count) => count / (toPs - fromPs));
      case 'getDataNormalizedG2': return this.#normalised(args, info, count => count);
      case 'getDataNormalizedG2Error': return this.#normalised(args, info, Math.sqrt);
      default: throw new Error(`no getter ${getter}`);
    }
  }

  #eachBin(value: (fromPs: number, toPs: number, count: number) => number): Float64Array {
    const words = this.#bins.words(), edges = this.#edgesPs;
    return Float64Array.from({ length: edges.length - 1 }, (_, k) => value(edges[k]!, edges[k + 1]!, countAt(words, k)));
  }

  #normalised(args: Readonly<Record<string, unknown>>, { tickPs, deadTimePs }: ResultInfo, value: (count: number) => number): Float64Array {
    const expected = expectedPairs(this.#stretches, args['rates'] === 'segment' ? 'segment' : 'global'), half = tickPs.num / tickPs.den / 2;
    return this.#eachBin((fromPs, toPs, count) => {
      // Within the dead time of one channel no pair can be: neither 0 nor a g2.
      if (this.#isAuto && fromPs < deadTimePs) return NaN;
      const pairs = expected(Math.max(0, fromPs - half), toPs - half);
      return pairs > 0 ? value(count) / pairs : NaN;
    });
  }
}

export const histogramLogBins: MeasurementClass = {
  bytes: config => partsOf(config).pairs + partsOf(config).tau + binsBytes(logEdges(config).length - 1),
  create: (config, workspace) => new LogBinsMeasurement(config, workspace),
  totals: (config, workspace) => new LogBinsTotals(config, workspace),
};
