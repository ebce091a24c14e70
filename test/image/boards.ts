// test/image/boards.ts - the emulated boards of the tests in the virtual machine, and devices that leave at a moment of their own.
//
// Both sides of the socket know a board: the guest compares what the driver made of its bytes with what the same driver makes of them without USB.
import type { Setup } from '../../app/driver/usb-access.ts';
import { captureBits, endpoints, register } from '../../app/driver/umass/protocol.ts';
import type { DeviceModel } from '../../app/emulate/device.ts';
import { UmassModel } from '../../app/emulate/umass.ts';

export type Phase = 'probe' | 'start' | 'stream' | 'stop';

interface Board {
  /** Where time passes on demand, so that no tag depends on how fast anybody is. */
  model(): DeviceModel;
  readonly dataEndpoint: number;
  /** A change of its settings that must survive a replug. */
  readonly change: { channels: Record<number, Record<string, boolean>> };
  /** Recognises the first command of a phase. */
  begins(phase: Exclude<Phase, 'stream'>, operation: Operation): boolean;
}

export interface Operation { kind: 'control' | 'out'; endpoint: number; setup?: Setup; data: Uint8Array }

export const boards: Readonly<Record<string, Board>> = {
  umass: {
    model: () => new UmassModel({
      clock: 'demand', seed: 7,
      signals: [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 80_000 }, { kind: 'periodic', channel: 4, periodPs: 20_000_000 }],
    }),
    dataEndpoint: endpoints.data,
    change: { channels: { 2: { enabled: false } } },
    begins: (phase, { kind, data }) => {
      const [, isWrite, low, , value] = data as unknown as number[];
      if (kind !== 'out' || low === undefined) return false;
      if (phase === 'probe') return low === register.clockHz;
      const isCapture = isWrite === 1 && low === register.capture;
      return isCapture && (phase === 'start' ? value === captureBits.capture + captureBits.count : value === 0);
    },
  },
};

const packetsOfStream = 200;

/** A board whose cable is pulled at a phase: while that command is on its way, or in the middle of the data. */
export class Doomed implements DeviceModel {
  onLeave: ((next: DeviceModel | undefined) => void) | undefined;
  readonly #board: Board;
  readonly #model: DeviceModel;
  readonly #phase: Phase | undefined;
  readonly #pull: () => void;
  #packets = 0;
  #isGone = false;

  /** @param pull pulls the cable; called once. @param phase none: it stays */
  constructor(board: Board, phase: Phase | undefined, pull: () => void) {
    this.#board = board;
    this.#model = board.model();
    this.#phase = phase;
    this.#pull = pull;
    this.#model.onLeave = next => this.onLeave?.(next);
  }

  get descriptors() { return this.#model.descriptors; }
  reset(): void { this.#model.reset(); }
  control(setup: Setup, data: Uint8Array, length: number): Uint8Array | undefined {
    return this.#dies({ kind: 'control', endpoint: 0, setup, data }) ? undefined : this.#model.control(setup, data, length);
  }
  bulkOut(endpoint: number, data: Uint8Array): boolean { return !this.#dies({ kind: 'out', endpoint, data }) && this.#model.bulkOut(endpoint, data); }
  packet(endpoint: number): Uint8Array | undefined | 'stall' {
    if (this.#isGone) return undefined;
    const packet = this.#model.packet(endpoint);
    if (endpoint === this.#board.dataEndpoint && packet !== undefined && ++this.#packets === packetsOfStream && this.#phase === 'stream') this.#leave();
    return this.#isGone ? undefined : packet;
  }
  clearHalt(endpoint: number): void { this.#model.clearHalt?.(endpoint); }
  skip(endpoint: number): boolean { return !this.#isGone && (this.#model.skip?.(endpoint) ?? false); }

  #dies(operation: Operation): boolean {
    const { board, phase } = { board: this.#board, phase: this.#phase };
    // Before its data a board is brought to rest with the same command that stops it.
    const isTime = phase !== undefined && phase !== 'stream' && board.begins(phase, operation) && (phase !== 'stop' || this.#packets > 0);
    if (isTime && !this.#isGone) this.#leave();
    return this.#isGone;
  }

  #leave(): void {
    this.#isGone = true;
    this.#pull();
  }
}
