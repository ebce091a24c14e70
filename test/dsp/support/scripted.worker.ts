// test/dsp/support/scripted.worker.ts - an ingest worker whose tagger does what a script says.
import { BroadcastChannel } from 'node:worker_threads';
import { setImmediate } from 'node:timers/promises';
import { TaggerError } from '../../../app/core/errors.ts';
import type { Settings, Tagger, TaggerInfo, TaggerSource } from '../../../app/core/tagger.ts';
import type { TagSink } from '../../../app/core/tags.ts';
import { runIngest } from '../../../app/dsp/ingest.ts';
import { viewsOf } from '../../../app/dsp/memory.ts';
import { decode, type Act, type Script, type TagList } from './script.ts';

class ScriptedTagger implements Tagger {
  readonly info: TaggerInfo;
  readonly #acts: Act[];
  readonly #wire: BroadcastChannel;
  readonly #tell: (message: unknown) => void;
  readonly #open = new Set<string>();
  #opened: (() => void) | undefined;
  #settings: Settings = { channels: {} };

  constructor(wire: string, script: Script) {
    this.#acts = script.acts;
    this.#wire = new BroadcastChannel(wire);
    this.#wire.addEventListener('message', event => {
      const { open } = (event as unknown as { data: { open?: string } }).data;
      if (open === undefined) return;
      this.#open.add(open);
      this.#opened?.();
    });
    this.#tell = this.#wire.postMessage.bind(this.#wire);
    this.info = {
      model: 'scripted', serial: '0', driver: 'scripted', source: script.source ?? 'live', tick: { num: 1, den: 1 },
      channels: Array.from({ length: script.channels ?? 4 }, (_, i) => ({ number: i + 1, name: `Ch ${i + 1}` })),
      settings: [], overflowReport: script.overflowReport ?? 'counted', freeRunning: script.freeRunning ?? false,
    };
  }

  settings(): Settings { return this.#settings; }

  async configure(change: Settings): Promise<Settings> {
    if (change.tagger?.['refuse'] === true) throw new TaggerError('device-refused', 'Cannot change that: the script refuses.');
    this.#settings = { channels: { ...this.#settings.channels, ...change.channels } };
    return this.#settings;
  }

  async run(sink: TagSink, signal: AbortSignal): Promise<void> {
    for (const act of this.#acts) {
      if (signal.aborted || sink.stopped) return;
      await this.#perform(act, sink, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> { this.#wire.close(); }

  async #perform(act: Act, sink: TagSink, signal: AbortSignal): Promise<void> {
    switch (act.do) {
      case 'tags': {
        const { timesPs, channels } = act.tags;
        sink.write(BigInt64Array.from(timesPs), Uint8Array.from(channels), timesPs.length);
        break;
      }
      case 'commit': commit(sink, act.tags, act.atOnce); break;
      case 'heartbeat': sink.heartbeat(act.timePs); break;
      case 'lost': sink.lost(act.loss); break;
      case 'losing': sink.losing(act.fromPs, 'device'); break;
      case 'epoch': sink.epoch(act.atPs, 1000); break;
      case 'slip': sink.timeSlip(act.atPs); break;
      case 'clock': sink.clock('locked', act.atPs); break;
      case 'settings': sink.settings(act.atPs, act.revision, act.channels); break;
      case 'gate': await this.#gate(act.name, signal); break;
      case 'comb': await comb(sink, act, signal); break;
      case 'fail': throw new TaggerError('device-lost', act.message);
      case 'die': process.exit(3);
    }
  }

  async #gate(name: string, signal: AbortSignal): Promise<void> {
    this.#tell({ reached: name });
    while (!this.#open.has(name) && !signal.aborted) {
      await new Promise<void>(resolve => {
        this.#opened = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}

function commit(sink: TagSink, { timesPs, channels }: TagList, atOnce: number): void {
  for (let done = 0; done < timesPs.length;) {
    const room = sink.room();
    const n = Math.min(atOnce, room.tags, timesPs.length - done);
    const { i64, u8 } = viewsOf(sink.memory);
    for (let i = 0; i < n; i++) {
      i64[room.timesAt / 8 + i] = timesPs[done + i]!;
      u8[room.channelsAt + i] = channels[done + i]!;
    }
    sink.commit(n);
    done += n;
  }
}

async function comb(sink: TagSink, { fromPs, stepPs, count }: Extract<Act, { do: 'comb' }>, signal: AbortSignal): Promise<void> {
  const size = 16384;
  const times = new BigInt64Array(size), words = new Uint32Array(times.buffer);
  const channels = Uint8Array.from({ length: size }, (_, i) => i % 2);
  for (let done = 0; done < count && !signal.aborted; done += size) {
    const n = Math.min(size, count - done);
    // Both halves as numbers: a BigInt for each tag would cost more than all that is done with it.
    const first = fromPs + BigInt(done) * BigInt(stepPs), low = Number(BigInt.asUintN(32, first)), high = Number(first >> 32n);
    for (let i = 0; i < n; i++) {
      const sum = low + i * stepPs;
      words[2 * i] = sum;
      words[2 * i + 1] = high + Math.floor(sum / 2 ** 32);
    }
    sink.write(times, channels, n);
    if (done % (size * 16) === 0) await setImmediate();
  }
}

runIngest(async (source: TaggerSource): Promise<Tagger> => {
  if (source.kind !== 'replay') throw new Error('a script comes as the name of a replay');
  const { wire, script } = decode<{ wire: string; script: Script }>(source.file);
  return new ScriptedTagger(wire, script);
});
