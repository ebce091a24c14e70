// dsp/kernels/pulse.as.ts - the pulse of each signal that is nearest to a pulse of the reference.
//
// A row is open from its reference until no nearer pulse can come: half a period later, or at the next reference. Two pulses of a
// signal are enough to know, the last one before the reference and the first one behind it.

// The plan, as pulse-layout.ts writes it.
const isOpen: usize = 0; // u32
const hasPrevious: usize = 4; // u32
const signalCount: usize = 8; // u32
const slot: usize = 12; // u32
const capacity: usize = 16; // u32
const hasOrigin: usize = 20; // u32
const breaks: usize = 24; // u32, the stretch ends at `until`
const period: usize = 32; // f64
const half: usize = 40; // f64
const records: usize = 48; // f64
const opened: usize = 56; // i64, the open reference
const previous: usize = 64; // i64, the reference before it
const stretchFrom: usize = 72; // i64
const origin: usize = 80; // i64, first reference of all
const roles: usize = 128; // u8[256]: 1 the reference, 2 and more the signals

/** Takes n tags and whatever time passes until the i64 at `untilAt`. Signals lie at `signalsAt`, rows at `listAt` (a ring). */
export function watchPulses(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, signalsAt: usize, listAt: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const role = <u32>load<u8>(planAt + load<u8>(channelsAt + i), roles);
    if (role == 0) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    if (isOver(time, planAt)) closeRow(planAt, signalsAt, listAt, false, 0, false, 0);
    if (role == 1) {
      if (load<u32>(planAt, isOpen)) {
        if (time == load<i64>(planAt, opened)) continue;
        closeRow(planAt, signalsAt, listAt, true, time, false, 0);
      }
      openRow(time, planAt, signalsAt);
      continue;
    }
    const at = signalsAt + (<usize>(role - 2) << 5);
    let known = load<u32>(at, 24) | 1;
    store<i64>(at, time);
    if (load<u32>(planAt, isOpen)) {
      if (time == load<i64>(planAt, opened)) {
        store<i64>(at, time, 8);
        known |= 2;
      } else if (!(known & 4)) {
        store<i64>(at, time, 16);
        known |= 4;
      }
    }
    store<u32>(at, known, 24);
  }
  const until = load<i64>(untilAt);
  if (isOver(until, planAt)) closeRow(planAt, signalsAt, listAt, false, 0, false, 0);
  else if (load<u32>(planAt, breaks) && load<u32>(planAt, isOpen)) closeRow(planAt, signalsAt, listAt, false, 0, true, until);
}

/** Half a period behind the open reference. */
function isOver(time: i64, planAt: usize): bool {
  return load<u32>(planAt, isOpen) != 0 && <f64>(time - load<i64>(planAt, opened)) >= load<f64>(planAt, period) - load<f64>(planAt, half);
}

function openRow(time: i64, planAt: usize, signalsAt: usize): void {
  if (!load<u32>(planAt, hasOrigin)) {
    store<i64>(planAt, time, origin);
    store<u32>(planAt, 1, hasOrigin);
  }
  store<i64>(planAt, time, opened);
  store<u32>(planAt, 1, isOpen);
  const signals = load<u32>(planAt, signalCount);
  for (let s: u32 = 0; s < signals; s++) {
    const at = signalsAt + (<usize>s << 5), known = load<u32>(at, 24) & 1;
    store<i64>(at, load<i64>(at), 8);
    store<u32>(at, known | (known << 1), 24);
  }
}

/** Writes the row. Pulses at or behind `next` belong to the next one; with `isBroken` nothing at or behind `covered` was seen. */
function closeRow(planAt: usize, signalsAt: usize, listAt: usize, hasNext: bool, next: i64, isBroken: bool, covered: i64): void {
  const time = load<i64>(planAt, opened), signals = load<u32>(planAt, signalCount), here = load<u32>(planAt, slot);
  const at = listAt + (<usize>(here * (2 + signals)) << 3);
  store<i64>(at, time - load<i64>(planAt, origin));
  store<f64>(at, load<u32>(planAt, hasPrevious) ? <f64>(time - load<i64>(planAt, previous)) - load<f64>(planAt, period) : NaN, 8);
  for (let s: u32 = 0; s < signals; s++) {
    const signal = signalsAt + (<usize>s << 5), known = load<u32>(signal, 24);
    let offset = NaN;
    if (known & 2) {
      const before = <f64>(load<i64>(signal, 8) - time);
      if (before >= -load<f64>(planAt, half)) offset = before;
    }
    if ((known & 4) && !(hasNext && load<i64>(signal, 16) >= next)) {
      const after = <f64>(load<i64>(signal, 16) - time);
      // A pulse as far before the stretch would not have been seen.
      if (offset != offset) {
        if (after <= <f64>(time - load<i64>(planAt, stretchFrom))) offset = after;
      } else if (after < -offset) offset = after;
    }
    if (isBroken && Math.abs(offset) > <f64>(covered - time)) offset = NaN;
    store<f64>(at + (<usize>s << 3), offset, 16);
  }
  store<i64>(planAt, time, previous);
  store<u32>(planAt, 1, hasPrevious);
  store<u32>(planAt, 0, isOpen);
  store<u32>(planAt, here + 1 == load<u32>(planAt, capacity) ? 0 : here + 1, slot);
  store<f64>(planAt, load<f64>(planAt, records) + 1, records);
}
