// test/dsp/measurements/harness.ts - plays the dsp worker and the results thread for one measurement.
//
// Tags are fed in calls of any size, each with the tail that the real worker guarantees: the last min(4096, all) tags of the
// stretch lie directly in front. Channel numbers are channel indexes here; -n, a falling edge, has the index 16 + n.
import type { ExecutionContext } from 'ava';
import { measurementClasses } from '../../../app/dsp/measurements/index.ts';
import type { Measurement, SegmentEnd, Totals } from '../../../app/dsp/measurement.ts';
import type { KernelSet } from '../../../app/dsp/kernels/kernels.ts';
import { SharedWork } from '../../../app/dsp/shared-work.ts';
import { loadKernels } from '../../../app/dsp/kernels/load.ts';
import type { CheckedConfig, MeasurementName } from '../../../app/core/measurements.ts';
import type { ResultInfo } from '../../../app/core/results.ts';
import type { Random } from '../../support/random.ts';
import { inOrder, randomTags, startTimesPs, type Tag } from '../kernels/fixture.ts';

export type { Tag } from '../kernels/fixture.ts';

/** Uninterrupted stream time with its tags, and why it ends. */
export interface Stretch { tags: Tag[]; fromPs: bigint; toPs: bigint; end: SegmentEnd }

export interface Feed {
  kind?: KernelSet['kind'];
  /** Tags of the next call, given how many are left; default all. */
  cut?: (left: number) => number;
  /** Hand the state over after a call? Default only at the end. */
  publishAfter?: () => boolean;
  /** Channel counts of the block are given. */
  counted?: boolean;
  /** Called before each call; may rebase. */
  beforeCall?: (bench: Bench) => void;
  deadTimePs?: number;
}

const tail = 4096, largestCall = 65_536;
const timesOffset = 0, channelsOffset = 8 * (tail + largestCall), countsOffset = channelsOffset + tail + largestCall;
const scratchOffset = countsOffset + 1024, sharedOffset = scratchOffset + 1024;
const regionOffset = Math.ceil((sharedOffset + SharedWork.bytes(largestCall)) / 64) * 64;

const memory = new WebAssembly.Memory({ initial: 128, maximum: 65536, shared: true });
const kernelSets = { wasm: loadKernels(memory, 'wasm'), typescript: loadKernels(memory, 'typescript') };

/** One measurement and its totals over fresh memory. */
export class Bench {
  readonly measurement: Measurement;
  readonly totals: Totals;
  /** Subtracted from every time before it is written, as ingest does after a rebase. */
  originPs = 0n;
  livePs = 0;
  readonly #deadTimePs: number;
  readonly #shared: SharedWork;

  constructor(name: MeasurementName, config: CheckedConfig, kind: KernelSet['kind'] = 'wasm', deadTimePs = 0) {
    const bytes = measurementClasses[name].bytes(config);
    const missing = regionOffset + bytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    // StartStop reserves tens of megabytes: entries, which are written before they are read, lie behind the rest.
    new Uint8Array(memory.buffer, regionOffset, name === 'startStop' ? 9 * 2 ** 20 : bytes).fill(0);
    this.#shared = new SharedWork(memory, kernelSets[kind], sharedOffset, largestCall);
    const workspace = {
      kernels: kernelSets[kind], memory, at: regionOffset, bytes, scratchAt: scratchOffset, shared: this.#shared,
      indexOf: (channel: number) => channel < 0 ? 16 - channel : channel, tick: { num: 1, den: 1 },
    };
    this.measurement = measurementClasses[name].create(config, workspace);
    this.totals = measurementClasses[name].totals(config, workspace);
    this.#deadTimePs = deadTimePs;
  }

  /** One call: `tags[from, to)` of a stretch, covering [fromPs, toPs). */
  call(tags: readonly Tag[], from: number, to: number, fromPs: bigint, toPs: bigint, counted = false): void {
    const history = Math.min(tail, from), n = to - from;
    const times = new BigInt64Array(memory.buffer, timesOffset + 8 * (tail - history), history + n);
    const channels = new Uint8Array(memory.buffer, channelsOffset + tail - history, history + n);
    for (let i = 0; i < history + n; i++) {
      const tag = tags[from - history + i]!;
      times[i] = tag.timePs - this.originPs;
      channels[i] = tag.channel;
    }
    // What must not be read is poisoned.
    if (history < tail) {
      new BigInt64Array(memory.buffer, timesOffset, tail - history).fill(times[0] ?? 0n);
      new Uint8Array(memory.buffer, channelsOffset, tail - history).fill(channels[0] ?? 0);
    }
    const channelsAt = channelsOffset + tail;
    if (counted) {
      new Uint32Array(memory.buffer, countsOffset, 256).fill(0);
      kernelSets.wasm.countChannels(channelsAt, n, countsOffset);
    }
    this.#shared.begin();
    this.measurement.process({
      timesAt: timesOffset + 8 * tail, channelsAt, n, history, historyComplete: history === from,
      fromPs: fromPs - this.originPs, toPs: toPs - this.originPs, countsAt: counted ? countsOffset : 0,
    });
    this.livePs += Number(toPs - fromPs);
  }

