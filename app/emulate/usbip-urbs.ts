// emulate/usbip-urbs.ts - the URBs of one imported device: each is answered when the device would have ended it on a cable.
//
// Transfers of an IN endpoint end in order, each when it is full or with a short packet. One that is unlinked with packets in it is ended with
// them before its unlink is answered: the protocol allows it as a race, and nothing that the device gave away is lost.
import { interfacesOf, packetBytesOf } from './descriptors.ts';
import type { DeviceClock, DeviceModel } from './device.ts';
import { ControlPipe, decodeSetup } from './standard-requests.ts';
import { encodeSubmitted, encodeUnlinked, urbStatus, type Command } from './usbip-wire.ts';

/** How often a device that has nothing yet is asked again; the longest that one turn of its packets lasts. */
const pollMs = 1, turnMs = 5;
/** Of a clock that goes on in steps, each shorter than the smallest buffer of a device lasts; what is later than this cannot be made good. */
const stepMs = 0.05, mostLateMs = 200;
/** URBs under way; what usbfs allows at its usual limit of 16 MiB and transfers of 16 KiB. */
const mostUrbs = 1024;
const noMemory = -12;

interface Reading { sequence: number; length: number; packets: Uint8Array[]; bytes: number }

/**
 * Time for devices that are read through here. It goes on in small steps, and the reads that wait are served at each; without any it stands still
 * for a moment, in which the host submits the next. So a FIFO overflows if the host does not read, and not because this process was held up.
 */
export class SteppedClock implements DeviceClock {
  #nowMs = performance.now();

