// test/driver/fx2lafw/upload.test.ts - from a bare FX2 board to a tagger: whose firmware is loaded, and everything that can happen meanwhile.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { imageChunks, parseHex } from '../../../app/driver/fx2.ts';
import { fx2lafw } from '../../../app/driver/fx2lafw/driver.ts';
import { knownSums, packageFolder, readFirmware } from '../../../app/driver/fx2lafw/firmware.ts';
import { boards } from '../../../app/driver/fx2lafw/protocol.ts';
import { umass } from '../../../app/driver/umass/driver.ts';
import { driversFor } from '../../../app/driver/usb-drivers.ts';
import { openSession, type UsbDriver, type UsbTagger } from '../../../app/driver/usb-tagger.ts';
import { Fx2BareModel, type Fx2BareOptions } from '../../../app/emulate/fx2-bare.ts';
import { Fx2lafwModel } from '../../../app/emulate/fx2lafw.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { UmassModel } from '../../../app/emulate/umass.ts';
import { FakeSink } from '../../support/fake-sink.ts';
import { Random } from '../../support/random.ts';
import { UsbipRig } from '../../support/usbip-rig.ts';
import { Mortal, openOn } from '../usb-life.ts';
import { until } from '../../support/until.ts';

const clone = '0925:3881';
const { firmware: file } = boards[clone]!;
const random = new Random(8120), image = Uint8Array.from({ length: 8120 }, () => random.integer(0, 255));
const folder = mkdtempSync(join(tmpdir(), 'tagd-firmware-'));
test.after.always(() => { rmSync(folder, { recursive: true, force: true }); });

/** A folder with one file in it, and its sum beside it, or another one, or none. */
function folderWith(name: string, contents: Uint8Array | string, sum?: string): string {
  const into = mkdtempSync(join(folder, 'f-'));
  writeFileSync(join(into, name), contents);
  if (sum !== '') writeFileSync(join(into, `${name}.sha256`), `${sum ?? createHash('sha256').update(contents).digest('hex')}  ${name}\n`);
  return into;
}
const good = folderWith(file, image);
const analyser = (): Fx2lafwModel => new Fx2lafwModel({ clock: 'demand' });
const bare = (options: Partial<Fx2BareOptions> = {}): Fx2BareModel => new Fx2BareModel({ id: clone, firmware: imageChunks(image), becomes: analyser, ...options });
const open = (bus: EmulatedBus, firmware = good, driver: UsbDriver = fx2lafw): Promise<UsbTagger> => openOn(bus, { driver, model: analyser, options: { firmware } });
interface Failure { code: string; message: string; hint?: string }
const failureOf = (opening: Promise<UsbTagger>): Promise<Failure | undefined> =>
  opening.then(async tagger => { await tagger[Symbol.asyncDispose](); }, (error: unknown) => error as Failure) as Promise<Failure | undefined>;

test('a bare board gets every byte of its firmware, comes back at its port as a tagger, and streams', async t => {
  for (const options of [{}, { isHasty: true }, { renumerationMs: 400 }]) {
    const bus = new EmulatedBus(), board = bare(options);
    bus.plug(board, '9-3');
    const [before] = await bus.list();
    t.true(fx2lafw.needsUpload!(before!));
    await using tagger = await open(bus);
    t.is(board.outcome, 'started');
    t.is(board.writes, 2);
    const [after] = await bus.list();
    t.like(after, { port: '9-3', manufacturer: 'sigrok', product: 'fx2lafw' });
    t.false(fx2lafw.needsUpload!(after!));
    const sink = new FakeSink({ stopAfter: 500 });
    await tagger.run(sink, new AbortController().signal);
    t.true(sink.tags >= 500);
  }
});

test('over USB/IP too: the board leaves one address of the bus and is found at another', async t => {
  const bus = new UsbipRig(), board = bare({ renumerationMs: 300 });
  await bus.plug(board);
  const [before] = await bus.list();
  await using session = await openSession(bus, fx2lafw, before!, { firmware: good }, new AbortController().signal);
  t.is(board.outcome, 'started');
  const [after] = await bus.list();
  t.is(after!.port, before!.port);
  t.not(after!.address, before!.address);
  const sink = new FakeSink({ stopAfter: 500 });
  await session.stream(sink, new AbortController().signal, () => sink.stopped, 0n);
  t.true(sink.tags >= 500);
});

