// driver/decode/t2.as.ts - 4-byte T2 records (HydraHarp, MultiHarp, PicoHarp) to int64 ps and u8 channel index.
//
// Sixteen plain tags at a time by SIMD; anything else (overflow, marker, two equal times) goes record by record. The last
// run of equal times is always held back, so that ties leave in channel order however the records are cut. twin.ts is
// the same decoder in TypeScript; layout.ts is their common state.
import {
  baseAt, remainderAt, limitAt, numAt, denAt, timeBitsAt, wrapAt, countedWrapsAt, inputsAt, consumedAt, statusAt, runPsAt,
  runCountAt, runSentAt, unknownPsAt, overflowsAt, unknownsAt, specialsAt, runChannelsAt, runCapacity, noChannel,
  stoppedAtEnd, stoppedByRoom, stoppedByLimit, stoppedByUnknown, stoppedByTime, latestPs,
} from './layout';

// Set anew by each call; wasm globals, so nothing is shared between threads.
let state: usize = 0;
let times: usize = 0;
let channels: usize = 0;
let room: u32 = 0;
let written: u32 = 0;

/**
 * Decodes up to `records` records into the room.
 *
 * @param stateAt see layout.ts; tells afterwards how many records were taken and why the call ended
 * @param rawAt little-endian u32[records]; the four bytes in front of it must be readable
 * @returns tags written, at most `roomTags`
 */
export function decodeT2(stateAt: usize, rawAt: usize, records: u32, timesAt: usize, channelsAt: usize, roomTags: u32): u32 {
  begin(stateAt, timesAt, channelsAt, roomTags);
  store<u32>(state, stoppedAtEnd, statusAt);
  let i: u32 = 0;
  while (i < records) {
    i = decodePlain(rawAt, i, records);
    if (i == records) break;
    if (!take(load<u32>(rawAt + (<usize>i << 2)))) {
      store<u32>(state, i + u32(load<u32>(state, statusAt) == stoppedByUnknown), consumedAt);
      return written;
    }
    i++;
  }
  store<u32>(state, i, consumedAt);
  return written;
}

/** Writes what is held back; the records have ended. */
export function flushRun(stateAt: usize, timesAt: usize, channelsAt: usize, roomTags: u32): u32 {
  begin(stateAt, timesAt, channelsAt, roomTags);
  store<u32>(state, sendRun() ? stoppedAtEnd : stoppedByRoom, statusAt);
  return written;
}

function begin(stateAt: usize, timesAt: usize, channelsAt: usize, roomTags: u32): void {
  state = stateAt;
  times = timesAt;
  channels = channelsAt;
  room = roomTags;
  written = 0;
}

/**
 * Takes 16 records at a time while all are tags of inputs and no two neighbours share a time; of the first block that
 * is different, the records in front of the odd one.
 *
 * @returns the next record
 */
