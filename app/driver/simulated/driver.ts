// driver/simulated/driver.ts - a tagger made of numbers: for demonstrations, and to break the rest of the program.
//
// Which tags come follows from options, seed and settings alone, never from pace or from how the sink cuts its blocks:
// the stream is made slice by slice (slice.ts) and handed over when its time has come. Each run() starts at the
// beginning. Losses, restarts and backward steps are done to tags that exist, so their true number is known.
import { TaggerError } from '../../core/errors.ts';
import type { Settings, SettingValue, Tagger, TaggerInfo } from '../../core/tagger.ts';
import type { LossGrade, TagSink } from '../../core/tags.ts';
import { pause, yieldToMessages } from '../pause.ts';
import { checkSettings } from '../../core/settings.ts';
import { FaultPlan, type Fault } from './faults.ts';
import { Inputs, inputSettings } from './inputs.ts';
import { checkOptions, type CheckedOptions } from './options.ts';
import { createSource } from './signals.ts';
import { Slice, slicePs } from './slice.ts';

export function openSimulated(options: unknown = {}): SimulatedTagger { return new SimulatedTagger(checkOptions(options)); }

/** A pause of the machine up to this is caught up with; a longer one, or one that lasts, slows the stream down. */
const catchUpMs = 1000;
/** How long the thread may go without looking at its messages. */
const turnMs = 8;
/** A restarted device is found again by the clock of the host, to about a millisecond. */
const restartUncertaintyPs = 1e9;

export class SimulatedTagger implements Tagger {
  readonly info: TaggerInfo;
  readonly #options: CheckedOptions;
  readonly #settings: Map<number, Record<string, SettingValue>>;
  /** Who waits for a change to take effect. */
  #waiting: (() => void)[] = [];
  #running = false;
  #open = true;
  #behindMs = 0;
  #streamPs = 0;

  constructor(options: CheckedOptions) {
    this.#options = options;
    const channels = Array.from({ length: options.channels }, (_, index) => ({ number: index + 1, name: `Ch ${index + 1}` }));
    const settings = inputSettings.map(setting => (setting.key === 'deadTimePs' ? { ...setting, default: options.deadTimePs ?? 0 } : setting));
    this.#settings = new Map(channels.map(({ number }) => [number, Object.fromEntries(settings.map(({ key, default: value }) => [key, value]))]));
    const grades = options.faults?.losses?.map(({ grade }) => grade) ?? [];
    this.info = {
      model: 'simulated tagger', serial: `SIM-${options.seed}`, driver: 'simulated', source: options.pace === 'live' ? 'live' : 'waitable',
      tick: { num: 1, den: 1 }, channels, settings, freeRunning: options.pace === 'live', description: `simulated, seed ${options.seed}`,
      overflowReport: grades.includes('suspect') ? 'suspect' : grades.includes('flagged') ? 'flagged' : 'counted',
    };
  }

