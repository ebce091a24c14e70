// test/driver/guide/emulator.ts - the Clicker as its firmware behaves. Time passes as somebody reads, so a test is fast and nothing is lost by chance.
import type { Setup } from '../../../app/driver/usb-access.ts';
import { describe } from '../../../app/emulate/descriptors.ts';
import type { DeviceModel } from '../../../app/emulate/device.ts';
import { Feed, type FeedOptions } from '../../../app/emulate/feed.ts';
import { endpoint, requests, tickPs, timeBits } from './protocol.ts';

const packetBytes = 64, markEveryPs = 100e9;

export interface ClickerOptions extends FeedOptions {
  /** Its FIFO overflows each time it has sent so many tags, and drops the next 10. */
  losesEvery?: number;
  /** It clicks so many times, sent or lost, and then only says what time it is. */
  clicks?: number;
}

export class ClickerModel implements DeviceModel {
  readonly descriptors = describe({ vendorId: 0x1209, productId: 0xc11c, product: 'Clicker', serial: 'CLK-7', interfaces: [{ class: [0xff, 0, 0], endpoints: [{ address: endpoint, packetBytes }] }] });
  onLeave: ((next: DeviceModel | undefined) => void) | undefined;
  sent = 0;
  lost = 0;
  readonly #options: ClickerOptions;
  #feed: Feed;
  #runs = false;
  #mask = 7;
  #markPs = 0;
  #dropping = 0;
  #dropped = 0;

  constructor(options: ClickerOptions = {}) {
    this.#options = options;
    this.#feed = new Feed(options);
  }

  reset(): void {
    this.#runs = false;
    this.#mask = 7;
  }

  control({ requestType, request, value }: Setup): Uint8Array | undefined {
    if (requestType === 0xc0 && request === requests.who) return new TextEncoder().encode('CLK1\u0001\u0003\u0000\u0000');
    if (requestType !== 0x40) return undefined;
    if (request === requests.run) {
      this.#runs = value === 1;
      if (!this.#runs) return new Uint8Array(0);
      this.#feed = new Feed(this.#options);
      this.sent = this.lost = this.#markPs = this.#dropping = this.#dropped = 0;
    } else if (request === requests.enable) this.#mask = value;
    else return undefined;
    return new Uint8Array(0);
  }

  bulkOut(): boolean { return false; }

  packet(): Uint8Array | undefined {
    if (!this.#runs) return undefined;
    const view = new DataView(new ArrayBuffer(packetBytes));
    for (let at = 0; at < packetBytes; at += 4) view.setUint32(at, this.#record(), true);
    return new Uint8Array(view.buffer);
  }

  #record(): number {
    for (;;) {
      const { nextPs } = this.#feed, tick = Math.floor(nextPs / tickPs);
      const { losesEvery = Infinity, clicks = Infinity } = this.#options;
      const isOver = this.sent + this.lost >= clicks && this.#dropping + this.#dropped === 0;
      if (isOver || nextPs >= this.#markPs + markEveryPs) {
        this.#markPs += markEveryPs;
        return this.#markPs / tickPs % 2 ** timeBits;
      }
      let clicked = 0;
      while (Math.floor(this.#feed.nextPs / tickPs) === tick) clicked |= 1 << this.#feed.take() & this.#mask;
      if (clicked === 0) continue;
      const count = clicked.toString(2).replaceAll('0', '').length;
      if (this.#dropping > 0) {
        this.#dropping = Math.max(0, this.#dropping - count);
        this.#dropped += count;
        this.lost += count;
        continue;
      }
      if (this.#dropped > 0) {
        const lost = this.#dropped;
        this.#dropped = 0;
        // This click found no room either: its place is taken by the record of the loss.
        this.lost += count;
        return (2 ** 31 + lost + count) >>> 0;
      }
      if (Math.floor((this.sent + count) / losesEvery) > Math.floor(this.sent / losesEvery)) this.#dropping = 10;
      this.sent += count;
      this.#markPs = Math.max(this.#markPs, tick * tickPs);
      return (clicked * 2 ** timeBits + tick % 2 ** timeBits) >>> 0;
    }
  }
}
