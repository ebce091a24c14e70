// test/bench/bias.ts - do rate, g2 and coincidences stay true when a tenth of the stream is lost? `npm run bench -- bias`.
//
// The same tags are measured twice, whole and with losses. What is lost is a tenth at random, so both estimates differ by a third
// of their own statistical error if nothing is biased, and by many errors if a loss is taken for a time without light.
import type { MeasurementRequest } from '../../app/core/measurements.ts';
import type { ResultInfo } from '../../app/core/results.ts';
import type { MeasurementPort } from '../../app/core/station.ts';
import { Line } from '../../app/dsp/line.ts';

export interface BiasRow { figure: string; truth: number; 'under loss': number; 'off by (sigma)': number; 'if loss were ignored (sigma)': number; lost: number }

const binwidthPs = 1000, bins = 101, middle = 50;
/** Bins of the correlated pairs, and bins far from them where g2 is 1. */
const near = [middle - 4, middle + 4] as const, far = [middle + 10, middle + 50] as const;
const requests: MeasurementRequest[] = [
  { name: 'countrate', config: { channels: [1, 2] } },
  { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs, bins } },
  { name: 'coincidenceRates', config: { groups: [[1, 2]], windowPs: 4000 } },
];
/** Coincidences as tags of their own, counted like any channel. */
const onVirtual = { request: { name: 'countrate', config: { channels: [1001] } }, virtual: { 1001: { kind: 'coincidence', channels: [1, 2], windowPs: 4000 } } } as const;

interface Counted { count: number; info: ResultInfo }
interface Run { single: Counted; tags: Counted; counts: number[]; pairs: number[]; g2: number[]; info: ResultInfo; pairInfo: ResultInfo }

export async function measureBias(tags: number): Promise<BiasRow[]> {
  const whole = await measure(`${tags} whole`), lossy = await measure(`${tags} lossy`);
  const live = lossy.info.liveTimePs, all = lossy.info.captureDurationPs, lost = 1 - live / all;
  const sum = (list: readonly number[], [from, to]: readonly [number, number]): number => list.slice(from, to).reduce((a, b) => a + b, 0);
  const row = (figure: string, truth: number, found: number, n: number, ignored: number): BiasRow => {
    const sigma = found / Math.sqrt(n);
    return { figure, truth, 'under loss': found, 'off by (sigma)': (found - truth) / sigma, 'if loss were ignored (sigma)': (ignored - truth) / sigma, lost };
  };
  const perSecond = (count: number, { liveTimePs }: ResultInfo): number => (count * 1e12) / liveTimePs;
  const rows = [0, 1].map(i => row(
    `rate of channel ${i + 1}`, perSecond(whole.counts[i]!, whole.info), perSecond(lossy.counts[i]!, lossy.info), lossy.counts[i]!, (lossy.counts[i]! * 1e12) / all,
  ));
  for (const [figure, range] of [['g2 far from the peak', far], ['g2 at the peak', near]] as const) {
    const mean = (run: Run): number => sum(run.g2, range) / (range[1] - range[0]);
    // With the time of the losses in it a normalisation by counts^2 / time is too large by 1 / (1 - lost).
    rows.push(row(figure, mean(whole), mean(lossy), sum(lossy.pairs, range), mean(lossy) / (1 - lost)));
  }
  for (const [figure, of] of [['CoincidenceRates / s', (run: Run) => run.single], ['tags of a coincidence channel / s', (run: Run) => run.tags]] as const) {
    const { count, info } = of(lossy), { count: truth, info: truthInfo } = of(whole);
    rows.push(row(figure, perSecond(truth, truthInfo), perSecond(count, info), count, (count * 1e12) / all));
  }
  const coincidences = sum(lossy.pairs, near);
  rows.push(row('coincidences / s', perSecond(sum(whole.pairs, near), whole.pairInfo), perSecond(coincidences, lossy.pairInfo), coincidences, (coincidences * 1e12) / all));
  return rows;
}

async function measure(name: string): Promise<Run> {
  await using line = await Line.open({ id: 'bias', source: { kind: 'replay', file: name, speed: 'unpaced' }, ingestWorker: new URL('./bias.worker.ts', import.meta.url), ringSlots: 64 });
  const ports = [...await line.createMeasurements(requests), ...await line.createMeasurements([onVirtual.request], { virtual: onVirtual.virtual })];
  await Promise.all(ports.map(port => port.waitUntilFinished()));
  const [rate, correlation, coincidences, virtual] = ports as [MeasurementPort, MeasurementPort, MeasurementPort, MeasurementPort];
  const numbers = (value: unknown): number[] => Array.from(value as ArrayLike<number | bigint>, Number);
  const received = await rate.read('getCountsReceived'), pairs = await correlation.read('getData');
  const counted = async (port: MeasurementPort, getter: string): Promise<Counted> => {
    const { value, info } = await port.read(getter);
    return { count: numbers(value)[0]!, info };
  };
  return {
    single: await counted(coincidences, 'getCoincidences'), tags: await counted(virtual, 'getCountsReceived'),
    counts: numbers(received.value), info: received.info, pairs: numbers(pairs.value), pairInfo: pairs.info, g2: numbers((await correlation.read('getDataNormalized')).value),
  };
}

export function benchBias(): Promise<BiasRow[]> { return measureBias(1e8); }
