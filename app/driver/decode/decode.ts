// driver/decode/decode.ts - one decoder of T2 records over a piece of shared memory: wasm, or its twin in TypeScript.
//
// Times are floor(ticks * num / den) of the absolute tick count, never a sum of rounded steps. The last tags of equal
// time are held back until a later record shows that the tie is complete: `flush` lets them go at the end.
import { TaggerError } from '../../core/errors.ts';
import type { Room, Tick } from '../../core/tags.ts';
import {
  baseAt, limitAt, numAt, denAt, timeBitsAt, wrapAt, countedWrapsAt, inputsAt, consumedAt, statusAt, runPsAt, runCountAt,
  unknownPsAt, overflowsAt, unknownsAt, specialsAt, stateBytes, noChannel,
  stoppedByRoom, stoppedByLimit, stoppedByUnknown, stoppedByTime,
} from './layout.ts';
import { decodeExports } from './exports.ts';
import { createTwin, type DecodeExports } from './twin.ts';

export { stateBytes } from './layout.ts';

/** What a 4-byte T2 record looks like. */
export interface T2Format {
  /** Bits of the time field: 25, or 28 for the PicoHarp. */
  timeBits: 25 | 28;
  /** Ticks per overflow. */
  wrapTicks: number;
  /** True if an overflow record carries how many wraps it stands for (0 means 1). */
  countedWraps: boolean;
}

/** Dense channel indexes: inputs are 0..inputs-1 by their code, sync and marker bits where they are listed. */
export interface T2Channels {
  inputs: number;
  sync?: number;
  /** Index by marker bit 1, 2, 4, 8. */
  markers: Readonly<Record<number, number>>;
}

export type Stop = 'end' | 'room' | 'limit' | 'unknown' | 'time';

const stops: Record<number, Stop> = { [stoppedByRoom]: 'room', [stoppedByLimit]: 'limit', [stoppedByUnknown]: 'unknown', [stoppedByTime]: 'time' };
const noLimitPs = 2n ** 63n - 1n;

/** Larger ticks or finer fractions would leave the exact range of a double inside a wrap. */
export const tickBounds = { num: 2 ** 24, den: 4096 } as const;

export class T2Decoder {
  readonly kind: 'wasm' | 'typescript';
  readonly #exports: DecodeExports;
  readonly #view: DataView;
  readonly #stateAt: number;

  /** @param stateAt 8-aligned, `stateBytes` long; the raw records of each call lie behind it */
  constructor(memory: WebAssembly.Memory, stateAt: number, format: T2Format, channels: T2Channels, tick: Tick, originPs = 0n, kind?: 'wasm' | 'typescript') {
    if (tick.num > tickBounds.num || tick.den > tickBounds.den) {
      throw new TaggerError('unsupported', `Cannot decode times in ticks of ${tick.num}/${tick.den} ps.`, {
        hint: 'A tick may be up to 16 us long and a fraction down to 1/4096 ps.',
      });
    }
    const wasm = kind === 'typescript' ? undefined : decodeExports<DecodeExports>(memory);
    if (kind === 'wasm' && !wasm) throw new TaggerError('unavailable', 'Cannot decode with WebAssembly: decode.wasm is missing or this machine lacks SIMD.');
    this.kind = wasm ? 'wasm' : 'typescript';
    this.#exports = wasm ?? createTwin(memory);
    this.#stateAt = stateAt;
    const view = new DataView(memory.buffer, stateAt, stateBytes);
    for (let i = 0; i < stateBytes; i++) view.setUint8(i, 0);
    view.setBigInt64(baseAt, originPs, true);
    view.setBigInt64(runPsAt, originPs, true);
    view.setBigInt64(limitAt, noLimitPs, true);
    view.setUint32(numAt, tick.num, true);
    view.setUint32(denAt, tick.den, true);
    view.setUint32(timeBitsAt, format.timeBits, true);
    view.setUint32(wrapAt, format.wrapTicks, true);
    view.setUint32(countedWrapsAt, format.countedWraps ? 1 : 0, true);
    view.setUint32(inputsAt, channels.inputs, true);
    for (let code = 0; code < 16; code++) view.setUint8(specialsAt + code, (code === 0 ? channels.sync : channels.markers[code]) ?? noChannel);
    this.#view = view;
  }

  /** Decodes up to `records` records at `rawAt` into the room. @returns tags written; see `stop` and `consumed` */
  decode(rawAt: number, records: number, room: Room): number {
    return this.#exports.decodeT2(this.#stateAt, rawAt, records, room.timesAt, room.channelsAt, room.tags);
  }

  /** Writes the held tags; call until `stop` is `end`. */
  flush(room: Room): number { return this.#exports.flushRun(this.#stateAt, room.timesAt, room.channelsAt, room.tags); }

  /** Why the last call ended. */
  get stop(): Stop { return stops[this.#view.getUint32(statusAt, true)] ?? 'end'; }
  /** Records taken by the last call; a skipped one of stop `unknown` is among them. */
  get consumed(): number { return this.#view.getUint32(consumedAt, true); }
  get holding(): boolean { return this.#view.getUint32(runCountAt, true) > 0; }
  /** Every tag before this time has been written. */
  get watermarkPs(): bigint {
    const base = this.#view.getBigInt64(baseAt, true), run = this.#view.getBigInt64(runPsAt, true);
    return base > run && !this.holding ? base : run;
  }
  /** Time of the record that was skipped last. */
  get unknownPs(): bigint { return this.#view.getBigInt64(unknownPsAt, true); }
  get overflows(): number { return this.#view.getUint32(overflowsAt, true); }
  get unknowns(): number { return this.#view.getUint32(unknownsAt, true); }
  /** Tags at or after this time wait; `undefined`: none do. */
  set limitPs(limit: bigint | undefined) { this.#view.setBigInt64(limitAt, limit ?? noLimitPs, true); }
}
