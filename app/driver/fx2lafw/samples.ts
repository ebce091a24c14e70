// driver/fx2lafw/samples.ts - bytes of the board into the sink, by way of the decoder.
import type { TagSink } from '../../core/tags.ts';
import { decodeExports } from '../decode/exports.ts';
import { edgesState, edgesTwin, writeState, type EdgesDecoder, type Sampling } from './protocol.ts';

/** Small enough to stay in the cache between the copy and the decoder. */
const pieceBytes = 64 * 1024;
/** In front of the samples, for the one before. */
const gap = 64;

export class Samples {
  readonly #sink: TagSink;
  readonly #decoder: EdgesDecoder;
  readonly #state: DataView;
  readonly #bytes: Uint8Array;
  readonly #stateAt: number;
  readonly #rawAt: number;
  #sampleBytes = 1;
  /** Half a sample: packets are whole, but nothing keeps a device from sending others. */
  #rest: number | undefined;

  constructor(sink: TagSink) {
    this.#sink = sink;
    this.#decoder = decodeExports<EdgesDecoder>(sink.memory) ?? edgesTwin(sink.memory);
    this.#stateAt = sink.scratchAt;
    this.#rawAt = sink.scratchAt + edgesState.bytes + gap;
    this.#state = new DataView(sink.memory.buffer, this.#stateAt, edgesState.bytes);
    this.#bytes = new Uint8Array(sink.memory.buffer);
  }

  /** The next sample is the first of a new stretch, taken at `originPs`. */
  begin(sampling: Sampling, originPs: bigint): void {
    writeState(this.#state, sampling, originPs);
    this.#sampleBytes = sampling.sampleBytes;
    this.#rest = undefined;
  }

  /** Lines to look at from the next sample on. */
  set mask(mask: number) { this.#state.setUint32(edgesState.mask, mask, true); }

  /** Time of the next sample; every tag before it has been handed on. */
  get positionPs(): bigint { return this.#state.getBigInt64(edgesState.base, true); }

  take(data: Uint8Array): void {
    for (let from = 0; from < data.length; from += pieceBytes) this.#piece(data.subarray(from, from + pieceBytes));
    this.#sink.heartbeat(this.positionPs);
  }

  #piece(data: Uint8Array): void {
    const had = this.#rest === undefined ? 0 : 1, bytes = had + data.length, samples = Math.floor(bytes / this.#sampleBytes);
    if (this.#rest !== undefined) this.#bytes[this.#rawAt] = this.#rest;
    this.#bytes.set(data, this.#rawAt + had);
    this.#rest = bytes % this.#sampleBytes === 0 ? undefined : data.at(-1);
    for (let done = 0, isFull = false; done < samples || isFull;) {
      const room = this.#sink.room();
      const written = this.#decoder.decodeEdges(this.#stateAt, this.#rawAt + done * this.#sampleBytes, samples - done, room.timesAt, room.channelsAt, room.tags);
      if (written > 0) this.#sink.commit(written);
      done += this.#state.getUint32(edgesState.consumed, true);
      isFull = this.#state.getUint32(edgesState.isFull, true) > 0;
    }
  }
}
