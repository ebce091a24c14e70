// test/bench/pipeline.worker.ts - an ingest worker that decodes the same T2 records over and over: as fast as the ring takes them, or
// live at a steady rate, where whoever is late loses.
import { setTimeout } from 'node:timers/promises';
import type { Tagger, TaggerInfo, TaggerSource } from '../../app/core/tagger.ts';
import type { TagSink } from '../../app/core/tags.ts';
import { stateBytes, T2Decoder } from '../../app/driver/decode/decode.ts';
import { runIngest } from '../../app/dsp/ingest.ts';
import { viewsOf } from '../../app/dsp/memory.ts';
import { benchData, format, tick, type BenchData, type DataName } from './pipeline-data.ts';

class LoopTagger implements Tagger {
  readonly info: TaggerInfo;
  readonly #loops: number;
  readonly #data: BenchData;
  /** Records per ms; 0 = as fast as possible. */
  readonly #pace: number;

  constructor(name: DataName, loops: number, pace: number) {
    this.#loops = loops;
    this.#pace = pace;
    this.#data = benchData(name);
    this.info = {
      model: 'loop', serial: '0', driver: 'bench', source: pace > 0 ? 'live' : 'waitable', tick, settings: [], overflowReport: 'none', freeRunning: false,
      channels: Array.from({ length: this.#data.inputs }, (_, i) => ({ number: i + 1, name: `Ch ${i + 1}` })),
    };
  }

  settings(): object { return {}; }
  async configure(): Promise<object> { return {}; }
  async [Symbol.asyncDispose](): Promise<void> { /* holds nothing */ }

  async run(sink: TagSink): Promise<void> {
    const { records: all, inputs } = this.#data;
    const decoder = new T2Decoder(sink.memory, sink.scratchAt, format, { inputs, markers: {} }, tick);
    const rawAt = sink.scratchAt + Math.ceil(stateBytes / 64) * 64;
    const chunk = Math.floor((sink.scratchBytes - stateBytes - 64) / 4);
    sink.heartbeat(0n);
    const startedAt = performance.now();
    let sent = 0;
    for (let loop = 0; loop < this.#loops; loop++) {
      for (let from = 0; from < all.length && !sink.stopped; from += chunk) {
        const records = all.subarray(from, from + chunk);
        const early = this.#pace > 0 ? sent / this.#pace - (performance.now() - startedAt) : 0;
        if (early > 1) await setTimeout(early);
        sent += records.length;
        viewsOf(sink.memory).u32.set(records, rawAt / 4);
        for (let done = 0; done < records.length;) {
          sink.commit(decoder.decode(rawAt + done * 4, records.length - done, sink.room()));
          done += decoder.consumed;
        }
      }
    }
    while (decoder.holding) sink.commit(decoder.flush(sink.room()));
  }
}

runIngest(async (source: TaggerSource) => {
  if (source.kind !== 'replay') throw new Error('data and the number of loops come as the name of a replay');
  const [name, loops, pace = 0] = source.file.split(' ');
  return new LoopTagger(name as DataName, Number(loops), Number(pace));
});
