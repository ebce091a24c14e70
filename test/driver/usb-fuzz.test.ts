// test/driver/usb-fuzz.test.ts - damaged data and descriptors, for each USB driver; TAGD_FUZZ multiplies how much (170: 25,500 sets of descriptors each).
import test from 'ava';
import { otu } from '../../app/driver/otu/driver.ts';
import { tdc1 } from '../../app/driver/tdc1/driver.ts';
import { umass } from '../../app/driver/umass/driver.ts';
import { endpoints } from '../../app/driver/umass/protocol.ts';
import { OtuModel } from '../../app/emulate/otu.ts';
import { Tdc1Model } from '../../app/emulate/tdc1.ts';
import { UmassModel } from '../../app/emulate/umass.ts';
import { usbFuzz } from './usb-fuzz.ts';

usbFuzz(test, { driver: umass, model: () => new UmassModel({ clock: 'demand' }), data: endpoints.data });
usbFuzz(test, { driver: otu, model: () => new OtuModel({ clock: 'demand' }), data: 0x81 });
usbFuzz(test, { driver: tdc1, model: () => new Tdc1Model({ clock: 'demand' }) });
