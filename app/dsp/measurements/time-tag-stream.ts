// dsp/measurements/time-tag-stream.ts - TimeTagStream: the tags themselves, with losses and breaks in their places.
import type { CheckedConfig, TagBuffer } from '../../core/measurements.ts';
import { viewsOf } from '../kernels/words.ts';
import type { Measurement, MeasurementClass, Payload, Segment, SegmentEnd, Totals, Workspace } from '../measurement.ts';
import { channelsOf, numberOf } from './config.ts';
import { RowBuffer, WaitingRows, rowsBytes } from './rows.ts';
import { Tally } from './tally.ts';

const rowBytes = 16, placesBytes = 256;
/** The second word of a row: place in the low byte, 255 for none; type in the next; a count above them. */
const noPlace = 255n;
const type = { tag: 0, broken: 1, begin: 2, end: 3, missed: 4 } as const;

function codeOf(kind: number, place: bigint, missed: number): bigint { return BigInt(missed) << 16n | BigInt(kind) << 8n | place; }

class TimeTagStreamMeasurement implements Measurement {
  readonly done = false;
  readonly droppedStarts = 0;
  readonly #workspace: Workspace;
  readonly #indexes: readonly number[];
  readonly #rows: RowBuffer;
  readonly #tally: Tally;

  constructor(config: CheckedConfig, workspace: Workspace) {
    this.#workspace = workspace;
    this.#indexes = channelsOf(config).map(channel => workspace.indexOf(channel));
    const { u8 } = viewsOf(workspace.memory)();
    u8.fill(255, workspace.at, workspace.at + placesBytes);
    this.#indexes.forEach((index, place) => { u8[workspace.at + index] = place; });
    this.#rows = new RowBuffer(workspace, workspace.at + placesBytes, numberOf(config, 'maxTags'), rowBytes);
    this.#tally = new Tally(workspace, this.#indexes);
  }

  process(segment: Segment): void {
    const { timesAt, channelsAt, n } = segment, { kernels, at } = this.#workspace, rows = this.#rows;
    this.#tally.add(segment);
    const wanted = this.#tally.latest.reduce((sum, count) => sum + count, 0), listed = kernels.listTags(timesAt, channelsAt, n, at, rows.at, rows.room);
    rows.rows += listed;
    rows.dropped += wanted - listed;
  }

  endSegment(end: SegmentEnd): void {
    if (end.kind === 'pause') return;
    if (end.kind !== 'lost') return this.#rows.mark(end.atPs, codeOf(type.broken, noPlace, 0));
    this.#rows.mark(end.fromPs, codeOf(type.begin, noPlace, 0));
    for (const { channelIndex, count } of end.missed ?? []) {
      const place = this.#indexes.indexOf(channelIndex);
      if (place >= 0) this.#rows.mark(end.toPs, codeOf(type.missed, BigInt(place), count));
    }
    this.#rows.mark(end.toPs, codeOf(type.end, noPlace, 0));
  }

  clear(): void {
    this.#rows.clear();
    this.#tally.clear();
  }

  rebase(byPs: bigint): void { this.#rows.rebase(byPs); }
  publish(): Payload { return this.#rows.publish(); }
  get tags(): number { return this.#tally.tags; }
}

class TimeTagStreamTotals implements Totals {
  readonly #channels: readonly number[];
  readonly #rows: WaitingRows;

  constructor(config: CheckedConfig, workspace: Pick<Workspace, 'memory'>) {
    this.#channels = channelsOf(config);
    this.#rows = new WaitingRows(workspace, numberOf(config, 'maxTags'), rowBytes, (timePs, dropped) => [timePs, codeOf(type.missed, noPlace, dropped)]);
  }

  take(payload: Payload): void { this.#rows.take(payload); }
  clear(): void { this.#rows.clear(); }

  evaluate(getter: string): unknown {
    switch (getter) {
      case 'getTimestamps': return this.#list().timePs;
      case 'getChannels': return this.#list().channels;
      case 'getEventTypes': return this.#list().types;
      case 'getMissedEvents': return this.#list().missed;
      case 'getOverflows': return this.#list().types.filter(each => each === type.begin).length;
      case 'getDropped': return this.#rows.dropped;
      case 'getData': {
        const list = this.#list();
        this.#rows.taken();
        return list;
      }
      default: throw new Error(`no getter ${getter}`);
    }
  }

  #list(): TagBuffer {
    const { size } = this.#rows, timePs = new BigInt64Array(size), channels = new Int32Array(size), types = new Int32Array(size), missed = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      // A code is a small whole number: 48 bits of count.
      const code = Number(this.#rows.field(i, 1)), place = code % 256;
      timePs[i] = this.#rows.field(i, 0);
      channels[i] = this.#channels[place] ?? 0;
      types[i] = Math.floor(code / 256) % 256;
      missed[i] = Math.floor(code / 65_536);
    }
    return { size, hasOverflows: types.includes(type.begin), dropped: this.#rows.dropped, timePs, channels, types, missed };
  }
}

export const timeTagStream: MeasurementClass = {
  bytes: config => placesBytes + rowsBytes(numberOf(config, 'maxTags'), rowBytes),
  create: (config, workspace) => new TimeTagStreamMeasurement(config, workspace),
  totals: (config, workspace) => new TimeTagStreamTotals(config, workspace),
};
