// test/bench/results.ts - 16 readers that ask 100 times a second for a result of 100 MB while tags are measured.
//
// Requests that come while a generation is made share the next one. Printed: generations a second, and what it costs the pipeline when it
// runs as fast as it can; then what is lost at half of that speed by a tagger that cannot wait.
import { Line } from '../../app/dsp/line.ts';
import { benchData } from './pipeline-data.ts';

export interface ResultsRow { run: string; 'Mtags/s': number; ratio: number; requests: number; 'generations/s': number; lost: number; 'memory MB': number }

const readers = 16, everyMs = 10, loops = 160;
/** u64 each. */
const bins = 12_500_000;

export async function benchResults(): Promise<ResultsRow[]> {
  const rows: ResultsRow[] = [];
  // Alternating, best of two: the machine may be busy with something else.
  for (let i = 0; i < 2; i++) for (const reading of [false, true]) rows.push(await run(reading, 0));
  const best = (reading: boolean): ResultsRow => rows.filter(row => row.requests > 0 === reading).reduce((a, b) => (a['Mtags/s'] > b['Mtags/s'] ? a : b));
  const alone = best(false);
  const live = await run(true, alone['Mtags/s'] / 2);
  return [alone, best(true), live].map(row => ({ ...row, ratio: row['Mtags/s'] / alone['Mtags/s'] }));
}

/** @param liveMtags tags come at this rate, wanted or not; 0: as fast as they are taken */
async function run(reading: boolean, liveMtags: number): Promise<ResultsRow> {
  await using line = await Line.open({
    id: 'bench', source: { kind: 'replay', file: `even ${loops} ${liveMtags * 1000}`, speed: 'unpaced' }, ingestWorker: new URL('./pipeline.worker.ts', import.meta.url), ringSlots: 64,
  });
  let startedAt = performance.now();
  line.onEvent(() => { if (line.status().state === 'streaming') startedAt = performance.now(); });
  const ports = await line.createMeasurements([
    { name: 'histogram', config: { click: 2, start: 1, binwidthPs: 1, bins } }, { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs: 1000, bins: 100 } },
    { name: 'counter', config: { channels: [1, 2, 3, 4], binwidthPs: 1e9, values: 1000 } }, { name: 'countrate', config: { channels: [1, 2, 3, 4] } },
  ]);
  const large = ports[0]!;
  const generations = new Set<string>();
  let requests = 0, failed = 0, over = false;
  const open = new Set<Promise<unknown>>();
  // A generation is known by the moment up to which it counts; its bins are let go at once.
  const ask = (): void => {
    requests++;
    const one: Promise<unknown> = large.read('getData').then(({ info }) => { if (!over) generations.add(String(info.stopPs)); }, () => { failed++; }).finally(() => open.delete(one));
    open.add(one);
  };
  const timers = reading ? Array.from({ length: readers }, () => setInterval(ask, everyMs)) : [];
  await Promise.all(ports.map(port => port.waitUntilFinished()));
  const seconds = (performance.now() - startedAt) / 1000;
  over = true;
  for (const timer of timers) clearInterval(timer);
  await Promise.all(open);
  const accounts = await Promise.all(ports.map(port => port.account()));
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed`);
  return {
    run: `${reading ? `${readers} readers, ${requests} requests` : 'nobody reads'}${liveMtags > 0 ? ', live' : ''}`, 'Mtags/s': (benchData('even').ticks.length * loops) / 1e6 / seconds, ratio: 1, requests,
    'generations/s': generations.size / seconds, lost: Math.max(...accounts.map(({ lostIntervals }) => lostIntervals)), 'memory MB': line.usedBytes / 2 ** 20,
  };
}

if (import.meta.main) console.table(await benchResults());
