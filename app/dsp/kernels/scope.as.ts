// dsp/kernels/scope.as.ts - edges in windows behind a trigger, as rows in the order of the stream.
//
// A window is half-open, [t, t + width), and takes every edge in it, also one at the very time of its trigger that comes before it
// because its channel does. So while no window is open, edges of the latest instant are written down in advance, and the levels
// before that instant are kept: what a trace is does not depend on how channels are numbered.

// The plan, as twin-scope.ts writes it.
const width: usize = 0; // f64, ps
const opened: usize = 8; // i64, time of the trigger
const instant: usize = 16; // i64, time of the latest edge
const high: usize = 24; // u64, a bit per input
const known: usize = 32; // u64
const highBefore: usize = 40; // u64, before the latest instant
const knownBefore: usize = 48; // u64
const isOpen: usize = 56; // u32
const hasInstant: usize = 60; // u32
const left: usize = 64; // u32, traces still to be triggered
const points: usize = 68; // u32, in this trace
const over: usize = 72; // u32, beyond the most of them
const mostPoints: usize = 76; // u32
const rows: usize = 80; // u32, in the buffer
const own: usize = 84; // u32, the first of this trace
const endless: usize = 88; // u32, only the latest trace is kept
const breaks: usize = 92; // u32, the stretch ends at `until`
const triggered: usize = 96; // f64
const endedAt: usize = 104; // i64, where the latest trace ended
const roles: usize = 128; // u8[256], input * 2 + 1 if it goes high; 127: none; 128 more: a trigger

const none: u32 = 127;

// Kinds of rows: i64 time, u32 kind and role << 8, u32 count.
const edge: u32 = 0;
const early: u32 = 1;
const level: u32 = 2;
const trigger: u32 = 3;
const end: u32 = 4;
const cut: u32 = 5;

/** Takes n tags and whatever time passes until the i64 at `untilAt`. Returns how many it took: fewer than n once the last trace is over. */
export function recordScope(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, bufferAt: usize): u32 {
  const span = <i64>load<f64>(planAt, width);
  for (let i: u32 = 0; i < n; i++) {
    const role = <u32>load<u8>(planAt + load<u8>(channelsAt + i), roles);
    if (role == none) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    if (load<u32>(planAt, isOpen) && time - load<i64>(planAt, opened) >= span) endTrace(planAt, bufferAt, end, load<i64>(planAt, opened) + span);
    if (!load<u32>(planAt, isOpen) && load<u32>(planAt, left) == 0) return i;
    if ((role & none) != none) takeEdge(time, role & none, planAt, bufferAt);
    if (role > none && !load<u32>(planAt, isOpen)) beginTrace(time, planAt, bufferAt);
  }
  const until = load<i64>(untilAt);
  if (load<u32>(planAt, isOpen)) {
    if (until - load<i64>(planAt, opened) >= span) endTrace(planAt, bufferAt, end, load<i64>(planAt, opened) + span);
    else if (load<u32>(planAt, breaks)) endTrace(planAt, bufferAt, cut, until);
  }
  if (load<u32>(planAt, breaks)) {
    dropEarly(planAt);
    store<u32>(planAt, 0, hasInstant);
    store<u64>(planAt, 0, known);
    store<u64>(planAt, 0, high);
  }
  return n;
}

// @ts-ignore: decorator
@inline
function takeEdge(time: i64, role: u32, planAt: usize, bufferAt: usize): void {
  const bit = <u64>1 << (role >> 1), levels = load<u64>(planAt, high), seen = load<u64>(planAt, known), open = load<u32>(planAt, isOpen);
  if (!load<u32>(planAt, hasInstant) || time != load<i64>(planAt, instant)) {
    store<u32>(planAt, 1, hasInstant);
    store<i64>(planAt, time, instant);
    store<u64>(planAt, levels, highBefore);
    store<u64>(planAt, seen, knownBefore);
    if (!open) dropEarly(planAt);
  }
  store<u64>(planAt, role & 1 ? levels | bit : levels & ~bit, high);
  store<u64>(planAt, seen | bit, known);
  const count = load<u32>(planAt, points);
  if (count >= load<u32>(planAt, mostPoints)) store<u32>(planAt, load<u32>(planAt, over) + 1, over);
  else {
    store<u32>(planAt, count + 1, points);
    writeRow(planAt, bufferAt, time, (open ? edge : early) | (role << 8), 0);
  }
}

function beginTrace(time: i64, planAt: usize, bufferAt: usize): void {
  const isSame = load<u32>(planAt, hasInstant) && time == load<i64>(planAt, instant);
  if (!isSame) dropEarly(planAt);
  writeRow(planAt, bufferAt, time, trigger, 0);
  writeLevels(time, load<u64>(planAt + (isSame ? highBefore : high)), load<u64>(planAt + (isSame ? knownBefore : known)), planAt, bufferAt);
  store<i64>(planAt, time, opened);
  store<u32>(planAt, 1, isOpen);
  store<f64>(planAt, load<f64>(planAt, triggered) + 1, triggered);
  if (!load<u32>(planAt, endless)) store<u32>(planAt, load<u32>(planAt, left) - 1, left);
}

/** A row for each input whose level is known. */
function writeLevels(time: i64, levels: u64, seen: u64, planAt: usize, bufferAt: usize): void {
  for (let rest = seen; rest != 0; rest &= rest - 1) {
    const input = ctz(rest);
    writeRow(planAt, bufferAt, time, level | (<u32>(input << 1 | ((levels >> input) & 1)) << 8), 0);
  }
}

function endTrace(planAt: usize, bufferAt: usize, kind: u32, time: i64): void {
  writeRow(planAt, bufferAt, time, kind, load<u32>(planAt, over));
  store<u32>(planAt, 0, isOpen);
  store<u32>(planAt, 0, points);
  store<u32>(planAt, 0, over);
  store<i64>(planAt, time, endedAt);
  let count = load<u32>(planAt, rows);
  if (load<u32>(planAt, endless)) {
    const first = load<u32>(planAt, own);
    count -= first;
    memory.copy(bufferAt, bufferAt + (<usize>first << 4), <usize>count << 4);
    store<u32>(planAt, count, rows);
  }
  store<u32>(planAt, count, own);
}

/** What was written in advance is of no trace. */
// @ts-ignore: decorator
@inline
function dropEarly(planAt: usize): void {
  store<u32>(planAt, load<u32>(planAt, own), rows);
  store<u32>(planAt, 0, points);
  store<u32>(planAt, 0, over);
}

// @ts-ignore: decorator
@inline
function writeRow(planAt: usize, bufferAt: usize, time: i64, code: u32, count: u32): void {
  const row = load<u32>(planAt, rows), at = bufferAt + (<usize>row << 4);
  store<i64>(at, time);
  store<u32>(at, code, 8);
  store<u32>(at, count, 12);
  store<u32>(planAt, row + 1, rows);
}
