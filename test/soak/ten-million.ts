// test/soak/ten-million.ts - `npm run soak [seconds]`: simulated 10 Mtags/s with 8 measurements in one daemon.
//
// Prints tags lost, memory at the beginning and at the end, the longest time
// the main thread was blocked. Exits 1 if a tag was lost. Not part of npm test; a short form is in the system tests.
import { readFileSync } from 'node:fs';
import { connect } from '../../app/client/index.ts';
import { startDaemon } from '../support/daemon.ts';

export interface SoakReport {
  seconds: number; tags: number; megatagsPerSecond: number; lossGrade: string; lostIntervals: number;
  rssStartMb: number; rssMiddleMb: number; rssEndMb: number; longestBlockMs: number; cores: number;
}

export async function soak(seconds: number, rateHz = 10e6): Promise<SoakReport> {
  const signals = [
    { kind: 'poisson', channel: 1, rateHz: rateHz * 0.3 }, { kind: 'poisson', channel: 2, rateHz: rateHz * 0.3 },
    { kind: 'poisson', channel: 3, rateHz: rateHz * 0.2 }, { kind: 'poisson', channel: 4, rateHz: rateHz * 0.2 },
  ];
  await using daemon = await startDaemon(['--tagger', `simulated:${JSON.stringify({ seed: 7, signals })}`]);
  await using session = await connect(daemon.link);
  const tagger = await session.tagger();
  const measurements = await tagger.measureTogether([
    { name: 'correlation', config: { channel1: 1, channel2: 2, binwidthPs: 1000, bins: 100 } },
    { name: 'correlation', config: { channel1: 3, channel2: 4, binwidthPs: 1000, bins: 1000 } },
    { name: 'histogram', config: { click: 2, start: 1, binwidthPs: 1000, bins: 100 } },
    { name: 'counter', config: { channels: [1, 2, 3, 4], binwidthPs: 1e9, values: 1000 } },
    { name: 'counter', config: { channels: [1, 2], binwidthPs: 1e7, values: 10_000 } },
    { name: 'countrate', config: { channels: [1, 2, 3, 4] } },
    { name: 'startStop', config: { click: 4, start: 3, binwidthPs: 1000 } },
    { name: 'timeDifferences', config: { click: 1, start: 3, binwidthPs: 1000, bins: 100 } },
  ]);
  const pid = daemon.process.pid as number;
  await new Promise(resolve => { setTimeout(resolve, 2000); });
  const rssStartMb = rssMb(pid);
  const cpuStart = cpuSeconds(pid);
  const started = performance.now();
  let rssMiddleMb = rssStartMb;
  while (performance.now() - started < seconds * 1000) {
    await new Promise(resolve => { setTimeout(resolve, 500); });
    if (performance.now() - started < seconds * 500) rssMiddleMb = rssMb(pid);
    await Promise.all(measurements.map(measurement => measurement.getData())); // a client that looks, twice a second
  }
  const cores = (cpuSeconds(pid) - cpuStart) / ((performance.now() - started) / 1000);
  const { info } = await measurements[5].read('getData');
  const health = await fetch(`http://127.0.0.1:${daemon.port}/healthz`).then(response => response.text());
  return {
    seconds, tags: info.tags, megatagsPerSecond: info.tags / (info.captureDurationPs * 1e-6), lossGrade: info.lossGrade, lostIntervals: info.lostIntervals,
    rssStartMb, rssMiddleMb, rssEndMb: rssMb(pid), longestBlockMs: Number(/longest block ([\d.]+) ms/.exec(health)?.[1]), cores,
  };
}

function rssMb(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

if (process.argv[1]?.endsWith('ten-million.ts')) {
  const report = await soak(Number(process.argv[2] ?? 60));
  console.table(report);
  process.exit(report.lossGrade === 'none' ? 0 : 1);
}
