// test/bench/pipeline.ts - decode -> ring -> one dsp worker with 1, 4 and 16 measurements; pairs are checked, not only counted.
import { readdirSync, readFileSync } from 'node:fs';
import type { MeasurementRequest } from '../../app/core/measurements.ts';
import { Line } from '../../app/dsp/line.ts';
import { benchData, pairsIn } from './pipeline-data.ts';

export interface PipelineRow {
  measurements: number; mtags: number;
  'Mtags/s': number;
  /** By the CPU time of the busiest thread: what the pipeline does when nobody else wants the cores. NaN off Linux. */
  'Mtags/CPU s': number;
  target: number | undefined; 'pairs right': boolean; lost: number;
}

const runs = [{ measurements: 1, loops: 256, target: undefined }, { measurements: 4, loops: 192, target: 150 }, { measurements: 16, loops: 96, target: 60 }] as const;

export async function benchPipeline(): Promise<PipelineRow[]> {
  const data = benchData();
  const rows: PipelineRow[] = [];
  for (const { measurements, loops, target } of runs) {
    const { seconds, cpuSeconds, pairs, lost } = await run(measurements, loops);
    const mtags = (data.ticks.length * loops) / 1e6;
    rows.push({
      measurements, mtags: Math.round(mtags), 'Mtags/s': Math.round((mtags / seconds) * 10) / 10, 'Mtags/CPU s': Math.round((mtags / cpuSeconds) * 10) / 10, target,
      'pairs right': pairs === pairsIn(data, loops), lost,
    });
  }
  return rows;
}

async function run(measurements: number, loops: number): Promise<{ seconds: number; cpuSeconds: number; pairs: number; lost: number }> {
  await using line = await Line.open({
    id: 'bench', source: { kind: 'replay', file: String(loops), speed: 'unpaced' }, ingestWorker: new URL('./pipeline.worker.ts', import.meta.url), ringSlots: 64,
  });
  let startedAt = performance.now();
  let before = { dsp: 0, ingest: 0 };
  line.onEvent(() => {
    if (line.status().state !== 'streaming') return;
    startedAt = performance.now();
    before = cpuOfThreads();
  });
  const ports = await line.createMeasurements(Array.from({ length: measurements }, (_, i) => requestOf(i)));
  await Promise.all(ports.map(port => port.waitUntilFinished()));
  const seconds = (performance.now() - startedAt) / 1000;
  const after = cpuOfThreads();
  const cpuSeconds = Math.max(after.dsp - before.dsp, after.ingest - before.ingest);
  const { value, info } = await ports[0]!.read('getData');
  return { seconds, cpuSeconds, pairs: Array.from(value as ArrayLike<number>, Number).reduce((sum, count) => sum + count, 0), lost: info.lostIntervals };
}

/** CPU seconds so far by name of thread; the kernel counts in steps of 10 ms. */
function cpuOfThreads(): { dsp: number; ingest: number } {
  const used = { dsp: NaN, ingest: NaN };
  try {
    for (const id of readdirSync('/proc/self/task')) {
      const [, name, rest] = /\((.*)\) (.*)/.exec(readFileSync(`/proc/self/task/${id}/stat`, 'utf8')) ?? [];
      const fields = rest?.split(' ') ?? [];
      const seconds = (Number(fields[11]) + Number(fields[12])) / 100;
      if (name?.startsWith('dsp')) used.dsp = seconds;
      else if (name?.startsWith('ingest')) used.ingest = seconds;
    }
  } catch { /* not Linux: stays unknown */ }
  return used;
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
