// driver/decode/otu.as.ts - blocks of an OTU v1 tagger (docs/otu-v1.md) to int64 ps and u8 channel index.
//
// Whole blocks only; four plain E32 records at a time by SIMD, everything else one by one. In front of a block that says more than tags
// (lost ones, a gap in the numbers, the reference clock, the end) the call ends, and goes on when `isPassed` is set. The twin and the
// layout of the state are in ../otu/decoder.ts.

const base: usize = 0; // u64, ticks of the block's base
const originPs: usize = 8; // i64, ps of the origin of its records' times: base + offset
const rest: usize = 16; // u32, what is left there below one ps, times den
const record: usize = 20; // u32, records of the block that were taken
const offset: usize = 24; // i64, ticks
const last: usize = 32; // i64, ticks of the last record since the base
const lastPs: usize = 40; // i64, of the last record or base
const whole: usize = 48; // u32, whole ps of a tick
const part: usize = 52; // u32, the rest of a tick, times den
const den: usize = 56; // u32
const inputs: usize = 60; // u32
const recordBytes: usize = 64; // u32
const blockBytes: usize = 68; // u32
const hasFalling: usize = 72; // u32, 0 or 1
const seq: usize = 76; // u32, of the next block
const flags: usize = 80; // u32, of the last one
const isIn: usize = 84; // u32, the header of the block in front was taken
const isPassed: usize = 88; // u32, the next block may be one that would end the call
const skip: usize = 92; // u32, records of the next block that were read already
const consumed: usize = 96; // u32
const status: usize = 100; // u32

const stoppedByRoom: u32 = 1;
const stoppedByNews: u32 = 2;
const stoppedByShape: u32 = 3;
const stoppedByOrder: u32 = 4;
const stoppedByRecord: u32 = 5;
const stoppedByTime: u32 = 6;

const magic: u32 = 0x54d7;
const overflow: u32 = 1, refLost: u32 = 2, lastBlock: u32 = 4, padded: u32 = 16;
const headerBytes: u32 = 16;
const mostTicks: u64 = 1 << 40;
const mostSpanPs: f64 = 4503599627370496;
/** Half of what int64 has: stream times go round, steps must not. */
const mostStepPs: f64 = 4611686018427387904;

let times: usize = 0;
let channels: usize = 0;
let room: u32 = 0;
let written: u32 = 0;

/** Decodes the whole blocks among `bytes` at `rawAt`. @returns tags written */
export function decodeOtu(state: usize, rawAt: usize, bytes: u32, timesAt: usize, channelsAt: usize, roomTags: u32): u32 {
  times = timesAt;
  channels = channelsAt;
  room = roomTags;
  written = 0;
  let at: u32 = 0, stop: u32 = 0;
  while (at + headerBytes <= bytes) {
    const header = rawAt + at;
    if (load<u16>(header) != magic) { stop = stoppedByShape; break; }
    const records = <u32>load<u16>(header, 4), bits = <u32>load<u16>(header, 6), used = headerBytes + records * load<u32>(state, recordBytes);
    const length = bits & padded ? load<u32>(state, blockBytes) : used;
    if (used > load<u32>(state, blockBytes)) { stop = stoppedByShape; break; }
    if (at + length > bytes) break;
    if (!load<u32>(state, isIn)) {
      const isNews = bits & (overflow | lastBlock) || (bits ^ load<u32>(state, flags)) & refLost || load<u16>(header, 2) != load<u32>(state, seq);
      if (isNews && !load<u32>(state, isPassed)) { stop = stoppedByNews; break; }
      stop = enter(state, load<u64>(header, 8));
      if (stop) break;
      store<u32>(state, (<u32>load<u16>(header, 2) + 1) & 0xffff, seq);
      store<u32>(state, bits, flags);
      store<u32>(state, 1, isIn);
      store<u32>(state, 0, isPassed);
      store<u32>(state, load<u32>(state, skip), record);
      store<u32>(state, 0, skip);
    }
    stop = load<u32>(state, recordBytes) == 4 ? records32(state, header + headerBytes, records) : records64(state, header + headerBytes, records);
    if (stop) break;
    store<u32>(state, 0, isIn);
    at += length;
    // Behind the last block there is nothing.
    if (bits & lastBlock) break;
  }
  store<u32>(state, at, consumed);
  store<u32>(state, stop, status);
  return written;
}

