// driver/simulated/slice.ts - the tags of 2^32 ps (4.3 ms) of stream time: collected in any order, then sorted.
//
// Everything is generated slice by slice, so tags do not depend on who reads them, in which pieces or how fast. Times are
// u32 ps since the start of the slice: no rounding, and half the memory. What falls behind the end goes to the next one.

export const slicePs = 2 ** 32;

export class Slice {
  times = new Uint32Array(1024);
  channels = new Uint8Array(1024);
  n = 0;
  #laterTimes = new Uint32Array(256);
  #laterChannels = new Uint8Array(256);
  #later = 0;
  #sortedTimes = new Uint32Array(1024);
  #sortedChannels = new Uint8Array(1024);
  #buckets = new Uint32Array(1024);

  /** Makes room for `count` more tags, which the caller writes from `n` on. */
  reserve(count: number): void {
    if (this.n + count <= this.times.length) return;
    const size = 2 ** Math.ceil(Math.log2(this.n + count));
    this.times = grown(this.times, size);
    this.channels = grown(this.channels, size);
  }

  /** @param timePs since the start of the slice, whole, in [0, 2 * slicePs) */
  add(timePs: number, channelIndex: number): void {
    if (timePs < slicePs) {
      if (this.n === this.times.length) this.reserve(1);
      this.times[this.n] = timePs;
      this.channels[this.n++] = channelIndex;
      return;
    }
    if (this.#later === this.#laterTimes.length) {
      this.#laterTimes = grown(this.#laterTimes, 2 * this.#later);
      this.#laterChannels = grown(this.#laterChannels, 2 * this.#later);
    }
    this.#laterTimes[this.#later] = timePs - slicePs;
    this.#laterChannels[this.#later++] = channelIndex;
  }

  /** Starts the next slice with what was left for it. */
  advance(): void {
    const later = this.#later;
    this.n = 0;
    this.reserve(later);
    this.times.set(this.#laterTimes.subarray(0, later));
    this.channels.set(this.#laterChannels.subarray(0, later));
    this.n = later;
    this.#later = 0;
  }

  /** Sorts by (time, channel index): by the leading bits without a comparison, then what is left by insertion. */
  sort(): void {
    const { n } = this;
    if (n > 64) {
      // 32 places per tag: few tags share one, so insertion hardly ever has to move any.
      const bits = Math.min(32, Math.ceil(Math.log2(n)) + 5), low = bits >>> 1;
      this.#distribute(32 - bits, low);
      this.#distribute(32 - bits + low, bits - low);
    }
    const { times, channels } = this;
    let previous = 0;
    for (let i = 0; i < n; i++) {
      const time = times[i]!;
      if (time > previous) {
        previous = time;
        continue;
      }
      const channel = channels[i]!;
      let at = i;
      for (; at > 0 && (times[at - 1]! > time || (times[at - 1] === time && channels[at - 1]! > channel)); at--) {
        times[at] = times[at - 1]!;
        channels[at] = channels[at - 1]!;
      }
      times[at] = time;
      channels[at] = channel;
    }
  }

  /** One pass of a radix sort, stable, by `bits` bits from `shift` on. */
  #distribute(shift: number, bits: number): void {
    const { times, channels, n } = this;
    const mask = 2 ** bits - 1;
    if (this.#buckets.length <= mask + 1) this.#buckets = new Uint32Array(mask + 2);
    if (this.#sortedTimes.length < times.length) {
      this.#sortedTimes = new Uint32Array(times.length);
      this.#sortedChannels = new Uint8Array(times.length);
    }
    const buckets = this.#buckets, intoTimes = this.#sortedTimes, intoChannels = this.#sortedChannels;
    buckets.fill(0, 0, mask + 2);
    for (let i = 0; i < n; i++) buckets[((times[i]! >>> shift) & mask) + 1]!++;
    for (let i = 1; i <= mask; i++) buckets[i]! += buckets[i - 1]!;
    for (let i = 0; i < n; i++) {
      const time = times[i]!;
      const at = buckets[(time >>> shift) & mask]!++;
      intoTimes[at] = time;
      intoChannels[at] = channels[i]!;
    }
    this.#sortedTimes = times;
    this.#sortedChannels = channels;
    this.times = intoTimes;
    this.channels = intoChannels;
  }
}

function grown<T extends Uint32Array | Uint8Array>(array: T, size: number): T {
  const larger = array instanceof Uint32Array ? new Uint32Array(size) : new Uint8Array(size);
  larger.set(array);
  return larger as T;
}
