// dsp/ring.ts - blocks of tags in shared memory: one writer, up to 16 readers, no copies, no locks.
//
// A live writer never waits and never overwrites a block in use. It takes the oldest slot, marks its sequence as
// `writing` and only then looks at the pins; a reader pins a slot and only then checks its sequence. One of the two
// always sees the other. There are as many spare slots as readers, so a slot that nobody holds is always found.
// A waitable writer waits until every attached reader has passed the oldest block, so nothing is ever overtaken.
//
// Sequences live in shared memory as 31 bits and in JavaScript as whole numbers. They start just below the wrap, so
// that every run crosses it and not only the one that lasts for months.
//
// Above the usual length: writer and reader are two halves of one proof and must be read together.
import { align64, reservedBytes, viewsOf, type Views } from './memory.ts';

export const blockTags = 16384;
/** Tags in front of a block that belong to the blocks before it. */
export const tailTags = 4096;
export const maxReaders = 16;
/** One loss with its counts of 254 channels must fit into one block. */
export const markersPerBlock = 320;
const firstSequence = 2 ** 31 - 64;
/** Fences are int32 and compared by their difference; they, too, start just below their wrap. */
const firstFence = 2 ** 31 - 16;
const writing = -1;
const taken = -2;

/** Control words, int32 indexes from the start of the ring's control page. */
const word = { written: 0, waitable: 1, ended: 2, stop: 3, flush: 4, progress: 5, wanted: 6, fenced: 7, watermark: 8, live: 10, readers: 64, totals: 512, directory: 1024 } as const;
const readerWords = { stride: 16, attached: 0, cursor: 1, pin: 2, bell: 3 } as const;
/** A power of two: whoever attaches after months knows a sequence by its low 31 bits only and must find the same place. */
const directoryWords = 8192;
const controlBytes = 4 * (word.directory + directoryWords);

/** Offsets in a slot. `before` holds the tags per channel of all earlier blocks, so that a lapped reader can count. */
const header = {
  sequence: 0, n: 4, history: 8, historyComplete: 12, epoch: 16, fence: 20, rebases: 24, losses: 28, revision: 32, markers: 36,
  losing: 40, fromPs: 48, toPs: 56, losingFromPs: 64, counts: 128, before: 1152, table: 3200,
} as const;
const markerBytes = 48;
const headerBytes = align64(header.table + markersPerBlock * markerBytes);

export interface RingLayout { controlAt: number; slotsAt: number; slots: number; endAt: number }

export type MarkerKind = 'lost' | 'missed' | 'losing' | 'epoch' | 'slip' | 'disorder' | 'settings' | 'clock';
const markerKinds: readonly MarkerKind[] = ['lost', 'missed', 'losing', 'epoch', 'slip', 'disorder', 'settings', 'clock'];
const grades = ['counted', 'flagged', 'suspect'] as const;
const places = ['device', 'usb', 'host'] as const;

/** Something that happened in front of tag `index` of its block. `missed` follows its `lost`, one for each channel. */
export interface Marker {
  kind: MarkerKind;
  index: number;
  channel: number;
  grade: (typeof grades)[number];
  place: (typeof places)[number];
  revision: number;
  /** For `missed`: tags; for `lost`: 1 if counts per channel follow; for `clock`: 1 if locked; for `epoch`: uncertainty in ps. */
  count: number;
  fromPs: bigint;
  toPs: bigint;
}

/** Marks a channel index as "all of them". */
export const everyChannel = 255;

export interface Header {
  n: number;
  history: number;
  historyComplete: boolean;
  epoch: number;
  fence: number;
  rebases: number;
  /** Lost intervals so far, those of earlier blocks. */
  losses: number;
  revision: number;
  /** An overflow is in progress at the start of the block, since this stream time. */
  losingFromPs: bigint | undefined;
  fromPs: bigint;
  toPs: bigint;
}

/** A block a reader holds; valid until `release`. */
export interface Block extends Header {
  sequence: number;
  timesAt: number;
  channelsAt: number;
  countsAt: number;
  /** f64[256]: tags per channel of all earlier blocks. */
  beforeAt: number;
  markers: Marker[];
}

export type Ended = 'no' | 'source' | 'broken';
const endings: readonly Ended[] = ['no', 'source', 'broken'];

const slotBytes = align64(headerBytes + (tailTags + blockTags) * 9);

