// dsp/measurements/log-edges.ts - edges of bins of growing width, in whole picoseconds.
//
// Edge k is 10^(start + (stop - start) * k / n) s, rounded to whole ps; edges that coincide are one, so short ranges may have
// fewer bins than were asked for. Delays are whole ps from 1 up: a logarithmic axis has no zero.
import type { CheckedConfig } from '../../core/measurements.ts';
import { numberOf } from './config.ts';

export function logEdges(config: CheckedConfig): number[] {
  const start = numberOf(config, 'expStart'), stop = numberOf(config, 'expStop'), bins = numberOf(config, 'bins');
  const edges: number[] = [];
  for (let k = 0; k <= bins; k++) {
    const edgePs = Math.max(1, Math.round(10 ** (12 + start + ((stop - start) * k) / bins)));
    if (edgePs > (edges.at(-1) ?? 0)) edges.push(edgePs);
  }
  if (edges.length === 1) edges.push(edges[0]! + 1);
  return edges;
}
