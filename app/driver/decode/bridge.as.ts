// driver/decode/bridge.as.ts - records of a bridge to int64 ps and u8 channel index: 16-byte records, and the 64-bit words of a1.
//
// The twins and the layout of the state are in ../bridge/decoder.ts.

// The state, as bridge/decoder.ts writes it.
const base: usize = 0; // i64, stream ps of the device's time 0 (in a1: of this round of its 54 bits)
const lastPs: usize = 8; // i64, stream ps of the last record
const last: usize = 16; // i64, a1: its 54-bit time
const pending: usize = 24; // u32, a1: inputs of the last word that found no room
const consumed: usize = 28; // u32
const status: usize = 32; // u32, see below
const isSwapped: usize = 36; // u32, a1x: the upper half first
const isStarted: usize = 40; // u32
const slips: usize = 44; // u32, a1: words earlier than the one before
const indexes: usize = 64; // u8[2048], channel index by number + 1024; 255: no such channel

const stoppedByRoom: u32 = 1;
/** In front of a record that is no tag, or of no channel. */
const stoppedBySpecial: u32 = 2;
/** a1: in front of a word that is earlier than the one before; the next call takes it. */
const stoppedByBack: u32 = 3;

/** Decodes up to `records` records of 16 bytes. @returns tags written */
export function decodeSi16(state: usize, rawAt: usize, records: u32, timesAt: usize, channelsAt: usize, room: u32): u32 {
  const zero = load<i64>(state, base), most = min(records, room), table = state + indexes;
  let previous = load<i64>(state, lastPs), i: u32 = 0, stop: u32 = 0;
  for (; i < most; i++) {
    const plainly = plain(rawAt, i, most, zero, previous, table, timesAt, channelsAt);
    if (plainly > i) {
      i = plainly;
      previous = load<i64>(timesAt + (<usize>(i - 1) << 3));
      if (i == most) break;
    }
    const at = rawAt + (<usize>i << 4);
    const number = load<u32>(at, 4) + 1024;
    // A tag has type 0 and a zero byte; what else is in the head says nothing.
    if (load<u16>(at) || number >= 2048) {
      stop = stoppedBySpecial;
      break;
    }
    const index = load<u8>(table + number), ps = load<i64>(at, 8) + zero;
    if (index == 255) {
      stop = stoppedBySpecial;
      break;
    }
    store<i64>(timesAt + (<usize>i << 3), ps);
    store<u8>(channelsAt + i, index);
    if (ps == previous) tie(timesAt, channelsAt, i);
    previous = ps;
  }
  if (!stop && i < records) stop = stoppedByRoom;
  store<i64>(state, previous, lastPs);
  store<u32>(state, i, consumed);
  store<u32>(state, stop, status);
  return i;
}

/** Pairs of records that are tags of channels, each at another time than the one before. Returns the next record. */
function plain(rawAt: usize, from: u32, most: u32, zero: i64, previousPs: i64, table: usize, timesAt: usize, channelsAt: usize): u32 {
  const end = rawAt + (<usize>(from + ((most - from) & ~1)) << 4);
  let at = rawAt + (<usize>from << 4), times = timesAt + (<usize>from << 3), channels = channelsAt + from, previous = previousPs - zero;
  for (; at < end; at += 32) {
    const head = load<u64>(at), head2 = load<u64>(at, 16), time = load<i64>(at, 8), time2 = load<i64>(at, 24);
    const number = <u32>(head >> 32) + 1024, number2 = <u32>(head2 >> 32) + 1024;
    if ((<u32>(head | head2) & 0xffff) | (number | number2) >> 11) break;
    const index = <u32>load<u8>(table + number), index2 = <u32>load<u8>(table + number2);
    if (<u32>(time == previous) | <u32>(time2 == time) | <u32>(index == 255) | <u32>(index2 == 255)) break;
    store<i64>(times, time + zero);
    store<i64>(times, time2 + zero, 8);
    store<u16>(channels, <u16>(index | index2 << 8));
    previous = time2;
    times += 16;
    channels += 2;
  }
  return <u32>((at - rawAt) >> 4);
}

/** Equal times stand in the order of their channels, as far as they came in this call. */
function tie(timesAt: usize, channelsAt: usize, i: u32): void {
  const ps = load<i64>(timesAt + (<usize>i << 3)), index = load<u8>(channelsAt + i);
  let k = i;
  for (; k > 0 && load<i64>(timesAt + (<usize>(k - 1) << 3)) == ps && load<u8>(channelsAt + k - 1) > index; k--) store<u8>(channelsAt + k, load<u8>(channelsAt + k - 1));
  store<u8>(channelsAt + k, index);
}

const half: i64 = <i64>1 << 53;
/** ps in one round of 2^54 units of 1/256 ns. */
const roundPs: i64 = (<i64>1 << 49) * 125;

/** Decodes up to `words` words of 8 bytes. @returns tags written */
export function decodeA1(state: usize, rawAt: usize, words: u32, timesAt: usize, channelsAt: usize, room: u32): u32 {
  const swapped = load<u32>(state, isSwapped) != 0;
  let mask = load<u32>(state, pending), ps = load<i64>(state, lastPs), previous = load<i64>(state, last), zero = load<i64>(state, base);
  let written: u32 = 0, i: u32 = 0, stop: u32 = 0;
  for (;;) {
    for (; mask && written < room; mask &= mask - 1) {
      store<i64>(timesAt + (<usize>written << 3), ps);
      store<u8>(channelsAt + written, <u8>ctz(mask));
      written++;
    }
    if (mask) {
      stop = stoppedByRoom;
      break;
    }
    if (i == words) break;
    const raw = load<u64>(rawAt + (<usize>i << 3)), word = swapped ? rotl(raw, 32) : raw;
    if (!word) {
      i++;
      continue;
    }
    const time = <i64>(word >> 10);
    if (!load<u32>(state, isStarted)) {
      store<u32>(state, 1, isStarted);
      zero -= time * 125 >> 5;
    } else {
      const step = time - previous;
      if (step <= -half) zero += roundPs;
      else if (step < 0 || step >= half) {
        if (step >= half) zero -= roundPs;
        previous = time;
        ps = zero + (time * 125 >> 5);
        store<u32>(state, load<u32>(state, slips) + 1, slips);
        stop = stoppedByBack;
        break;
      }
    }
    previous = time;
    ps = zero + (time * 125 >> 5);
    mask = word & 16 ? 0 : <u32>word & 15;
    i++;
  }
  store<u32>(state, mask, pending);
  store<i64>(state, ps, lastPs);
  store<i64>(state, previous, last);
  store<i64>(state, zero, base);
  store<u32>(state, i, consumed);
  store<u32>(state, stop, status);
  return written;
}
