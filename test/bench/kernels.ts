// test/bench/kernels.ts - tags per second of the kernels, in WebAssembly, in TypeScript and as plain C++ loops.
//
// Whole measurements are driven as the dsp worker does: blocks of 16 Ki tags with a tail in front. Rounds of the two forms are
// interleaved and the median of five counts; time is that of the thread, so that a busy machine disturbs little. C++, where
// there is a compiler, runs the same data in a process of its own, in turns with the rest. Run alone: node test/bench/kernels.ts
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Conditioner, conditioningBytes } from '../../app/dsp/conditioning.ts';
import { loadKernels } from '../../app/dsp/kernels/load.ts';
import type { KernelSet } from '../../app/dsp/kernels/kernels.ts';
import { measurementClasses } from '../../app/dsp/measurements/index.ts';
import { checkVirtual, type VirtualDefinition } from '../../app/core/virtual.ts';
import type { Segment } from '../../app/dsp/measurement.ts';
import { planView, View } from '../../app/dsp/view.ts';
import { VirtualNode } from '../../app/dsp/virtual/node.ts';
import { madeTags, type VirtualStagePlan } from '../../app/dsp/virtual/stage.ts';
import { SharedWork } from '../../app/dsp/shared-work.ts';
import type { CheckedConfig, MeasurementName } from '../../app/core/measurements.ts';
import { Random } from '../support/random.ts';

export interface Row {
  name: string;
  data: string;
  wasmMtags: number;
  twinMtags: number;
  ratioTwin: number;
  cppMtags?: number;
  ratioCpp?: number;
  /** Smallest ratio to plain C++ that we want. */
  target?: number;
}

interface Data { name: string; channels: number; rateHz: number }
const dataSets: readonly Data[] = [
  { name: 'd1: 2 x 1 Mcps', channels: 2, rateHz: 1e6 },
  { name: 'd2: 4 x 1 Mcps', channels: 4, rateHz: 1e6 },
  { name: 'd3: 8 x 10 Mcps', channels: 8, rateHz: 10e6 },
];

interface Job {
  name: string;
  data: number;
  /** A measurement; a virtual channel: its kernel alone, or with the view that puts its tags between the others; or input conditioning. */
  does: { measurement: MeasurementName; config: CheckedConfig } | { virtual: VirtualDefinition; view?: true } | 'conditioning';
  /** `kernel start click width bins` for the C++ program. */
  cpp: string;
  target?: number;
}

