// test/support/fake-sink.ts - a TagSink that keeps all it is given, with blocks of any size: what a driver did, in order.
import type { Loss, LossPlace, Room, TagSink } from '../../app/core/tags.ts';

export type Marker =
  | { kind: 'heartbeat'; atPs: bigint }
  | { kind: 'lost'; loss: Loss }
  | { kind: 'losing'; atPs: bigint; place: LossPlace }
  | { kind: 'epoch'; atPs: bigint; uncertaintyPs: number }
  | { kind: 'slip'; atPs: bigint }
  | { kind: 'clock'; atPs: bigint; state: 'locked' | 'lost' }
  | { kind: 'settings'; atPs: bigint; revision: number; channelIndexes: readonly number[] };

export interface FakeSinkOptions {
  /** Tags of each room, one after the other, from the start again; default: as many as the memory holds. */
  rooms?: readonly number[];
  scratchBytes?: number;
  /** `stopped` turns true after this many tags. */
  stopAfter?: number;
  /** Count tags but do not keep them: for long streams. */
  forget?: boolean;
}

const largestRoom = 16 * 1024;
const scratchAt = 4096;

export class FakeSink implements TagSink {
  readonly memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
  readonly scratchAt = scratchAt;
  readonly scratchBytes: number;
  /** Markers with the number of tags that came before each. */
  readonly markers: (Marker & { tagsBefore: number })[] = [];
  readonly #rooms: readonly number[];
  readonly #stopAfter: number;
  readonly #forget: boolean;
  readonly #timesAt: number;
  readonly #channelsAt: number;
  #times: BigInt64Array[] = [];
  #channels: Uint8Array[] = [];
  #roomsGiven = 0;
  #open: Room | undefined;
  tags = 0;
  stopped = false;

  constructor(options: FakeSinkOptions = {}) {
    this.#rooms = options.rooms ?? [largestRoom];
    this.scratchBytes = options.scratchBytes ?? 256 * 1024;
    this.#stopAfter = options.stopAfter ?? Infinity;
    this.#forget = options.forget ?? false;
    this.#timesAt = scratchAt + 256 * 1024 + 64;
    // Odd on purpose: nobody promised that channel indexes are aligned.
    this.#channelsAt = this.#timesAt + 8 * largestRoom + 8 + 3;
  }

  get timesPs(): BigInt64Array { return joined(this.#times, this.tags, BigInt64Array); }
  get channels(): Uint8Array { return joined(this.#channels, this.tags, Uint8Array); }

  room(): Room {
    this.#open ??= { timesAt: this.#timesAt, channelsAt: this.#channelsAt, tags: this.#rooms[this.#roomsGiven++ % this.#rooms.length]! };
    const { tags } = this.#open;
    // A byte that must survive behind each array shows a decoder that writes too far.
    new BigInt64Array(this.memory.buffer, this.#timesAt + 8 * tags, 1)[0] = -1n;
    new Uint8Array(this.memory.buffer)[this.#channelsAt + tags] = 0xa5;
    return this.#open;
  }

  commit(count: number): void {
    const open = this.#open;
    if (!open || count < 1 || count > open.tags) throw new Error(`commit(${count}) after a room of ${open?.tags ?? 'nothing'}`);
    if (new BigInt64Array(this.memory.buffer, this.#timesAt + 8 * open.tags, 1)[0] !== -1n || new Uint8Array(this.memory.buffer)[this.#channelsAt + open.tags] !== 0xa5) {
      throw new Error(`a driver wrote behind a room of ${open.tags} tags`);
    }
    this.#open = undefined;
    this.#keep(new BigInt64Array(this.memory.buffer, this.#timesAt, count), new Uint8Array(this.memory.buffer, this.#channelsAt, count));
  }

  write(timesPs: BigInt64Array, channels: Uint8Array, count: number): void { this.#keep(timesPs.subarray(0, count), channels.subarray(0, count)); }

  #keep(timesPs: BigInt64Array, channels: Uint8Array): void {
    if (!this.#forget) {
      this.#times.push(timesPs.slice());
      this.#channels.push(channels.slice());
    }
    this.tags += timesPs.length;
    if (this.tags >= this.#stopAfter) this.stopped = true;
  }

  #mark(marker: Marker): void { this.markers.push({ ...marker, tagsBefore: this.tags }); }

  heartbeat(timePs: bigint): void { if (!this.#forget) this.#mark({ kind: 'heartbeat', atPs: timePs }); }
  lost(loss: Loss): void { this.#mark({ kind: 'lost', loss }); }
  losing(fromPs: bigint, place: LossPlace): void { this.#mark({ kind: 'losing', atPs: fromPs, place }); }
  epoch(atPs: bigint, uncertaintyPs: number): void { this.#mark({ kind: 'epoch', atPs, uncertaintyPs }); }
  timeSlip(atPs: bigint): void { this.#mark({ kind: 'slip', atPs }); }
  clock(state: 'locked' | 'lost', atPs: bigint): void { this.#mark({ kind: 'clock', atPs, state }); }
  settings(atPs: bigint, revision: number, channelIndexes: readonly number[]): void { this.#mark({ kind: 'settings', atPs, revision, channelIndexes }); }

  /** All losses reported, in order. */
  get losses(): Loss[] { return this.markers.flatMap(marker => (marker.kind === 'lost' ? [marker.loss] : [])); }
}

function joined<T extends BigInt64Array | Uint8Array>(parts: readonly T[], length: number, Type: new (length: number) => T): T {
  const all = new Type(length);
  let at = 0;
  for (const part of parts) {
    (all as Uint8Array).set(part as Uint8Array, at);
    at += part.length;
  }
  return all;
}
