// test/driver/fx2lafw/support.ts - emulated logic analysers for the tests of this folder, and what they sent.
import { fx2lafw } from '../../../app/driver/fx2lafw/driver.ts';
import { samplesEndpoint } from '../../../app/driver/fx2lafw/protocol.ts';
import type { UsbTagger } from '../../../app/driver/usb-tagger.ts';
import type { DeviceModel } from '../../../app/emulate/device.ts';
import { Fx2lafwModel, type Fx2lafwOptions } from '../../../app/emulate/fx2lafw.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { Mortal, openOn, type UsbUnderTest } from '../usb-life.ts';

const signals = [{ kind: 'poisson', channel: 1, rateHz: 50_000 }, { kind: 'poisson', channel: 2, rateHz: 80_000 }, { kind: 'periodic', channel: 4, periodPs: 20_000_000 }] as const;
export const model = (options: Fx2lafwOptions = {}): Fx2lafwModel => new Fx2lafwModel({ clock: 'demand', signals, ...options });
export const under: UsbUnderTest = { driver: fx2lafw, model, data: samplesEndpoint };
export const wide = '1d50:608d';

export async function open(options: Fx2lafwOptions = {}, port?: string): Promise<{ bus: EmulatedBus; board: Fx2lafwModel; tagger: UsbTagger }> {
  const bus = new EmulatedBus(), board = model(options);
  bus.plug(board, port);
  return { bus, board, tagger: await openOn(bus, under) };
}

export const never = (): AbortSignal => new AbortController().signal;
export const rateOf = (tagger: UsbTagger): unknown => tagger.settings().tagger!['sampleRate'];

/** Keeps the packets of each start, and the commands that started. */
export class Tapped extends Mortal {
  readonly stretches: Buffer[][] = [];
  readonly commands: string[] = [];
  constructor(inner: DeviceModel) { super(inner, Infinity); }
  override control(setup: Parameters<DeviceModel['control']>[0], data: Uint8Array, length: number): Uint8Array | undefined {
    if (setup.request === 0xb1) {
      this.stretches.push([]);
      this.commands.push(Buffer.from(data).toString('hex'));
    }
    return super.control(setup, data, length);
  }
  override packet(endpoint: number): Uint8Array | undefined | 'stall' {
    const packet = super.packet(endpoint);
    if (packet instanceof Uint8Array) this.stretches.at(-1)?.push(Buffer.from(packet));
    return packet;
  }
}

/** Sample and channel index of each edge. */
export function edgesOf(bytes: Buffer, sampleBytes: number, inputs: number): [sample: number, index: number][] {
  const edges: [number, number][] = [], sampleAt = (i: number): number => (sampleBytes === 2 ? bytes.readUInt16LE(2 * i) : bytes[i]!);
  for (let i = 1; i < bytes.length / sampleBytes; i++) {
    const before = sampleAt(i - 1), now = sampleAt(i);
    if (before === now) continue;
    for (let line = inputs - 1; line >= 0; line--) if ((before & ~now) >> line & 1) edges.push([i, inputs - 1 - line]);
    for (let line = 0; line < inputs; line++) if ((now & ~before) >> line & 1) edges.push([i, inputs + line]);
  }
  return edges;
}
