// test/bench/pipeline-data.ts - what flows through the pipeline bench, as 4-byte T2 records.
//
// `even`: four channels of 1 Mcps, a tenth of it correlated. `busy`: eight channels of 10 Mcps, and two more, correlated ones,
// with one tag in a hundred between them: what a measurement on those two costs should not depend on the eight.
import { Random } from '../support/random.ts';

/** ps per tick of these records. */
export const tick = { num: 5, den: 1 } as const;
export const format = { timeBits: 25, wrapTicks: 2 ** 25, countedWraps: true } as const;
const tags = 2 ** 20;

export type DataName = 'even' | 'busy';

export interface BenchData {
  records: Uint32Array;
  /** The same tags, ticks since the start of a loop. */
  ticks: Float64Array;
  channels: Uint8Array;
  inputs: number;
  /** A loop ends with an overflow, so the next one begins here. */
  loopTicks: number;
}

interface Part { channels: number[]; meanTicks: number; correlatedTicks: number }
const shapes: Record<DataName, Part[]> = {
  even: [{ channels: [0, 1, 2, 3], meanTicks: 220_000, correlatedTicks: 2_000_000 }],
  busy: [
    { channels: [2, 3, 4, 5, 6, 7, 8, 9], meanTicks: 20_000, correlatedTicks: Infinity },
    { channels: [0, 1], meanTicks: 600_000, correlatedTicks: 1_200_000 },
  ],
};

export function benchData(name: DataName): BenchData {
  const random = new Random(4), parts = shapes[name];
  const list: { t: number; channel: number }[] = [];
  const perTick = parts.reduce((sum, { channels, meanTicks, correlatedTicks }) => sum + channels.length * (1 / meanTicks + 1 / correlatedTicks), 0);
  const lengthTicks = tags / perTick;
  for (const { channels, meanTicks, correlatedTicks } of parts) {
    for (const channel of channels) {
      for (let t = random.exponential(meanTicks); t < lengthTicks; t += random.exponential(meanTicks)) list.push({ t: Math.floor(t), channel });
    }
    for (let t = random.exponential(correlatedTicks); t < lengthTicks; t += random.exponential(correlatedTicks)) {
      for (const channel of channels) list.push({ t: Math.floor(t + random.next() * 4000), channel });
    }
  }
  list.sort((a, b) => a.t - b.t || a.channel - b.channel);
  const records: number[] = [];
  let wraps = 0;
  const wrapTo = (wanted: number): void => {
    if (wanted > wraps) records.push((0xfe000000 | (wanted - wraps)) >>> 0);
    wraps = wanted;
  };
  for (const { t, channel } of list) {
    wrapTo(Math.floor(t / format.wrapTicks));
    records.push(((channel << 25) | (t % format.wrapTicks)) >>> 0);
  }
  wrapTo(wraps + 1);
  return {
    records: Uint32Array.from(records), ticks: Float64Array.from(list, ({ t }) => t), channels: Uint8Array.from(list, ({ channel }) => channel),
    inputs: parts.flatMap(({ channels }) => channels).length, loopTicks: wraps * format.wrapTicks,
  };
}

/** Pairs with -50 ns <= t(channel 1) - t(channel 2) < 50 ns in so many loops, those across the seams included. */
export function pairsIn({ ticks, channels, loopTicks }: BenchData, loops: number): number {
  const half = 10_000;
  const count = (starts: number[], clicks: number[], offset: number): number => {
    let pairs = 0;
    let low = 0;
    for (const click of clicks) {
      while (low < starts.length && click + offset - starts[low]! >= half) low++;
      for (let i = low; i < starts.length && click + offset - starts[i]! >= -half; i++) pairs++;
    }
    return pairs;
  };
  const of = (channel: number): number[] => [...ticks].filter((_, i) => channels[i] === channel);
  const [first, second] = [of(0), of(1)];
  return loops * count(second, first, 0) + (loops - 1) * (count(second, first, loopTicks) + count(second, first, -loopTicks));
}
