// test/bench/pipeline.ts - decode -> ring -> one dsp worker with 1, 4 and 16 measurements; pairs are checked, not only counted.
import type { MeasurementRequest } from '../../app/core/measurements.ts';
import { Line } from '../../app/dsp/line.ts';
import { benchData, pairsIn } from './pipeline-data.ts';

export interface PipelineRow { measurements: number; mtags: number; 'Mtags/s': number; target: number | undefined; 'pairs right': boolean; lost: number }

const runs = [{ measurements: 1, loops: 256, target: undefined }, { measurements: 4, loops: 192, target: 150 }, { measurements: 16, loops: 96, target: 60 }] as const;

export async function benchPipeline(): Promise<PipelineRow[]> {
  const data = benchData();
  const rows: PipelineRow[] = [];
  for (const { measurements, loops, target } of runs) {
    const { seconds, pairs, lost } = await run(measurements, loops);
    const mtags = (data.ticks.length * loops) / 1e6;
    rows.push({
      measurements, mtags: Math.round(mtags), 'Mtags/s': Math.round((mtags / seconds) * 10) / 10, target,
      'pairs right': pairs === pairsIn(data, loops), lost,
    });
  }
  return rows;
}

async function run(measurements: number, loops: number): Promise<{ seconds: number; pairs: number; lost: number }> {
  await using line = await Line.open({
    id: 'bench', source: { kind: 'replay', file: String(loops), speed: 'unpaced' }, ingestWorker: new URL('./pipeline.worker.ts', import.meta.url), ringSlots: 64,
  });
  let startedAt = performance.now();
  line.onEvent(() => { if (line.status().state === 'streaming') startedAt = performance.now(); });
  const ports = await line.createMeasurements(Array.from({ length: measurements }, (_, i) => requestOf(i)));
  await Promise.all(ports.map(port => port.waitUntilFinished()));
  const seconds = (performance.now() - startedAt) / 1000;
  const { value, info } = await ports[0]!.read('getData');
  return { seconds, pairs: Array.from(value as ArrayLike<number>, Number).reduce((sum, count) => sum + count, 0), lost: info.lostIntervals };
}

/** Correlation, counter, histogram, rates; then again with other channels. */
function requestOf(i: number): MeasurementRequest {
  const shift = (channel: number): number => ((channel + Math.floor(i / 4) - 1) % 4) + 1;
  const requests: MeasurementRequest[] = [
    { name: 'correlation', config: { channel1: shift(1), channel2: shift(2), binwidthPs: 1000, bins: 100 } },
    { name: 'counter', config: { channels: [1, 2, 3, 4], binwidthPs: 1e9, values: 1000 } },
    { name: 'histogram', config: { click: shift(3), start: shift(4), binwidthPs: 1000, bins: 100 } },
    { name: 'countrate', config: { channels: [1, 2, 3, 4] } },
  ];
  return requests[i % 4]!;
}

if (import.meta.main) console.table(await benchPipeline());
