// driver/decode/edges.as.ts - samples of a logic analyser to tags: where a line differs from the sample before, and which way.
//
// 64 bytes at a time by SIMD: the samples XOR themselves one sample earlier; where nothing is left, nothing happened. The twin and the layout
// of the state are in ../fx2lafw/protocol.ts. `width` bytes in front of the samples belong to the decoder: it writes the sample before there.

// The state, as fx2lafw/protocol.ts writes it.
const base: usize = 0; // i64, ps of the next sample
const pendingPs: usize = 8; // i64
const num: usize = 16; // u32, ps per sample times den
const den: usize = 20; // u32
const rest: usize = 24; // u32, what `base` is short of, times den
const width: usize = 28; // u32, bytes of a sample: 1 or 2
const mask: usize = 32; // u32, lines that are looked at
const inputs: usize = 36; // u32, lines that have channels
const isStarted: usize = 40; // u32, 0: the next sample is the first and says only what the levels are
const previous: usize = 44; // u32, the sample before
const pending: usize = 48; // u32, indexes of one sample that found no room
const consumed: usize = 52; // u32
const isFull: usize = 56; // u32, stopped because there was no room

/** Takes up to `samples` samples (2^17 at most). @returns tags written */
export function decodeEdges(state: usize, rawAt: usize, samples: u32, timesAt: usize, channelsAt: usize, room: u32): u32 {
  const written = send(state, timesAt, channelsAt, 0, room);
  store<u32>(state, 0, consumed);
  store<u32>(state, load<u32>(state, pending) ? 1 : 0, isFull);
  if (load<u32>(state, pending) || !samples) return written;
  return load<u32>(state, width) == 2 ? scan<u16>(state, rawAt, samples, timesAt, channelsAt, written, room) : scan<u8>(state, rawAt, samples, timesAt, channelsAt, written, room);
}

function scan<T>(state: usize, rawAt: usize, samples: u32, timesAt: usize, channelsAt: usize, from: u32, room: u32): u32 {
  const step = sizeof<T>(), end = rawAt + <usize>samples * step, lines = load<u32>(state, mask), count = load<u32>(state, inputs);
  const all = step == 1 ? i8x16.splat(<i8>lines) : i16x8.splat(<i16>lines), none = i64x2.splat(0);
  const ps = load<i64>(state, base), perSample = <u64>load<u32>(state, num), short = <u64>load<u32>(state, rest), by = load<u32>(state, den);
  // Exact: half a den above a whole number, the quotient is nowhere near the next one.
  const inverse = 1 / <f64>by;
  if (!load<u32>(state, isStarted)) {
    store<u32>(state, load<T>(rawAt), previous);
    store<u32>(state, 1, isStarted);
  }
  store<T>(rawAt - step, <T>load<u32>(state, previous));
  let at = rawAt, written = from, full = false;
  while (at < end && !full) {
    let upTo = at + 64;
    if (upTo <= end) {
      const any = v128.or(v128.or(changes(at, step), changes(at + 16, step)), v128.or(changes(at + 32, step), changes(at + 48, step)));
      if (!v128.any_true(v128.and(any, all))) {
        at = upTo;
        continue;
      }
    } else upTo = end;
    for (; at < upTo && !full; at += 16) {
      let hits: u32;
      if (at + 16 <= end) {
        const differ = v128.and(changes(at, step), all);
        hits = step == 1 ? <u32>i8x16.bitmask(i8x16.ne(differ, none)) : <u32>i16x8.bitmask(i16x8.ne(differ, none));
      } else hits = tail<T>(at, end, lines);
      for (; hits; hits &= hits - 1) {
        const here = at + <usize>ctz(hits) * step;
        if (written == room) {
          at = here - 16;
          full = true;
          break;
        }
        const now = <u32>load<T>(here), differ = (now ^ <u32>load<T>(here - step)) & lines;
        const numerator = <u64>((here - rawAt) / step) * perSample + short;
        const timePs = ps + (by == 1 ? <i64>numerator : <i64>((<f64>numerator + 0.5) * inverse));
        if (!(differ & (differ - 1))) {
          const line = <u32>ctz(differ);
          store<i64>(timesAt + (<usize>written << 3), timePs);
          store<u8>(channelsAt + written, <u8>(now & differ ? count + line : count - 1 - line));
          written++;
          continue;
        }
        store<i64>(state, timePs, pendingPs);
        store<u32>(state, indexesOf(now & differ, differ & ~now, count), pending);
        written = send(state, timesAt, channelsAt, written, room);
        if (load<u32>(state, pending)) {
          at = here + step - 16;
          full = true;
          break;
        }
      }
    }
    if (at > end) at = end;
  }
  const used = <u32>((at - rawAt) / step), numerator = <u64>used * perSample + short;
  if (used) store<u32>(state, load<T>(at - step), previous);
  store<i64>(state, ps + <i64>(numerator / by), base);
  store<u32>(state, <u32>(numerator % by), rest);
  store<u32>(state, used, consumed);
  store<u32>(state, full ? 1 : 0, isFull);
  return written;
}

// @ts-ignore: decorator
@inline
function changes(at: usize, step: usize): v128 { return v128.xor(v128.load(at), v128.load(at - step)); }

/** The last samples, fewer than fill a vector. */
function tail<T>(at: usize, end: usize, lines: u32): u32 {
  let hits: u32 = 0;
  for (let bit: u32 = 1; at < end; at += sizeof<T>(), bit <<= 1) {
    if ((<u32>load<T>(at) ^ <u32>load<T>(at - sizeof<T>())) & lines) hits |= bit;
  }
  return hits;
}

/** Bit k: a tag of channel index k. Falling lines come first, the last line in front; then the rising ones from the first line on. */
function indexesOf(rising: u32, falling: u32, count: u32): u32 {
  let indexes = rising << count;
  for (; falling; falling &= falling - 1) indexes |= 1 << (count - 1 - <u32>ctz(falling));
  return indexes;
}

function send(state: usize, timesAt: usize, channelsAt: usize, from: u32, room: u32): u32 {
  let left = load<u32>(state, pending), written = from;
  for (; left && written < room; left &= left - 1) {
    store<i64>(timesAt + (<usize>written << 3), load<i64>(state, pendingPs));
    store<u8>(channelsAt + written, <u8>ctz(left));
    written++;
  }
  store<u32>(state, left, pending);
  return written;
}
