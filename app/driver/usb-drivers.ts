// driver/usb-drivers.ts - every driver of a USB tagger. A new one is a folder and a line here.
import { fx2lafw } from './fx2lafw/driver.ts';
import { otu } from './otu/driver.ts';
import { tdc1 } from './tdc1/driver.ts';
import { umass } from './umass/driver.ts';
import type { UsbIdentity } from './usb-access.ts';
import type { UsbDriver } from './usb-tagger.ts';

export const usbDrivers: readonly UsbDriver[] = [tdc1, umass, fx2lafw, otu];

/** Drivers that may be right for a device, the surest first. */
export function driversFor(identity: UsbIdentity): UsbDriver[] {
  return usbDrivers.map(driver => ({ driver, score: driver.score(identity) })).filter(({ score }) => score > 0).toSorted((a, b) => b.score - a.score).map(({ driver }) => driver);
}
