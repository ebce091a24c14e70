// dsp/kernels/intervals.as.ts - tags per channel and time interval, for counters.
//
// Tags are sorted, so a bin is a run of them: gallop to the bin's end, then count the run's bits of each channel. The ring
// keeps one row of u64 per bin (one column a channel) and one flag byte per bin behind the rows.
import { countBits } from './bits.as';
import { firstNotBefore } from './bound.as';

// The plan, as layouts.ts writes it.
const openEnd: usize = 0; // i64, end of the open bin
const widthPs: usize = 8; // f64
const openSlot: usize = 16; // u32
const slotCount: usize = 20; // u32
const columnCount: usize = 24; // u32
const flagNew: usize = 28; // u32, flag of bins that open from now on
const openBin: usize = 32; // f64, number of the open bin
const channelOf: usize = 64; // u8[64], channel index of each column
const columnOf: usize = 128; // u8[256], column of each channel index, 0 for those that do not count
const weightOf: usize = 384; // u8[256], 1 for channel indexes that count

/**
 * Counts n tags into the bins they fall in, then opens the bin that holds the i64 at `untilAt`. `bitsAt`: the bits of channel
 * index 0; those of the next one lie `stride` bytes on.
 */
export function countIntervals(
  timesAt: usize, channelsAt: usize, n: u32, bitsAt: usize, stride: u32, untilAt: usize, planAt: usize, ringAt: usize,
): void {
  let i: u32 = 0;
  while (i < n) {
    const time = load<i64>(timesAt + (<usize>i << 3));
    if (time >= load<i64>(planAt, openEnd)) openBinOf(time, planAt, ringAt);
    const end = endOfRun(timesAt, i, n, load<i64>(planAt, openEnd));
    countRun(channelsAt, i, end, bitsAt, stride, planAt, rowAt(planAt, ringAt));
    i = end;
  }
  const until = load<i64>(untilAt);
  if (until >= load<i64>(planAt, openEnd)) openBinOf(until, planAt, ringAt);
}

// @ts-ignore: decorator
@inline
function rowAt(planAt: usize, ringAt: usize): usize {
  return ringAt + (<usize>(load<u32>(planAt, openSlot) * load<u32>(planAt, columnCount)) << 3);
}

/** Moves on to the bin that holds `time`; every bin on the way starts empty. */
function openBinOf(time: i64, planAt: usize, ringAt: usize): void {
  const width = <i64>load<f64>(planAt, widthPs);
  const end = load<i64>(planAt, openEnd);
  const steps = time < end + width ? 1 : <u64>((time - end) / width) + 1;
  const slots = load<u32>(planAt, slotCount), columns = load<u32>(planAt, columnCount);
  const flagsAt = ringAt + (<usize>(slots * columns) << 3), flag = <u8>load<u32>(planAt, flagNew);
  let slot = load<u32>(planAt, openSlot);
  if (steps >= slots) {
    memory.fill(ringAt, 0, <usize>(slots * columns) << 3);
    memory.fill(flagsAt, flag, slots);
    slot = <u32>((slot + steps) % slots);
  } else {
    for (let step: u64 = 0; step < steps; step++) {
      slot = slot + 1 == slots ? 0 : slot + 1;
      memory.fill(ringAt + (<usize>(slot * columns) << 3), 0, <usize>columns << 3);
      store<u8>(flagsAt + slot, flag);
    }
  }
  store<u32>(planAt, slot, openSlot);
  store<i64>(planAt, end + <i64>steps * width, openEnd);
  store<f64>(planAt, load<f64>(planAt, openBin) + <f64>steps, openBin);
}

/** First index after `i` whose time is not before `end`; tag `i` is. */
function endOfRun(timesAt: usize, i: u32, n: u32, end: i64): u32 {
  let low = i + 1, step: u32 = 1;
  while (low + step < n && load<i64>(timesAt + (<usize>(low + step) << 3)) < end) {
    low += step;
    step <<= 1;
  }
  return firstNotBefore(timesAt, low, min(low + step, n), end);
}

function countRun(channelsAt: usize, from: u32, to: u32, bitsAt: usize, stride: u32, planAt: usize, rowAt: usize): void {
  const columns = load<u32>(planAt, columnCount);
  if (to - from < 2 * columns) {
    for (let i = from; i < to; i++) {
      const channel = <usize>load<u8>(channelsAt + i);
      const at = rowAt + (<usize>load<u8>(planAt + channel, columnOf) << 3);
      store<u64>(at, load<u64>(at) + load<u8>(planAt + channel, weightOf));
    }
    return;
  }
  for (let column: u32 = 0; column < columns; column++) {
    const at = rowAt + (<usize>column << 3), channel = <u32>load<u8>(planAt + column, channelOf);
    store<u64>(at, load<u64>(at) + countBits(bitsAt + channel * stride, from, to));
  }
}