  rebase(byPs: bigint): void {
    this.originPs += byPs;
    this.measurement.rebase(byPs);
  }

  publish(): void { this.totals.take(this.measurement.publish()); }

  read(getter: string, args: Record<string, unknown> = {}): unknown {
    return this.totals.evaluate(getter, args, { liveTimePs: this.livePs, tickPs: { num: 1, den: 1 }, deadTimePs: this.#deadTimePs } as ResultInfo);
  }

  /** Counts of a getter as plain numbers. */
  counts(getter = 'getData', args: Record<string, unknown> = {}): number[] { return Array.from(this.read(getter, args) as Uint32Array, Number); }

  feed(stretches: readonly Stretch[], { cut, publishAfter, counted, beforeCall }: Feed = {}): void {
    for (const { tags, fromPs, toPs, end } of stretches) {
      let from = 0, coveredPs = fromPs;
      do {
        const left = tags.length - from;
        const to = from + Math.min(left, largestCall, Math.max(cut ? cut(left) : left, 0));
        const last = tags[to - 1], next = tags[to];
        // Covered up to just behind the last tag, or to its very time if the next tag has the same.
        let untilPs = next === undefined ? toPs : last === undefined ? coveredPs : last.timePs + 1n < next.timePs ? last.timePs + 1n : next.timePs;
        if (untilPs < coveredPs) untilPs = coveredPs;
        beforeCall?.(this);
        this.call(tags, from, to, coveredPs, untilPs, counted);
        if (publishAfter?.()) this.publish();
        from = to;
        coveredPs = untilPs;
      } while (from < tags.length && !this.measurement.done);
      if (this.measurement.done) break;
      this.measurement.endSegment(shifted(end, this.originPs));
    }
    this.publish();
  }
}

function shifted(end: SegmentEnd, byPs: bigint): SegmentEnd {
  return end.kind === 'lost' ? { ...end, fromPs: end.fromPs - byPs, toPs: end.toPs - byPs } : { ...end, atPs: end.atPs - byPs };
}

/** A measurement that was fed everything. */
export function measured(name: MeasurementName, config: CheckedConfig, stretches: readonly Stretch[], feed: Feed = {}): Bench {
  const bench = new Bench(name, config, feed.kind, feed.deadTimePs);
  bench.feed(stretches, feed);
  return bench;
}

export interface StretchOptions { stretches?: number; tags?: number; channels?: number; meanPs?: number; startPs?: bigint; onGridPs?: number }

const counted = [{ channelIndex: 0, count: 3 }, { channelIndex: 1, count: 4 }];

/** Stretches from a seed: ties, bursts, empty ones, gaps of zero and more, every kind of end. */
export function randomStretches(random: Random, options: StretchOptions = {}): Stretch[] {
  const { channels = random.pick([1, 2, 3]), meanPs = random.pick([3, 40, 900]), startPs = random.pick(startTimesPs), onGridPs = 1 } = options;
  const stretches: Stretch[] = [];
  let fromPs = startPs;
  for (let k = 0; k < (options.stretches ?? random.integer(1, 4)); k++) {
    let tags = randomTags(random, { n: options.tags ?? random.integer(0, 60), channels, meanPs, startPs: fromPs });
    const grid = BigInt(onGridPs), startsPs = fromPs;
    if (onGridPs > 1) tags = tags.map(tag => ({ ...tag, timePs: startsPs + ((tag.timePs - startsPs) / grid) * grid })).sort(inOrder);
    const toPs = (tags.at(-1)?.timePs ?? fromPs) + BigInt(random.integer(1, 50));
    const nextPs = toPs + BigInt(random.pick([0, 0, 1, 500]));
    const grade = random.pick(['counted', 'flagged', 'suspect'] as const);
    const end: SegmentEnd = random.chance(0.5)
      ? { kind: 'lost', fromPs: toPs, toPs: nextPs, grade, missed: grade === 'counted' ? counted : undefined }
      : { kind: random.pick(['epoch', 'disorder', 'slip', 'pause'] as const), atPs: toPs };
    stretches.push({ tags, fromPs, toPs, end });
    fromPs = nextPs;
  }
  return stretches;
}

/** Ways to cut a stream into calls, each of which must give the same result. */
export function cutsOf(random: Random): { name: string; cut: (left: number) => number }[] {
  return [
    { name: 'all at once', cut: left => left },
    { name: 'one tag a call', cut: () => 1 },
    { name: 'seven tags a call', cut: () => 7 },
    { name: 'random cuts, empty calls too', cut: left => random.integer(0, left) },
  ];
}

/** floor(a / b) for positive b. */
export function floorDivide(a: bigint, b: bigint): bigint { return a >= 0n ? a / b : -((-a + b - 1n) / b); }

/** Like deepEqual, but fast on many numbers; names the first place that differs. */
export function sameNumbers(t: ExecutionContext, actual: ArrayLike<number>, expected: ArrayLike<number>, note: string): void {
  t.is(actual.length, expected.length, note);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i])) t.fail(`[${i}] is ${actual[i]}, not ${expected[i]}: ${note}`);
  }
  t.pass();
}