function counter(data: number, width: string, binwidthPs: number, target: number): Job {
  const channels = Array.from({ length: dataSets[data]!.channels }, (_, i) => i);
  const config = { channels, binwidthPs, values: 1000 };
  return { name: `counter ${width}`, data, does: { measurement: 'counter', config }, cpp: `counter 0 0 ${binwidthPs} 0`, target };
}
function histogram(name: string, data: number, binwidthPs: number, bins: number, target: number): Job {
  return { name, data, does: { measurement: 'histogram', config: { click: 1, start: 0, binwidthPs, bins } }, cpp: `correlate 0 1 ${binwidthPs} ${bins}`, target };
}
function correlation(name: string, data: number, binwidthPs: number, bins: number): Job {
  return { name, data, does: { measurement: 'correlation', config: { channel1: 1, channel2: 0, binwidthPs, bins } }, cpp: '' };
}
function coincidence(data: number, members: number, target: number | undefined, windowPs = 1000): Job {
  const channels = Array.from({ length: members }, (_, i) => i);
  return { name: `coincidence, ${members}-fold ${windowPs / 1000} ns`, data, does: { virtual: { kind: 'coincidence', channels, windowPs } }, cpp: `coincide ${members} 0 ${windowPs} 0`, ...(target !== undefined && { target }) };
}
/** 63 edges from 1 ns to 10 ms. */
function logBins(method: string, target: number): Job {
  const config = { click: 1, start: 0, expStart: -9, expStop: -2, bins: 62, method };
  return { name: `log bins, ${method}`, data: 0, does: { measurement: 'histogramLogBins', config }, cpp: 'laurence 0 1 1e10 62', target };
}
function stops(data: number): Job {
  const config = { start: 0, stop1: 1, stop2: 2, binwidth1Ps: 10_000, binwidth2Ps: 10_000, bins1: 200, bins2: 200 };
  return { name: 'first stops 200 x 200', data, does: { measurement: 'histogram2D', config }, cpp: 'stops 0 0 10000 200', target: 0.5 };
}
/** A pixel marker as often as a tag of any other channel: the C++ program knows how many pixels there are. */
function flim(data: number): Job {
  const config = { start: 0, click: 1, pixelBegin: 2, pixelEnd: undefined, frameBegin: undefined, pixels: 1024, bins: 100, binwidthPs: 1000, finishAfterFrames: 0, framesPerOutput: 1 };
  return { name: 'flim 1024 pixels x 100', data, does: { measurement: 'flim', config }, cpp: 'flim 0 1 1000 100', target: 0.5 };
}
/** Powers of ten as steps, since the C++ program takes their number alone. */
function stability(data: number, average: number, steps: readonly number[]): Job {
  const measurement = steps.length > 0 ? 'frequencyStability' : 'phaseNoise';
  const config = steps.length > 0 ? { channel: 0, average, steps, traceLength: 1024 } : { channel: 0, average, samples: 256, segments: 7 };
  return { name: `${measurement} /${average}`, data, does: { measurement, config }, cpp: `phases 0 ${average} 1 ${steps.length}`, target: 0.5 };
}
const jobs: readonly Job[] = [
  { name: 'count', data: 0, does: { measurement: 'countrate', config: { channels: [0, 1] } }, cpp: 'count 0 0 0 0', target: 5 },
  { name: 'count', data: 2, does: { measurement: 'countrate', config: { channels: [0, 1] } }, cpp: 'count 0 0 0 0' },
  logBins('exact', 1), logBins('multi-tau', 9), stops(1), stops(2), flim(1), flim(2),
  counter(0, '1 ms', 1e9, 2), counter(2, '10 us', 1e7, 0.9),
  histogram('sparse 100 x 1 ns', 0, 1000, 100, 2.5), histogram('sparse 100 x 1 ns', 1, 1000, 100, 2.5),
  histogram('medium 1000 x 1 ns', 2, 1000, 1000, 0.85), histogram('dense 1000 x 10 ns', 0, 10_000, 1000, 1),
  correlation('both signs 200 x 1 ns', 0, 1000, 200), correlation('both signs 2000 x 10 ns', 0, 10_000, 2000),
  { name: 'startStop 1 ns', data: 0, does: { measurement: 'startStop', config: { click: 1, start: 0, binwidthPs: 1000 } }, cpp: '' },
  ...[1, 2].map((data): Job => ({ name: 'conditioning', data, does: 'conditioning', cpp: 'condition 0 1 100000 2', target: 0.5 })),
  {
    name: 'timeDifferences, next', data: 2,
    does: { measurement: 'timeDifferences', config: { click: 1, start: 0, next: 2, sync: undefined, binwidthPs: 1000, bins: 100, histograms: 16, maxCounts: 0 } }, cpp: '',
  },
  stability(0, 1000, []), stability(0, 10, [1, 10, 100]), stability(0, 1, [1, 10, 100]), stability(2, 1000, []),
  {
    name: 'frequencyCounter 1 ms', data: 0, does: { measurement: 'frequencyCounter', config: { channels: [0, 1], samplingIntervalPs: 1e9, fittingWindowPs: 5e8, values: 1000 } },
    cpp: 'windows 0 1 1e9 500000000', target: 0.5,
  },
  {
    name: 'pulsePerSecondMonitor', data: 0, does: { measurement: 'pulsePerSecondMonitor', config: { reference: 0, signals: [1], periodPs: 1e6, values: 1000 } },
    cpp: 'pulses 0 1 1e6 0', target: 0.5,
  },
  coincidence(0, 2, 1.4), coincidence(1, 2, 1.4), coincidence(1, 4, 2), coincidence(2, 4, 2), coincidence(2, 4, 0.5, 100_000),
  { ...coincidence(1, 2, undefined), name: '2-fold in a view', does: { virtual: { kind: 'coincidence', channels: [0, 1], windowPs: 1000 }, view: true } },
  { name: 'combiner', data: 1, does: { virtual: { kind: 'combiner', channels: [0, 1] } }, cpp: 'combine 0 1 0 0', target: 0.5 },
  { name: 'gated', data: 1, does: { virtual: { kind: 'gated', channel: 0, gateStart: 1, gateStop: 2 } }, cpp: 'gate 1 2 0 0', target: 0.5 },
];

