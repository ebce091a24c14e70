// dsp/kernels/rows.as.ts - lists that are handed out row by row: tags of some channels, and samples of levels at a trigger.

/** Writes time (i64) and place (u64) of each tag whose channel has one in u8[256] at `placesAt` (255: none); at most `room` rows. Returns how many. */
export function listTags(timesAt: usize, channelsAt: usize, n: u32, placesAt: usize, intoAt: usize, room: u32): u32 {
  let into = intoAt;
  const full = intoAt + (<usize>room << 4);
  for (let i: u32 = 0; i < n && into < full; i++) {
    const place = <u64>load<u8>(placesAt + load<u8>(channelsAt + i));
    store<i64>(into, load<i64>(timesAt + (<usize>i << 3)));
    store<u64>(into, place, 8);
    into += <usize>(place != 255) << 4;
  }
  return <u32>((into - intoAt) >> 4);
}

// The plan of a sampler.
const high: usize = 0; // u64, a bit per channel
const known: usize = 8; // u64
const rising: usize = 64; // u8[256], place of the channel whose level is high from here on, 255: none
const falling: usize = 320; // u8[256], place of the channel whose level is low
const triggers: usize = 576; // u8[256], 1: takes a sample

/**
 * Follows levels and writes a row for each trigger: time (i64), levels and known levels (u64 each, a bit per channel). At most `room`
 * rows; returns how many triggers came. A trigger that changes a level shows it changed.
 */
export function sampleLevels(timesAt: usize, channelsAt: usize, n: u32, planAt: usize, intoAt: usize, room: u32): u32 {
  let levels = load<u64>(planAt, high), seen = load<u64>(planAt, known), came: u32 = 0, into = intoAt;
  for (let i: u32 = 0; i < n; i++) {
    const channel = planAt + load<u8>(channelsAt + i), up = <u64>load<u8>(channel, rising), down = <u64>load<u8>(channel, falling);
    if (up != 255) {
      levels |= <u64>1 << up;
      seen |= <u64>1 << up;
    }
    if (down != 255) {
      levels &= ~(<u64>1 << down);
      seen |= <u64>1 << down;
    }
    if (load<u8>(channel, triggers) == 0) continue;
    if (came++ >= room) continue;
    store<i64>(into, load<i64>(timesAt + (<usize>i << 3)));
    store<u64>(into, levels, 8);
    store<u64>(into, seen, 16);
    into += 24;
  }
  store<u64>(planAt, levels, high);
  store<u64>(planAt, seen, known);
  return came;
}
