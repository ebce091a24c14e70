// test/mqtt/scripted-station.ts - a station whose state a test writes by hand; it cannot measure.
import { TaggerError } from '../../app/core/errors.ts';
import type { Rates, Station, StationEvent, StationInfo, TaggerPort, TaggerState, TaggerStatus } from '../../app/core/station.ts';
import { FakeKernels } from '../support/fake-station.ts';
import type { Random } from '../support/random.ts';

export class ScriptedStation implements Station {
  readonly info: StationInfo = { id: 'tagd-01a2b3c4', name: 'Lab 3', version: '0.1.0', startedAt: '2026-01-01T00:00:00.000Z' };
  readonly kernels = new FakeKernels();
  list: ScriptedTagger[];
  readonly #listeners = new Set<(event: StationEvent) => void>();
  constructor(...taggers: ScriptedTagger[]) { this.list = taggers; }
  taggers(): ScriptedTagger[] { return this.list; }
  watch(listener: (event: StationEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  get watchers(): number { return this.#listeners.size; }
  emit(event: StationEvent): void { for (const listener of this.#listeners) listener(event); }
}

export class ScriptedTagger implements TaggerPort {
  readonly id: string;
  current: TaggerStatus;
  /** `windowMs` of every question for rates. */
  readonly windows: (number | undefined)[] = [];
  rateHz: number | null = 1000.5;
  closed = false;
  constructor(id: string, channels = 2) {
    this.id = id;
    this.current = statusOf(id, channels);
  }
  status(): TaggerStatus {
    if (this.closed) throw new TaggerError('closed', `Cannot read tagger ${this.id}: it was taken down.`);
    return this.current;
  }
  rates(windowMs?: number): Rates {
    this.windows.push(windowMs);
    const present = this.current.state === 'streaming';
    const rateHz = present ? this.rateHz : null;
    const { channels } = this.current.info;
    return {
      liveTimePs: present ? (windowMs ?? 1000) * 1e9 : 0, at: '2026-01-01T00:00:05.000Z',
      channels: channels.map(channel => ({ channel: channel.number, name: channel.name, rateHz, totalTags: 7 })),
      totalHz: rateHz === null ? null : rateHz * channels.length,
    };
  }
  become(state: TaggerState, detail: string = state): void { this.current = { ...this.current, state, detail }; }
  configure(): never { throw new Error('A scripted tagger has no hardware.'); }
  createMeasurements(): never { throw new Error('A scripted tagger cannot measure.'); }
  group(): never { throw new Error('A scripted tagger cannot measure.'); }
  getFence(): number { return 0; }
  async waitForFence(): Promise<boolean> { return true; }
}

function statusOf(id: string, channels: number): TaggerStatus {
  const numbers = Array.from({ length: channels }, (_, i) => i + 1);
  return {
    id, state: 'streaming', detail: 'Streaming.',
    info: {
      model: 'Simulated', serial: 'S1', driver: 'simulated', source: 'live', tick: { num: 125, den: 32 },
      channels: numbers.map(number => ({ number, name: `Ch ${number}` })),
      settings: [
        { key: 'triggerLevelV', label: 'trigger level', kind: 'number', unit: 'V', scope: 'channel', min: -2.5, max: 2.5, step: 0.001, default: 0 },
        { key: 'deadTimePs', label: 'dead time', kind: 'number', unit: 'ps', scope: 'channel', default: 0 },
        { key: 'testSignal', label: 'test signal', kind: 'boolean', unit: '', scope: 'channel', default: false },
        { key: 'clockSource', label: 'clock source', kind: 'choice', unit: '', scope: 'tagger', choices: ['internal', 'external'], default: 'internal' },
      ],
      firmware: '1.2', overflowReport: 'counted', freeRunning: true,
    },
    settings: {
      tagger: { clockSource: 'internal' },
      channels: Object.fromEntries(numbers.map(number => [number, { triggerLevelV: -0.12, deadTimePs: 2000, testSignal: false }])),
    },
    revision: 1,
    ledger: {
      channels: numbers.map(() => ({ delivered: 7, filtered: 0, lost: { device: 0, usb: 0, host: 0 }, unknown: { device: 0, usb: 0, host: 0 } })),
      unassigned: { device: 0, usb: 0, host: 0 }, intervals: 0, lostPs: 0, grade: 'none', disorder: 0, epochs: 1,
    },
    kernel: 'wasm',
  };
}

/** A tagger in any state it might be in, with the words and numbers nobody expects. */
export function randomTagger(random: Random): ScriptedTagger {
  const oddText = () => random.pick(['', 'Ch 1', 'ünï"\\\n\u0000', '+/#', '\ud800', 'x'.repeat(5000), '</script>']);
  const oddNumber = () => random.pick([0, -0, 1, -1.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]);
  const tagger = new ScriptedTagger(random.pick(['1', 'SN 0042/A#', '', 'usb-1', 'ÄÖ+']), random.integer(0, 20));
  const { current } = tagger;
  current.state = random.pick(['absent', 'probing', 'ready', 'streaming', 'ended', 'gone']);
  current.detail = oddText();
  current.revision = oddNumber();
  current.info.model = oddText();
  current.info.serial = oddText();
  current.info.tick = { num: oddNumber(), den: oddNumber() };
  current.info.overflowReport = random.pick(['counted', 'flagged', 'suspect', 'unknown', 'none']);
  for (const channel of current.info.channels) {
    channel.name = oddText();
    if (random.chance(0.2)) channel.number *= -1;
  }
  for (const entry of current.ledger.channels) {
    entry.lost.usb = random.integer(0, 5);
    if (random.chance(0.1)) entry.unknown.device = 1;
  }
  current.settings = random.chance(0.5) ? {} : { channels: { 1: { triggerLevelV: oddNumber() } }, tagger: { clockSource: oddText() } };
  tagger.rateHz = random.pick([null, oddNumber()]);
  return tagger;
}
