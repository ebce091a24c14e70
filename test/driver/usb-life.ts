// test/driver/usb-life.ts - what every USB driver must survive, whatever its device: unplugged at any moment and plugged in again.
import type { TestFn } from 'ava';
import type { Setup, UsbBus } from '../../app/driver/usb-access.ts';
import { openSession, UsbTagger, type UsbDriver, type UsbOptions } from '../../app/driver/usb-tagger.ts';
import type { DeviceModel } from '../../app/emulate/device.ts';
import { EmulatedBus } from '../../app/emulate/in-process.ts';
import { FakeSink } from '../support/fake-sink.ts';
import { until } from '../support/until.ts';

export interface UsbUnderTest {
  driver: UsbDriver;
  /** The device, where time passes on demand. */
  model(): DeviceModel;
  options?: UsbOptions;
  /** What it is plugged into; default: a bus in this process. */
  bus?(): PluggableBus;
  /** Where its tags come from: noise there is met more often than in its answers. */
  data?: number;
  /** Moments of leaving that are tried, one after the other operation; default 20; TAGD_UNPLUGS has another number. */
  moments?: number;
}

export interface PluggableBus extends UsbBus { plug(model: DeviceModel, port?: string): unknown }

/** A device that is pulled out at its n-th request or packet. */
export class Mortal implements DeviceModel {
  readonly #model: DeviceModel;
  #left: number;
  onLeave: DeviceModel['onLeave'];

  constructor(model: DeviceModel, operations: number) {
    this.#model = model;
    this.#left = operations;
    model.onLeave = (next, afterMs) => this.onLeave?.(next, afterMs);
  }

