// test/image/guest/driver.ts - runs in the virtual machine: opens a tagger by its driver over the real USB, streams through unplugs, and says what comes of it.
//
//   node driver.ts BOARD GAPS TAGS: streams until there were so many gaps and after them so many tags; 0 gaps: also compares the tags with those of the same board without USB
import { readdirSync } from 'node:fs';
import { isTaggerError } from '../../../app/core/errors.ts';
import { openUsb } from '../../../app/driver/usb-discovery.ts';
import { NodeUsbBus } from '../../../app/driver/usb.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import type { Tagger } from '../../../app/core/tagger.ts';
import type { UsbBus } from '../../../app/driver/usb-access.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { boards } from '../boards.ts';

const [name = '', ...numbers] = process.argv.slice(2), [gaps = 0, tags = 0] = numbers.map(Number);
const board = boards[name]!;
const say = (event: string, more: object = {}): void => { process.stdout.write(`${JSON.stringify({ event, ...more }, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`); };
const descriptors = (): number => readdirSync('/proc/self/fd').length - 1;
const never = new AbortController().signal;

const bus = new NodeUsbBus();
// The first look loads libusb; what it opens stays.
await bus.list();
let changed = Promise.withResolvers<void>();
bus.watch(() => { changed.resolve(); });
// Keeps the process where only the events of USB could go on.
const alive = setInterval(() => { changed.resolve(); }, 1000);

say('ready', { descriptors: descriptors() });
for (let isOver = false; !isOver;) {
  const tagger = await opened();
  say('opened', { model: tagger.info.model, serial: tagger.info.serial, descriptors: descriptors() });
  await run(tagger);
  // libusb closes its own a little later.
  await new Promise(resolve => { setTimeout(resolve, 300); });
  say('closed', { descriptors: descriptors() });
  isOver = true;
}
clearInterval(alive);
process.exit(0);

async function opened(): Promise<Tagger> {
  for (;;) {
    changed = Promise.withResolvers();
    try {
      return await openUsb(bus, {});
    } catch (error) {
      if (!isTaggerError(error)) throw error;
      if (error.code !== 'not-found') say('refused', { code: error.code, message: error.message });
    }
    await changed.promise;
  }
}

async function run(tagger: Tagger): Promise<void> {
  if (gaps > 0) say('configured', { settings: (await tagger.configure(board.change)).channels });
  const sink = new FakeSink({ forget: gaps > 0, stopAfter: gaps > 0 ? Infinity : tags });
  const control = new AbortController();
  const follower = setInterval(follow, 20);
  let seen = 0, flowing = -1, tagsBefore = 0, epochs = 0;
  function follow(): void {
    for (const marker of sink.markers.slice(seen)) {
      if (marker.kind === 'heartbeat') continue;
      if (marker.kind === 'epoch') {
        epochs++;
        tagsBefore = marker.tagsBefore;
      }
      say(marker.kind, marker);
    }
    seen = sink.markers.length;
    if (sink.tags > tagsBefore && flowing < epochs) {
      flowing = epochs;
      say('flowing', { tags: sink.tags - tagsBefore, settings: tagger.settings().channels });
    }
    if (gaps > 0 && epochs >= gaps && sink.tags - tagsBefore >= tags) control.abort();
  }
  const startedMs = performance.now();
  await tagger.run(sink, control.signal);
  clearInterval(follower);
  follow();
  const seconds = (performance.now() - startedMs) / 1000;
  await tagger[Symbol.asyncDispose]();
  say('stopped', { tags: sink.tags, losses: sink.losses.length, tagsPerSecond: Math.round(sink.tags / seconds), ...(gaps === 0 && await compared(sink)) });
}

/** Where the tags differ from those of the same board on a bus of numbers; -1: nowhere. */
async function compared(sink: FakeSink): Promise<{ differsAt: number; compared: number }> {
  const emulated = new EmulatedBus(), expected = new FakeSink({ stopAfter: tags });
  emulated.plug(board.model());
  await using tagger = await openUsb(emulated as UsbBus, {});
  await tagger.run(expected, never);
  const n = Math.min(sink.tags, expected.tags), times = sink.timesPs, channels = sink.channels, wantedTimes = expected.timesPs, wantedChannels = expected.channels;
  let differsAt = -1;
  for (let i = 0; i < n && differsAt < 0; i++) if (times[i] !== wantedTimes[i] || channels[i] !== wantedChannels[i]) differsAt = i;
  return { differsAt, compared: n };
}