/** The base of the next block becomes the origin; it is not earlier than what came before. */
function enter(state: usize, next: u64): u32 {
  const by = next - load<u64>(state, base);
  if (next < load<u64>(state, base) || by < load<u64>(state, last)) return stoppedByOrder;
  if (by >> 56 || <f64>by * tickPs(state) >= mostStepPs) return stoppedByTime;
  advance(state, by - load<u64>(state, offset));
  store<u64>(state, next, base);
  store<i64>(state, 0, offset);
  store<i64>(state, 0, last);
  store<i64>(state, load<i64>(state, originPs), lastPs);
  return 0;
}

function tickPs(state: usize): f64 { return <f64>load<u32>(state, whole) + <f64>load<u32>(state, part) / <f64>load<u32>(state, den); }

/** Moves the origin by less than 2^56 ticks, exactly: nothing overflows 64 bits, as den is below 2^24. */
function advance(state: usize, ticks: u64): void {
  const by = <u64>load<u32>(state, den), each = <u64>load<u32>(state, part), high = (ticks >> 24) * each;
  const low = (high % by << 24) + (ticks & 0xffffff) * each + load<u32>(state, rest);
  store<i64>(state, load<i64>(state, originPs) + <i64>(ticks * load<u32>(state, whole) + (high / by << 24) + low / by), originPs);
  store<u32>(state, <u32>(low % by), rest);
}

/** ps of less than 2^40 ticks behind the origin. */
function psOf(state: usize, ticks: u64): i64 {
  // As in plain(): doubles are exact and divide faster.
  if (ticks < 1 << 28) {
    const left = <f64>ticks * <f64>load<u32>(state, part) + <f64>load<u32>(state, rest);
    return load<i64>(state, originPs) + <i64>(ticks * load<u32>(state, whole)) + <i64>(left / <f64>load<u32>(state, den));
  }
  return load<i64>(state, originPs) + <i64>(ticks * load<u32>(state, whole) + (ticks * load<u32>(state, part) + load<u32>(state, rest)) / load<u32>(state, den));
}

function indexOf(state: usize, input: u32, falling: u32): u32 {
  const n = load<u32>(state, inputs);
  return falling ? n - 1 - input : (load<u32>(state, hasFalling) ? n : 0) + input;
}

function records32(state: usize, at: usize, records: u32): u32 {
  let i = load<u32>(state, record), stop: u32 = 0;
  while (i < records) {
    i = plain(state, at, i, records);
    if (i == records) break;
    const raw = load<u32>(at + (<usize>i << 2)), code = raw >> 27, ticks = <u64>(raw & 0x7ffffff);
    if (code == 31) {
      const next = load<u64>(state, offset) + (ticks << 27);
      if (ticks == 0) { stop = stoppedByRecord; break; }
      if (next >= mostTicks || <f64>next * tickPs(state) >= mostSpanPs) { stop = stoppedByTime; break; }
      advance(state, ticks << 27);
      store<u64>(state, next, offset);
      if (load<u64>(state, last) < next) {
        store<u64>(state, next, last);
        store<i64>(state, load<i64>(state, originPs), lastPs);
      }
      i++;
      continue;
    }
    if (code >> 1 >= load<u32>(state, inputs) || (code & 1) > load<u32>(state, hasFalling)) { stop = stoppedByRecord; break; }
    if (load<u64>(state, offset) + ticks < load<u64>(state, last)) { stop = stoppedByOrder; break; }
    if (written == room) { stop = stoppedByRoom; break; }
    put(state, load<u64>(state, offset) + ticks, psOf(state, ticks), indexOf(state, code >> 1, code & 1));
    i++;
  }
  store<u32>(state, i, record);
  return stop;
}

function records64(state: usize, at: usize, records: u32): u32 {
  let i = load<u32>(state, record), stop: u32 = 0, previous = load<u64>(state, last), n = written;
  const inputCount = load<u32>(state, inputs), mayFall = load<u32>(state, hasFalling), first = mayFall ? inputCount : 0, most = min(<f64>mostTicks, mostSpanPs / tickPs(state));
  const origin = load<i64>(state, originPs), each = <u64>load<u32>(state, whole), PART = <f64>load<u32>(state, part), REST = <f64>load<u32>(state, rest), DEN = <f64>load<u32>(state, den);
  const from = n;
  for (; i < records; i++) {
    const raw = load<u64>(at + (<usize>i << 3)), word = <u32>(raw >> 32), ticks = raw & 0xffffffffffff;
    const input = word >> 20, falling = word >> 19 & 1;
    // A type other than 0 makes it larger than any input.
    if (input >= inputCount || falling > mayFall) { stop = stoppedByRecord; break; }
    if (ticks < previous) { stop = stoppedByOrder; break; }
    if (<f64>ticks >= most) { stop = stoppedByTime; break; }
    if (n == room) { stop = stoppedByRoom; break; }
    const ps = ticks < 1 << 28 ? origin + <i64>(ticks * each) + <i64>((<f64>ticks * PART + REST) / DEN) : psOf(state, ticks);
    store<i64>(times + (<usize>n << 3), ps);
    store<u8>(channels + n, <u8>(falling ? inputCount - 1 - input : first + input));
    previous = ticks;
    n++;
  }
  if (n > from) {
    store<u64>(state, previous, last);
    store<i64>(state, load<i64>(times + (<usize>(n - 1) << 3)), lastPs);
  }
  written = n;
  store<u32>(state, i, record);
  return stop;
}

