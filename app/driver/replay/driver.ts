// driver/replay/driver.ts - plays a PTU recording as if it came from the tagger that made it.
//
// Unpaced it is waitable: readers hold it back and nothing is lapped. Paced it is live, with the speed of a clock. The
// file is read in chunks straight into the scratch of the sink, so a recording of any length takes the same memory.
// Each run() starts at the beginning.
import { closeSync } from 'node:fs';
import { TaggerError } from '../../core/errors.ts';
import type { Settings, Tagger, TaggerInfo } from '../../core/tagger.ts';
import type { TagSink } from '../../core/tags.ts';
import { checkSettings } from '../../core/settings.ts';
import { pause, yieldToMessages } from '../pause.ts';
import { stateBytes, T2Decoder } from '../decode/decode.ts';
import { openRecording, readAt, type Recording } from './file.ts';

export interface ReplayOptions {
  file: string;
  /** Stream seconds per second, or as fast as readers take it. */
  speed: number | 'unpaced';
  /** Stream time of the recording's time 0. */
  startPs?: bigint | undefined;
  /** Which decoder; by default the fastest that runs here. */
  decoder?: 'wasm' | 'typescript';
}

/** Between two looks at the clock of a paced replay. */
const stepMs = 5;
/** A file may hold a few damaged records. With more than this it is no T2 file. */
const tolerated = 1000;

export function openReplay(options: ReplayOptions): ReplayTagger { return new ReplayTagger(openRecording(options.file), options); }

export class ReplayTagger implements Tagger {
  readonly info: TaggerInfo;
  readonly #recording: Recording;
  readonly #options: ReplayOptions;
  #running = false;
  #open = true;
  #taken = 0;

  constructor(recording: Recording, options: ReplayOptions) {
    this.#recording = recording;
    this.#options = options;
    this.info = {
      model: recording.model, serial: recording.serial, driver: 'replay', source: options.speed === 'unpaced' ? 'waitable' : 'live',
      tick: recording.tick, channels: recording.list, settings: [], overflowReport: 'unknown', freeRunning: false,
      description: [`replay of ${recording.name}`, ...recording.remarks].join('; '),
    };
  }

  settings(): Settings { return { tagger: {}, channels: {} }; }

  async configure(change: Settings): Promise<Settings> {
    checkSettings(change, this.info);
    return this.settings();
  }

  /** Fraction of the records that were handed over, 0 to 1. */
  progress(): number { return this.#recording.records === 0 ? 1 : this.#taken / this.#recording.records; }

  async run(sink: TagSink, signal: AbortSignal): Promise<void> {
    if (!this.#open) throw new TaggerError('closed', `Cannot replay ${this.#recording.name}: it was closed.`);
    if (this.#running) throw new TaggerError('busy', `Cannot replay ${this.#recording.name}: it is running already.`);
    this.#running = true;
    this.#taken = 0;
    try {
      await this.#play(sink, signal);
    } finally {
      this.#running = false;
      if (!this.#open) closeSync(this.#recording.fd);
    }
  }

  async #play(sink: TagSink, signal: AbortSignal): Promise<void> {
    const { fd, name, records, recordsAt, type, channels, tick } = this.#recording;
    const { speed, startPs = 0n, decoder: kind } = this.#options;
    const decoder = new T2Decoder(sink.memory, sink.scratchAt, type.format, channels, tick, startPs, kind);
    const rawAt = sink.scratchAt + stateBytes;
    const chunkRecords = Math.floor((sink.scratchBytes - stateBytes) / 4);
    const stopped = (): boolean => signal.aborted || sink.stopped || !this.#open;
    const begunMs = performance.now();
    const duePs = speed === 'unpaced' ? undefined : (): bigint => startPs + BigInt(Math.floor((performance.now() - begunMs) * 1e9 * speed));
    // The recording began at its time 0, not with its first tag.
    let heartbeatPs = startPs;
    sink.heartbeat(startPs);
    const heartbeat = (atPs: bigint): void => {
      if (atPs > heartbeatPs) sink.heartbeat(heartbeatPs = atPs);
    };

    for (let next = 0; next < records && !stopped();) {
      const count = Math.min(chunkRecords, records - next);
      const bytes = new Uint8Array(sink.memory.buffer, rawAt, count * 4);
      if (readAt(fd, bytes, recordsAt + next * 4) < bytes.length) {
        throw new TaggerError('device-lost', `Cannot replay ${name} any further: the file became shorter while it was read (record ${next} of ${records}).`);
      }
      for (let taken = 0; taken < count && !stopped();) {
        const limitPs = duePs?.();
        decoder.limitPs = limitPs;
        const room = sink.room();
        const written = decoder.decode(rawAt + taken * 4, count - taken, room);
        if (written > 0) sink.commit(written);
        taken += decoder.consumed;
        this.#taken = next + taken;
        if (decoder.stop === 'unknown') this.#unknown(sink, decoder);
        else if (decoder.stop === 'time') throw new TaggerError('protocol', `Cannot replay ${name} any further: at record ${this.#taken} its overflow records add up to more than 106 days.`, {
          hint: 'The file is damaged, or not a T2 recording.',
        });
        else if (decoder.stop === 'limit' && limitPs !== undefined) {
          heartbeat(limitPs);
          await pause(stepMs, signal);
        }
      }
      next += count;
      heartbeat(decoder.watermarkPs);
      await yieldToMessages();
    }
    if (stopped()) return;
    while (decoder.holding) {
      const written = decoder.flush(sink.room());
      if (written > 0) sink.commit(written);
    }
    heartbeat(decoder.watermarkPs);
  }

  /** A record that nobody can read stands for something that happened: that is a loss, not nothing. */
  #unknown(sink: TagSink, decoder: T2Decoder): void {
    if (decoder.unknowns > tolerated) {
      throw new TaggerError('protocol', `Cannot replay ${this.#recording.name} any further: ${decoder.unknowns} of its first ${this.#taken} records are of no known kind.`, {
        hint: 'The file is damaged, or its header names the wrong record type.',
      });
    }
    const fromPs = decoder.watermarkPs, atPs = decoder.unknownPs;
    sink.lost({ grade: 'flagged', place: 'device', fromPs, toPs: (atPs > fromPs ? atPs : fromPs) + 1n });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    if (!this.#running) closeSync(this.#recording.fd);
  }
}
