// core/tagger.ts - the one shape every tagger has, real, simulated or replayed, and what it says about itself.
import type { ConditionalFilter } from './conditioning.ts';
import type { TagSink, Tick } from './tags.ts';

/** One input as on the case. `number` is 1-based, negative for falling edges; virtual channels are above 1000. */
export interface ChannelInfo {
  number: number;
  /** The letters a person gave it; falls back to `Ch 1`. */
  name: string;
}

/** One setting a tagger understands, with its range; user interfaces and checks are generated from this. */
export interface SettingInfo {
  /** `triggerLevelV`, `deadTimePs`, `inputDelayPs`, `eventDivider`, `testSignal`, ... the unit ends the name. */
  key: string;
  /** Words for people: `trigger level`. */
  label: string;
  kind: 'number' | 'boolean' | 'choice' | 'filter';
  /** '' where the value has none. */
  unit: 'V' | 'ps' | 'Hz' | '';
  /** Per channel, or one for the whole tagger. */
  scope: 'channel' | 'tagger';
  min?: number;
  max?: number;
  step?: number;
  choices?: readonly string[];
  default: SettingValue;
}

export type SettingValue = number | boolean | string | ConditionalFilter;

/** Settings by key; channel settings by channel number. What is absent is not changed. */
export interface Settings {
  tagger?: Record<string, SettingValue>;
  channels?: Record<number, Record<string, SettingValue>>;
}

export interface TaggerInfo {
  model: string;
  serial: string;
  driver: string;
  /** `live`: tags come when they come. `waitable`: the source can be held back, so nothing is ever lapped. */
  source: 'live' | 'waitable';
  tick: Tick;
  /** Index in this list = the dense channel index in blocks. */
  channels: ChannelInfo[];
  settings: SettingInfo[];
  firmware?: string;
  /** What a device cannot tell during a run is `unknown`, never `ok`. */
  overflowReport: LossReport;
  /** False for a recording that starts only with the first measurement. */
  freeRunning: boolean;
  /** Words on the source for people: a file name without its folder, a seed. */
  description?: string;
}
export type LossReport = 'counted' | 'flagged' | 'suspect' | 'unknown' | 'none';

/** One owner: `await using tagger = await open(...)`. */
export interface Tagger extends AsyncDisposable {
  readonly info: TaggerInfo;
  /** All settings as they are now, complete. */
  settings(): Settings;
  /**
   * Validated whole first; restored if the device refuses midway. Returns what was really applied, complete. Resolves
   * where it takes effect: ingest marks the change in front of the next tag.
   */
  configure(change: Settings): Promise<Settings>;
  /** Hands tags to `sink` until the source ends (resolves), `signal` aborts (resolves) or the device leaves (rejects `device-lost`). */
  run(sink: TagSink, signal: AbortSignal): Promise<void>;
  /** Fraction of the source that was handed over, 0 to 1; `undefined` where it has no end. */
  progress?(): number | undefined;
  /** A sentence for people on what is not as it should be right now; `undefined` if all is well. */
  detail?(): string | undefined;
  /** Where a device is on its way back, while `run` waits for it; `undefined`: it is there. */
  phase?(): TaggerPhase | undefined;
}
/** Unplugged; given its firmware; leaving the bus to come back as another device; being asked what it is. */
export type TaggerPhase = 'gone' | 'uploading' | 'renumerating' | 'probing';

/** How a tagger is named on a command line and in the configuration: `simulated`, `replay:FILE`, `usb[:SERIAL or PORT][,driver=NAME][,firmware=FOLDER]`, `bridge:COMMAND`. */
export type TaggerSource =
  | { kind: 'simulated'; options: SimulatedOptions }
  | { kind: 'replay'; file: string; speed: number | 'unpaced'; startPs?: bigint }
  | { kind: 'usb'; serial?: string; port?: string; driver?: string; firmware?: string }
  /** `raw`: the command knows no protocol and writes the words of the S-Fifteen tools. */
  | { kind: 'bridge'; command: string; raw?: 'a1' | 'a1x' };

/** What the simulated tagger produces. Everything follows from the seed; two runs give the same tags. */
export interface SimulatedOptions {
  seed?: number;
  /** Physical channels 1..n; 1 to 16, default 4. */
  channels?: number;
  /** One source per entry; default: Poisson 50 kHz on channels 1 and 2, with a correlated fraction. */
  signals?: SimulatedSignal[];
  /** Non-extending dead time of every channel, ps. */
  deadTimePs?: number;
  faults?: SimulatedFaults;
  /** `live` (paced by the clock, default) or `unpaced` (as fast as readers take it; a waitable source). */
  pace?: 'live' | 'unpaced';
  /** End after this many ps of stream time; absent: never. */
  durationPs?: number;
  /** Stream time of the first moment, decimal; for tests near 2^53 and 2^63. */
  startPs?: string;
}
export type SimulatedSignal =
  /** Independent clicks. */
  | { kind: 'poisson'; channel: number; rateHz: number }
  /** One click every period, jittered. */
  | { kind: 'periodic'; channel: number; periodPs: number; jitterPs?: number; phasePs?: number }
  /** A pulsed source: at each pulse each channel clicks with its probability, all jittered. */
  | { kind: 'pulsed'; channels: number[]; periodPs: number; probability: number; jitterPs?: number; delayPs?: number[] }
  /** Pairs: mother events at `rateHz`; each channel clicks with `efficiency`, delayed by `delayPs[i]`, jittered. */
  | { kind: 'pairs'; channels: number[]; rateHz: number; efficiency?: number; jitterPs?: number; delayPs?: number[] };
export interface SimulatedFaults {
  /** Lost intervals: `everyPs` apart, `lengthPs` long, of this grade. Counted ones carry the true number per channel. */
  losses?: { everyPs: number; lengthPs: number; grade: 'counted' | 'flagged' | 'suspect' }[];
  /** Device restarts: a new epoch every so many ps. */
  epochEveryPs?: number;
  /** Steps backward in time, every so many ps, by so many ps: the order check must catch each. */
  backward?: { everyPs: number; byPs: number };
}