// @ts-ignore: decorator
@inline
function put(state: usize, ticks: u64, ps: i64, index: u32): void {
  store<i64>(times + (<usize>written << 3), ps);
  store<u8>(channels + written, <u8>index);
  written++;
  store<u64>(state, ticks, last);
  store<i64>(state, ps, lastPs);
}

/** Four tags at a time, none earlier than the one before. Returns the next record. */
function plain(state: usize, at: usize, from: u32, records: u32): u32 {
  const n = load<u32>(state, inputs), mayFall = load<u32>(state, hasFalling), by = load<u32>(state, den);
  const most = min(records - from, room - written) & ~3;
  if (most == 0 || load<u64>(state, last) > load<u64>(state, offset) + 0x7ffffff) return from;
  const TIME = i32x4.splat(0x7ffffff), LAST = i32x4.splat(2 * n - 1), ODD = i32x4.splat(1 - mayFall), ONE = i32x4.splat(1), ZERO = i32x4.splat(0);
  const FIRST = i32x4.splat(mayFall ? n : 0), WHOLE = i32x4.splat(load<u32>(state, whole)), ORIGIN = i64x2.splat(load<i64>(state, originPs));
  const PART = f64x2.splat(<f64>load<u32>(state, part)), REST = f64x2.splat(<f64>load<u32>(state, rest)), DEN = f64x2.splat(<f64>by);
  const back = load<i64>(state, last) - load<i64>(state, offset);
  let before = i32x4.splat(back < 0 ? 0 : <i32>back), taken: u32 = 0;
  let p = at + (<usize>from << 2), t = times + (<usize>written << 3), c = channels + written;
  for (; taken < most; taken += 4) {
    const raw = v128.load(p), code = i32x4.shr_u(raw, 27), ticks = v128.and(raw, TIME);
    const odd = v128.or(v128.or(i32x4.lt_s(ticks, i32x4.shuffle(before, ticks, 3, 4, 5, 6)), i32x4.gt_s(code, LAST)), v128.and(code, ODD));
    if (v128.any_true(odd)) break;
    const index = i32x4.add(FIRST, v128.xor(i32x4.shr_u(code, 1), i32x4.sub(ZERO, v128.and(code, ONE))));
    const narrow = i16x8.narrow_i32x4_u(index, index);
    store<u32>(c, i32x4.extract_lane(i8x16.narrow_i16x8_u(narrow, narrow), 0));
    let low = i64x2.extmul_low_i32x4_u(ticks, WHOLE), high = i64x2.extmul_high_i32x4_u(ticks, WHOLE);
    if (by > 1) {
      // Below 2^52 the quotient of whole doubles is never rounded up to the next whole one.
      low = i64x2.add(low, quotient(ticks, PART, REST, DEN));
      high = i64x2.add(high, quotient(i32x4.shuffle(ticks, ticks, 2, 3, 2, 3), PART, REST, DEN));
    }
    v128.store(t, i64x2.add(low, ORIGIN));
    v128.store(t, i64x2.add(high, ORIGIN), 16);
    before = ticks;
    p += 16;
    t += 32;
    c += 4;
  }
  if (taken) {
    written += taken;
    store<i64>(state, load<i64>(state, offset) + i32x4.extract_lane(before, 3), last);
    store<i64>(state, load<i64>(t - 8), lastPs);
  }
  return from + taken;
}

// @ts-ignore: decorator
@inline
function quotient(ticks: v128, PART: v128, REST: v128, DEN: v128): v128 {
  const all = f64x2.add(f64x2.mul(f64x2.convert_low_i32x4_u(ticks), PART), REST);
  return i64x2.extend_low_i32x4_u(i32x4.trunc_sat_f64x2_u_zero(f64x2.div(all, DEN)));
}