test('a bare board that was pulled out during a run gets its firmware and its settings again', async t => {
  const bus = new EmulatedBus(), unplug = bus.plug(bare(), '9-3');
  await using tagger = await open(bus);
  await tagger.configure({ tagger: { sampleRate: '8M' }, channels: { 5: { enabled: false } } });
  const settings = tagger.settings(), sink = new FakeSink(), control = new AbortController();
  const running = tagger.run(sink, control.signal);
  await until(() => sink.tags > 100);
  unplug();
  await until(() => sink.markers.some(({ kind }) => kind === 'losing'));
  const board = bare({ renumerationMs: 300 }), before = sink.tags;
  bus.plug(board, '9-3');
  await until(() => sink.tags > before);
  control.abort();
  await running;
  t.is(board.outcome, 'started');
  t.deepEqual(tagger.settings(), settings);
  t.deepEqual(tagger.info.tick, { num: 125_000, den: 1 });
});

test('pulled out at any moment of the upload: one clear error; plugged in again it works', async t => {
  for (let moment = 0; ; moment++) {
    const bus = new EmulatedBus(), board = new Mortal(bare(), moment);
    bus.plug(board, '9-3');
    const failure = await failureOf(open(bus));
    if (!board.died) {
      t.is(failure, undefined);
      t.is(moment, 4, 'stop, two pieces, go');
      return;
    }
    t.true(['device-lost', 'device-refused'].includes(failure!.code), `request ${moment}: ${failure!.code}: ${failure!.message}`);
    bus.plug(bare(), '9-3');
    t.is(await failureOf(open(bus)), undefined, `request ${moment}`);
  }
});

test('pulled out during a run, and again during the upload that follows: it is waited for until it stays', async t => {
  for (const moment of [0, 1, 2, 3]) {
    const bus = new EmulatedBus(), unplug = bus.plug(bare(), '9-3');
    const tagger = await open(bus);
    const sink = new FakeSink({ forget: true }), control = new AbortController();
    const running = tagger.run(sink, control.signal);
    await until(() => sink.tags > 100);
    unplug();
    const dying = new Mortal(bare(), moment);
    bus.plug(dying, '9-3');
    await until(() => dying.died);
    const before = sink.tags;
    bus.plug(bare(), '9-3');
    await until(() => sink.tags > before);
    control.abort();
    await running;
    await tagger[Symbol.asyncDispose]();
    t.pass();
  }
});

test('pulled out while it is away, back at another port, crashed, or never back: one clear error after 3 s', async t => {
  const elsewhere = new EmulatedBus(), gone = new EmulatedBus(), pulled = new EmulatedBus(), crashed = new EmulatedBus();
  elsewhere.plug(bare({ becomes: () => {
    setTimeout(() => { elsewhere.plug(analyser(), '9-8'); }, 300);
    return undefined;
  } }), '9-3');
  gone.plug(bare({ becomes: () => undefined }), '9-3');
  const unplug = pulled.plug(bare({ renumerationMs: 500, becomes: () => {
    setTimeout(() => { unplug(); }, 100);
    return analyser();
  } }), '9-3');
  const expectsMore = bare({ firmware: [...imageChunks(image), { address: 0x3000, data: Uint8Array.of(1) }] });
  crashed.plug(expectsMore, '9-3');
  const failures = await Promise.all([elsewhere, gone, pulled, crashed].map(bus => failureOf(open(bus))));
  for (const [i, failure] of failures.entries()) {
    t.is(failure?.code, 'device-lost', `case ${i}`);
    t.regex(failure?.message ?? '', /9-3 did not come back after its firmware was loaded/, `case ${i}`);
  }
  t.is(expectsMore.outcome, 'crashed');
  t.deepEqual((await elsewhere.list()).map(({ port }) => port), ['9-8'], 'what came at another port was left alone');
});

test('closed while the board is away: nobody waits for it', async t => {
  const bus = new EmulatedBus(), control = new AbortController();
  bus.plug(bare({ becomes: () => {
    setTimeout(() => { control.abort(); }, 20);
    return undefined;
  } }));
  const [identity] = await bus.list(), begun = performance.now();
  await t.throwsAsync(openSession(bus, fx2lafw, identity!, { firmware: good }, control.signal));
  t.true(performance.now() - begun < 2000);
});