  nowMs(): number { return this.#nowMs; }

  /** @returns false if it is as late as the clock on the wall */
  step(): boolean {
    const wallMs = performance.now();
    if (this.#nowMs >= wallMs) return false;
    this.#nowMs = Math.min(wallMs, Math.max(this.#nowMs, wallMs - mostLateMs) + stepMs);
    return true;
  }

  /** Nobody was reading. */
  jump(): void { this.#nowMs = performance.now(); }
}

export interface UrbPeer {
  send(head: Buffer, data?: Uint8Array): void;
  /** False while the other side does not take what was sent: then the device waits, as it would for a host. */
  hasRoom(): boolean;
  /** True from the moment on that the device has left. */
  isGone(): boolean;
}

export class Urbs {
  readonly #model: DeviceModel;
  readonly #peer: UrbPeer;
  readonly #control: ControlPipe;
  readonly #packetBytes = new Map<number, number>();
  readonly #reading = new Map<number, Reading[]>();
  #urbs = 0;
  readonly #clock: SteppedClock | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(model: DeviceModel, peer: UrbPeer, clock?: SteppedClock) {
    this.#model = model;
    this.#peer = peer;
    this.#clock = clock;
    clock?.jump();
    this.#control = new ControlPipe(model);
    for (const { endpoints } of interfacesOf(model.descriptors)) for (const { address } of endpoints) this.#packetBytes.set(address, packetBytesOf(model.descriptors, address));
  }

  submit({ sequence, endpoint, isIn, length, setup }: Command, data: Uint8Array): void {
    const address = endpoint | (isIn ? 0x80 : 0);
    if (endpoint === 0) this.#answerControl(sequence, isIn, length, setup, data);
    else if (!this.#packetBytes.has(address)) this.#end(sequence, urbStatus.noEndpoint);
    else if (this.#control.halted.has(address)) this.#end(sequence, urbStatus.stall);
    else if (!isIn) this.#end(sequence, this.#model.bulkOut(address, data) ? urbStatus.ok : urbStatus.stall, data.length);
    else if (this.#urbs >= mostUrbs) this.#end(sequence, noMemory);
    else {
      const queue = this.#reading.get(address) ?? [];
      this.#reading.set(address, queue);
      queue.push({ sequence, length, packets: [], bytes: 0 });
      this.#urbs++;
    }
  }

  unlink({ sequence, unlinks }: Command): void {
    // Submit and unlink may come together, if this process was held up: the device has had its time all the same.
    this.pump();
    for (const queue of this.#reading.values()) {
      const at = queue.findIndex(each => each.sequence === unlinks);
      if (at < 0) continue;
      const [reading] = queue.splice(at, 1) as [Reading];
      this.#urbs--;
      if (reading.bytes > 0) this.#endReading(reading, urbStatus.ok);
      this.#peer.send(encodeUnlinked(sequence, reading.bytes > 0 ? urbStatus.ok : urbStatus.reset));
      return;
    }
    // It had ended already.
    this.#peer.send(encodeUnlinked(sequence, urbStatus.ok));
  }

  /** Lets the device send what it has; goes on by itself while a transfer is under way. */
  pump(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const until = performance.now() + turnMs;
    do {
      const state = this.#serve(until);
      if (state === 'over') return;
      if (state === 'late') {
        this.#timer = setTimeout(() => { this.pump(); }, 0);
        return;
      }
    } while (this.#urbs > 0 && this.#clock?.step());
    if (this.#urbs > 0 && !this.#isOver) this.#timer = setTimeout(() => { this.pump(); }, pollMs);
  }

  /** What the device has at this moment; `over`: the peer is gone, or calls again when it has room. */
  #serve(until: number): 'over' | 'late' | 'nothing' {
    for (const [endpoint, queue] of this.#reading) {
      while (queue.length > 0) {
        if (this.#isOver) return 'over';
        if (!this.#peer.hasRoom()) {
          this.#clock?.jump();
          return 'over';
        }
        const state = this.#advance(endpoint, queue, until);
        if (state === 'late') return 'late';
        if (state === 'nothing') break;
      }
    }
    return performance.now() > until ? 'late' : 'nothing';
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#reading.clear();
    this.#urbs = 0;
  }

  get #isOver(): boolean { return this.#stopped || this.#peer.isGone(); }

  #advance(endpoint: number, queue: Reading[], until: number): 'ended' | 'nothing' | 'late' {
    const reading = queue[0]!, packetBytes = this.#packetBytes.get(endpoint)!;
    const end = (status: number): 'ended' => {
      queue.shift();
      this.#urbs--;
      this.#endReading(reading, status);
      return 'ended';
    };
    if (this.#control.halted.has(endpoint)) return end(urbStatus.stall);
    while (reading.bytes < reading.length) {
      if (performance.now() > until) return 'late';
      const packet = this.#model.packet(endpoint);
      if (this.#isOver) return 'nothing';
      if (packet === 'stall') {
        this.#control.halted.add(endpoint);
        return end(urbStatus.stall);
      }
      if (packet === undefined) {
        if (this.#model.skip?.(endpoint)) continue;
        return 'nothing';
      }
      const room = reading.length - reading.bytes;
      reading.packets.push(packet.subarray(0, room));
      reading.bytes += Math.min(packet.length, room);
      if (packet.length > room) return end(urbStatus.overflow);
      if (packet.length < packetBytes) break;
    }
    return end(urbStatus.ok);
  }

  #answerControl(sequence: number, isIn: boolean, length: number, bytes: Uint8Array, data: Uint8Array): void {
    const { setup, length: wanted } = decodeSetup(bytes);
    const reads = (setup.requestType & 0x80) > 0;
    if (reads !== isIn && wanted > 0) return this.#end(sequence, urbStatus.stall);
    const answer = this.#control.answer(setup, data, Math.min(wanted, length));
    if (this.#isOver) return;
    if (!answer) this.#end(sequence, urbStatus.stall);
    else if (reads) this.#peer.send(encodeSubmitted(sequence, urbStatus.ok, answer.length), answer);
    else this.#end(sequence, urbStatus.ok, data.length);
  }

  #endReading({ sequence, packets, bytes }: Reading, status: number): void {
    this.#peer.send(encodeSubmitted(sequence, status, bytes), packets.length === 1 ? packets[0] : Buffer.concat(packets));
  }

  #end(sequence: number, status: number, bytes = 0): void {
    if (!this.#isOver) this.#peer.send(encodeSubmitted(sequence, status, bytes));
  }
}
