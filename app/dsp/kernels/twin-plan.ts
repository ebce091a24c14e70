// dsp/kernels/twin-plan.ts - a PairPlan as the twins read it; see plan.as.ts for the two reaches.
import { pairPlan } from './layouts.ts';
import type { Views } from './words.ts';

export interface Reaches {
  click: number;
  start: number;
  below: number;
  widthPs: number;
  /** Exclusive reach when the later tag is the click. */
  aheadPs: number;
  /** Exclusive reach when the later tag is the start. */
  behindPs: number;
}

export function readPairPlan({ u32, f64 }: Views, planAt: number): Reaches {
  const below = u32[(planAt + pairPlan.below) / 4]!;
  const bins = u32[(planAt + pairPlan.bins) / 4]!;
  const widthPs = f64[(planAt + pairPlan.widthPs) / 8]!;
  return {
    click: u32[(planAt + pairPlan.click) / 4]!, start: u32[(planAt + pairPlan.start) / 4]!, below, widthPs,
    aheadPs: (bins - below) * widthPs, behindPs: below * widthPs + 1,
  };
}
