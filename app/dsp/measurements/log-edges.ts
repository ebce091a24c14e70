// dsp/measurements/log-edges.ts - edges of bins of growing width, in whole picoseconds.
//
// Edge k is 10^(start + (stop - start) * k / n) s, rounded to whole ps; edges that coincide are one, so short ranges may have
// fewer bins than were asked for. Delays are whole ps from 1 up: a logarithmic axis has no zero.
//
// The multi-tau method has bins of its own from 2^20 ps up, eight per octave: edges move to the nearest of theirs.
import type { CheckedConfig } from '../../core/measurements.ts';
import { lowestTauPs } from '../kernels/multi-tau-layout.ts';
import { numberOf } from './config.ts';

export function isMultiTau(config: CheckedConfig): boolean { return config['method'] === 'multi-tau'; }

export function logEdges(config: CheckedConfig): number[] {
  const start = numberOf(config, 'expStart'), stop = numberOf(config, 'expStop'), bins = numberOf(config, 'bins');
  const edges: number[] = [];
  for (let k = 0; k <= bins; k++) {
    const exactPs = Math.max(1, Math.round(10 ** (12 + start + ((stop - start) * k) / bins)));
    const edgePs = isMultiTau(config) ? nearestTau(exactPs) : exactPs;
    if (edgePs > (edges.at(-1) ?? 0)) edges.push(edgePs);
  }
  if (edges.length === 1) edges.push(isMultiTau(config) ? nextTau(edges[0]!) : edges[0]! + 1);
  return edges;
}

/** Edges of the multi-tau bins are m * 2^e, m = 8 to 15, from 2^20 on; below, any. */
function nearestTau(edgePs: number): number {
  if (edgePs < lowestTauPs) return edgePs;
  const widthPs = 2 ** (Math.floor(Math.log2(edgePs)) - 3);
  return Math.round(edgePs / widthPs) * widthPs;
}

function nextTau(edgePs: number): number { return edgePs < lowestTauPs ? edgePs + 1 : edgePs + 2 ** (Math.floor(Math.log2(edgePs)) - 3); }
