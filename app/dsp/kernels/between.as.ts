// dsp/kernels/between.as.ts - clicks between markers: one entry for each stretch from a begin to the next, or to an end.
//
// Tags of one time act together - ends, begins, clicks - so that an entry holds [begin, end) whatever the order of channels. A
// time is settled when a later tag or the end of the covered time shows that it is over.

// The plan, as between-layout.ts writes it.
const hasEnd: usize = 0; // u32
const isOpen: usize = 4; // u32
const clicked: usize = 8; // u32, clicks at `moment`
const begun: usize = 12; // u32, a begin at `moment`
const ended: usize = 16; // u32, an end at `moment`
const entries: usize = 20; // u32, complete ones
const capacity: usize = 24; // u32
const hasOrigin: usize = 28; // u32
const moment: usize = 32; // i64, time not yet settled
const opened: usize = 40; // i64, begin of the open entry
const origin: usize = 48; // i64, first begin of all
const roles: usize = 64; // u8[256]: 1 click, 2 begin, 4 end

/**
 * Takes n tags. Per entry at `entriesAt`: i64 begin since the first of all, i64 width, u64 clicks, u64 flag. Times before the i64 at
 * `untilAt` are settled. Returns how many tags were used: fewer than n only once all entries are complete.
 */
export function countBetween(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, entriesAt: usize): u32 {
  // Clicks between two markers need no settling: what is kept here is written back where a marker stands.
  let latest = load<i64>(planAt, moment), tied = load<u32>(planAt, clicked), marks = load<u32>(planAt, begun) | load<u32>(planAt, ended), before: u64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const role = <u32>load<u8>(planAt + load<u8>(channelsAt + i), roles);
    if (role == 0) continue;
    const time = load<i64>(timesAt + (<usize>i << 3));
    if (time != latest) {
      if (marks) {
        writeBack(before, tied, latest, planAt, entriesAt);
        before = 0;
        if (settle(planAt, entriesAt)) return i;
      } else before += tied;
      tied = marks = 0;
      latest = time;
    }
    tied += role & 1;
    if (role & 2) store<u32>(planAt, 1, begun);
    if (role & 4) store<u32>(planAt, 1, ended);
    marks |= role & 6;
  }
  writeBack(before, tied, latest, planAt, entriesAt);
  if (load<i64>(untilAt) > latest) settle(planAt, entriesAt);
  return n;
}

/** `before` clicks earlier than `latest` and since the last marker, then `tied` ones at `latest`. */
// @ts-ignore: decorator
@inline
function writeBack(before: u64, tied: u32, latest: i64, planAt: usize, entriesAt: usize): void {
  if (before != 0 && load<u32>(planAt, isOpen)) {
    const at = entriesAt + (<usize>load<u32>(planAt, entries) << 5);
    store<u64>(at, load<u64>(at, 16) + before, 16);
  }
  store<u32>(planAt, tied, clicked);
  store<i64>(planAt, latest, moment);
}

/** True once all entries are complete. */
// @ts-ignore: decorator
@inline
function settle(planAt: usize, entriesAt: usize): bool {
  const time = load<i64>(planAt, moment), isBegun = load<u32>(planAt, begun) != 0;
  let open = load<u32>(planAt, isOpen) != 0, count = load<u32>(planAt, entries), at = entriesAt + (<usize>count << 5);
  if (open && (load<u32>(planAt, hasEnd) ? load<u32>(planAt, ended) != 0 : isBegun)) {
    store<i64>(at, time - load<i64>(planAt, opened), 8);
    store<u32>(planAt, ++count, entries);
    at += 32;
    open = false;
  }
  if (isBegun && !open && count < load<u32>(planAt, capacity)) {
    if (!load<u32>(planAt, hasOrigin)) {
      store<i64>(planAt, time, origin);
      store<u32>(planAt, 1, hasOrigin);
    }
    store<i64>(at, time - load<i64>(planAt, origin));
    store<u64>(at, load<u32>(planAt, clicked), 16);
    store<u64>(at, 0, 24);
    store<i64>(planAt, time, opened);
    open = true;
  } else if (open) store<u64>(at, load<u64>(at, 16) + load<u32>(planAt, clicked), 16);
  store<u32>(planAt, open, isOpen);
  store<u32>(planAt, 0, clicked);
  store<u32>(planAt, 0, begun);
  store<u32>(planAt, 0, ended);
  return count == load<u32>(planAt, capacity);
}