function decodePlain(rawAt: usize, from: u32, records: u32): u32 {
  const timeBits = load<u32>(state, timeBitsAt);
  const timeMask: u32 = (<u32>1 << timeBits) - 1;
  const num = load<u32>(state, numAt);
  const base = load<i64>(state, baseAt);
  const held = load<u32>(state, runCountAt) - load<u32>(state, runSentAt);
  if (load<u32>(state, denAt) != 1 || from + 16 > records || written + held + 16 > room) return from;
  if (base + <i64>timeMask * num >= load<i64>(state, limitAt)) return from;
  const first = load<u32>(rawAt + (<usize>from << 2));
  if (first >> timeBits >= load<u32>(state, inputsAt)) return from;
  if (held != 0) {
    if (base + <i64>(first & timeMask) * num == load<i64>(state, runPsAt)) return from;
    sendRun();
  }

  const TIME = i32x4.splat(timeMask), NUM = i32x4.splat(num), BASE = i64x2.splat(base);
  const LAST = i8x16.splat(<i8>(load<u32>(state, inputsAt) - 1)), ZERO = i32x4.splat(0);
  // The first record has no neighbour in front of it: what lies there must not look like one.
  let before = i32x4.shuffle(i32x4.splat(~first), v128.load(rawAt + (<usize>from << 2)), 0, 4, 5, 6);
  let p = rawAt + (<usize>from << 2), t = times + (<usize>written << 3), c = channels + written;
  const end = rawAt + (<usize>min(records, from + room - written) << 2);
  for (; p + 64 <= end; p += 64) {
    const a = v128.load(p), b = v128.load(p, 16), d = v128.load(p, 32), e = v128.load(p, 48);
    const codes = i8x16.narrow_i16x8_u(
      i16x8.narrow_i32x4_u(i32x4.shr_u(a, timeBits), i32x4.shr_u(b, timeBits)),
      i16x8.narrow_i32x4_u(i32x4.shr_u(d, timeBits), i32x4.shr_u(e, timeBits)));
    const ties = i8x16.narrow_i16x8_s(
      i16x8.narrow_i32x4_s(i32x4.eq(v128.and(v128.xor(a, before), TIME), ZERO), i32x4.eq(v128.and(v128.xor(b, v128.load(p, 12)), TIME), ZERO)),
      i16x8.narrow_i32x4_s(i32x4.eq(v128.and(v128.xor(d, v128.load(p, 28)), TIME), ZERO), i32x4.eq(v128.and(v128.xor(e, v128.load(p, 44)), TIME), ZERO)));
    storeTimes(t, v128.and(a, TIME), NUM, BASE);
    storeTimes(t + 32, v128.and(b, TIME), NUM, BASE);
    storeTimes(t + 64, v128.and(d, TIME), NUM, BASE);
    storeTimes(t + 96, v128.and(e, TIME), NUM, BASE);
    v128.store(c, codes);
    const odd = i8x16.bitmask(v128.or(i8x16.gt_u(codes, LAST), ties));
    if (odd) {
      const plain = <usize>ctz(odd);
      p += plain << 2;
      t += plain << 3;
      c += plain;
      break;
    }
    t += 128;
    c += 16;
    before = v128.load(p + 60);
  }
  const taken = <u32>((p - rawAt) >> 2) - from;
  if (taken != 0) {
    // The next record may have the time of this last tag: hold it back.
    written += taken - 1;
    holdBack(load<i64>(t - 8), load<u8>(c - 1));
  }
  return from + taken;
}

// @ts-ignore: decorator
@inline
function storeTimes(at: usize, ticks: v128, NUM: v128, BASE: v128): void {
  v128.store(at, i64x2.add(BASE, i64x2.extmul_low_i32x4_u(ticks, NUM)));
  v128.store(at, i64x2.add(BASE, i64x2.extmul_high_i32x4_u(ticks, NUM)), 16);
}

/** Takes one record; false if it has to wait or, after `stoppedByUnknown`, if it was skipped. */
function take(record: u32): bool {
  const timeBits = load<u32>(state, timeBitsAt);
  const ticks = record & ((<u32>1 << timeBits) - 1);
  const code = record >> timeBits;
  if (code < load<u32>(state, inputsAt)) return tag(psOf(ticks), code);
  if (timeBits == 28) {
    if (code != 15) return skip(ticks);
    return (ticks & 15) == 0 ? overflow(1) : marks(afterRun(psOf(ticks & ~15), psOf(ticks | 15)), ticks & 15, ticks);
  }
  const special = code & 63;
  if (code < 64) return skip(ticks);
  if (special == 63) return overflow(load<u32>(state, countedWrapsAt) && ticks ? ticks : 1);
  if (special == 0) return load<u8>(state, specialsAt) == noChannel ? skip(ticks) : tag(psOf(ticks), load<u8>(state, specialsAt));
  return special < 16 ? marks(psOf(ticks), special, ticks) : skip(ticks);
}

/** A PicoHarp marker lies somewhere in 16 ticks: the earliest of them that keeps the order. */
function afterRun(fromPs: i64, toPs: i64): i64 {
  const runPs = load<i64>(state, runPsAt);
  return runPs > fromPs && runPs <= toPs ? runPs : fromPs;
}

