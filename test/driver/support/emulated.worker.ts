// test/driver/support/emulated.worker.ts - an ingest worker whose USB bus is emulated: a board that is pulled out and put back on command.
import { BroadcastChannel } from 'node:worker_threads';
import { openUsb } from '../../../app/driver/usb-discovery.ts';
import { runIngest } from '../../../app/dsp/ingest.ts';
import { EmulatedBus } from '../../../app/emulate/in-process.ts';
import { UmassModel } from '../../../app/emulate/umass.ts';

runIngest(async source => {
  if (source.kind !== 'usb') throw new Error('only USB here');
  const bus = new EmulatedBus(), plug = (): (() => void) => bus.plug(new UmassModel(), '9-1');
  let pull = plug();
  const hands = new BroadcastChannel(String(source.serial));
  hands.addEventListener('message', event => {
    if ((event as unknown as { data: 'pull' | 'plug' }).data === 'pull') pull();
    else pull = plug();
  });
  hands.unref();
  return await openUsb(bus, {});
});