test('a file that is another one, half of one, missing or no file is not loaded, and the sentence says what to do', async t => {
  const cases: [string, string, RegExp][] = [
    [folderWith(file, Uint8Array.from(image, (byte, i) => (i === 4000 ? byte ^ 1 : byte)), createHash('sha256').update(image).digest('hex')), 'device-refused', /has 8120 bytes and the sum [0-9a-f]{64}/],
    [folderWith(file, image.subarray(0, 4060), createHash('sha256').update(image).digest('hex')), 'device-refused', /has 4060 bytes/],
    [folderWith(file, image, ''), 'device-refused', new RegExp(`with the sum ${knownSums[file]} were expected`)],
    [folderWith(file, '', 'no sum'), 'device-refused', /has 0 bytes/],
    [folderWith(file, ''), 'device-refused', /has 0 bytes/],
    [folderWith(file, new Uint8Array(16_385)), 'device-refused', /has 16385 bytes.*at most 16384/],
  ];
  if (!existsSync(packageFolder)) cases.push([folderWith('other.fw', image), 'unavailable', new RegExp(`there is no ${file} in .* or ${packageFolder}`)]);
  const odd = mkdtempSync(join(folder, 'd-'));
  mkdirSync(join(odd, file));
  cases.push([odd, 'unavailable', /cannot be read/]);
  for (const [where, code, message] of cases) {
    const bus = new EmulatedBus(), board = bare();
    bus.plug(board);
    const failure = await failureOf(open(bus, where));
    t.is(failure?.code, code);
    t.regex(failure!.message, message);
    t.true((failure!.hint ?? '').length > 0);
    t.is(board.writes, 0, 'not a byte was written');
  }
});

test('the sums of Debian\'s package are known for every board, and are those of its files where it is installed', async t => {
  for (const { firmware, name } of Object.values(boards)) {
    t.regex(knownSums[firmware] ?? '', /^[0-9a-f]{64}$/, name);
    if (!existsSync(join(packageFolder, firmware))) continue;
    const chunks = await readFirmware(firmware, name, undefined);
    t.is(chunks.reduce((sum, { data }) => sum + data.length, 0), 8120, name);
  }
});

test('the id of a bare FX2 is that of two taggers, until its firmware says which one it is', async t => {
  const bus = new EmulatedBus();
  bus.plug(new Fx2BareModel({ firmware: [], becomes: () => undefined }), '9-1');
  bus.plug(new Fx2lafwModel({ id: '04b4:8613' }), '9-2');
  bus.plug(new Fx2BareModel({ id: clone, firmware: [], becomes: () => undefined }), '9-3');
  const [ambiguous, ready, own] = await bus.list();
  t.deepEqual(driversFor(ambiguous!).map(({ id }) => id).toSorted(), ['fx2lafw', 'umass']);
  t.true(driversFor(ambiguous!).every(driver => driver.isAmbiguous!(ambiguous!)));
  t.deepEqual(driversFor(ready!).map(({ id }) => id), ['fx2lafw']);
  t.deepEqual(driversFor(own!).map(({ id }) => id), ['fx2lafw']);
  t.false(fx2lafw.isAmbiguous!(ready!) || fx2lafw.isAmbiguous!(own!));
});

test('the same bare board becomes a UMass tagger or a logic analyser, as its driver loads', async t => {
  const hex = ':0400000002010000F9\n:10010000000102030405060708090A0B0C0D0E0F77\n:00000001FF\n';
  const cypress = boards['04b4:8613']!;
  const cases = [
    [umass, folderWith('timetag-fx2.ihex', hex), new Fx2BareModel({ firmware: parseHex(hex, 'test'), becomes: () => new UmassModel({ clock: 'demand' }) })],
    [fx2lafw, folderWith(cypress.firmware, image), new Fx2BareModel({ firmware: imageChunks(image), becomes: () => new Fx2lafwModel({ id: '04b4:8613', clock: 'demand' }) })],
  ] as const;
  for (const [driver, where, board] of cases) {
    const bus = new EmulatedBus();
    bus.plug(board);
    await using tagger = await open(bus, where, driver);
    t.is(board.outcome, 'started', driver.id);
    t.is(tagger.info.driver, driver.id);
    const sink = new FakeSink({ stopAfter: 100 });
    await tagger.run(sink, new AbortController().signal);
    t.true(sink.tags >= 100, driver.id);
  }
});
