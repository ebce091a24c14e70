// test/driver/support/analyser.worker.ts - an ingest worker whose USB bus has an emulated logic analyser on it, in real time.
import { openUsb } from '../../../app/driver/usb-discovery.ts';
import { runIngest } from '../../../app/dsp/ingest.ts';
import { Fx2lafwModel } from '../../../app/emulate/fx2lafw.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';

runIngest(async () => {
  const bus = new EmulatedBus();
  bus.plug(new Fx2lafwModel({ fifoBytes: 2 ** 21 }), '9-1');
  return await openUsb(bus, {});
});