  get descriptors() { return this.#model.descriptors; }
  get died(): boolean { return this.#left < 0; }
  reset(): void { this.#model.reset(); }
  control(setup: Setup, data: Uint8Array, length: number): Uint8Array | undefined { return this.#dies() ? undefined : this.#model.control(setup, data, length); }
  bulkOut(endpoint: number, data: Uint8Array): boolean { return !this.#dies() && this.#model.bulkOut(endpoint, data); }
  packet(endpoint: number): Uint8Array | undefined | 'stall' {
    const packet = this.#model.packet(endpoint);
    return packet !== undefined && this.#dies() ? undefined : packet;
  }
  clearHalt(endpoint: number): void { this.#model.clearHalt?.(endpoint); }
  skip(endpoint: number): boolean { return !this.died && (this.#model.skip?.(endpoint) ?? false); }

  #dies(): boolean {
    if (this.#left-- > 0) return false;
    if (this.#left === -1) this.onLeave?.(undefined);
    return true;
  }
}

export async function openOn(bus: UsbBus, { driver, options = {} }: UsbUnderTest): Promise<UsbTagger> {
  const identity = (await bus.list()).find(each => driver.score(each) > 0);
  if (!identity) throw new Error('nothing is plugged in');
  return new UsbTagger(bus, driver, options, identity, await openSession(bus, driver, identity, options, new AbortController().signal));
}

/** Runs until so many tags have come, and ends it as a user does: what is under way still arrives. */
export async function runFor(tagger: UsbTagger, tags: number): Promise<FakeSink> {
  const sink = new FakeSink(), control = new AbortController(), running = tagger.run(sink, control.signal);
  await until(() => sink.tags >= tags, `${tags} tags`, 60_000);
  control.abort();
  await running;
  return sink;
}

export function usbLife(test: TestFn, under: UsbUnderTest): void {
  const { driver, model, bus: newBus = () => new EmulatedBus(), moments = Number(process.env['TAGD_UNPLUGS'] ?? 20) } = under;

  test(`${driver.id}: unplugged at any moment of its stream, it is waited for; the gap is marked, and tags flow again`, async t => {
    for (let moment = 0; moment < moments; moment++) {
      const bus = newBus(), port = '9-7';
      const opened = new Counted(model());
      bus.plug(opened, port);
      await using counting = await openOn(bus, under);
      t.true(counting.info.channels.length > 0);
      // The run begins on a device that leaves at that moment; another one takes its place.
      const second = newBus(), dying = new Mortal(model(), opened.operations + moment);
      second.plug(dying, port);
      await using tested = await openOn(second, under);
      const sink = new FakeSink({ stopAfter: Infinity });
      const control = new AbortController();
      const running = tested.run(sink, control.signal);
      const note = `operation ${moment} of the stream`;
      await until(() => dying.died || sink.tags > 200_000, note);
      // What had come before it left is still handed on.
      if (dying.died) await until(() => sink.markers.some(({ kind }) => kind === 'losing'), `${note}: the run takes note`);
      const before = sink.tags;
      if (dying.died) {
        await until(() => tested.phase() === 'gone', `${note}: it says so`);
        t.regex(tested.detail() ?? '', /gone|refused|answer/, note);
        second.plug(model(), port);
        await until(() => sink.tags > before + 100, `${note}: tags flow again`);
        t.is(tested.phase(), undefined, note);
      }
      control.abort();
      await running;
      if (!dying.died) return;
      const kinds = sink.markers.filter(({ kind }) => kind !== 'heartbeat').map(({ kind }) => kind);
      const at = kinds.indexOf('losing');
      t.deepEqual(kinds.slice(at, at + 3), ['losing', 'lost', 'epoch'], note);
      const loss = sink.losses.find(({ place }) => place === 'usb')!;
      t.like(loss, { grade: 'flagged', place: 'usb' }, note);
      t.true(loss.toPs > loss.fromPs, note);
      const epoch = sink.markers.find(({ kind }) => kind === 'epoch')!, { timesPs } = sink;
      t.true(timesPs.every((timePs, i) => (i < epoch.tagsBefore ? timePs <= loss.fromPs : timePs >= loss.toPs)), `${note}: tags lie outside the gap`);
    }
  });

  test(`${driver.id}: a device that leaves while it is opened is a clear error`, async t => {
    for (let moment = 0; moment < 40; moment++) {
      const bus = newBus(), dying = new Mortal(model(), moment);
      bus.plug(dying);
      const error = await openOn(bus, under).then(async tagger => { await tagger[Symbol.asyncDispose](); }, (failure: unknown) => failure as { code: string; message: string });
      if (error === undefined) return;
      t.true(['device-lost', 'device-refused', 'protocol'].includes(error.code), `operation ${moment}: ${error.code}: ${error.message}`);
    }
  });

  test(`${driver.id}: what has its ids and answers like another device is refused`, async t => {
    for (const answer of [new Uint8Array(0), Uint8Array.of(0), new Uint8Array(64).fill(0xff), new TextEncoder().encode('ready\r\n')]) {
      const bus = newBus();
      bus.plug(new Foreign(model(), answer));
      const error = await openOn(bus, under).then(async tagger => { await tagger[Symbol.asyncDispose](); }, (failure: unknown) => failure as { code: string; message: string });
      t.true(error !== undefined && ['device-lost', 'device-refused', 'protocol'].includes(error.code), `${error?.code}: ${error?.message}`);
    }
  });
}

/** Counts requests and packets. */
class Counted extends Mortal {
  operations = 0;
  constructor(model: DeviceModel) { super(model, Infinity); }
  override control(setup: Setup, data: Uint8Array, length: number): Uint8Array | undefined {
    this.operations++;
    return super.control(setup, data, length);
  }
  override bulkOut(endpoint: number, data: Uint8Array): boolean {
    this.operations++;
    return super.bulkOut(endpoint, data);
  }
  override packet(endpoint: number): Uint8Array | undefined | 'stall' {
    const packet = super.packet(endpoint);
    if (packet !== undefined) this.operations++;
    return packet;
  }
}

/** The descriptors of one device, the answers of none. */
class Foreign implements DeviceModel {
  readonly descriptors;
  readonly #answer: Uint8Array;
  constructor(model: DeviceModel, answer: Uint8Array) {
    this.descriptors = model.descriptors;
    this.#answer = answer;
  }
  reset(): void { /* It has no state. */ }
  control(): Uint8Array { return this.#answer; }
  bulkOut(): boolean { return true; }
  packet(): Uint8Array | undefined { return this.#answer; }
}