export function ringLayout(slots: number, at = reservedBytes): RingLayout {
  const slotsAt = at + controlBytes;
  const all = slots + maxReaders;
  if (all > directoryWords) throw new RangeError(`A ring has at most ${directoryWords - maxReaders} blocks, not ${slots}.`);
  return { controlAt: at, slotsAt, slots: all, endAt: slotsAt + all * slotBytes };
}

/** True if `fence` was asked for before `passed` or is the same; right as long as fewer than 2^31 lie between them. */
export function isPast(passed: number, fence: number): boolean { return ((passed - fence) | 0) >= 0; }

const low = (sequence: number): number => sequence % 2 ** 31;
/** The whole sequence near `near` whose low 31 bits are `bits`. */
const whole = (bits: number, near: number): number => near + (((bits - low(near)) << 1) >> 1);

/** The words and slots as every thread sees them. */
export class Ring {
  readonly memory: WebAssembly.Memory;
  readonly layout: RingLayout;
  readonly #at: number;

  constructor(memory: WebAssembly.Memory, layout: RingLayout) {
    this.memory = memory;
    this.layout = layout;
    this.#at = layout.controlAt / 4;
  }

  /** Writes the words that are not zero at the beginning; once, before any other thread sees the ring. */
  format(): void {
    const { i32 } = this.views;
    i32[this.#at + word.written] = low(firstSequence);
    i32[this.#at + word.wanted] = -1;
    i32[this.#at + word.flush] = firstFence;
    i32[this.#at + word.fenced] = firstFence;
    for (let slot = 0; slot < this.layout.slots; slot++) i32[this.slotAt(slot) / 4] = taken;
    for (let reader = 0; reader < maxReaders; reader++) i32[this.readerWord(reader, 'pin')] = -1;
  }

  get views(): Views { return viewsOf(this.memory, this.layout.endAt); }
  slotAt(slot: number): number { return this.layout.slotsAt + slot * slotBytes; }
  readerWord(reader: number, name: Exclude<keyof typeof readerWords, 'stride'>): number {
    return this.#at + word.readers + reader * readerWords.stride + readerWords[name];
  }
  wordIndex(name: keyof typeof word): number { return this.#at + word[name]; }
  directoryIndex(sequence: number): number { return this.#at + word.directory + sequence % directoryWords; }

  get written(): number { return Atomics.load(this.views.i32, this.wordIndex('written')); }
  get waitable(): boolean { return Atomics.load(this.views.i32, this.wordIndex('waitable')) !== 0; }
  set waitable(value: boolean) { Atomics.store(this.views.i32, this.wordIndex('waitable'), value ? 1 : 0); }
  get ended(): Ended { return endings[Atomics.load(this.views.i32, this.wordIndex('ended'))] ?? 'broken'; }
  get stopped(): boolean { return Atomics.load(this.views.i32, this.wordIndex('stop')) !== 0; }

  /** Stream time up to which all tags were published, and the live part of it since the beginning, ps. */
  get watermarkPs(): bigint { return Atomics.load(this.views.i64, this.wordIndex('watermark') / 2); }
  get livePs(): number { return this.views.f64[this.wordIndex('live') / 2]!; }
  setProgress(watermarkPs: bigint, livePs: number): void {
    Atomics.store(this.views.i64, this.wordIndex('watermark') / 2, watermarkPs);
    this.views.f64[this.wordIndex('live') / 2] = livePs;
  }
  /** Tags per channel index that were published since the beginning; a view on the live numbers. */
  totals(channels: number): Float64Array {
    return this.views.f64.subarray(this.wordIndex('totals') / 2, this.wordIndex('totals') / 2 + channels);
  }

  end(how: Exclude<Ended, 'no'>): void {
    Atomics.compareExchange(this.views.i32, this.wordIndex('ended'), 0, endings.indexOf(how));
    this.ringBells();
  }

  /** Asks the writer to return from `run()` and wakes it if it waits for a reader. */
  stop(): void {
    Atomics.store(this.views.i32, this.wordIndex('stop'), 1);
    this.wakeWriter();
    this.ringBells();
  }

  /** Asks the writer to close its open block soon. Blocks opened from now on carry this fence or a later one. */
  requestFlush(): number { return Atomics.add(this.views.i32, this.wordIndex('flush'), 1) + 1; }
  get flush(): number { return Atomics.load(this.views.i32, this.wordIndex('flush')); }
  /** The newest fence in front of which everything is published: what was handed over before it was asked for. */
  get fenced(): number { return Atomics.load(this.views.i32, this.wordIndex('fenced')); }
  passFence(fence: number): void {
    Atomics.store(this.views.i32, this.wordIndex('fenced'), fence);
    this.ringBells();
  }

  ringBell(reader: number): void {
    const bell = this.readerWord(reader, 'bell');
    Atomics.add(this.views.i32, bell, 1);
    Atomics.notify(this.views.i32, bell);
  }
  ringBells(): void {
    for (let reader = 0; reader < maxReaders; reader++) {
      if (Atomics.load(this.views.i32, this.readerWord(reader, 'attached')) !== 0) this.ringBell(reader);
    }
  }
  wakeWriter(): void {
    Atomics.add(this.views.i32, this.wordIndex('progress'), 1);
    Atomics.notify(this.views.i32, this.wordIndex('progress'));
  }

  /** Lets a reader in at the next block. A waitable writer waits for it from now on. */
  attach(reader: number): void {
    Atomics.store(this.views.i32, this.readerWord(reader, 'cursor'), this.written);
    Atomics.store(this.views.i32, this.readerWord(reader, 'pin'), -1);
    Atomics.store(this.views.i32, this.readerWord(reader, 'attached'), 1);
  }
  /** Also for a reader that has died: nobody waits for it any more, its pinned block is given back. */
  detach(reader: number): void {
    Atomics.store(this.views.i32, this.readerWord(reader, 'attached'), 0);
    Atomics.store(this.views.i32, this.readerWord(reader, 'pin'), -1);
    this.wakeWriter();
  }
}

/** The block under construction. Addresses stay the same until `publish`. */
export interface OpenBlock { slot: number; timesAt: number; channelsAt: number; history: number; historyComplete: boolean }

/** The writing end. The owner counts, orders and marks; this moves blocks. */
export class RingWriter {
  readonly ring: Ring;
  readonly #channels: number;
  readonly #before: Float64Array;
  /** Slots by age, oldest first; the open one is in none. */
  readonly #queue: number[];
  #sequence = firstSequence;
  #previous: { slot: number; timesAt: number; channelsAt: number } | undefined;

  constructor(ring: Ring, channels: number) {
    this.ring = ring;
    this.#channels = channels;
    this.#before = new Float64Array(channels);
    this.#queue = Array.from({ length: ring.layout.slots }, (_, slot) => slot);
  }

  get sequence(): number { return this.#sequence; }

  /**
   * Takes a slot and copies the tail in front of it.
   *
   * @param tail tags since the last break at the end of the previous block, its own history included
   */
  open(tail: number): OpenBlock {
    const slot = this.#take();
    const at = this.ring.slotAt(slot);
    const history = Math.min(tailTags, tail);
    const timesAt = at + headerBytes + tailTags * 8;
    const channelsAt = at + headerBytes + (tailTags + blockTags) * 8 + tailTags;
    const { i64, u8, u32 } = this.ring.views;
    if (this.#previous && history > 0) {
      const { timesAt: times, channelsAt: channels } = this.#previous;
      i64.copyWithin(timesAt / 8 - history, times / 8 - history, times / 8);
      u8.copyWithin(channelsAt - history, channels - history, channels);
    }
    u32.fill(0, (at + header.counts) / 4, (at + header.counts) / 4 + 256);
    return { slot, timesAt, channelsAt, history, historyComplete: history === tail };
  }

  countsAt(block: OpenBlock): number { return this.ring.slotAt(block.slot) + header.counts; }

  publish(block: OpenBlock, head: Header, markers: readonly Marker[]): void {
    const { i32, i64, u32, f64 } = this.ring.views;
    const at = this.ring.slotAt(block.slot);
    const words = at / 4;
    for (const name of ['n', 'history', 'epoch', 'fence', 'rebases', 'losses', 'revision'] as const) i32[words + header[name] / 4] = head[name];
    i32[words + header.historyComplete / 4] = head.historyComplete ? 1 : 0;
    i32[words + header.losing / 4] = head.losingFromPs === undefined ? 0 : 1;
    i32[words + header.markers / 4] = markers.length;
    i64[(at + header.fromPs) / 8] = head.fromPs;
    i64[(at + header.toPs) / 8] = head.toPs;
    i64[(at + header.losingFromPs) / 8] = head.losingFromPs ?? 0n;
    for (const [i, marker] of markers.entries()) writeMarker(this.ring.views, at + header.table + i * markerBytes, marker);
    const counts = (at + header.counts) / 4;
    const totals = this.ring.totals(this.#channels);
    f64.set(this.#before, (at + header.before) / 8);
    for (let channel = 0; channel < this.#channels; channel++) {
      this.#before[channel]! += u32[counts + channel]!;
      totals[channel] = this.#before[channel]!;
    }
    // The directory is written first: whoever sees the new `written` finds the slot.
    Atomics.store(i32, this.ring.directoryIndex(this.#sequence), block.slot);
    Atomics.store(i32, words, low(this.#sequence));
    this.#queue.push(block.slot);
    this.#previous = { slot: block.slot, timesAt: block.timesAt + head.n * 8, channelsAt: block.channelsAt + head.n };
    this.#sequence++;
    Atomics.store(i32, this.ring.wordIndex('written'), low(this.#sequence));
    this.ring.ringBells();
  }

  #take(): number {
    if (this.ring.waitable) this.#waitForReaders();
    const { i32 } = this.ring.views;
    const previous = this.#previous?.slot;
    for (const [i, slot] of this.#queue.entries()) {
      if (slot === previous) continue;
      const sequenceAt = this.ring.slotAt(slot) / 4;
      const old = Atomics.load(i32, sequenceAt);
      Atomics.store(i32, sequenceAt, writing);
      if (this.#isPinned(slot)) {
        Atomics.store(i32, sequenceAt, old);
        continue;
      }
      Atomics.store(i32, sequenceAt, taken);
      this.#queue.splice(i, 1);
      return slot;
    }
    throw new Error('The ring has no free slot: more readers hold blocks than there are spare slots.');
  }

  #isPinned(slot: number): boolean {
    const { i32 } = this.ring.views;
    for (let reader = 0; reader < maxReaders; reader++) if (Atomics.load(i32, this.ring.readerWord(reader, 'pin')) === slot) return true;
    return false;
  }

  /**
   * Until every attached reader is past the block whose slot comes next. If it must wait at all it waits until half of
   * the ring is free: to sleep and wake for every block costs more than the block. Asks the stop word every 20 ms.
   */
  #waitForReaders(): void {
    const depth = this.ring.layout.slots - maxReaders;
    const oldest = this.#sequence - depth;
    if (!this.#isBehind(oldest)) return;
    const wanted = oldest + Math.floor(depth / 2);
    const { i32 } = this.ring.views;
    for (;;) {
      // Set anew each time: the reader that rings takes it away, so that it rings once and not for every block.
      Atomics.store(i32, this.ring.wordIndex('wanted'), low(wanted));
      const progress = Atomics.load(i32, this.ring.wordIndex('progress'));
      if (this.ring.stopped || !this.#isBehind(wanted)) break;
      Atomics.wait(i32, this.ring.wordIndex('progress'), progress, 20);
    }
    Atomics.store(i32, this.ring.wordIndex('wanted'), -1);
  }

  #isBehind(oldest: number): boolean {
    const { i32 } = this.ring.views;
    for (let reader = 0; reader < maxReaders; reader++) {
      if (Atomics.load(i32, this.ring.readerWord(reader, 'attached')) === 0) continue;
      if (whole(Atomics.load(i32, this.ring.readerWord(reader, 'cursor')), this.#sequence) <= oldest) return true;
    }
    return false;
  }
}

/** A reading end; one thread. */
export class RingReader {
  readonly ring: Ring;
  readonly #reader: number;
  #cursor: number;

  /** @param reader number of a reader that the main thread has attached */
  constructor(ring: Ring, reader: number) {
    this.ring = ring;
    this.#reader = reader;
    this.#cursor = whole(Atomics.load(ring.views.i32, ring.readerWord(reader, 'cursor')), firstSequence);
  }

  get bell(): number { return Atomics.load(this.ring.views.i32, this.ring.readerWord(this.#reader, 'bell')); }
  /** Sleeps until the bell differs from `seen`, at most `timeoutMs`. */
  wait(seen: number, timeoutMs: number): void {
    Atomics.wait(this.ring.views.i32, this.ring.readerWord(this.#reader, 'bell'), seen, timeoutMs);
  }

  /** Blocks that were published and not taken. */
  get late(): number { return whole(this.ring.written, this.#cursor) - this.#cursor; }

  /** True if every published block was taken. */
  get caughtUp(): boolean { return whole(this.ring.written, this.#cursor) === this.#cursor; }

  /**
   * Pins the next block; `undefined` if there is none. Blocks that were overwritten meanwhile are stepped over: then
   * the sequence is not the one after the last.
   */
  take(): Block | undefined {
    const { i32 } = this.ring.views;
    const pin = this.ring.readerWord(this.#reader, 'pin');
    for (;;) {
      const written = whole(this.ring.written, this.#cursor);
      if (this.#cursor >= written) return undefined;
      const slot = Atomics.load(i32, this.ring.directoryIndex(this.#cursor));
      Atomics.store(i32, pin, slot);
      const sequence = Atomics.load(i32, this.ring.slotAt(slot) / 4);
      if (sequence === low(this.#cursor)) return this.#read(slot);
      Atomics.store(i32, pin, -1);
      // The writer is looking at the pins this very moment: in a few nanoseconds it is ours or gone.
      if (sequence === writing) continue;
      // Gone. Start anew where the writer will not be for as long as possible: half a ring ahead of it.
      this.#cursor = Math.max(this.#cursor + 1, written - Math.floor((this.ring.layout.slots - maxReaders) / 2));
    }
  }

  release(): void {
    this.#cursor++;
    const { i32 } = this.ring.views;
    Atomics.store(i32, this.ring.readerWord(this.#reader, 'pin'), -1);
    Atomics.store(i32, this.ring.readerWord(this.#reader, 'cursor'), low(this.#cursor));
    const wanted = Atomics.load(i32, this.ring.wordIndex('wanted'));
    if (wanted >= 0 && whole(wanted, this.#cursor) < this.#cursor && Atomics.compareExchange(i32, this.ring.wordIndex('wanted'), wanted, -1) === wanted) this.ring.wakeWriter();
  }

  #read(slot: number): Block {
    const { i32, i64 } = this.ring.views;
    const at = this.ring.slotAt(slot);
    const words = at / 4;
    const int = (name: 'n' | 'history' | 'epoch' | 'fence' | 'rebases' | 'losses' | 'revision'): number => i32[words + header[name] / 4]!;
    return {
      sequence: this.#cursor, n: int('n'), history: int('history'), historyComplete: i32[words + header.historyComplete / 4] !== 0,
      epoch: int('epoch'), fence: int('fence'), rebases: int('rebases'), losses: int('losses'), revision: int('revision'),
      losingFromPs: i32[words + header.losing / 4] === 0 ? undefined : i64[(at + header.losingFromPs) / 8]!,
      fromPs: i64[(at + header.fromPs) / 8]!, toPs: i64[(at + header.toPs) / 8]!,
      timesAt: at + headerBytes + tailTags * 8, channelsAt: at + headerBytes + (tailTags + blockTags) * 8 + tailTags,
      countsAt: at + header.counts, beforeAt: at + header.before,
      markers: Array.from({ length: i32[words + header.markers / 4]! }, (_, i) => readMarker(this.ring.views, at + header.table + i * markerBytes)),
    };
  }
}

function writeMarker(views: Views, at: number, marker: Marker): void {
  views.i32[at / 4] = markerKinds.indexOf(marker.kind) | (grades.indexOf(marker.grade) << 8) | (places.indexOf(marker.place) << 16);
  views.i32[at / 4 + 1] = marker.index;
  views.i32[at / 4 + 2] = marker.channel;
  views.i32[at / 4 + 3] = marker.revision;
  views.f64[at / 8 + 2] = marker.count;
  views.i64[at / 8 + 3] = marker.fromPs;
  views.i64[at / 8 + 4] = marker.toPs;
}

function readMarker(views: Views, at: number): Marker {
  const kinds = views.i32[at / 4]!;
  return {
    kind: markerKinds[kinds & 255]!, grade: grades[(kinds >> 8) & 255]!, place: places[kinds >> 16]!,
    index: views.i32[at / 4 + 1]!, channel: views.i32[at / 4 + 2]!, revision: views.i32[at / 4 + 3]!,
    count: views.f64[at / 8 + 2]!, fromPs: views.i64[at / 8 + 3]!, toPs: views.i64[at / 8 + 4]!,
  };
}
