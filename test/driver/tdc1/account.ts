// test/driver/tdc1/account.ts - what happened at the inputs of an emulated TDC1 against what came out of the driver.
import { tick } from '../../../app/driver/tdc1/protocol.ts';
import type { Tdc1Model } from '../../../app/emulate/tdc1.ts';
import type { FakeSink } from '../../support/fake-sink.ts';

export interface Account { delivered: number; missing: number; unmarked: number; bogus: number; bogusUnmarked: number; doubtPs: number }

/** What happened against what came: each tag that is missing must lie in an interval that is marked, and so must each that never was. */
export function account({ ticks, channels }: Tdc1Model, { timesPs, channels: got, markers }: FakeSink, untilPs: bigint): Account {
  const intervals: { from: number; to: number }[] = [];
  for (const marker of markers) {
    if (marker.kind === 'lost') intervals.push({ from: Number(marker.loss.fromPs), to: Number(marker.loss.toPs) });
  }
  const isMarked = (ps: number): boolean => intervals.some(({ from, to }) => ps >= from && ps <= to);
  const key = (ps: number, channel: number): number => ps / tick.num * 4 + channel;
  const came = new Set(Array.from(timesPs, (timePs, i) => key(Number(timePs), got[i]!)));
  const result: Account = { delivered: came.size, missing: 0, unmarked: 0, bogus: 0, bogusUnmarked: 0, doubtPs: intervals.reduce((sum, { from, to }) => sum + to - from, 0) };
  const happened = new Set<number>();
  for (let i = 0; i < ticks.length; i++) {
    const ps = ticks[i]! * tick.num;
    happened.add(key(ps, channels[i]!));
    if (ps > Number(untilPs) || came.has(key(ps, channels[i]!))) continue;
    result.missing++;
    if (!isMarked(ps)) result.unmarked++;
  }
  for (let i = 0; i < timesPs.length; i++) {
    if (happened.has(key(Number(timesPs[i]), got[i]!))) continue;
    result.bogus++;
    if (!isMarked(Number(timesPs[i]))) result.bogusUnmarked++;
  }
  return result;
}
