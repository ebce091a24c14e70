// test/image/guest/driver.ts - runs in the virtual machine: opens a tagger by its driver over the real USB and says what comes of it; one JSON line for each thing that happens.
//
//   node driver.ts BOARD TAGS GAPS: first compares so many tags with those of the same board without USB; when that board has been unplugged it streams
//   until there were so many gaps, and after them so many tags.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTaggerError } from '../../../app/core/errors.ts';
import type { Tagger } from '../../../app/core/tagger.ts';
import type { UsbBus } from '../../../app/driver/usb-access.ts';
import { findTaggers, openUsb, type UsbSource } from '../../../app/driver/usb-discovery.ts';
import { NodeUsbBus } from '../../../app/driver/usb.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { boards } from '../boards.ts';

const [name = '', ...numbers] = process.argv.slice(2), [tags = 0, gaps = 0] = numbers.map(Number);
const board = boards[name]!;
const say = (event: string, more: object = {}): void => { process.stdout.write(`${JSON.stringify({ event, ...more }, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`); };
const descriptors = (): number => readdirSync('/proc/self/fd').length - 1;

const source: UsbSource = { ...board.source, firmware: mkdtempSync(join(tmpdir(), 'firmware-')) };
for (const [file, bytes] of Object.entries(board.firmware ?? {})) {
  writeFileSync(join(source.firmware!, file), bytes);
  writeFileSync(join(source.firmware!, `${file}.sha256`), createHash('sha256').update(bytes).digest('hex'));
}
const bus = new NodeUsbBus();
let changed = Promise.withResolvers<void>();
bus.watch(() => { changed.resolve(); });
// Keeps the process where only the events of USB could go on.
const alive = setInterval(() => { changed.resolve(); }, 1000);

say('ready');
const first = await opened();
say('opened', { model: first.info.model, serial: first.info.serial });
const expected = await readAll(new EmulatedBus());
const startedMs = performance.now(), sink = new FakeSink({ stopAfter: tags });
await first.run(sink, new AbortController().signal);
const seconds = (performance.now() - startedMs) / 1000;
await close(first);
say('compared', { ...compare(sink, expected), losses: sink.losses.length, tagsPerSecond: Math.round(sink.tags / seconds), descriptors: descriptors() });
while ((await findTaggers(bus, source.driver)).length > 0) await nextChange();
say('departed');
await through(await opened());
say('closed', { descriptors: descriptors() });
clearInterval(alive);
process.exit(0);

async function nextChange(): Promise<void> {
  changed = Promise.withResolvers();
  await changed.promise;
}

async function opened(): Promise<Tagger> {
  for (;;) {
    changed = Promise.withResolvers();
    try {
      return await openUsb(bus, source);
    } catch (error) {
      if (!isTaggerError(error)) throw error;
      if (error.code !== 'not-found') say('refused', { code: error.code, message: error.message });
    }
    await changed.promise;
  }
}

async function close(tagger: Tagger): Promise<void> {
  await tagger[Symbol.asyncDispose]();
  // libusb closes its own a little later.
  await new Promise(resolve => { setTimeout(resolve, 300); });
}

async function readAll(emulated: EmulatedBus): Promise<FakeSink> {
  const all = new FakeSink({ stopAfter: tags });
  emulated.plug(board.model());
  await using tagger = await openUsb(emulated as UsbBus, source);
  await tagger.run(all, new AbortController().signal);
  return all;
}

/** Where the tags differ; -1: nowhere. */
function compare(one: FakeSink, other: FakeSink): { differsAt: number; compared: number } {
  const n = Math.min(one.tags, other.tags), [times, otherTimes, channels, otherChannels] = [one.timesPs, other.timesPs, one.channels, other.channels];
  let differsAt = -1;
  for (let i = 0; i < n && differsAt < 0; i++) if (times[i] !== otherTimes[i] || channels[i] !== otherChannels[i]) differsAt = i;
  return { differsAt, compared: n };
}

async function through(tagger: Tagger): Promise<void> {
  say('configured', { settings: await tagger.configure(board.change) });
  const all = new FakeSink({ forget: true }), control = new AbortController();
  let seen = 0, flowing = -1, tagsBefore = 0, epochs = 0;
  const flows = (count: number): void => {
    if (count <= tagsBefore || flowing === epochs) return;
    flowing = epochs;
    say('flowing', { tags: count - tagsBefore, settings: tagger.settings() });
  };
  const follow = (): void => {
    for (const marker of all.markers.slice(seen)) {
      flows(marker.tagsBefore);
      if (marker.kind === 'epoch') {
        epochs++;
        tagsBefore = marker.tagsBefore;
      }
      say(marker.kind, marker);
    }
    seen = all.markers.length;
    flows(all.tags);
    if (epochs >= gaps && all.tags - tagsBefore >= tags) control.abort();
  };
  const follower = setInterval(follow, 20);
  await tagger.run(all, control.signal);
  clearInterval(follower);
  follow();
  await close(tagger);
  say('stopped', { tags: all.tags, lost: all.losses.filter(({ place }) => place === 'usb').length });
}