const n = 2 ** 20, rounds = 5, blockTags = 16_384, tail = 4096;
const timesAt = 65_536 + 8 * tail, channelsAt = timesAt + 8 * n + tail, scratchAt = channelsAt + n, sharedAt = scratchAt + 1024;
const regionAt = sharedAt + SharedWork.bytes(blockTags);

export async function benchKernels(): Promise<Row[]> {
  const memory = new WebAssembly.Memory({ initial: 2048, maximum: 65536, shared: true });
  const kernelSets = [loadKernels(memory, 'wasm'), loadKernels(memory, 'typescript')];
  const native = buildNative();
  try {
    const rows: Row[] = [];
    for (const [index, data] of dataSets.entries()) {
      const file = writeTags(memory, data, native);
      for (const job of jobs.filter(one => one.data === index)) {
        const speeds = [[], []] as [number[], number[]], cppSpeeds: number[] = [];
        for (let round = 0; round <= rounds; round++) {
          kernelSets.forEach((kernels, k) => {
            const speed = runOnce(memory, kernels, job);
            if (round > 0) speeds[k]!.push(speed); // the first round warms up
          });
          if (native && job.cpp && round > 0) cppSpeeds.push(runNative(native.program, file, job.cpp));
        }
        const wasmMtags = median(speeds[0]), twinMtags = median(speeds[1]);
        const row: Row = { name: job.name, data: data.name, wasmMtags, twinMtags, ratioTwin: wasmMtags / twinMtags };
        if (cppSpeeds.length > 0) {
          row.cppMtags = median(cppSpeeds);
          row.ratioCpp = wasmMtags / row.cppMtags;
        }
        if (job.target !== undefined) row.target = job.target;
        rows.push(row);
      }
    }
    return rows;
  } finally {
    if (native) rmSync(native.folder, { recursive: true });
  }
}

/** Poisson tags and a tenth correlated ones: channel k follows by k * 100 ps with 100 ps of jitter. */
function writeTags(memory: WebAssembly.Memory, { channels, rateHz }: Data, native: Native | undefined): string {
  const random = new Random(1), packed = new Float64Array(n * 1.2), meanPs = 1e12 / rateHz;
  let count = 0;
  const put = (timePs: number, channel: number): void => {
    if (count < packed.length) packed[count++] = Math.floor(Math.max(0, timePs)) * 16 + channel;
  };
  const endPs = (1.05 * n * meanPs) / channels;
  for (let channel = 0; channel < channels; channel++) {
    for (let t = random.exponential(meanPs / 0.9); t < endPs; t += random.exponential(meanPs / 0.9)) put(t, channel);
  }
  for (let t = random.exponential(meanPs / 0.1); t < endPs; t += random.exponential(meanPs / 0.1)) {
    for (let channel = 0; channel < channels; channel++) put(t + 100 * channel + 100 * (random.next() + random.next() + random.next() - 1.5) * 2, channel);
  }
  const sorted = packed.subarray(0, count).sort();
  const times = new BigInt64Array(memory.buffer, timesAt, n), tags = new Uint8Array(memory.buffer, channelsAt, n);
  for (let i = 0; i < n; i++) {
    times[i] = BigInt(Math.floor(sorted[i]! / 16));
    tags[i] = sorted[i]! % 16;
  }
  if (!native) return '';
  const file = join(native.folder, 'tags');
  writeFileSync(file, Buffer.concat([Buffer.from(new Uint8Array(memory.buffer, timesAt, 8 * n).slice()), Buffer.from(tags.slice())]));
  return file;
}

type Take = (segment: Segment) => void;
interface Runner { begin: () => void; take: Take }

function virtualRunner(memory: WebAssembly.Memory, kernels: KernelSet, definition: VirtualDefinition, isView: boolean): Runner {
  const channels = Array.from({ length: 8 }, (_, i) => i), virtual = checkVirtual({ 1001: definition }, channels);
  const plan = planView(channels, channels.map(() => 0), virtual)!;
  const missing = regionAt + plan.bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65_536));
  new Uint8Array(memory.buffer, regionAt, plan.bytes).fill(0);
  const view = new View({ key: '', plan, at: regionAt }, memory, kernels);
  if (isView) return { begin: () => view.reset(), take: segment => { for (const _ of view.derive({ kind: 'segment', segment })); } };
  const [node] = (plan.stages[0] as VirtualStagePlan).nodes, intoAt = regionAt, made = new VirtualNode(node!, regionAt + node!.at, memory, kernels);
  return { begin: () => made.begin(0n), take: ({ timesAt: at, channelsAt: tagsAt, n: size }) => { made.run(at, tagsAt, size, scratchAt, intoAt, intoAt + 8 * (madeTags + 1), madeTags); } };
}

