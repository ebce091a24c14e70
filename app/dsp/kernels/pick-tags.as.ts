// dsp/kernels/pick-tags.as.ts - the tags of some channels out of a mixed block, with the places of their channels in a list.

// The plan, as layouts.ts writes it: i64 origin, then u8[256] places, 255 for channel indexes that are not wanted.
const places: usize = 64;

/** Writes times since the origin and places of wanted tags; both targets have room for n + 1. Returns how many. */
export function pickTags(timesAt: usize, channelsAt: usize, n: u32, planAt: usize, intoTimesAt: usize, intoPlacesAt: usize): u32 {
  const origin = load<i64>(planAt);
  let picked: usize = 0;
  for (let i: u32 = 0; i < n; i++) {
    const place = load<u8>(planAt + load<u8>(channelsAt + i), places);
    store<i64>(intoTimesAt + (picked << 3), load<i64>(timesAt + (<usize>i << 3)) - origin);
    store<u8>(intoPlacesAt + picked, place);
    picked += <usize>(place != 255);
  }
  return <u32>picked;
}