  settings(): Settings {
    return { tagger: {}, channels: Object.fromEntries([...this.#settings].map(([number, values]) => [number, { ...values }])) };
  }

  /**
   * Takes effect at the next slice of the stream, and resolves there: every tag that was handed over is from before,
   * every later one from after the change.
   */
  async configure(change: Settings): Promise<Settings> {
    if (!this.#open) throw new TaggerError('closed', 'Cannot configure the simulated tagger: it was closed.');
    checkSettings(change, this.info);
    for (const [number, values] of Object.entries(change.channels ?? {})) Object.assign(this.#settings.get(Number(number))!, values);
    const applied = this.settings();
    if (this.#running) await new Promise<void>(resolve => { this.#waiting.push(resolve); });
    return applied;
  }

  progress(): number | undefined {
    const { durationPs } = this.#options;
    return durationPs === undefined ? undefined : Math.min(1, this.#streamPs / durationPs);
  }

  /** A sentence if the stream is slower than the clock, else nothing. */
  detail(): string | undefined {
    return this.#behindMs === 0 ? undefined
      : `The simulated stream has fallen ${(this.#behindMs / 1000).toFixed(1)} s behind the clock since it began: this computer is too busy for its rate.`;
  }

  async run(sink: TagSink, signal: AbortSignal): Promise<void> {
    if (!this.#open) throw new TaggerError('closed', 'Cannot run the simulated tagger: it was closed.');
    if (this.#running) throw new TaggerError('busy', 'Cannot run the simulated tagger: it is running already.');
    this.#running = true;
    this.#behindMs = 0;
    try {
      await this.#generate(sink, () => signal.aborted || sink.stopped || !this.#open, signal);
    } finally {
      this.#running = false;
      this.#tookEffect();
    }
  }

  async #generate(sink: TagSink, stopped: () => boolean, signal: AbortSignal): Promise<void> {
    const { seed, channels, signals, faults, durationPs = Infinity, startPs = '0', pace } = this.#options;
    const sources = signals.map((each, i) => createSource(each, seed, i + 1));
    const inputs = new Inputs(channels, seed);
    const slice = new Slice();
    const output = new Output(sink, BigInt(startPs), channels, new FaultPlan(faults));
    inputs.apply(this.settings(), -1);
    sink.heartbeat(BigInt(startPs));
    let begunMs = performance.now(), turnedMs = begunMs;

    for (let number = -1; number * slicePs < durationPs && !stopped(); number++) {
      if (this.#waiting.length > 0) {
        inputs.apply(this.settings(), number);
        this.#tookEffect();
        // Whoever waited has a word before the next tag.
        await yieldToMessages();
        if (stopped()) return;
      }
      slice.advance();
      for (const source of sources) source.generate(slice, inputs.delaysPs);
      inputs.trigger(slice);
      if (number < 0) continue;
      slice.sort();
      inputs.holdOff(slice);

      const lengthPs = Math.min(slicePs, durationPs - number * slicePs);
      if (pace === 'live') {
        const dueMs = begunMs + (number * slicePs + lengthPs) * 1e-9;
        const aheadMs = dueMs - performance.now();
        if (aheadMs > 0) await pause(aheadMs, signal);
        else if (aheadMs < -catchUpMs) {
          begunMs -= aheadMs;
          this.#behindMs -= aheadMs;
        }
        if (stopped()) return;
      }
      output.write(slice, number, lengthPs);
      this.#streamPs = number * slicePs + lengthPs;
      if (performance.now() - turnedMs > turnMs) {
        await yieldToMessages();
        turnedMs = performance.now();
      }
    }
    if (!stopped()) output.end();
  }

  #tookEffect(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> { this.#open = false; }
}

/** The cable: writes finished slices into the sink and does the faults to them. */
class Output {
  readonly #sink: TagSink;
  readonly #startPs: bigint;
  readonly #plan: FaultPlan;
  readonly #missed: Float64Array;
  #lossFromPs: bigint | undefined;
  #lastCleanPs: bigint;
  #endPs: bigint;
  #backPs = 0;

  constructor(sink: TagSink, startPs: bigint, channels: number, plan: FaultPlan) {
    this.#sink = sink;
    this.#startPs = startPs;
    this.#endPs = startPs;
    this.#lastCleanPs = startPs;
    this.#missed = new Float64Array(channels);
    this.#plan = plan;
  }

  /** @param lengthPs less than a slice only at the end of the stream */
  write(slice: Slice, number: number, lengthPs: number): void {
    const basePs = BigInt(number) * BigInt(slicePs), endPs = basePs + BigInt(lengthPs);
    let from = 0;
    for (const fault of this.#plan.until(endPs)) {
      const to = firstAt(slice, from, Number(fault.atPs - basePs));
      this.#hand(slice, from, to, this.#startPs + basePs);
      this.#apply(fault);
      from = to;
    }
    this.#hand(slice, from, firstAt(slice, from, lengthPs), this.#startPs + basePs);
    this.#endPs = this.#startPs + endPs;
    if (this.#lossFromPs !== undefined) return;
    this.#sink.heartbeat(this.#endPs);
    this.#lastCleanPs = this.#endPs;
  }

  /** The stream ends: a loss that goes on ends with it. */
  end(): void {
    if (this.#lossFromPs !== undefined) this.#lossOver(this.#endPs, this.#plan.lossGrade ?? 'flagged');
    this.#sink.heartbeat(this.#endPs);
  }

  #apply(fault: Fault): void {
    const atPs = this.#startPs + fault.atPs;
    switch (fault.kind) {
      case 'loss':
        this.#lossFromPs = atPs;
        // A device that only suspects a loss says nothing until it is asked.
        if (fault.grade !== 'suspect') this.#sink.losing(atPs, 'device');
        break;
      case 'loss-end': this.#lossOver(atPs, fault.grade); break;
      case 'epoch': this.#sink.epoch(atPs, restartUncertaintyPs); break;
      case 'backward': this.#backPs = fault.byPs; break;
      case 'backward-end': this.#backPs = 0; break;
    }
  }

  #lossOver(toPs: bigint, grade: LossGrade): void {
    const missed: { channelIndex: number; count: number }[] = [];
    this.#missed.forEach((count, channelIndex) => { if (count > 0) missed.push({ channelIndex, count }); });
    this.#missed.fill(0);
    const fromPs = grade === 'suspect' ? this.#lastCleanPs : this.#lossFromPs!;
    this.#sink.lost({ grade, place: 'device', fromPs, toPs, missed: grade === 'counted' ? missed : undefined });
    this.#lossFromPs = undefined;
    this.#lastCleanPs = toPs;
  }

  /** Tags [from, to) of the slice: into the sink, or into the count of what is missing. */
  #hand(slice: Slice, from: number, to: number, basePs: bigint): void {
    const { times, channels } = slice;
    if (this.#lossFromPs !== undefined) {
      for (let i = from; i < to; i++) this.#missed[channels[i]!]!++;
      return;
    }
    const base = BigInt.asUintN(64, basePs - BigInt(this.#backPs));
    const baseLow = Number(base & 0xffffffffn), baseHigh = Number(base >> 32n);
    const sink = this.#sink;
    while (from < to) {
      const { timesAt, channelsAt, tags } = sink.room();
      const count = Math.min(tags, to - from);
      const words = new Uint32Array(sink.memory.buffer, timesAt, 2 * count);
      for (let i = 0; i < count; i++) {
        const low = baseLow + times[from + i]!;
        words[2 * i] = low;
        words[2 * i + 1] = low < slicePs ? baseHigh : baseHigh + 1;
      }
      new Uint8Array(sink.memory.buffer, channelsAt, count).set(channels.subarray(from, from + count));
      sink.commit(count);
      from += count;
    }
  }
}

/** First tag at or after `timePs`, from `from` on. */
function firstAt(slice: Slice, from: number, timePs: number): number {
  let low = from, high = slice.n;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (slice.times[middle]! < timePs) low = middle + 1;
    else high = middle;
  }
  return low;
}
