// test/bench/kernels.ts - tags per second of the kernels, in WebAssembly, in TypeScript and as plain C++ loops.
//
// Whole measurements are driven as the dsp worker does: blocks of 16 Ki tags with a tail in front. Rounds of the two forms are
// interleaved and the median of five counts; time is that of the thread, so that a busy machine disturbs little. C++, where
// there is a compiler, runs the same data in a process of its own, in turns with the rest. Run alone: node test/bench/kernels.ts [NAME...]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Conditioner, conditioningBytes } from '../../app/dsp/conditioning.ts';
import { clockPlan } from '../../app/dsp/kernels/layouts.ts';
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
import { dataSets, jobs, type Job } from './jobs.ts';
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

const n = 2 ** 20, rounds = 5, blockTags = 16_384, tail = 4096;
const timesAt = 65_536 + 8 * tail, channelsAt = timesAt + 8 * n + tail, scratchAt = channelsAt + n, sharedAt = scratchAt + 1024;
const regionAt = sharedAt + SharedWork.bytes(blockTags);

/** @param wanted parts of names; all if there are none */
export async function benchKernels(wanted: readonly string[] = []): Promise<Row[]> {
  const memory = new WebAssembly.Memory({ initial: 2048, maximum: 65536, shared: true });
  const kernelSets = [loadKernels(memory, 'wasm'), loadKernels(memory, 'typescript')];
  const native = buildNative();
  try {
    const rows: Row[] = [];
    for (const [index, data] of dataSets.entries()) {
      const file = writeTags(memory, data, native);
      for (const job of jobs.filter(one => one.data === index && (wanted.length === 0 || wanted.some(part => one.name.includes(part))))) {
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

/** A clock, if there is one; Poisson tags and a tenth correlated ones: channel k follows by k * 100 ps with 100 ps of jitter. */
function writeTags(memory: WebAssembly.Memory, { channels, rateHz, clockHz }: (typeof dataSets)[number], native: Native | undefined): string {
  const random = new Random(1), packed = new Float64Array(n * 1.2), meanPs = 1e12 / rateHz;
  let count = 0;
  const put = (timePs: number, channel: number): void => {
    if (count < packed.length) packed[count++] = Math.floor(Math.max(0, timePs)) * 16 + channel;
  };
  const endPs = 1.05 * n * 1e12 / (clockHz === undefined ? rateHz * channels : rateHz * (channels - 1) + clockHz);
  if (clockHz !== undefined) for (let t = 0; t < endPs; t += 1e12 / clockHz) put(t, 0);
  const first = clockHz === undefined ? 0 : 1;
  for (let channel = first; channel < channels; channel++) {
    for (let t = random.exponential(meanPs / 0.9); t < endPs; t += random.exponential(meanPs / 0.9)) put(t, channel);
  }
  for (let t = random.exponential(meanPs / 0.1); t < endPs; t += random.exponential(meanPs / 0.1)) {
    for (let channel = first; channel < channels; channel++) put(t + 100 * channel + 100 * (random.next() + random.next() + random.next() - 1.5) * 2, channel);
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
  return { begin: () => made.begin(0n), take: ({ timesAt: at, channelsAt: tagsAt, n: size, toPs }) => {
    const until = new BigInt64Array(memory.buffer, scratchAt, 1), times = new BigInt64Array(memory.buffer, at, size + 1);
    // As the stage does: what finds no room is run in parts.
    const run = (from: number, count: number): void => {
      until[0] = from + count < size ? times[from + count]! : toPs;
      if (made.run(at + 8 * from, tagsAt + from, count, scratchAt, intoAt, intoAt + 8 * (madeTags + 1), madeTags) >= 0) return;
      run(from, count >> 1);
      run(from + (count >> 1), count - (count >> 1));
    };
    run(0, size);
  } };
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

function clockRunner(memory: WebAssembly.Memory, kernels: KernelSet): Runner {
  const plan = new DataView(memory.buffer, regionAt, clockPlan.bytes), averagingPeriods = 1000, periodPs = 100_000;
  return {
    // Told to follow a clock of the very frequency that it has, so that the tags stay where they are however often it runs.
    begin: () => {
      new Uint8Array(memory.buffer, regionAt, clockPlan.bytes).fill(0);
      for (const [key, value] of [['nominal', periodPs], ['period', periodPs], ['most', 2 * averagingPeriods], ['lockAfter', averagingPeriods]] as const) plan.setFloat64(clockPlan[key], value, true);
    },
    take: ({ timesAt: at, channelsAt: tagsAt, n: size }) => { for (let done = 0; done < size;) done += kernels.followClock(at + 8 * done, tagsAt + done, size - done, regionAt); },
  };
}

/** All tags from the beginning, again until the clock of the thread can tell; Mtags/s. */
function runOnce(memory: WebAssembly.Memory, kernels: KernelSet, { does }: Job): number {
  const runner = does === 'conditioning' ? conditioningRunner(memory, kernels)
    : does === 'clock' ? clockRunner(memory, kernels)
      : 'virtual' in does ? virtualRunner(memory, kernels, does.virtual, does.view === true) : measurementRunner(memory, kernels, does.measurement, does.config);
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
  for (const { name, data, wasmMtags, twinMtags, ratioTwin, cppMtags, ratioCpp, target } of await benchKernels(process.argv.slice(2))) {
    const cpp = cppMtags === undefined ? '' : `C++ ${cppMtags.toFixed(0).padStart(6)}  ${ratioCpp!.toFixed(2)}x${target === undefined ? '' : ` of ${target} wanted`}`;
    const ours = `wasm ${wasmMtags.toFixed(0).padStart(6)}  twin ${twinMtags.toFixed(0).padStart(5)}  ${ratioTwin.toFixed(1)}x`;
    console.log(`${data.padEnd(16)} ${name.padEnd(24)} ${ours}  ${cpp}`);
  }
}