function measurementRunner(memory: WebAssembly.Memory, kernels: KernelSet, name: MeasurementName, config: CheckedConfig): Runner {
  const bytes = measurementClasses[name].bytes(config), missing = regionAt + bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65_536));
  new Uint8Array(memory.buffer, regionAt, bytes).fill(0);
  const shared = new SharedWork(memory, kernels, sharedAt, blockTags);
  const measurement = measurementClasses[name].create(config, {
    kernels, memory, at: regionAt, bytes, scratchAt, shared, indexOf: channel => channel, tick: { num: 1, den: 1 },
  });
  return { begin: () => measurement.clear(0n), take: segment => {
    shared.begin();
    measurement.process(segment);
  } };
}

function conditioningRunner(memory: WebAssembly.Memory, kernels: KernelSet): Runner {
  const conditioner = new Conditioner(memory, regionAt, 256), intoAt = regionAt + conditioningBytes;
  return {
    begin: () => conditioner.set({ trigger: [0], filtered: [1], dividers: [1, 2], deadTimesPs: Array.from({ length: 256 }, () => 100_000) }),
    take: ({ timesAt: at, channelsAt: tagsAt, n: size }) => { conditioner.pass(kernels, at, tagsAt, size, intoAt, intoAt + 8 * blockTags); },
  };
}

/** All tags from the beginning, again until the clock of the thread can tell; Mtags/s. */
function runOnce(memory: WebAssembly.Memory, kernels: KernelSet, { does }: Job): number {
  const runner = does === 'conditioning' ? conditioningRunner(memory, kernels) : 'virtual' in does ? virtualRunner(memory, kernels, does.virtual, does.view === true) : measurementRunner(memory, kernels, does.measurement, does.config);
  const view = new BigInt64Array(memory.buffer, timesAt, n);
  const begin = cpuUs();
  for (let passes = 1; ; passes++) {
    runner.begin();
    for (let i = 0; i < n; i += blockTags) {
      const history = Math.min(tail, i), size = Math.min(blockTags, n - i);
      runner.take({
        timesAt: timesAt + 8 * i, channelsAt: channelsAt + i, n: size, history, historyComplete: history === i,
        fromPs: i === 0 ? 0n : view[i]!, toPs: i + size < n ? view[i + size]! : view[n - 1]! + 1n, countsAt: 0,
      });
    }
    const us = cpuUs() - begin;
    if (us > 80_000) return (passes * n) / us;
  }
}

/** Of this thread; Linux may move it on in steps of 4 ms only, so measure for many of them. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

interface Native { folder: string; program: string }

/** The C++ program in a temporary folder, or undefined where there is no compiler. */
function buildNative(): Native | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'tagd-bench-')), program = join(folder, 'kernels');
  try {
    const source = fileURLToPath(new URL('./cpp/kernels.cpp', import.meta.url));
    execFileSync('g++', ['-O3', '-march=native', '-o', program, source], { stdio: ['ignore', 'ignore', 'inherit'] });
    return { folder, program };
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
}

function runNative(program: string, file: string, line: string): number {
  const answer = execFileSync(program, [file, String(n), '1'], { input: `${line}\n`, encoding: 'utf8' });
  return Number(answer.split(' ')[0]);
}

function median(values: number[]): number { return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN; }

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, data, wasmMtags, twinMtags, ratioTwin, cppMtags, ratioCpp, target } of await benchKernels()) {
    const cpp = cppMtags === undefined ? '' : `C++ ${cppMtags.toFixed(0).padStart(6)}  ${ratioCpp!.toFixed(2)}x${target === undefined ? '' : ` of ${target} wanted`}`;
    const ours = `wasm ${wasmMtags.toFixed(0).padStart(6)}  twin ${twinMtags.toFixed(0).padStart(5)}  ${ratioTwin.toFixed(1)}x`;
    console.log(`${data.padEnd(16)} ${name.padEnd(24)} ${ours}  ${cpp}`);
  }
}