function psOf(ticks: u32): i64 {
  const num = load<u32>(state, numAt), den = load<u32>(state, denAt);
  if (den == 1) return load<i64>(state, baseAt) + <i64>ticks * num;
  return load<i64>(state, baseAt) + <i64>Math.floor((load<f64>(state, remainderAt) + <f64>ticks) * <f64>num / <f64>den);
}

function marks(timePs: i64, bits: u32, ticks: u32): bool {
  for (let bit: u32 = 1; bit < 16; bit <<= 1) if ((bits & bit) && load<u8>(state + bit, specialsAt) == noChannel) return skip(ticks);
  // Only the first of them may be refused, else it would come twice: the run must hold all four.
  if (load<u32>(state, runCountAt) + 4 > <u32>runCapacity && !sendRun()) {
    store<u32>(state, stoppedByRoom, statusAt);
    return false;
  }
  for (let bit: u32 = 1; bit < 16; bit <<= 1) if ((bits & bit) && !tag(timePs, load<u8>(state + bit, specialsAt))) return false;
  return true;
}

function tag(timePs: i64, channel: u32): bool {
  if (timePs >= load<i64>(state, limitAt)) {
    store<u32>(state, sendRun() ? stoppedByLimit : stoppedByRoom, statusAt);
    return false;
  }
  const count = load<u32>(state, runCountAt);
  const same = count != 0 && timePs == load<i64>(state, runPsAt) && load<u32>(state, runSentAt) == 0;
  if (same && count < <u32>runCapacity) {
    let at = state + count;
    for (; at > state && load<u8>(at - 1, runChannelsAt) > <u8>channel; at--) store<u8>(at, load<u8>(at - 1, runChannelsAt), runChannelsAt);
    store<u8>(at, <u8>channel, runChannelsAt);
    store<u32>(state, count + 1, runCountAt);
    return true;
  }
  if (!sendRun()) {
    store<u32>(state, stoppedByRoom, statusAt);
    return false;
  }
  holdBack(timePs, <u8>channel);
  return true;
}

function holdBack(timePs: i64, channel: u8): void {
  store<i64>(state, timePs, runPsAt);
  store<u8>(state, channel, runChannelsAt);
  store<u32>(state, 1, runCountAt);
  store<u32>(state, 0, runSentAt);
}

/** Writes the held run as far as there is room; true if nothing is held any more. */
function sendRun(): bool {
  const count = load<u32>(state, runCountAt), timePs = load<i64>(state, runPsAt);
  let sent = load<u32>(state, runSentAt);
  for (; sent < count && written < room; sent++, written++) {
    store<i64>(times + (<usize>written << 3), timePs);
    store<u8>(channels + written, load<u8>(state + sent, runChannelsAt));
  }
  const done = sent == count;
  store<u32>(state, done ? 0 : count, runCountAt);
  store<u32>(state, done ? 0 : sent, runSentAt);
  return done;
}

function overflow(wraps: u32): bool {
  if (!sendRun()) {
    store<u32>(state, stoppedByRoom, statusAt);
    return false;
  }
  const num = load<u32>(state, numAt), den = load<u32>(state, denAt);
  const ticks = load<f64>(state, remainderAt) + <f64>load<u32>(state, wrapAt) * <f64>wraps;
  const whole = Math.floor(ticks / <f64>den);
  const base = load<i64>(state, baseAt);
  if (<f64>base + whole * <f64>num > <f64>latestPs) {
    store<u32>(state, stoppedByTime, statusAt);
    return false;
  }
  store<f64>(state, ticks - whole * <f64>den, remainderAt);
  store<i64>(state, base + <i64>whole * <i64>num, baseAt);
  store<u32>(state, load<u32>(state, overflowsAt) + 1, overflowsAt);
  return true;
}

function skip(ticks: u32): bool {
  const sent = sendRun();
  store<u32>(state, sent ? stoppedByUnknown : stoppedByRoom, statusAt);
  if (!sent) return false;
  store<i64>(state, psOf(ticks), unknownPsAt);
  store<u32>(state, load<u32>(state, unknownsAt) + 1, unknownsAt);
  return false;
}
