// driver/decode/umass.as.ts - 6-byte records of the UMass tagger to int64 ps and u8 channel index.
//
// Two plain records at a time by SIMD; everything else (several channels, levels, wraps, losses) one by one. The twin and the layout of the
// state are in ../umass/protocol.ts. Records are big-endian: lost, wrap, type, five zeros, four channels, 36 bits of time.

// The state, as umass/protocol.ts writes it.
const base: usize = 0; // i64, ps of tick 0 of this wrap
const rest: usize = 8; // u32, ticks below one ps at `base`, times den
const num: usize = 12; // u32
const den: usize = 16; // u32, a power of two or not
const shift: usize = 20; // u32, log2 of den where that is one, else 255
const isStarted: usize = 24; // u32
const levels: usize = 28; // u32, of the delta lines
const last: usize = 32; // i64, raw ticks of the last record
const lastPs: usize = 40; // i64
const pending: usize = 48; // u32, indexes of the last record that found no room
const consumed: usize = 52; // u32
const status: usize = 56; // u32, see below
const isPassed: usize = 60; // u32, the next record may be one that would stop the call

const stoppedByRoom: u32 = 1;
/** In front of a record that says that others were dropped before it. */
const stoppedByLoss: u32 = 2;
/** In front of a record that is earlier than the one before and says nothing of a wrap: that record was dropped. */
const stoppedByBack: u32 = 3;

const timeMask: i64 = (<i64>1 << 36) - 1;

/** Decodes up to `records` records at `rawAt`; 10 bytes behind them must be readable. @returns tags written */
export function decodeUmass(state: usize, rawAt: usize, records: u32, timesAt: usize, channelsAt: usize, room: u32): u32 {
  store<u32>(state, 0, status);
  let written = send(state, timesAt, channelsAt, 0, room), i: u32 = 0;
  if (load<u32>(state, pending)) {
    store<u32>(state, 0, consumed);
    store<u32>(state, stoppedByRoom, status);
    return written;
  }
  while (i < records) {
    const from = i;
    if (load<u32>(state, shift) < 64 && load<u32>(state, isStarted)) {
      i = plain(state, rawAt, i, records, timesAt + (<usize>written << 3), channelsAt + written, room - written);
      written += i - from;
      if (i == records) break;
    }
    const raw = bswap<u64>(load<u64>(rawAt + 6 * <usize>i)) >> 16;
    const time = <i64>raw & timeMask, hasWrap = (raw >> 46 & 1) != 0, mayPass = load<u32>(state, isPassed) != 0;
    if (!load<u32>(state, isStarted)) store<u32>(state, 1, isStarted);
    else {
      const isBack = time < load<i64>(state, last);
      if (!mayPass && (raw >> 47 || (isBack && !hasWrap))) {
        store<u32>(state, raw >> 47 ? stoppedByLoss : stoppedByBack, status);
        store<u32>(state, 1, isPassed);
        break;
      }
      if (hasWrap || isBack) wrap(state);
    }
    store<u32>(state, 0, isPassed);
    store<i64>(state, time, last);
    store<i64>(state, psOf(state, time), lastPs);
    store<u32>(state, indexesOf(state, raw), pending);
    i++;
    written = send(state, timesAt, channelsAt, written, room);
    if (load<u32>(state, pending)) {
      store<u32>(state, stoppedByRoom, status);
      break;
    }
  }
  store<u32>(state, i, consumed);
  return written;
}

/** Stream time of the record behind `records` others, for a loss in front of it: it is left where it is. */
export function peekUmass(state: usize, rawAt: usize, intoAt: usize): void {
  const raw = bswap<u64>(load<u64>(rawAt)) >> 16, time = <i64>raw & timeMask;
  let ps = psOf(state, time);
  if (raw >> 46 & 1 || time < load<i64>(state, last)) ps += <i64>((<u64>1 << 36) * load<u32>(state, num) / load<u32>(state, den));
  store<i64>(intoAt, ps);
}

function psOf(state: usize, time: i64): i64 {
  return load<i64>(state, base) + <i64>((<u64>time * load<u32>(state, num) + load<u32>(state, rest)) / load<u32>(state, den));
}

function wrap(state: usize): void {
  const ticks = (<u64>1 << 36) * load<u32>(state, num) + load<u32>(state, rest), by = load<u32>(state, den);
  store<i64>(state, load<i64>(state, base) + <i64>(ticks / by), base);
  store<u32>(state, <u32>(ticks % by), rest);
}

/** Bit k: a tag of channel index k. Falling lines are 3 to 0, strobes 4 to 7, rising lines 8 to 11. */
function indexesOf(state: usize, raw: u64): u32 {
  const mask = <u32>(raw >> 36) & 15;
  if (!(raw >> 45 & 1)) return mask << 4;
  const before = load<u32>(state, levels), rising = mask & ~before, falling = before & ~mask;
  store<u32>(state, mask, levels);
  return rising << 8 | (falling & 1) << 3 | (falling & 2) << 1 | (falling & 4) >> 1 | (falling & 8) >> 3;
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

/** Pairs of records that each are one strobe, later than the one before. Returns the next record. */
function plain(state: usize, rawAt: usize, from: u32, records: u32, timesAt: usize, channelsAt: usize, room: u32): u32 {
  const by = <i32>load<u32>(state, shift), factor = i64x2.splat(load<u32>(state, num)), zero = i64x2.splat(load<i64>(state, base));
  const remainder = i64x2.splat(load<u32>(state, rest)), mask = i64x2.splat(timeMask);
  const most = min(records - from, room) & ~1;
  let previous = load<i64>(state, last), i: u32 = 0, ps = load<i64>(state, lastPs);
  for (; i < most; i += 2) {
    // Two records, byte by byte from the end, into two lanes; their upper two bytes are zero.
    const both = i8x16.swizzle(v128.load(rawAt + 6 * <usize>(from + i)), i8x16(5, 4, 3, 2, 1, 0, -1, -1, 11, 10, 9, 8, 7, 6, -1, -1));
    const first = i64x2.extract_lane(both, 0), second = i64x2.extract_lane(both, 1);
    const flags = <u32>(first >> 36), flags2 = <u32>(second >> 36), time = first & timeMask, time2 = second & timeMask;
    if (flags - 1 > 7 || flags2 - 1 > 7 || flags & (flags - 1) || flags2 & (flags2 - 1) || time <= previous || time2 <= time) break;
    const scaled = i64x2.add(i64x2.shr_u(i64x2.add(i64x2.mul(v128.and(both, mask), factor), remainder), by), zero);
    v128.store(timesAt + (<usize>i << 3), scaled);
    store<u16>(channelsAt + i, <u16>((ctz(flags) + 4) | (ctz(flags2) + 4) << 8));
    previous = time2;
    ps = i64x2.extract_lane(scaled, 1);
  }
  store<i64>(state, previous, last);
  store<i64>(state, ps, lastPs);
  return from + i;
}
