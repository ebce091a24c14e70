// test/driver/usb-fuzz.ts - damaged data and damaged descriptors for every USB driver: no crash, no hang, no tag of a channel that is not there.
import type { TestFn } from 'ava';
import { isTaggerError } from '../../app/core/errors.ts';
import type { Setup } from '../../app/driver/usb-access.ts';
import { openUsb } from '../../app/driver/usb-discovery.ts';
import type { Descriptors } from '../../app/emulate/descriptors.ts';
import type { DeviceModel } from '../../app/emulate/device.ts';
import { EmulatedBus } from '../../app/emulate/in-process.ts';
import { FakeSink } from '../support/fake-sink.ts';
import { Random } from '../support/random.ts';
import { openOn, type UsbUnderTest } from './usb-life.ts';

/** A device whose packets are damaged once it streams: bits flipped, cut, repeated, empty, or nothing but noise. */
class Damaged implements DeviceModel {
  packets = 0;
  onLeave: DeviceModel['onLeave'];
  readonly descriptors: Descriptors;
  readonly #model: DeviceModel;
  readonly #random: Random;
  readonly #from: number;
  readonly #only: number | undefined;

  constructor(model: DeviceModel, random: Random, { descriptors = model.descriptors, from = 0, only }: { descriptors?: Descriptors; from?: number; only?: number | undefined } = {}) {
    this.#model = model;
    this.#random = random;
    this.#from = from;
    this.#only = only;
    this.descriptors = descriptors;
    model.onLeave = next => this.onLeave?.(next);
  }

  reset(): void { this.#model.reset(); }
  control(setup: Setup, data: Uint8Array, length: number): Uint8Array | undefined { return this.#model.control(setup, data, length); }
  bulkOut(endpoint: number, data: Uint8Array): boolean { return this.#model.bulkOut(endpoint, data); }
  clearHalt(endpoint: number): void { this.#model.clearHalt?.(endpoint); }
  skip(endpoint: number): boolean { return this.#model.skip?.(endpoint) ?? false; }

  packet(endpoint: number): Uint8Array | undefined | 'stall' {
    const packet = this.#model.packet(endpoint);
    if (!(packet instanceof Uint8Array) || ++this.packets <= this.#from || (this.#only !== undefined && endpoint !== this.#only) || this.#random.chance(0.5)) return packet;
    const damaged = packet.slice(0, this.#random.chance(0.2) ? this.#random.integer(0, packet.length) : packet.length);
    const noise = this.#random.chance(0.1);
    for (let i = 0; i < damaged.length; i++) if (noise || this.#random.chance(0.01)) damaged[i] = this.#random.integer(0, 255);
    return damaged;
  }
}

/** Packets and descriptor sets of the short form; TAGD_FUZZ multiplies. */
const times = Number(process.env['TAGD_FUZZ'] ?? 1);

export function usbFuzz(test: TestFn, under: UsbUnderTest): void {
  const { driver, model } = under;

  test(`${driver.id}: damaged data never ends the program, nor the tags of a channel that is not there`, async t => {
    let worstMs = 0, packets = 0;
    for (let seed = 0; seed < 6 * times; seed++) {
      const random = new Random(seed), bus = new EmulatedBus(), clean = new Damaged(model(), random, { from: Infinity });
      bus.plug(clean);
      await using counted = await openOn(bus, under);
      const hurt = new EmulatedBus(), damaged = new Damaged(model(), random, { from: clean.packets, only: seed % 6 === 0 ? undefined : under.data });
      hurt.plug(damaged);
      await using tagger = await openOn(hurt, under);
      const sink = new FakeSink({ rooms: [random.integer(1, 2000)], forget: false }), control = new AbortController();
      const since = performance.now();
      const running = tagger.run(sink, control.signal).catch((error: unknown) => { if (!isTaggerError(error)) throw error; });
      for (const late = since + 1500; damaged.packets < clean.packets + 200 && performance.now() < late && sink.tags < 100_000;) await new Promise(resolve => { setTimeout(resolve, 1); });
      const asked = performance.now();
      control.abort();
      await running;
      worstMs = Math.max(worstMs, performance.now() - asked);
      packets += damaged.packets;
      t.true(sink.channels.every(index => index < counted.info.channels.length), `seed ${seed}`);
      t.true(sink.losses.every(({ fromPs, toPs }) => toPs >= fromPs), `seed ${seed}: a loss ends before it begins`);
    }
    t.log(`${packets} packets, slowest stop ${worstMs.toFixed(0)} ms`);
    t.true(worstMs < 5000);
  });

  test(`${driver.id}: damaged descriptors are one clear error, or no tagger at all`, async t => {
    const codes = new Map<string, number>();
    for (let seed = 0; seed < 150 * times; seed++) {
      const random = new Random(seed), whole = model(), { device, configuration, strings } = whole.descriptors;
      const damage = (bytes: Uint8Array): Uint8Array => {
        const copy = bytes.slice(0, random.chance(0.2) ? random.integer(0, bytes.length) : bytes.length);
        for (let i = 0; i < copy.length; i++) if (random.chance(0.1)) copy[i] = random.integer(0, 255);
        return copy;
      };
      // Ids mostly stay: a foreign device is not ours to open.
      const descriptors = { device: random.chance(0.8) ? device : damage(device), configuration: damage(configuration), strings: random.chance(0.5) ? strings : strings.slice(0, 1) };
      const bus = new EmulatedBus();
      bus.plug(new Damaged(whole, random, { descriptors, from: Infinity }));
      const control = AbortSignal.timeout(10_000);
      const outcome = await openUsb(bus, { driver: driver.id, ...under.options }, control).then(async tagger => {
        await tagger[Symbol.asyncDispose]();
        return 'opened';
      }, (error: unknown) => {
        if (!isTaggerError(error) || error.code === 'internal' || !error.message.startsWith('Cannot ') && !error.message.startsWith('The ')) throw error;
        return error.code;
      });
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
    }
    t.log(Object.fromEntries(codes));
    t.true(codes.size > 1);
  });
}
