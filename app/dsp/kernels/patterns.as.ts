// dsp/kernels/patterns.as.ts - exclusive click patterns: tags that are near each other and far from all others.

const outAt: usize = 256, maskAt: usize = 260, windowAt: usize = 264, firstAt: usize = 272, lastAt: usize = 280;

/** A pattern is over when nothing came for longer than the window; output = first output + mask - 1. Mask 0: none is open. */
export function findPatterns(timesAt: usize, channelsAt: usize, n: u32, untilAt: usize, planAt: usize, intoTimesAt: usize, intoChannelsAt: usize, room: u32): i32 {
  if (n + 1 > room) return -1;
  const window = <i64>load<f64>(planAt, windowAt), out = load<u32>(planAt, outAt);
  let mask = load<u32>(planAt, maskAt), first = load<i64>(planAt, firstAt), last = load<i64>(planAt, lastAt), made: u32 = 0;
  for (let i: u32 = 0; i <= n; i++) {
    const role = i == n ? 0 : <u32>load<u8>(planAt + load<u8>(channelsAt + i));
    if (role == 0 && i < n) continue;
    const time = load<i64>(i == n ? untilAt : timesAt + (<usize>i << 3));
    if (mask != 0 && time - last > window) {
      if (last - first <= window) {
        store<i64>(intoTimesAt + (<usize>made << 3), last);
        store<u8>(intoChannelsAt + made, <u8>(out + mask - 1));
        made++;
      }
      mask = 0;
    }
    if (i == n) break;
    if (mask == 0) first = time;
    last = time;
    mask |= 1 << (role - 1);
  }
  store<u32>(planAt, mask, maskAt);
  store<i64>(planAt, first, firstAt);
  store<i64>(planAt, last, lastAt);
  return <i32>made;
}
