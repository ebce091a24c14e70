// driver/decode/tdc1.as.ts - 4-byte words of the S-Fifteen TDC1 to int64 ps and u8 channel index.
//
// Four plain words at a time by SIMD; dummies, several inputs in one word and wraps one by one. A word that is in doubt ends the call in
// front of it: whoever called looks further ahead. The twin and the layout of the state are in ../tdc1/protocol.ts.

// The state, as tdc1/protocol.ts writes it.
const base: usize = 0; // i64, ps of tick 0 of this wrap
const lastPs: usize = 8; // i64
const beforePs: usize = 16; // i64, of the word before the last
const last: usize = 24; // u32, time bits of the last word, in place
const limit: usize = 28; // u32, largest step that is believed at once, in place
const isStarted: usize = 32; // u32
const pending: usize = 36; // u32, inputs of the last word that found no room
const consumed: usize = 40; // u32
const status: usize = 44; // u32, see below
const isPassed: usize = 48; // u32, the next word is believed whatever its step

const stoppedByRoom: u32 = 1;
/** In front of a word that says nothing, a dummy that comes too soon, or one whose step is larger than the limit. */
const stoppedByDoubt: u32 = 2;

const flags: u32 = 31;
const soon: u32 = 1 << 30; // in place
const tickPs: u32 = 2000;
const wrapPs: i64 = <i64>tickPs << 27;

/** Decodes up to `words` words at `rawAt`. @returns tags written */
export function decodeTdc1(state: usize, rawAt: usize, words: u32, timesAt: usize, channelsAt: usize, room: u32): u32 {
  store<u32>(state, 0, status);
  let written = send(state, timesAt, channelsAt, 0, room), i: u32 = 0;
  if (load<u32>(state, pending)) {
    store<u32>(state, 0, consumed);
    store<u32>(state, stoppedByRoom, status);
    return written;
  }
  while (i < words) {
    if (load<u32>(state, isStarted) && !load<u32>(state, isPassed)) {
      const n = plain(state, rawAt + (<usize>i << 2), min(words - i, room - written), timesAt + (<usize>written << 3), channelsAt + written);
      i += n;
      written += n;
      if (i == words) break;
    }
    // A few one by one before the next four: what stood in the way may come again soon.
    for (let few = 0; few < 4 && i < words; few++) {
      const value = load<u32>(rawAt + (<usize>i << 2)), time = value & ~flags, started = load<u32>(state, isStarted);
      const step = time - load<u32>(state, last), isOdd = started && (step > load<u32>(state, limit) || (value & 16 && step < soon));
      if (!load<u32>(state, isPassed) && (!(value & flags) || isOdd)) {
        store<u32>(state, stoppedByDoubt, status);
        store<u32>(state, i, consumed);
        return written;
      }
      if (started && time < load<u32>(state, last)) store<i64>(state, load<i64>(state, base) + wrapPs, base);
      store<u32>(state, 1, isStarted);
      store<u32>(state, 0, isPassed);
      store<u32>(state, time, last);
      store<i64>(state, load<i64>(state, lastPs), beforePs);
      store<i64>(state, load<i64>(state, base) + <i64>(<u64>(time >> 5) * tickPs), lastPs);
      store<u32>(state, value & 16 ? 0 : value & 15, pending);
      i++;
      written = send(state, timesAt, channelsAt, written, room);
      if (load<u32>(state, pending)) {
        store<u32>(state, stoppedByRoom, status);
        store<u32>(state, i, consumed);
        return written;
      }
    }
  }
  store<u32>(state, i, consumed);
  return written;
}

function send(state: usize, timesAt: usize, channelsAt: usize, written: u32, room: u32): u32 {
  let mask = load<u32>(state, pending);
  for (; mask && written < room; mask &= mask - 1) {
    store<i64>(timesAt + (<usize>written << 3), load<i64>(state, lastPs));
    store<u8>(channelsAt + written, <u8>ctz(mask));
    written++;
  }
  store<u32>(state, mask, pending);
  return written;
}

/** Fours of words that each are one input, in one wrap, within the limit. Returns how many words were taken; each is one tag. */
function plain(state: usize, rawAt: usize, most: u32, timesAt: usize, channelsAt: usize): u32 {
  const zero = i64x2.splat(load<i64>(state, base)), factor = i32x4.splat(tickPs), furthest = i32x4.splat(load<u32>(state, limit));
  const low = i32x4.splat(flags), gather = i8x16(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  /** Channel index and a bit that says: one input. */
  const inputs = i8x16(0, 64, 65, 0, 66, 0, 0, 0, 67, 0, 0, 0, 0, 0, 0, 0);
  let previous = i32x4.splat(load<u32>(state, last)), i: u32 = 0;
  let second: v128 = i64x2(load<i64>(state, beforePs), load<i64>(state, lastPs));
  for (; i + 4 <= most; i += 4) {
    const words = v128.load(rawAt + (<usize>i << 2)), times = v128.andnot(words, low);
    const before = v128.shuffle<i32>(previous, times, 3, 4, 5, 6);
    const good = v128.and(i32x4.le_u(i32x4.sub(times, before), furthest), i32x4.ge_u(times, before));
    const indexes = i32x4.extract_lane(i8x16.swizzle(inputs, i8x16.swizzle(v128.and(words, low), gather)), 0);
    if (!i32x4.all_true(good) || (indexes & 0x40404040) != 0x40404040) break;
    const ticks = i32x4.shr_u(times, 5);
    second = i64x2.add(i64x2.extmul_high_i32x4_u(ticks, factor), zero);
    v128.store(timesAt + (<usize>i << 3), i64x2.add(i64x2.extmul_low_i32x4_u(ticks, factor), zero));
    v128.store(timesAt + (<usize>i << 3), second, 16);
    store<u32>(channelsAt + i, indexes & 0x3f3f3f3f);
    previous = times;
  }
  store<u32>(state, i32x4.extract_lane(previous, 3), last);
  store<i64>(state, i64x2.extract_lane(second, 0), beforePs);
  store<i64>(state, i64x2.extract_lane(second, 1), lastPs);
  return i;
}
