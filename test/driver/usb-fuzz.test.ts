// test/driver/usb-fuzz.test.ts - damaged data and descriptors, for each USB driver; TAGD_FUZZ=1000 is the long form.
import test from 'ava';
import { umass } from '../../app/driver/umass/driver.ts';
import { endpoints } from '../../app/driver/umass/protocol.ts';
import { UmassModel } from '../../app/emulate/umass.ts';
import { usbFuzz } from './usb-fuzz.ts';

usbFuzz(test, { driver: umass, model: () => new UmassModel({ clock: 'demand' }), data: endpoints.data });
