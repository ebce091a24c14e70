// test/bench/pipeline.ts - decode -> ring -> one dsp worker with 1 to 64 measurements; pairs are checked, not only counted.
// Run alone, all rows or those named: node test/bench/pipeline.ts '16 measurements'
import { readdirSync, readFileSync } from 'node:fs';
import type { MeasurementRequest } from '../../app/core/measurements.ts';
import { Line } from '../../app/dsp/line.ts';
import { benchData, pairsIn, type DataName } from './pipeline-data.ts';

export interface PipelineRow {
  run: string; mtags: number;
  'Mtags/s': number;
  /** By the CPU time of the busiest thread: what the pipeline does when nobody else wants the cores. NaN off Linux. */
  'Mtags/CPU s': number;
  /** The same of the dsp worker alone. */
  'dsp Mtags/CPU s': number;
  target: number | undefined; 'pairs right': boolean; lost: number;
}

interface Run { name: string; data: DataName; loops: number; target?: number; measurements: number; requestOf: (i: number) => MeasurementRequest }
const runs: readonly Run[] = [
  { name: '1 measurement', data: 'even', loops: 256, measurements: 1, requestOf },
  { name: '4 measurements', data: 'even', loops: 256, target: 200, measurements: 4, requestOf },
  { name: '16 measurements', data: 'even', loops: 128, target: 90, measurements: 16, requestOf },
  { name: '64 measurements', data: 'even', loops: 48, target: 20, measurements: 64, requestOf },
  { name: '64 on 1 % of the tags', data: 'busy', loops: 48, measurements: 64, requestOf: () => requestOf(0) },
];

export async function benchPipeline(): Promise<PipelineRow[]> {
  const rows: PipelineRow[] = [];
  const named = runs.filter(({ name }) => process.argv.includes(name));
  for (const one of named.length > 0 ? named : runs) {
    const data = benchData(one.data);
    const { seconds, cpu, pairs, lost } = await run(one);
    const mtags = (data.ticks.length * one.loops) / 1e6;
    rows.push({
      run: one.name, mtags, 'Mtags/s': mtags / seconds, 'Mtags/CPU s': mtags / Math.max(cpu.dsp, cpu.ingest), 'dsp Mtags/CPU s': mtags / cpu.dsp, target: one.target,
      'pairs right': pairs === pairsIn(data, one.loops), lost,
    });
  }
  return rows;
}

async function run({ data, loops, measurements, requestOf: request }: Run): Promise<{ seconds: number; cpu: Cpu; pairs: number; lost: number }> {
  await using line = await Line.open({
    id: 'bench', source: { kind: 'replay', file: `${data} ${loops}`, speed: 'unpaced' }, ingestWorker: new URL('./pipeline.worker.ts', import.meta.url), ringSlots: 64,
  });
  let startedAt = performance.now();
  let before: Cpu = { dsp: 0, ingest: 0 };
  line.onEvent(() => {
    if (line.status().state !== 'streaming') return;
    startedAt = performance.now();
    before = cpuOfThreads();
  });
  const ports = await line.createMeasurements(Array.from({ length: measurements }, (_, i) => request(i)));
  await Promise.all(ports.map(port => port.waitUntilFinished()));
  const seconds = (performance.now() - startedAt) / 1000;
  const after = cpuOfThreads();
  const { value, info } = await ports[0]!.read('getData');
  return {
    seconds, cpu: { dsp: after.dsp - before.dsp, ingest: after.ingest - before.ingest }, lost: info.lostIntervals,
    pairs: Array.from(value as ArrayLike<number>, Number).reduce((sum, count) => sum + count, 0),
  };
}

interface Cpu { dsp: number; ingest: number }

/** CPU seconds so far by name of thread; the kernel counts in steps of 10 ms. */
function cpuOfThreads(): Cpu {
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

if (import.meta.main) {
  const rows = await benchPipeline();
  console.table(rows.map(row => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? Number(value.toPrecision(4)) : value]))));
}
