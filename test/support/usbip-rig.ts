// test/support/usbip-rig.ts - a USB/IP server and a client on the two ends of real sockets: one bus to plug emulated devices into.
import type { UsbAccess, UsbBus, UsbIdentity } from '../../app/driver/usb-access.ts';
import type { DeviceModel } from '../../app/emulate/device.ts';
import { UsbipServer } from '../../app/emulate/usbip.ts';
import { UsbipBus } from './usbip-client.ts';

export class UsbipRig implements UsbBus {
  readonly server: Promise<UsbipServer> = UsbipServer.listen({ port: 0 });
  readonly #bus: UsbipBus;
  #plugged: Promise<unknown> = this.server;

  constructor() {
    this.#bus = new UsbipBus(this.server.then(server => {
      server.unref();
      return server.port;
    }));
  }

  plug(model: DeviceModel, port?: string): Promise<() => void> {
    const plugged = this.server.then(server => server.plug(model, port));
    this.#plugged = plugged;
    return plugged;
  }

  async list(): Promise<UsbIdentity[]> {
    await this.#plugged;
    return this.#bus.list();
  }

  open(identity: UsbIdentity): Promise<UsbAccess> { return this.#bus.open(identity); }
  watch(listener: () => void): () => void { return this.#bus.watch(listener); }
}
