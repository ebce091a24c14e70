// test/image/boards.ts - the emulated boards of the tests in the virtual machine, and devices that leave at a moment of their own.
//
// Both sides of the socket know a board: the guest compares what the driver made of its bytes with what the same driver makes of them without USB.
import type { Settings } from '../../app/core/tagger.ts';
import { imageChunks } from '../../app/driver/fx2.ts';
import { boards as analysers, requests as fx2lafw } from '../../app/driver/fx2lafw/protocol.ts';
import { requests as otu } from '../../app/driver/otu/protocol.ts';
import { stopCommand } from '../../app/driver/tdc1/protocol.ts';
import { captureBits, endpoints, register } from '../../app/driver/umass/protocol.ts';
import type { Setup } from '../../app/driver/usb-access.ts';
import type { UsbSource } from '../../app/driver/usb-discovery.ts';
import type { DeviceModel } from '../../app/emulate/device.ts';
import { Fx2BareModel } from '../../app/emulate/fx2-bare.ts';
import { Fx2lafwModel } from '../../app/emulate/fx2lafw.ts';
import { OtuModel } from '../../app/emulate/otu.ts';
import { Tdc1Model } from '../../app/emulate/tdc1.ts';
import { UmassModel } from '../../app/emulate/umass.ts';
import { Random } from '../support/random.ts';

export type Phase = 'probe' | 'start' | 'stop';
export interface Operation { kind: 'control' | 'out'; setup?: Setup; data: Uint8Array }

interface Board {
  /** Where time passes on demand, so that no tag depends on how fast anybody is. @param wrap put around the one that makes tags */
  model(wrap?: (tagger: DeviceModel) => DeviceModel): DeviceModel;
  /** What `openUsb` must be told. */
  readonly source: UsbSource;
  /** Files that the operator puts into the folder of firmware. */
  readonly firmware?: Readonly<Record<string, Uint8Array>>;
  readonly dataEndpoint: number;
  /** A change of its settings that must survive a replug. */
  readonly change: Settings;
  /** Recognises the commands that begin the phases; it is asked for `stop` only when data has flowed. */
  readonly begins: Readonly<Partial<Record<Phase, (operation: Operation) => boolean>>>;
}

const options = {
  clock: 'demand', seed: 7,
  signals: [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 80_000 }, { kind: 'periodic', channel: 4, periodPs: 20_000_000 }],
} as const;
const command = (address: number, ...values: number[]) => ({ data }: Operation): boolean => data[2] === address && (values.length === 0 || (data[1] === 1 && values.includes(data[4]!)));
const text = (wanted: string) => ({ data }: Operation): boolean => Buffer.from(data).includes(wanted);
const request = (wanted: number) => ({ setup }: Operation): boolean => setup?.request === wanted && (setup.requestType & 0x60) === 0x40;
const analyser = '0925:3881', { firmware: firmwareFile } = analysers[analyser]!;
const random = new Random(8120), image = Uint8Array.from({ length: 8120 }, () => random.integer(0, 255));

export const boards: Readonly<Record<string, Board>> = {
  umass: {
    model: (wrap = same) => wrap(new UmassModel(options)), source: {}, dataEndpoint: endpoints.data, change: { channels: { 2: { enabled: false } } },
    begins: { probe: command(register.clockHz), start: command(register.capture, captureBits.capture + captureBits.count), stop: command(register.capture, 0) },
  },
  tdc1: {
    model: (wrap = same) => wrap(new Tdc1Model(options)), source: {}, dataEndpoint: 0x86, change: { tagger: { threshold: 'TTL' } },
    begins: { probe: text('*IDN?'), start: text('timestamp'), stop: text(stopCommand) },
  },
  otu: {
    model: (wrap = same) => wrap(new OtuModel(options)), source: {}, dataEndpoint: 0x81, change: { channels: { 1: { triggerLevelV: 0.25 } } },
    begins: { probe: request(otu.info), start: request(otu.start), stop: request(otu.stop) },
  },
  // Bare after each plug: it gets its firmware, leaves the bus and comes back.
  fx2lafw: {
    model: (wrap = same) => new Fx2BareModel({ id: analyser, firmware: imageChunks(image), becomes: () => wrap(new Fx2lafwModel({ id: analyser, ...options })) }),
    source: { driver: 'fx2lafw' }, firmware: { [firmwareFile]: image }, dataEndpoint: 0x82, change: { channels: { 2: { enabled: false } } },
    // It is stopped by not being read.
    begins: { probe: request(fx2lafw.version), start: request(fx2lafw.start) },
  },
};

/** Pulled out when a phase begins: while that command is on its way. */
export class Doomed implements DeviceModel {
  onLeave: ((next: DeviceModel | undefined) => void) | undefined;
  readonly #board: Board;
  readonly #model: DeviceModel;
  readonly #phase: Phase;
  readonly #pull: () => void;
  #hasData = false;
  #isGone = false;

  /** @param pull pulls the cable; called once */
  constructor(board: Board, model: DeviceModel, phase: Phase, pull: () => void) {
    this.#board = board;
    this.#model = model;
    this.#phase = phase;
    this.#pull = pull;
    this.#model.onLeave = next => this.onLeave?.(next);
  }

  get descriptors() { return this.#model.descriptors; }
  reset(): void { this.#model.reset(); }
  control(setup: Setup, data: Uint8Array, length: number): Uint8Array | undefined { return this.#dies({ kind: 'control', setup, data }) ? undefined : this.#model.control(setup, data, length); }
  bulkOut(endpoint: number, data: Uint8Array): boolean { return !this.#dies({ kind: 'out', data }) && this.#model.bulkOut(endpoint, data); }
  packet(endpoint: number): Uint8Array | undefined | 'stall' {
    if (this.#isGone) return undefined;
    const packet = this.#model.packet(endpoint);
    if (endpoint === this.#board.dataEndpoint && packet !== undefined) this.#hasData = true;
    return packet;
  }
  clearHalt(endpoint: number): void { this.#model.clearHalt?.(endpoint); }
  skip(endpoint: number): boolean { return !this.#isGone && (this.#model.skip?.(endpoint) ?? false); }

  #dies(operation: Operation): boolean {
    const isTime = this.#board.begins[this.#phase]?.(operation) === true && (this.#phase !== 'stop' || this.#hasData);
    if (isTime && !this.#isGone) {
      this.#isGone = true;
      this.#pull();
    }
    return this.#isGone;
  }
}

function same(model: DeviceModel): DeviceModel { return model; }
