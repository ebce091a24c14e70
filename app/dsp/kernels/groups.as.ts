// dsp/kernels/groups.as.ts - coincidences of groups of channels: as the tags come, with each channel shifted, and seen from a herald.
//
// A group keeps the latest tag of each of its channels. Once all lie within the window it counts one coincidence and starts
// anew: no tag is used twice. The latest tags are the best partners for what comes, so nothing older needs to be kept.

// The plan, as groups-layout.ts writes it.
const window: usize = 0; // i64
const doneTo: usize = 8; // i64, shifted times before it have been merged
const until: usize = 16; // i64, shifted times before it are complete
const heraldFrom: usize = 24; // i64
const heraldTo: usize = 32; // i64
const roles: usize = 64; // u8[256], slot of each channel index, 255: none
const begins: usize = 320; // u32[slots + 1], where the members of each slot begin
const members: usize = 640; // u32 offset of the group's state, u32 place in the group

// The state of a group.
const mask: usize = 0; // u32
const full: usize = 4; // u32
const counted: usize = 8; // u64
const latest: usize = 16; // i64[8]

// The list of a slot.
const listAt: usize = 0; // u32
const listed: usize = 4; // u32
const shift: usize = 8; // i64
const next: usize = 16; // i64
const head: usize = 24; // u32
const listBytes: usize = 32;

/** Counts n tags. `stateAt`: the state of each group. */
export function countGroups(timesAt: usize, channelsAt: usize, n: u32, planAt: usize, stateAt: usize): void {
  const windowPs = load<i64>(planAt, window);
  for (let i: u32 = 0; i < n; i++) {
    const slot = <u32>load<u8>(planAt + load<u8>(channelsAt + i), roles);
    if (slot != 255) hit(load<i64>(timesAt + (<usize>i << 3)), slot, windowPs, planAt, stateAt);
  }
}

/**
 * The same over the lists of times of the slots, each later by its shift, merged; lower slots first at equal times. Takes shifted
 * times from `doneTo` to before `until`.
 */
export function countShifted(listsAt: usize, slots: u32, planAt: usize, stateAt: usize): void {
  const windowPs = load<i64>(planAt, window), from = load<i64>(planAt, doneTo), to = load<i64>(planAt, until);
  for (let slot: u32 = 0; slot < slots; slot++) {
    const list = listsAt + slot * listBytes;
    store<u32>(list, firstFrom(load<u32>(list), load<u32>(list, listed), from - load<i64>(list, shift)), head);
    peek(list);
  }
  for (;;) {
    let first: usize = listsAt, time = load<i64>(listsAt, next), slot: u32 = 0;
    for (let k: u32 = 1; k < slots; k++) {
      const list = listsAt + k * listBytes, own = load<i64>(list, next);
      if (own >= time) continue;
      time = own;
      first = list;
      slot = k;
    }
    if (time >= to) return;
    hit(time, slot, windowPs, planAt, stateAt);
    store<u32>(first, load<u32>(first, head) + 1, head);
    peek(first);
  }
}

/**
 * Heralds from `heraldFrom` to before `heraldTo`: adds to u64[4] at `intoAt` how many they are, how many of them have a tag of the
 * second, of the third, and of both lists within the window on either side.
 */
export function countHeralds(
  heraldsAt: usize, heralds: u32, secondsAt: usize, seconds: u32, thirdsAt: usize, thirds: u32, planAt: usize, intoAt: usize,
): void {
  const windowPs = load<i64>(planAt, window), to = load<i64>(planAt, heraldTo);
  let second: u32 = 0, third: u32 = 0, all: u64 = 0, with2: u64 = 0, with3: u64 = 0, both: u64 = 0;
  for (let i = firstFrom(heraldsAt, heralds, load<i64>(planAt, heraldFrom)); i < heralds; i++) {
    const time = load<i64>(heraldsAt + (<usize>i << 3)), early = time - windowPs, late = time + windowPs;
    if (time >= to) break;
    while (second < seconds && load<i64>(secondsAt + (<usize>second << 3)) < early) second++;
    while (third < thirds && load<i64>(thirdsAt + (<usize>third << 3)) < early) third++;
    const has2 = second < seconds && load<i64>(secondsAt + (<usize>second << 3)) <= late;
    const has3 = third < thirds && load<i64>(thirdsAt + (<usize>third << 3)) <= late;
    all++;
    with2 += <u64>has2;
    with3 += <u64>has3;
    both += <u64>(has2 && has3);
  }
  store<u64>(intoAt, load<u64>(intoAt) + all);
  store<u64>(intoAt, load<u64>(intoAt, 8) + with2, 8);
  store<u64>(intoAt, load<u64>(intoAt, 16) + with3, 16);
  store<u64>(intoAt, load<u64>(intoAt, 24) + both, 24);
}

// @ts-ignore: decorator
@inline
function hit(time: i64, slot: u32, windowPs: i64, planAt: usize, stateAt: usize): void {
  const end = load<u32>(planAt + (slot << 2), begins + 4);
  for (let member = load<u32>(planAt + (slot << 2), begins); member < end; member++) {
    const state = stateAt + load<u32>(planAt + (member << 3), members), place = load<u32>(planAt + (member << 3), members + 4);
    store<i64>(state + (place << 3), time, latest);
    const wanted = load<u32>(state, full);
    let held = load<u32>(state, mask) | (1 << place);
    if (held == wanted) {
      for (let k: u32 = 0; wanted >> k; k++) {
        // Too old for this tag is too old for every later one.
        if (time - load<i64>(state + (k << 3), latest) > windowPs) held &= ~(1 << k);
      }
      if (held == wanted) {
        store<u64>(state, load<u64>(state, counted) + 1, counted);
        held = 0;
      }
    }
    store<u32>(state, held, mask);
  }
}

// @ts-ignore: decorator
@inline
function peek(list: usize): void {
  const position = load<u32>(list, head);
  const time = position < load<u32>(list, listed) ? load<i64>(<usize>load<u32>(list) + (<usize>position << 3)) + load<i64>(list, shift) : i64.MAX_VALUE;
  store<i64>(list, time, next);
}

/** First of n ascending times that is at or behind `time`. */
function firstFrom(timesAt: usize, n: u32, time: i64): u32 {
  let low: u32 = 0, high = n;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<i64>(timesAt + (<usize>middle << 3)) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
