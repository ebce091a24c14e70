// dsp/kernels/delay.as.ts - moves each channel by its delay and puts the tags back into order.
import { sortTags } from './sort.as';

/** Adds the f64 of each channel, `delaysAt` f64[256] (whole ps), to its tags' times and sorts them as `sortTags`. */
export function delayTags(timesAt: usize, channelsAt: usize, n: u32, delaysAt: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = timesAt + (<usize>i << 3);
    const delay = load<f64>(delaysAt + (<usize>load<u8>(channelsAt + i) << 3));
    store<i64>(at, load<i64>(at) + <i64>delay);
  }
  sortTags(timesAt, channelsAt, n);
}
