// test/driver/guide/protocol.ts - the Clicker on the wire: 3 inputs, 10 ns, 32-bit little-endian records. Bytes in, tags and losses out.
//
// Bit 31 set: bits 30..0 tags were lost since the record before. Else bits 30..28 are the inputs that clicked in this tick, and bits 27..0 the
// tick. A record without inputs only says what time it is; one comes at least every 100 ms, so no wrap (2.7 s) is missed.

export const id = '1209:c11c';
export const endpoint = 0x81;
export const requests = { who: 1, run: 2, enable: 3 } as const;
export const inputs = 3, tickPs = 10_000, timeBits = 28, recordBytes = 4;

/** What a call fills: times and channel indexes, `n` of them. */
export interface Tags { readonly timesPs: BigInt64Array; readonly channels: Uint8Array; n: number }

export class ClickerDecoder {
  /** Stream time of the last record. */
  lastPs: bigint;
  /** Told by the records and to be handed on before the next call. */
  loss: { fromPs: bigint; toPs: bigint; count: number } | undefined;
  readonly #originPs: bigint;
  /** Ticks since the start; a double counts them exactly for two years. */
  #ticks = 0;
  #lost = 0;

  constructor(originPs: bigint) {
    this.#originPs = this.lastPs = originPs;
  }

  /** Takes records until they end, `tags` is full or a loss was found. @returns bytes taken */
  decode(bytes: Uint8Array, tags: Tags): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    for (tags.n = 0; at + recordBytes <= bytes.length && tags.n + inputs <= tags.channels.length; at += recordBytes) {
      const record = view.getUint32(at, true);
      if (record >>> 31 === 1) {
        this.#lost += record & 0x7fffffff;
        continue;
      }
      const round = 2 ** timeBits, time = record % round, before = this.#ticks % round;
      const ticks = this.#ticks - before + time + (time < before ? round : 0), timePs = this.#originPs + BigInt(ticks) * BigInt(tickPs);
      if (this.#lost > 0) {
        this.loss = { fromPs: this.lastPs, toPs: timePs, count: this.#lost };
        this.#lost = 0;
        break;
      }
      this.#ticks = ticks;
      this.lastPs = timePs;
      // Several inputs in one tick are several tags of one time, in the order of their channels.
      for (let input = 0; input < inputs; input++) {
        if ((record >>> timeBits & 1 << input) === 0) continue;
        tags.timesPs[tags.n] = timePs;
        tags.channels[tags.n++] = input;
      }
    }
    return at;
  }
}
